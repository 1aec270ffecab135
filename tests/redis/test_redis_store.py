"""What is Redis's own: keys, their time to live, round trips, URLs, and a server that fails or forgets."""

import contextlib
import math
from datetime import timedelta

import pytest
import redis
from redis.exceptions import NoScriptError

from celery_ops.connections.redis import client_url
from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import counters, facts
from celery_ops.tracking.recorder import Recorder
from celery_ops.tracking.redis.hashes import AT_ONCE, SCRIPT, Hashes
from celery_ops.tracking.redis.scripts import ToldScripts
from celery_ops.tracking.redis.servers import store_url
from celery_ops.tracking.redis.store import MEASURE_EVERY, RedisStore
from celery_ops.tracking.redis.tally_commands import ADD
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.tracking.store import BEAT_COUNTS, LOG, TASK, TASKS_KEPT, IfAbsent
from celery_ops.tracking.tallies import Row, Wanted
from tests.celery import app
from tests.conftest import store_settings
from tests.servers import RedisServer, free_port, wait_for

ONE = ObjectRef("shop.order", "1")
LONG = "x" * 200


@pytest.fixture
def client(redis_server):
    """The server behind ``redis_store``, asked directly."""
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        yield client


@pytest.fixture
def own_store(own_redis, settings):
    """A store on a server that only this test has."""
    settings.CELERY_OPS = {"STORE_URL": f"{own_redis.url}/0", "STORE_TIMEOUT": 2}
    store = RedisStore()
    yield store
    store.close()


@pytest.fixture
def own_client(own_redis):
    with contextlib.closing(redis.Redis(port=own_redis.port)) as client:
        yield client


@pytest.fixture
def keys(client, settings):
    """The keys that this test made."""
    return lambda: sorted(key.decode() for key in client.keys(f"{settings.CELERY_OPS['STORE_PREFIX']}*"))


@pytest.fixture
def round_trips(redis_store, monkeypatch):
    """How many commands each exchange with the server carried."""
    exchanged = []
    real = redis_store._servers._exchange

    def exchange(connection, packed, count):
        exchanged.append(count)
        return real(connection, packed, count)

    monkeypatch.setattr(redis_store._servers, "_exchange", exchange)
    redis_store.write([(ONE, {"warm": "1"})])
    exchanged.clear()
    return exchanged


# -- keys -------------------------------------------------------------------------------------------------------------


def test_an_objects_keys_begin_with_the_prefix_and_share_a_hash_tag(redis_store, keys, settings):
    redis_store.write([(ONE, {"a": LONG})])
    prefix = settings.CELERY_OPS["STORE_PREFIX"]
    assert keys() == [f"{prefix}:{{shop.order:1}}", f"{prefix}:{{shop.order:1}}:long"]


@pytest.mark.parametrize("pk", ["a/b:c*d?[e]{f}", "\n", "}", "é", "%7B"], ids=ascii)
def test_a_key_holds_no_character_that_means_something_to_redis(redis_store, keys, pk, settings):
    redis_store.write([(ObjectRef("shop.page", pk), {"a": "1"})])
    (key,) = keys()
    part = key.removeprefix(f"{settings.CELERY_OPS['STORE_PREFIX']}:{{shop.page:").removesuffix("}")
    assert part.replace("%", "").isalnum()


def test_a_key_stays_short_however_long_the_primary_key(redis_store, keys):
    redis_store.write([(ObjectRef("shop.page", "x" * 10**6), {"a": "1"})])
    assert len(keys()[0]) < 300


def test_a_prefix_may_have_colons_and_its_other_characters_are_quoted(redis_server, client, settings):
    settings.CELERY_OPS = store_settings(f"{redis_server.url}/1", "site:{a}*")
    store = RedisStore()
    store.write([(ONE, {"a": "1"})])
    store.close()
    assert client.delete("site:%7Ba%7D%2A:{shop.order:1}") == 1


def test_another_prefix_sees_nothing(redis_store, settings):
    redis_store.write([(ONE, {"a": "1"})])
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": "other"}
    other = RedisStore()
    assert other.read([ONE]) == [{}]
    other.close()


# -- time to live -----------------------------------------------------------------------------------------------------


def everything(store):
    store.write([(ONE, {"a": "1", "b": LONG}), (ObjectRef("shop.order", "2"), {"a": "1"})])
    store.beat("celery@here", 1)
    store.look_up([(ONE, "b")], ["celery@here"])
    store.ping()


def test_every_key_has_a_time_to_live(redis_store, keys, client):
    everything(redis_store)
    assert [key for key in keys() if client.ttl(key) < 0] == []


@pytest.mark.parametrize("retention", [1000, timedelta(seconds=1000), 1000.9])
def test_objects_live_for_the_retention(redis_store, keys, client, settings, retention):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RETENTION": retention}
    redis_store.write([(ONE, {"a": "1", "b": LONG})])
    assert all(900 < client.ttl(key) <= 1000 for key in keys())


@pytest.mark.parametrize("retention", [1000, timedelta(seconds=1000)])
def test_what_failed_lives_for_the_time_in_which_it_can_be_run_again(redis_store, keys, client, settings, retention):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RETENTION": 60, "RERUN_RETENTION": retention}
    redis_store.write([(ONE, {"a": "1", "b": LONG}), (ObjectRef(TASK, "1"), {"a": "1", "b": LONG})])
    times = [(client.ttl(key) > 900, "~task" in key) for key in keys()]
    assert sorted(times) == [(False, False)] * 2 + [(True, True)] * 2


def test_without_a_setting_objects_live_for_a_day(redis_store, keys, client):
    redis_store.write([(ONE, {"a": "1"})])
    assert 86_300 < client.ttl(keys()[0]) <= 86_400


def test_a_write_renews_an_objects_time(redis_store, keys, client):
    redis_store.write([(ONE, {"a": "1"})])
    client.expire(keys()[0], 10)
    redis_store.write([(ONE, {"b": "1"})])
    assert client.ttl(keys()[0]) > 10


def test_long_values_live_as_long_as_their_marks_in_the_short_hash(redis_store, keys, client):
    redis_store.write([(ONE, {"a": LONG})])
    for key in keys():
        client.expire(key, 100)
    redis_store.write([(ONE, {"b": "1"})])
    short, long = (client.ttl(key) for key in keys())
    assert abs(short - long) < 1000  # a long key that was not renewed has a day less


def test_a_sign_of_life_is_over_after_its_time(redis_store, keys, client):
    redis_store.beat("celery@here", 1)
    assert BEAT_COUNTS - 30 < client.ttl(keys()[0]) <= BEAT_COUNTS


def test_an_object_is_kept_in_the_compact_encoding(redis_store, keys, client):
    redis_store.write([(ONE, {"a": "x" * 64, "b": "x" * 65, "c": "é" * 90, "d": "~", "e": "x" * 2000})])
    assert client.object("encoding", keys()[0]) in (b"listpack", b"ziplist")


@pytest.mark.parametrize(
    ("value", "count"),
    [("x" * 64, 1), ("x" * 65, 2), ("x" * 126, 2), ("x" * 127, 3), ("x" * 190, 3), ("~", 1), ("~" * 64, 2)],
    ids=lambda value: f"{value!s:.2} {len(str(value))}",
)
def test_a_value_of_a_line_or_two_lies_with_the_short_ones(redis_store, keys, client, value, count):
    redis_store.write([(ONE, {"a": value})])
    assert [client.hlen(key) for key in keys()] == [count]
    assert redis_store.read([ONE]) == [{"a": value}]


@pytest.mark.parametrize("size", [10, 150, 8000])
def test_what_a_task_has_logged_is_one_key_whatever_its_length(redis_store, keys, client, size):
    ref, text = ObjectRef(LOG, "some-task"), "[" + "x" * size
    redis_store.write([(ref, {"0.1.0000.a": "[1]"})])
    redis_store.write([(ref, {"0.1.0000.a": text})])
    assert redis_store.read([ref]) == [{"0.1.0000.a": text}]
    assert len(keys()) == 1
    assert client.ttl(keys()[0]) > 0


def test_a_longer_value_lies_elsewhere(redis_store, keys, client):
    redis_store.write([(ONE, {"a": "x" * 191})])
    assert [client.hgetall(key) for key in keys()] == [{b"a": b"~"}, {b"a": b"x" * 191}]


def test_a_field_that_looks_like_pieces_and_is_none_of_ours_hides_no_other(redis_store, keys, client):
    redis_store.write([(ONE, {"a": "1"})])
    client.hset(keys()[0], mapping={b"b": b"~9x", b"c": b"~\xff", b"d": b"~0", b"e\xfe": b"y", b"f": b"~1"})
    assert redis_store.read([ONE]) == [{"a": "1", "b": "x", "c": "", "d": "", "f": ""}]


# -- round trips ------------------------------------------------------------------------------------------------------


def test_a_write_is_one_round_trip(redis_store, round_trips):
    redis_store.write([(ONE, {"a": "1", "b": LONG})])
    assert len(round_trips) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda store, refs: store.write([(ref, {"a": "1", "b": LONG}) for ref in refs]),
        lambda store, refs: store.read(refs),
        lambda store, refs: store.look_up([(ref, "b") for ref in refs], ["here", "there"]),
    ],
    ids=["write", "read", "look_up"],
)
def test_a_hundred_objects_are_one_round_trip(redis_store, round_trips, call):
    call(redis_store, [ObjectRef("shop.order", str(pk)) for pk in range(100)])
    assert len(round_trips) == 1


@pytest.mark.parametrize("is_known", [True, False])
def test_reading_unless_it_is_known_is_one_round_trip(redis_store, round_trips, is_known):
    version = redis_store.read_unless(ONE, "")[0] if is_known else ""
    round_trips.clear()
    redis_store.read_unless(ONE, version)
    assert len(round_trips) == 1


def test_a_server_that_refuses_scripts_is_asked_plainly_from_then_on(own_redis, own_client, settings):
    own_client.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-dump"])
    settings.CELERY_OPS = {"STORE_URL": f"redis://plain:any@127.0.0.1:{own_redis.port}/0", "STORE_TIMEOUT": 2}
    with contextlib.closing(RedisStore()) as store:
        store.write([(ONE, {"a": "1"})])
        own_client.config_resetstat()
        version, fields = store.read_unless(ONE, "")
        assert fields == {"a": "1"}
        assert store.read_unless(ONE, version) == (version, None)
    assert own_client.info("commandstats")["cmdstat_eval"]["calls"] == 1


# -- scripts by their digests -----------------------------------------------------------------------------------------

USES = {
    "write": lambda store, number: store.write([(ONE, {f"a{number}": "1"})]),
    "read_unless": lambda store, number: store.read_unless(ONE, ""),
    "read_between": lambda store, number: store.read_between([(ONE, 0, 1), (MANY[1], 0, 1)]),
    "add": lambda store, number: store.add([Row("wide", 9, cells={0: 1}, is_wide=True)] * 501, str(number)),
}


def numbers_of(client, name):
    return client.info("commandstats").get(f"cmdstat_{name}", {})


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_script_is_told_once_and_then_named(own_store, own_client, use):
    use(own_store, 1)
    own_client.config_resetstat()
    use(own_store, 2)
    assert numbers_of(own_client, "eval") == {}
    assert numbers_of(own_client, "evalsha")["failed_calls"] == 0


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_script_that_a_server_has_forgotten_is_told_again_and_then_named(own_store, own_client, use):
    before = use(own_store, 1)
    own_client.script_flush()
    assert use(own_store, 2) == before
    own_client.config_resetstat()
    use(own_store, 3)
    assert numbers_of(own_client, "eval") == {}


def test_what_is_added_by_a_script_that_was_forgotten_is_added_once(own_store, own_client):
    for number in range(4):
        USES["add"](own_store, number)
        if number % 2:
            own_client.script_flush()
    (cells,) = own_store.tallies(Wanted(cells=["wide"])).cells
    assert int.from_bytes(cells, "big") == 4 * 501


def test_what_was_added_is_told_though_another_process_tells_a_script_in_between():
    told, replies = ToldScripts(), iter([["told"], [NoScriptError(), "by digest"], ["by text", "done before"]])
    assert told.replies(ADD, lambda by_digest: next(replies)) == ["told"]
    assert told.replies(ADD, lambda by_digest: next(replies)) == ["by text", "by digest"]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_who_may_name_no_script_tells_it_each_time(own_redis, own_client, settings, use):
    own_client.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-evalsha"])
    settings.CELERY_OPS = {"STORE_URL": f"redis://plain:any@127.0.0.1:{own_redis.port}/0", "STORE_TIMEOUT": 2}
    with contextlib.closing(RedisStore()) as store:
        before = [use(store, number) for number in range(2)]
        assert before[0] == before[1]
        own_client.config_resetstat()
        use(store, 2)
        use(store, 3)
    assert numbers_of(own_client, "eval")["calls"] >= 2
    assert numbers_of(own_client, "evalsha") == {}


@pytest.fixture
def other_redis():
    """A server that stands in for ``own_redis``."""
    server = RedisServer(free_port())
    yield server
    server.kill()


def test_a_server_that_takes_over_is_told_the_scripts_that_the_one_before_knew(own_redis, other_redis, settings):
    url = f"{own_redis.url}/0;{other_redis.url}/0"
    settings.CELERY_OPS = {"STORE_URL": url, "STORE_TIMEOUT": 2}
    with contextlib.closing(RedisStore()) as store:
        before = [use(store, 1) for use in USES.values()]
        own_redis.kill()
        assert [use(store, 1) for use in USES.values()] == before
        assert store.read([ONE]) == [{"a1": "1"}]
    with contextlib.closing(redis.Redis(port=other_redis.port)) as client:
        failed = numbers_of(client, "evalsha")["failed_calls"]
        assert failed == 6, "a call each, and two of what is sent in two parts or asked of two objects"


def test_a_write_sends_less_than_its_script(own_store, own_client):
    own_store.write([(ONE, {"a": "1"})])
    before = own_client.info("stats")["total_net_input_bytes"]
    own_store.write([(ONE, {"a": "2"})])
    assert own_client.info("stats")["total_net_input_bytes"] - before < len(SCRIPT.text) / 3


# -- many at once -----------------------------------------------------------------------------------------------------

MANY = [ObjectRef("shop.order", str(pk)) for pk in range(1, 21)]


def write_many(store, name="a", value="1"):
    return store.write([(ref, {name: value}) for ref in MANY])


def scripts(hashes):
    """Return how many scripts write so many hashes of each: an object's values are in one, its long ones in another."""
    return math.ceil(hashes * len(MANY) / AT_ONCE)


def script_calls(client):
    """Return how often a server has carried out a script."""
    stats = client.info("commandstats").items()
    scripts = [numbers for name, numbers in stats if name in ("cmdstat_eval", "cmdstat_evalsha")]
    return sum(numbers["calls"] - numbers["failed_calls"] for numbers in scripts)


def test_many_objects_are_written_by_scripts_and_live_as_long(own_store, own_client):
    assert write_many(own_store, "a", LONG) == 0
    assert own_client.info("commandstats")["cmdstat_eval"]["calls"] == scripts(2)
    assert own_store.look_up([(ref, "a") for ref in MANY])[0] == [LONG] * 20
    assert all(own_client.ttl(key) > 0 for key in own_client.scan_iter())


def test_many_objects_are_written_plainly_where_scripts_are_refused(own_redis, own_client, settings):
    own_client.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-eval"])
    settings.CELERY_OPS = {"STORE_URL": f"redis://plain:any@127.0.0.1:{own_redis.port}/0", "STORE_TIMEOUT": 2}
    with contextlib.closing(RedisStore()) as store:
        write_many(store, "a")
        own_client.acl_setuser("plain", commands=["+eval"])
        write_many(store, "b")
        assert store.read(MANY) == [{"a": "1", "b": "1"}] * 20
    assert own_client.info("commandstats")["cmdstat_eval"].get("calls", 0) == 0


@pytest.mark.parametrize("commands", ["+@all", "-eval"], ids=["by a script", "plainly"])
def test_a_short_value_lets_long_ones_live_on_as_long(own_redis, own_client, settings, commands):
    own_client.acl_setuser("any", enabled=True, nopass=True, keys=["*"], commands=["+@all", commands])
    settings.CELERY_OPS = {"STORE_URL": f"redis://any:any@127.0.0.1:{own_redis.port}/0", "STORE_TIMEOUT": 2}
    with contextlib.closing(RedisStore()) as store:
        write_many(store, "a", LONG)
        for key in own_client.scan_iter():
            own_client.expire(key, 5)
        write_many(store, "b")
        assert all(own_client.ttl(key) > 5 for key in own_client.scan_iter())
        assert own_client.dbsize() == 2 * len(MANY)


def test_a_script_leaves_one_of_many_that_is_not_ours_and_writes_the_others(own_store, own_client):
    own_client.set("celery_ops:{shop.order:3}", "not ours")
    assert write_many(own_store) == 1
    assert [bool(fields) for fields in own_store.read(MANY)] == [ref.pk != "3" for ref in MANY]


def test_a_script_that_a_full_server_refuses_is_an_outage_and_scripts_go_on(own_store, own_client):
    write_many(own_store)
    own_client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="maxmemory"):
        write_many(own_store)
    own_client.config_set("maxmemory", 0)
    own_client.config_resetstat()
    write_many(own_store)
    assert script_calls(own_client) == scripts(1)


def test_a_script_writes_more_fields_than_lua_holds(own_store):
    fields = {f"{number:022d}p": "1" for number in range(5000)}
    own_store.write([(ref, fields if ref == ONE else {"a": "1"}) for ref in MANY])
    assert len(own_store.read([ONE])[0]) == 5000


def test_a_full_one_of_many_objects_is_trimmed(own_store, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.redis.store.MEASURE_EVERY", 1)
    fields = {f"{number:022d}{kind}": "1" for number in range(400) for kind in "paosSg"}
    own_store.write([(ref, fields if ref == ONE else {"a": "1"}) for ref in MANY])
    assert len(own_store.read([ONE])[0]) == 200 * 6


def test_what_a_server_answers_to_no_script_of_ours_is_an_outage():
    with pytest.raises(StoreUnavailable):
        Hashes().told_by([b"OK"])


@pytest.mark.parametrize("number", [1, 20])
def test_what_stays_stays_and_what_replaces_replaces_by_command_and_by_script(own_store, number):
    refs = MANY[:number]
    own_store.write([(ref, {"a": "1", "b": "1", "long": LONG}) for ref in refs])
    again = {"a": "2", "b": IfAbsent("2"), "c": IfAbsent("2"), "long": IfAbsent(f"not {LONG}")}
    assert own_store.write([(ref, again) for ref in refs]) == 0
    assert own_store.read(refs) == [{"a": "2", "b": "1", "c": "2", "long": None}] * number
    assert own_store.look_up([(ref, "long") for ref in refs])[0] == [LONG] * number


def test_a_key_that_is_not_ours_is_given_no_time_to_live_by_a_script(own_store, own_client):
    own_client.set("celery_ops:{shop.order:3}", "not ours")
    write_many(own_store)
    assert own_client.ttl("celery_ops:{shop.order:3}") == -1


def test_a_server_that_was_a_replica_for_a_moment_is_written_by_scripts_again(own_store, own_client):
    own_client.replicaof("127.0.0.1", 1)
    with pytest.raises(StoreUnavailable):
        write_many(own_store)
    own_client.replicaof("NO", "ONE")
    own_client.config_resetstat()
    write_many(own_store)
    assert script_calls(own_client) == scripts(1)


def test_a_key_that_is_not_ours_has_no_fields_and_scripts_go_on(redis_store, client, settings, round_trips):
    client.set(f"{settings.CELERY_OPS['STORE_PREFIX']}:{{shop.order:2}}", "not ours")
    other = ObjectRef("shop.order", "2")
    assert redis_store.read_unless(other, "")[1] == {}
    assert redis_store.read_fields([(other, ["a"]), (other, ())]) == [{}, {}]
    assert redis_store.sizes([other]) == [0]
    round_trips.clear()
    redis_store.read_unless(ONE, "")
    assert len(round_trips) == 1


def test_a_key_that_is_not_ours_is_not_copied_to_find_that_out(own_store, own_client, settings):
    own_client.set("celery_ops:{shop.order:1}", "not ours" * 1000)
    assert own_store.read_unless(ONE, "")[1] == {}
    assert "cmdstat_dump" not in own_client.info("commandstats")


def test_scripts_go_on_once_a_busy_server_is_not_busy_any_more(own_store, own_client, own_redis):
    own_client.config_set("lua-time-limit", 5)
    with contextlib.closing(redis.Redis(port=own_redis.port)) as busy:
        connection = busy.connection_pool.make_connection()
        connection.send_command("EVAL", "while true do end", 0)
        wait_for(lambda: _is_busy(own_client), "the server to be busy")
        with pytest.raises(StoreUnavailable):
            own_store.read_unless(ONE, "")
        own_client.script_kill()
        with pytest.raises(redis.ResponseError):
            connection.read_response()
        connection.disconnect()
    own_client.config_resetstat()
    own_store.read_unless(ONE, "")
    assert script_calls(own_client) == 1


def _is_busy(client):
    try:
        return not client.ping()
    except redis.ResponseError as error:
        return str(error).startswith("BUSY")


def test_nothing_to_look_up_is_no_round_trip(redis_store, round_trips):
    redis_store.look_up([])
    assert round_trips == []


def test_one_connection_serves_call_after_call(own_store, own_client):
    for _ in range(10):
        own_store.write([(ONE, {"a": "1"})])
    assert len(own_client.client_list()) == 2  # its own and this one


def test_what_is_dropped_leaves_no_pieces(redis_store, keys, client):
    numbers = range(2 * TASKS_KEPT)
    published = {facts.field(str(number), facts.PUBLISHED): f"{now_ms() + number} a.b" for number in numbers}
    errors = {facts.field(str(number), facts.ERROR): "x" * 150 for number in numbers}
    redis_store.write([(ONE, {**published, **errors})])
    for _ in range(MEASURE_EVERY):
        redis_store.write([(ONE, {"a": "1"})])
    left = {name.partition(":")[0] for name in redis_store.read([ONE])[0]}
    assert len(left) == TASKS_KEPT + 1
    assert {name.partition(b":")[0].decode() for name in client.hkeys(keys()[0])} == left


def test_a_full_object_is_not_trimmed_at_every_write(redis_store, round_trips):
    fields = {f"{number:022d}{kind}": "1" for number in range(250) for kind in "paosSg"}
    redis_store.write([(ONE, fields)])
    round_trips.clear()
    redis_store.write([(ONE, {f"{250:022d}p": "1"})])
    assert len(round_trips) == 1


# -- a server that forgets, or fails ----------------------------------------------------------------------------------


def test_a_server_that_forgot_everything_is_written_anew(redis_store, client):
    redis_store.write([(ONE, {"a": "1"})])
    client.flushdb()
    redis_store.write([(ONE, {"b": "2"})])
    assert redis_store.read([ONE]) == [{"b": "2"}]


def test_a_connection_that_the_server_closed_is_no_outage(own_store, own_client):
    recorder = Recorder(own_store)
    recorder.record([(ONE, {"a": "1"})])
    recorder.flush()
    own_client.client_kill_filter(_type="normal", skipme=True)
    recorder.record([(ONE, {"b": "2"})])
    recorder.pause()
    assert (own_store.read([ONE]), counters.counts()["outages"]) == ([{"a": "1", "b": "2"}], 0)


def test_several_connections_that_the_server_closed_are_no_outage(own_store, own_client):
    for _ in range(3):
        own_store._servers._idle.append(own_store._servers._pool.make_connection())
        own_store._servers._idle[-1].connect()
    own_client.client_kill_filter(_type="normal", skipme=True)
    own_store.ping()


def test_a_server_that_is_gone_is_unavailable(own_store, own_redis):
    own_store.ping()
    own_redis.kill()
    with pytest.raises(StoreUnavailable):
        own_store.write([(ONE, {"a": "1"})])


def test_a_server_that_is_frozen_is_unavailable(own_store, own_redis):
    own_store.ping()
    own_redis.freeze()
    with pytest.raises(StoreUnavailable):
        own_store.read([ONE])


def test_a_late_answer_is_never_taken_for_another_questions(own_store, own_redis):
    own_store.write([(ONE, {"a": "1"})])
    own_redis.freeze()
    with pytest.raises(StoreUnavailable):
        own_store.read([ONE])
    own_redis.thaw()
    assert own_store.look_up([], ["celery@here"]) == ([], {})


def test_a_server_that_came_back_answers_again(own_store, own_redis):
    own_store.ping()
    own_redis.kill()
    with pytest.raises(StoreUnavailable):
        own_store.ping()
    own_redis.start()
    assert own_store.ping() is None


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_server_that_wants_another_password_is_unavailable(own_redis, own_client, settings, password):
    own_client.config_set("requirepass", "right")
    settings.CELERY_OPS = {"STORE_URL": f"redis://:{password}@127.0.0.1:{own_redis.port}/0"}
    with pytest.raises(StoreUnavailable):
        RedisStore().write([(ONE, {"a": "1"})])


def test_a_full_server_is_unavailable(own_store, own_client):
    own_client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="maxmemory"):
        own_store.write([(ONE, {"a": "1"})])


def test_a_read_only_server_is_unavailable(own_store, own_client):
    own_client.replicaof("127.0.0.1", 1)
    with pytest.raises(StoreUnavailable, match=r"read only|READONLY"):
        own_store.write([(ONE, {"a": "1"})])


@pytest.fixture(params=["", ":long"], ids=["short", "long"])
def taken(request, redis_store, client, settings):
    """A key of this object's that somebody else has, as a list."""
    client.rpush(f"{settings.CELERY_OPS['STORE_PREFIX']}:{{shop.order:1}}{request.param}", "not ours")
    return request.param


def test_an_object_whose_key_is_taken_is_refused(redis_store, taken):
    assert redis_store.write([(ONE, {"a": LONG})]) == 1


def test_other_objects_of_the_batch_are_written(redis_store, taken):
    other = ObjectRef("shop.order", "2")
    redis_store.write([(ONE, {"a": LONG}), (other, {"a": "1"})])
    assert redis_store.read([other]) == [{"a": "1"}]


def test_an_object_whose_key_is_taken_reads_without_its_values(redis_store, taken):
    redis_store.write([(ONE, {"a": LONG})])
    assert redis_store.read([ONE])[0].get("a") is None


def test_a_long_value_whose_key_is_taken_is_none(redis_store, taken):
    assert redis_store.look_up([(ONE, "a")]) == ([None], {})


def test_a_refusal_is_counted(redis_store, taken):
    recorder = Recorder(redis_store)
    recorder.record([(ONE, {"a": LONG})])
    recorder.pause()
    assert (counters.counts()["refused"], counters.counts()["outages"]) == (1, 0)


def test_a_taken_key_is_left_as_it_is(redis_store, taken, client, settings):
    redis_store.write([(ONE, {"a": LONG})])
    key = f"{settings.CELERY_OPS['STORE_PREFIX']}:{{shop.order:1}}{taken}"
    assert client.lrange(key, 0, -1) == [b"not ours"]


@pytest.mark.parametrize("value", ["x", "", "-1", "1.5", "9" * 5000])
def test_a_sign_of_life_that_is_no_number_is_none(redis_store, client, settings, value):
    client.set(f"{settings.CELERY_OPS['STORE_PREFIX']}:worker:here", value)
    assert redis_store.look_up([], ["here"]) == ([], {})


# -- URLs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://", "redis://"),
        ("redis://:secret@host/1", "redis://:secret@host/1"),
        ("redis://user:p%40ss@host:1/2?socket_timeout=9&health_check_interval=5", "redis://user:p%40ss@host:1/2"),
        ("rediss://host/0?ssl_cert_reqs=CERT_REQUIRED", "rediss://host/0?ssl_cert_reqs=required"),
        ("rediss://host/0?ssl_cert_reqs=none", "rediss://host/0?ssl_cert_reqs=none"),
        (
            "rediss://host/0?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/a/b.pem",
            "rediss://host/0?ssl_cert_reqs=none&ssl_ca_certs=%2Fa%2Fb.pem",
        ),
        ("valkey://host/1", "redis://host/1"),
        ("valkeys://host/1", "rediss://host/1"),
        ("redis+socket:///tmp/r.sock", "unix:///tmp/r.sock"),
        ("redis+socket:///tmp/r.sock?virtual_host=3", "unix:///tmp/r.sock?db=3"),
        ("redis+socket:///tmp/r.sock?virtual_host=/3", "unix:///tmp/r.sock?db=3"),
        ("unix:///tmp/r.sock", "unix:///tmp/r.sock"),
        ("unix:///tmp/r.sock?db=3", "unix:///tmp/r.sock?db=3"),
    ],
)
def test_a_url_is_spelled_as_the_client_wants_it(url, expected):
    assert client_url(url) == expected


@pytest.mark.parametrize("url", ["amqp://host", "memory://", "localhost:6379", "", "http://host"])
def test_a_url_that_is_not_redis_is_refused_with_the_schemes_that_are(url):
    with pytest.raises(ValueError, match="STORE_URL must begin with one of redis"):
        client_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@host:1/2",
        "rediss://host/2?ssl_cert_reqs=CERT_REQUIRED",
        "redis+socket:///tmp/r.sock?virtual_host=2",
        "unix:///tmp/r.sock?db=2",
        "valkey://host/2",
    ],
)
def test_the_client_understands_what_it_is_given(url):
    assert redis.ConnectionPool.from_url(client_url(url)).connection_kwargs["db"] == 2


DEFAULT = "redis://localhost:6379/0"


@pytest.fixture
def celery_conf():
    """Celery's configuration, as it was again afterwards."""
    changes = app.conf.maps[0]
    before = dict(changes)
    yield
    changes.clear()
    changes.update(before)


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("redis://host/3", "redis://host/3"),
        ("rediss://host/3?ssl_cert_reqs=CERT_NONE", "rediss://host/3?ssl_cert_reqs=CERT_NONE"),
        ("redis+socket:///tmp/r.sock", "redis+socket:///tmp/r.sock"),
        ("redis://one/0;redis://two/0", "redis://one/0"),
        (["redis://one/0", "redis://two/0"], "redis://one/0"),
        ("amqp://guest@host//", DEFAULT),
        ("amqp://one;redis://two/0", DEFAULT),
        ("sqs://", DEFAULT),
        ("sentinel://host:26379", DEFAULT),
        ("memory://", DEFAULT),
        ("redis+cluster://one:7000,two:7000", "redis+cluster://one:7000,two:7000"),
        ("redis+cluster://one:7000;redis+cluster://two:7000", "redis+cluster://one:7000;redis+cluster://two:7000"),
        ("", DEFAULT),
        (None, DEFAULT),
        ([], DEFAULT),
    ],
    ids=str,
)
@pytest.mark.usefixtures("celery_conf")
def test_without_a_setting_the_store_is_where_the_broker_is(settings, broker, expected):
    settings.CELERY_OPS = {}
    settings.CELERY_BROKER_URL = app.conf["broker_url"] = broker
    assert store_url() == expected


@pytest.mark.usefixtures("celery_conf")
def test_the_broker_that_is_written_to_comes_first(settings):
    settings.CELERY_OPS = {}
    app.conf["broker_write_url"] = "redis://write/0"
    assert store_url() == "redis://write/0"


def test_the_setting_comes_before_the_broker(settings):
    settings.CELERY_OPS = {"STORE_URL": "redis://mine/5"}
    assert store_url() == "redis://mine/5"


def test_a_store_behind_a_unix_socket_works(tmp_path_factory, settings):
    socket = tmp_path_factory.mktemp("s") / "r.sock"
    server = RedisServer(free_port(), "--unixsocket", str(socket))
    try:
        settings.CELERY_OPS = store_settings(f"unix://{socket}", "celery_ops")
        store = RedisStore()
        store.write([(ONE, {"a": "1"})])
        assert store.read([ONE]) == [{"a": "1"}]
        store.close()
    finally:
        server.kill()


def test_all_is_read_where_a_script_that_would_leave_something_out_is_refused(own_redis, own_client, settings):
    own_client.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-eval"])
    settings.CELERY_OPS = {"STORE_URL": f"redis://plain:any@127.0.0.1:{own_redis.port}/0", "STORE_TIMEOUT": 2}
    with contextlib.closing(RedisStore()) as store:
        store.write([(ONE, {"a": "x 1,f", "b": "x 1,ff"})])
        own_client.config_resetstat()
        for _round in range(2):
            assert store.read_between([(ONE, 0, 15)]) == [{"a": "x 1,f", "b": "x 1,ff"}]
    assert own_client.info("commandstats")["cmdstat_eval"]["rejected_calls"] == 1


def test_a_key_that_is_not_ours_has_nothing_between_and_scripts_go_on(own_store, own_client):
    own_store.write([(MANY[1], {"a": "x 1,f", "b": "x 1,ff"})])
    own_client.set("celery_ops:{shop.order:1}", "not ours")
    assert own_store.read_between([(MANY[0], 0, 15), (MANY[1], 0, 15)])[0] == {}
    assert own_store.read_between([(MANY[1], 0, 15)]) == [{"a": "x 1,f"}]
    assert own_store.read_begun([(MANY[0], ["a"]), (MANY[1], ["a"])]) == [{}, {"a": "x 1,f"}]
