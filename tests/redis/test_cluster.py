"""What is a cluster's own: slots that move, servers that die or hang, and what is asked of which."""

import contextlib
import re
import time
import uuid
from pathlib import Path
from unittest import mock

import pytest
from redis.connection import SSLConnection

from celery_ops import tasks_for
from celery_ops.connections.cluster import servers_of
from celery_ops.doctor import cluster as diagnosis
from celery_ops.doctor import store as store_diagnosis
from celery_ops.exceptions import StorePartlyUnavailable, StoreUnavailable, WrongURL
from celery_ops.tracking import counters
from celery_ops.tracking.recorder import Recorder
from celery_ops.tracking.redis import RedisStore, nodes
from celery_ops.tracking.redis.cluster import Cluster
from celery_ops.tracking.redis.nodes import Slots, slots_of
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.signs import Sign
from celery_ops.tracking.store import IfAbsent
from celery_ops.tracking.tallies import Row, Wanted
from tests.conftest import store_settings
from tests.servers import PATIENCE, free_port, wait_for
from tests.shop import tasks
from tests.shop.models import Order

ONE = ObjectRef("shop.order", "1")
LONG = "x" * 200
ORDERS = [ObjectRef("shop.order", str(number)) for number in range(30)]
FACTS = [(ref, {"a": "1"}) for ref in ORDERS]


@pytest.fixture
def make_store(settings, redis_cluster):
    """Make stores of the cluster under this test's prefix, with other settings than usual."""
    prefix, stores = f"test-{uuid.uuid4().hex[:8]}", []

    def make(url=None, timeout=20.0):
        settings.CELERY_OPS = store_settings(url or redis_cluster.url, prefix, timeout)
        stores.append(RedisStore())
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def key_of(ref, settings):
    return f"{settings.CELERY_OPS['STORE_PREFIX']}:{{{ref.label}:{ref.pk}}}"


def owned_by(node, cluster, settings, number=1):
    """Return some orders whose facts this server has."""
    owned = [ref for ref in ORDERS if cluster.owner(key_of(ref, settings)) is node]
    return owned[:number]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """No test waits for long until a server that failed is asked again."""
    monkeypatch.setattr(nodes, "BACKOFF", 0.2)
    monkeypatch.setattr(nodes, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(store_diagnosis, "PATIENCE", 0.3)


@contextlib.contextmanager
def visits():
    """How many questions or writes went to each server, round trip by round trip."""
    made = []

    def begun(cluster, address, requests):
        made.append((address[1], len(requests)))
        return real(cluster, address, requests)

    real = Cluster._begun
    with mock.patch.object(Cluster, "_begun", begun):
        yield made


# -- round trips ------------------------------------------------------------------------------------------------------


def test_one_objects_facts_are_one_round_trip_to_its_server(cluster_store, redis_cluster, settings):
    cluster_store.ping()
    with visits() as made:
        cluster_store.write([(ONE, {"a": "1", "b": LONG})])
        cluster_store.read([ONE])
        cluster_store.look_up([(ONE, "b")])
        cluster_store.read_unless(ONE, "")
    assert [port for port, _number in made] == [redis_cluster.owner(key_of(ONE, settings)).port] * 4


def test_many_objects_are_one_round_trip_to_each_server(cluster_store, redis_cluster):
    cluster_store.ping()
    with visits() as made:
        cluster_store.write([(ref, {"a": "1", "b": LONG}) for ref in ORDERS])
    assert sorted(port for port, _number in made) == sorted(node.port for node in redis_cluster.masters)
    with visits() as made:
        assert cluster_store.read(ORDERS) == [{"a": "1", "b": None}] * len(ORDERS)
    assert len(made) == 3
    assert sum(number for _port, number in made) == len(ORDERS)


def test_no_key_is_without_an_end(cluster_store, redis_cluster):
    cluster_store.write([(ref, {"a": "1", "b": LONG}) for ref in ORDERS])
    cluster_store.beat("celery@here", 1)
    cluster_store.sign(Sign("celery@here", 1, 1))
    assert redis_cluster.keys_without_ttl() == []


def test_a_server_forgets_no_other_keys_end_when_one_key_is_not_ours(cluster_store, redis_cluster, settings):
    redis_cluster.owner(key_of(ONE, settings)).tell("SET", key_of(ONE, settings), "not ours", "EX", 100)
    assert cluster_store.write([(ref, {"a": LONG}) for ref in ORDERS]) == 1
    assert redis_cluster.keys_without_ttl() == []


# -- slots that move --------------------------------------------------------------------------------------------------


def another(cluster, settings, ref=ONE):
    """Return a master that does not have this object, and has no replica that would come along."""
    return next(node for node in cluster.masters[::-1] if node is not cluster.owner(key_of(ref, settings)))


def test_facts_are_found_where_their_slot_has_moved(cluster_store, redis_cluster, settings):
    cluster_store.write(FACTS)
    redis_cluster.move_slot(key_of(ONE, settings), another(redis_cluster, settings))
    assert cluster_store.read(ORDERS) == [{"a": "1"}] * len(ORDERS)


def test_facts_are_written_to_where_their_slot_has_moved(cluster_store, redis_cluster, settings):
    cluster_store.write([(ONE, {"a": "1"})])
    redis_cluster.move_slot(key_of(ONE, settings), another(redis_cluster, settings))
    assert cluster_store.write([(ref, {"b": LONG}) for ref in ORDERS]) == 0
    assert cluster_store.read([ONE]) == [{"a": "1", "b": None}]
    assert redis_cluster.keys_without_ttl() == []


@pytest.mark.parametrize("is_there", [True, False])
def test_facts_are_written_and_read_while_their_slot_is_moving(cluster_store, redis_cluster, settings, is_there):
    if is_there:
        cluster_store.write([(ONE, {"a": "1"})])
    source, to = redis_cluster.owner(key_of(ONE, settings)), another(redis_cluster, settings)
    with redis_cluster.moving(key_of(ONE, settings), to) as slot:
        assert cluster_store.write([(ref, {"b": LONG}) for ref in ORDERS]) == 0
        assert cluster_store.read([ONE]) == [{"a": "1", "b": None} if is_there else {"b": None}]
        assert cluster_store.look_up([(ONE, "b")])[0] == [LONG]
        assert cluster_store.read_unless(ONE, "")[1] == cluster_store.read([ONE])[0]
        redis_cluster.move_keys(slot, source, to)
    assert cluster_store.read([ONE]) == [{"a": "1", "b": None} if is_there else {"b": None}]
    assert redis_cluster.keys_without_ttl() == []


# -- servers that die -------------------------------------------------------------------------------------------------


@pytest.fixture
def dying(redis_cluster):
    """The master that has a replica. It is back afterwards, as the replica of the one that took its place."""
    master = next(node for node in redis_cluster.masters if node.tell("ROLE")[2])
    yield master
    if master.process.poll() is not None:
        master.start()
    wait_for(redis_cluster.is_whole, "it to be a replica, and to have it all")


def test_a_master_that_is_killed_costs_nothing_once_its_replica_is_promoted(make_store, redis_cluster, dying, settings):
    store = make_store()
    store.write(FACTS)
    store.sign(Sign("celery@here", 1, 1))
    replica = redis_cluster.copied(dying)
    dying.kill()
    redis_cluster.promote(replica)
    assert store.write([(ref, {"b": "1"}) for ref in ORDERS]) == 0
    assert store.read(ORDERS) == [{"a": "1", "b": "1"}] * len(ORDERS)
    assert store.sign(Sign("celery@here", 1, 1))


def test_the_other_servers_go_on_until_a_replica_is_promoted(make_store, redis_cluster, dying, settings):
    store = make_store()
    store.ping()
    (hit,) = owned_by(dying, redis_cluster, settings)
    spared = [ref for ref in ORDERS if redis_cluster.owner(key_of(ref, settings)) is not dying]
    replica = redis_cluster.copied(dying)
    dying.kill()
    with pytest.raises(StorePartlyUnavailable) as raised:
        store.write([(hit, {"a": "1"}), *((ref, {"a": "1"}) for ref in spared)])
    assert raised.value.left == [(hit, {"a": "1"})]
    assert store.read(spared) == [{"a": "1"}] * len(spared)
    with pytest.raises(StoreUnavailable):
        store.read([hit])
    redis_cluster.promote(replica)
    wait_for(lambda: not _fails(store.write, raised.value.left), "the store to look where the slots are now", 5)
    assert store.read([hit]) == [{"a": "1"}]


def _fails(call, *arguments):
    try:
        call(*arguments)
    except StoreUnavailable:
        return True
    return False


def test_a_burst_in_which_a_master_is_killed_loses_nothing_that_its_replica_had(
    make_store, redis_cluster, dying, settings, monkeypatch
):
    """What a process could not write waits, and is written once the replica is promoted."""
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN", 0.1)
    store = make_store()
    recorder = Recorder(store)
    refs = [ObjectRef("shop.order", f"burst-{number}") for number in range(300)]
    for number, ref in enumerate(refs):
        if number == 100:
            recorder.flush(PATIENCE)
            wait_for(lambda: not recorder.kept, "what there is to be written")
            replica = redis_cluster.copied(dying)
            dying.kill()
        if number == 200:
            redis_cluster.promote(replica)
        recorder.record([(ref, {"a": "1"})])
    recorder.pause()
    wait_for(lambda: not recorder.kept and recorder.is_well, "everything to be written")
    assert store.read(refs) == [{"a": "1"}] * len(refs)
    assert counters.counts()["lost"] == 0


def split(redis_cluster, settings, node, number=40):
    """Return orders whose facts this server has, and others."""
    refs = [ObjectRef("shop.order", f"many-{number}") for number in range(number)]
    hit = [ref for ref in refs if redis_cluster.owner(key_of(ref, settings)) is node]
    return hit, [ref for ref in refs if ref not in hit]


def test_a_process_keeps_what_belongs_to_a_dead_server_and_writes_the_rest(
    make_store, redis_cluster, dying, settings, monkeypatch, caplog
):
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN", 0.1)
    store = make_store()
    recorder = Recorder(store)
    hit, spared = split(redis_cluster, settings, dying)
    replica = redis_cluster.copied(dying)
    dying.kill()
    for ref in (*hit, *spared):
        recorder.record([(ref, {"a": "1"}), (spared[0], {ref.pk: "1"})])
    recorder.flush(PATIENCE)
    assert recorder.ask(lambda store: store.read(spared[1:])) == [{"a": "1"}] * len(spared[1:])
    assert set(recorder.ask(lambda store: store.read(spared[:1]))[0]) == {"a", *(ref.pk for ref in (*hit, *spared))}
    assert recorder.kept == len(hit)
    redis_cluster.promote(replica)
    wait_for(lambda: not recorder.kept and recorder.is_well, "everything to be written")
    assert store.read(hit) == [{"a": "1"}] * len(hit)
    counts = counters.counts()
    numbers = {"written": len(hit) + len(spared), "kept": len(hit), "lost": 0, "outages": 1}
    assert {name: counts[name] for name in numbers} == numbers
    words = [record.getMessage() for record in caplog.records if record.name == "celery_ops.tracking"]
    assert ["A part of the tracking store is away" in words[0], "is back" in words[-1], len(words)] == [True, True, 2]


def test_a_process_that_ends_loses_and_counts_only_what_belongs_to_a_dead_server(
    make_store, redis_cluster, dying, settings
):
    store = make_store()
    recorder = Recorder(store, patience=0.2)
    hit, spared = split(redis_cluster, settings, dying)
    replica = redis_cluster.copied(dying)
    dying.kill()
    for ref in (*hit, *spared):
        recorder.record([(ref, {"a": "1"})])
    recorder.end()
    counts = counters.counts()
    assert (counts["lost"], counts["written"]) == (len(hit), len(spared))
    assert store.read(spared) == [{"a": "1"}] * len(spared)
    redis_cluster.promote(replica)


def test_an_outage_of_a_part_may_become_one_of_the_whole(make_store, redis_cluster, dying, settings, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN", 0.1)
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN_MAX", 0.1)
    store = make_store(timeout=0.2)
    recorder = Recorder(store)
    hit, spared = split(redis_cluster, settings, dying)
    replica = redis_cluster.copied(dying)
    dying.kill()
    recorder.record([(hit[0], {"a": "1"})])
    recorder.flush(PATIENCE)
    others = redis_cluster.masters
    for node in others:
        node.freeze()
    recorder.record([(spared[0], {"a": "1"})])
    recorder.flush(PATIENCE)
    assert recorder.kept == 2
    for node in others:
        node.thaw()
    redis_cluster.promote(replica)
    wait_for(lambda: not recorder.kept and recorder.is_well, "everything to be written")
    assert store.read([hit[0], spared[0]]) == [{"a": "1"}] * 2
    assert counters.counts()["lost"] == 0


def test_servers_that_have_left_are_forgotten(make_store, redis_cluster):
    store = make_store()
    store.write(FACTS)
    gone = ("127.0.0.1", free_port())
    for cache in (store.cluster.nodes._idle, store.cluster.nodes._pools):
        cache[gone] = cache[next(iter(store.cluster.nodes.slots.masters))]
    store.cluster.nodes._backoffs[gone] = nodes.Backoff(0.0, 1.0, OSError())
    store.cluster.nodes.look()
    assert store.read(ORDERS) == [{"a": "1"}] * len(ORDERS)
    known = {("127.0.0.1", node.port) for node in redis_cluster.nodes}
    for cache in (store.cluster.nodes._idle, store.cluster.nodes._pools, store.cluster.nodes._backoffs):
        assert set(cache) <= known


# -- servers that hang ------------------------------------------------------------------------------------------------


@pytest.fixture
def hung(redis_cluster):
    """A master that hangs during the test."""
    node = redis_cluster.masters[-1]
    node.freeze()
    yield node
    node.thaw()


def test_a_server_that_hangs_takes_its_time_once_and_the_others_go_on(
    make_store, redis_cluster, hung, settings, monkeypatch
):
    monkeypatch.setattr(nodes, "BACKOFF", 60)
    hung.thaw()
    store = make_store(timeout=1.0)
    store.write(FACTS)
    stuck = owned_by(hung, redis_cluster, settings, number=len(ORDERS))
    hung.freeze()
    began = time.monotonic()
    with pytest.raises(StorePartlyUnavailable) as raised:
        store.write([(ref, {"b": "1"}) for ref in ORDERS])
    assert time.monotonic() - began < 2
    assert [ref for ref, _fields in raised.value.left] == stuck
    began = time.monotonic()
    assert [ref for ref in ORDERS if _fails(store.read, [ref])] == stuck
    assert time.monotonic() - began < 1
    hung.thaw()
    store.cluster.nodes._backoffs.clear()  # it has rested for long enough
    assert store.write([(ref, {"b": "1"}) for ref in ORDERS]) == 0
    assert store.read(stuck) == [{"a": "1", "b": "1"}] * len(stuck)


def test_all_servers_that_hang_take_no_more_time_than_one_each(make_store, redis_cluster):
    store = make_store(timeout=0.1)
    store.ping()
    for node in redis_cluster.nodes:
        node.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.write(FACTS)
        first = time.monotonic() - began
        with pytest.raises(StoreUnavailable):
            store.ping()
    finally:
        for node in redis_cluster.nodes:
            node.thaw()
    assert first < 0.1 * (1 + len(redis_cluster.nodes)) + 0.5


# -- who is asked -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        "redis+cluster://127.0.0.1:{dead},127.0.0.1:{port}",
        "redis+cluster://127.0.0.1:{dead};redis+cluster://127.0.0.1:{port}",
        "redis+cluster://localhost:{port},127.0.0.1:{port}/0",
        "valkey+cluster://127.0.0.1:{port}",
    ],
)
def test_one_server_that_answers_is_enough_to_know_them_all(make_store, redis_cluster, form):
    store = make_store(form.format(port=redis_cluster.nodes[1].port, dead=free_port()))
    assert store.write(FACTS) == 0
    assert store.read(ORDERS) == [{"a": "1"}] * len(ORDERS)


def test_a_user_may_all_that_the_store_does_with_the_rules_of_the_docs(redis_cluster, settings):
    page = " ".join(Path("docs/store.md").read_text().split())
    rules = " ".join(re.search(r"needs these: `(.*?)`, in a cluster `(.*?)`", page).groups()).split()
    for node in redis_cluster.nodes:
        node.tell("ACL", "SETUSER", "clerk", "reset", "on", ">wage-slave", *rules)
    port = redis_cluster.nodes[0].port
    settings.CELERY_OPS = {"STORE_URL": f"redis+cluster://clerk:wage-slave@127.0.0.1:{port}", "STORE_TIMEOUT": 20.0}
    store = RedisStore()
    assert store.write([(ref, {"a": "1", "b": LONG, "c": IfAbsent("1")}) for ref in ORDERS]) == 0
    assert store.read_unless(ONE, "")[1] == store.read([ONE])[0] == {"a": "1", "b": None, "c": "1"}
    assert store._takes_scripts
    assert store.read_begun([(ONE, ["c"])]) == [{"c": "1"}]
    assert store.read_between([(ref, 0, 1) for ref in ORDERS]) == store.read(ORDERS)
    assert store._leaves_out
    store.beat("celery@here", 1)
    assert store.look_up([(ONE, "b")], ["celery@here"]) == ([LONG], {"celery@here": 1})
    store.sign(Sign("celery@here", 1, 1))
    assert store.connected(store.signs()[0])
    assert store.add_note("a", b"1", 10)
    assert store.write_notes({"a": (b"2", 10), "b": (b"", 0)})
    assert store.read_notes(["a"])[0].value == b"2"
    store._trim(ONE)
    rows = [
        Row("narrow", 9, cells={1: 2}, narrow=4, length=2),
        Row("wide", 9, cells={1: 2}, is_wide=True),
        Row("names", 9, counts={"a": 1}, texts={"b": "c"}, asked=["b"]),
        Row("members", 9, members=["a"]),
    ]
    assert store.add(rows, "once")[2].before == {}
    assert store._adds_by_script
    assert store.tallies(Wanted(cells=["narrow"], members=["members"])).cells == [b"\0\0\0\0\0\2"]
    store.close()
    assert {level for level, _message, _hint in findings().values()} == {"ok"}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_URL": f"redis+cluster://clerk:wrong@127.0.0.1:{port}"}
    with pytest.raises(StoreUnavailable):
        RedisStore().read([ONE])


def test_tls_and_the_login_are_every_servers():
    url = "rediss+cluster://clerk:p%40ss@one:7000,two?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=CERT_NONE"
    servers = servers_of(url, 0.5)
    assert servers.known == (("one", 7000), ("two", 6379))
    parameters = servers.pool(("three", 7002)).connection_kwargs
    assert servers.pool(("three", 7002)).connection_class is SSLConnection
    names = ("host", "port", "username", "password", "ssl_ca_certs", "ssl_cert_reqs", "socket_timeout")
    expected = ["three", 7002, "clerk", "p@ss", "/etc/ca.pem", "none", 0.5]
    assert [parameters[name] for name in names] == expected


@pytest.mark.parametrize("url", ["redis+cluster://one:7000/1", "redis+cluster://one:7000?virtual_host=1"])
def test_a_cluster_has_no_databases(url):
    with pytest.raises(WrongURL):
        servers_of(url, 1)


# -- signs of life ----------------------------------------------------------------------------------------------------


def test_a_worker_is_known_by_its_connection_wherever_that_is(make_store, redis_cluster, settings):
    worker, page = make_store(), make_store()
    worker.sign(Sign("celery@here", 1, 1))
    signs, now = page.signs()
    seconds, _microseconds = redis_cluster.masters[0].tell("TIME")  # not this process's clock, which a test may move
    assert abs(now / 1000 - int(seconds)) < 60
    assert list(page.connected(signs)) == ["1.1.celery@here"]
    key = f"{settings.CELERY_OPS['STORE_PREFIX']}:workers"
    redis_cluster.move_slot(key, another_of(redis_cluster, key))
    signs, _now = page.signs()
    assert list(page.connected(signs)) == ["1.1.celery@here"]  # its connection is where it was
    assert worker.sign(Sign("celery@here", 1, 1))
    signs, _now = page.signs()
    assert list(page.connected(signs)) == ["1.1.celery@here"]
    worker._worker_connection._connection.disconnect()
    wait_for(lambda: not page.connected(signs), "the server to notice")


def another_of(cluster, key):
    return next(node for node in cluster.masters[::-1] if node is not cluster.owner(key))


def test_who_is_connected_cannot_be_said_while_a_server_does_not_tell(make_store, redis_cluster, hung):
    worker = make_store(timeout=0.3)
    hung.thaw()
    worker.sign(Sign("celery@here", 1, 1))
    signs, _now = worker.signs()
    hung.freeze()
    assert worker.connected(signs) is None


def test_a_worker_is_known_and_its_tasks_are_tracked_in_a_cluster(cluster_store, redis_cluster, make_worker):
    worker = make_worker(None, "-c", "1")
    order = Order(pk=731)
    tasks.process_payment.delay(order.pk)
    wait_for(lambda: [task.state for task in tasks_for(order)] == ["SUCCESS"], "the task to run")
    (sign,) = cluster_store.signs()[0]
    assert (sign.hostname, list(cluster_store.connected([sign]))) == (worker.hostname, [sign.key])
    assert redis_cluster.keys_without_ttl() == []
    worker.stop()
    assert cluster_store.signs()[0][0].is_leaving


# -- what a server answers --------------------------------------------------------------------------------------------


def test_a_slot_without_a_server_has_no_owner():
    slots = slots_of([[0, 100, [b"", 7000, b"id"]], [200, 16383, [b"two", 7001, b"id"]]], "one")
    assert slots.owners == (("one", 7000), ("two", 7001))
    assert not slots.are_complete
    assert Slots().owner(b"a") is None
    by_slot = {slots.owner(b"{%d}" % number) for number in range(1000)}
    assert by_slot == {("one", 7000), ("two", 7001), None}


@pytest.mark.parametrize("reply", [None, b"OK", [[1]], [[0, 1, b"x"]], [1, 2], [[0, 1, [b"one"]]]])
def test_an_answer_that_is_none_of_a_cluster_is_an_error(reply):
    with pytest.raises(ValueError, match="no answer of a cluster"):
        slots_of(reply, "one")


# -- servers of another kind ------------------------------------------------------------------------------------------


def findings():
    return {finding.name: (finding.level, finding.message, finding.hint) for finding in store_diagnosis.check()}


def test_doctor_says_what_to_write_when_the_url_is_a_clusters_and_the_server_is_not(make_store, redis_server):
    with pytest.raises(StoreUnavailable):
        make_store(f"redis+cluster://127.0.0.1:{redis_server.port}").ping()
    level, message, hint = findings()["store"]
    assert (level, message) == ("error", "The tracking store is one server, and no Redis Cluster.")
    assert "redis://host:port/0" in hint


@pytest.mark.parametrize("database", [0, 3])
def test_doctor_says_what_to_write_when_the_server_is_a_clusters_and_the_url_is_not(
    make_store, redis_cluster, database
):
    with pytest.raises(StoreUnavailable):
        make_store(f"redis://127.0.0.1:{redis_cluster.nodes[0].port}/{database}").write(FACTS)
    level, message, hint = findings()["store"]
    assert (level, message) == ("error", "The tracking store is a server of a Redis Cluster.")
    assert "redis+cluster://host:port,host:port" in hint


def test_doctor_says_that_all_of_a_cluster_is_there(make_store, redis_cluster):
    make_store()
    found = findings()
    assert {name: level for name, (level, _message, _hint) in found.items()} == dict.fromkeys(found, "ok")


def test_doctor_says_that_a_part_of_a_cluster_is_away(make_store, redis_cluster, hung):
    make_store(timeout=0.2)
    level, message, _hint = findings()["store"]
    assert (level, message) == ("error", "1 of 3 masters of the cluster does not answer.")


def test_a_cluster_that_lacks_slots_is_named(make_store):
    cluster = make_store().cluster
    cluster.masters()
    slots = cluster.nodes.slots
    cluster.nodes.slots = Slots(slots.firsts[1:], slots.lasts[1:], slots.owners[1:])
    (finding,) = diagnosis.check(cluster)
    assert finding.message == "Some slots of the cluster have no server."
