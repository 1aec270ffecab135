"""One look for all processes of a site: who asks, who waits and who reads, and what happens when anything is amiss.

Another process is one that has nothing in its memory, here; and where two run at once, a real one.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis

from celery_ops.backends.control import ControlWorkerBackend, revoke
from celery_ops.backends.live import LiveTaskBackend
from celery_ops.backends.remote import known_workers as known_module
from celery_ops.backends.remote import packing, registered, sharing
from celery_ops.backends.remote import snapshot as snapshot_module
from celery_ops.backends.remote.gather import CLOSING
from celery_ops.backends.remote.glance import Glance, glancing
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.backends.remote.snapshot import expire, last_words, snapshot, standing
from celery_ops.connections import CONNECT_TIMEOUT
from celery_ops.exceptions import BackendUnavailable, BrokerUnavailable
from celery_ops.info import NO_REPLY, ONLINE
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.signs import Sign
from celery_ops.tracking.stamp import now_ms
from tests.backends.conftest import LONG, bind, forget, unbind
from tests.backends.fakes import IDLE, FakeWorkers, speaking
from tests.conftest import broker
from tests.servers import free_port, wait_for

SECRET = "hunter2hunter2"
REQUEST = {"id": "an-id", "type": "shop.nap", "args": [7], "kwargs": {"password": SECRET}, "delivery_info": {}}
BUSY = {**IDLE, "active": [REQUEST]}


@pytest.fixture
def prefix():
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def store(fakes, settings, redis_server, prefix):
    """One worker that answers everything, and a store that all processes of the site have."""
    settings.CELERY_OPS = {"STORE_URL": f"{redis_server.url}/1", "STORE_PREFIX": prefix, "CONTROL_TIMEOUT": 0.5}
    bind("fake@test")
    fakes.answer = speaking({"fake@test": BUSY})
    notes = Notes(redis_server, prefix)
    yield notes
    notes.client.close()
    recorder().store.close()


class Notes:
    """What lies in the store."""

    def __init__(self, server, prefix):
        self.client = redis.Redis(port=server.port, db=1, protocol=2)
        self.prefix = prefix

    def key(self, name):
        return f"{self.prefix}:{{~note}}:{sharing.Board()._key(name)}"

    def all(self):
        return self.client.keys(f"{self.prefix}:*note*")

    def text(self, name):
        return zlib.decompress(self.client.get(self.key(name))[packing.TOKEN :]).decode()

    def pass_two_seconds(self):
        """A look is new no more."""
        self.client.delete(self.key("stamp"))
        snapshot_module._copy().tried_at = float("-inf")


@contextlib.contextmanager
def another_process():
    """Nothing that this process has seen is known inside."""
    copies, workers = dict(snapshot_module._copies), dict(known_module._known)
    snapshot_module._copies.clear()
    known_module._known.clear()
    registered._shared.forget()
    try:
        yield
    finally:
        for kept, mine in ((snapshot_module._copies, copies), (known_module._known, workers)):
            kept.clear()
            kept.update(mine)


def broadcasts(fakes):
    return fakes.methods().count("stats")


def states():
    return {worker.hostname: worker.state for worker in ControlWorkerBackend().workers().workers}


def timed(call):
    begin = time.monotonic()
    result = call()
    return result, time.monotonic() - begin


# -- one asks, all know


def test_another_process_reads_what_one_has_found(store, fakes):
    mine = snapshot()
    with another_process():
        theirs = snapshot()
        assert states() == {"fake@test": ONLINE}
    assert broadcasts(fakes) == 1
    assert theirs.answers.asked == mine.answers.asked
    assert abs(theirs.collected_at - mine.collected_at) < timedelta(seconds=1)


def test_so_does_a_process_that_has_looked_before(store, fakes):
    snapshot()
    store.pass_two_seconds()
    with another_process():
        newer = snapshot()
    assert (snapshot().collected_at - newer.collected_at).total_seconds() < 0.5
    assert broadcasts(fakes) == 2


def test_two_seconds_later_one_asks_again(store, fakes):
    snapshot()
    assert 0 < store.client.pttl(store.key("stamp")) <= 1000 * sharing.FRESH
    store.pass_two_seconds()
    with another_process():
        snapshot()
    assert broadcasts(fakes) == 2


def test_many_processes_that_look_at_once_ask_once(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": LONG}
    start = threading.Barrier(8)

    def look(_):
        copy = snapshot_module._Copy()
        start.wait(30)
        return copy.look().answers.replies.keys()

    with ThreadPoolExecutor(8) as processes:
        assert list(processes.map(look, range(8))) == [{"fake@test"}] * 8
    assert broadcasts(fakes) == 1


LOOK = """
import json, sys
from django.conf import settings
settings.configure(CELERY_OPS=json.loads(sys.argv[1]))
import django; django.setup()
from celery_ops.backends.remote import sharing, snapshot as module
from celery_ops.backends.remote.snapshot import snapshot
sharing.FRESH = module.FRESH = 60
print("ready", flush=True); input()
print(sorted(snapshot().answers.replies), flush=True)
"""


def test_two_real_processes_that_look_at_once_ask_once(store, fakes, settings, empty_url, monkeypatch):
    for module in (sharing, snapshot_module):  # however long a busy machine takes
        monkeypatch.setattr(module, "FRESH", 60)
    site = json.dumps({**settings.CELERY_OPS, "STORE_TIMEOUT": 5, "APP": "tests.backends.plain.app"})
    environment = {**os.environ, "TEST_BROKER_URL": empty_url}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", LOOK, site], env=environment, text=True, **pipes) as other:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("\n")
        other.stdin.flush()
        assert snapshot().answers.replies.keys() == {"fake@test"}
        assert other.communicate(timeout=60)[0] == "['fake@test']\n"
    assert broadcasts(fakes) == 1


def test_another_broker_has_a_look_of_its_own(store, redis_server):
    snapshot()
    with broker(f"{redis_server.url}/6"):
        assert snapshot().answers.replies == {}


def test_nothing_of_a_look_stays_for_ever(store):
    snapshot()
    expire()
    assert len(store.all()) == 4
    assert all(store.client.ttl(key) > 0 for key in store.all())


def test_a_look_costs_one_question_to_the_store_while_it_is_new(store, monkeypatch):
    snapshot()
    asked, ask = [], recorder().ask
    monkeypatch.setattr(recorder(), "ask", lambda question: asked.append(1) or ask(question))
    snapshot()
    assert len(asked) == 1


# -- a page is shown what there is


@pytest.fixture
def held(fakes, settings):
    """The workers answer from the second look on when they are let."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 30}
    let, speak = threading.Event(), fakes.answer
    fakes.answer = lambda question: (broadcasts(fakes) < 2 or let.wait(30)) and speak(question)
    yield let
    let.set()
    wait_for(lambda: not [thread for thread in threading.enumerate() if "looks" in thread.name], "the look to end")


def glimpse():
    glance = Glance()
    with glancing(glance):
        return snapshot(), glance.is_old


def test_at_a_glance_the_last_look_is_shown_while_the_workers_are_asked(store, fakes, held):
    first = snapshot()
    store.pass_two_seconds()
    assert glimpse() == (first, True)
    assert glimpse() == (first, True)
    held.set()
    assert snapshot().collected_at > first.collected_at
    assert broadcasts(fakes) == 2
    assert not glimpse()[1]


def test_so_it_is_in_a_process_that_has_not_looked_yet(store, held):
    first = snapshot()
    store.pass_two_seconds()
    with another_process():
        shown, is_old = glimpse()
        held.set()
        snapshot()
    assert (shown.answers.asked, is_old) == (first.answers.asked, True)


def test_workers_that_answer_in_time_are_waited_for(store, fakes, monkeypatch):
    monkeypatch.setattr(snapshot_module, "PATIENCE", 30)
    first = snapshot()
    store.pass_two_seconds()
    shown, is_old = glimpse()
    assert (broadcasts(fakes), is_old) == (2, False)
    assert shown.collected_at > first.collected_at


@pytest.mark.parametrize("why", ["something was changed", "changed elsewhere", "it is too old", "no other knows"])
def test_what_may_not_be_so_any_more_is_not_shown(why, store, fakes, settings, monkeypatch):
    monkeypatch.setattr(snapshot_module, "PATIENCE", 0)
    if why == "no other knows":
        settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore", "CONTROL_TIMEOUT": 0.5}
    first = snapshot()
    store.pass_two_seconds()
    if why == "something was changed":
        expire()
    if why == "changed elsewhere":
        with another_process():
            expire()
    if why == "it is too old":
        monkeypatch.setattr(snapshot_module, "OLDEST", timedelta(0))
    shown, is_old = glimpse()
    assert not is_old
    assert shown.collected_at > first.collected_at


def test_at_a_glance_a_broker_that_is_away_is_said_to_be(store, monkeypatch):
    snapshot()
    store.pass_two_seconds()
    away = BrokerUnavailable("it is away")
    monkeypatch.setattr(snapshot_module.gather, "ask", lambda *args, **kwargs: (_ for _ in ()).throw(away))
    assert snapshot().trouble
    store.pass_two_seconds()
    shown, _is_old = glimpse()
    assert shown.trouble


# -- a new process knows the workers


def test_a_new_process_waits_for_nobody_who_did_not_answer_others(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 1.0}
    recorder().store.sign(Sign("frozen@test", 1, now_ms()))
    assert timed(states)[1] >= 1.0
    store.pass_two_seconds()
    with another_process():
        seen, seconds = timed(states)
    assert seen == {"fake@test": ONLINE, "frozen@test": NO_REPLY}
    assert seconds < 1.0


@pytest.mark.rabbitmq
def test_a_new_process_knows_workers_that_no_one_names(settings, redis_server, prefix, rabbitmq_url):
    """RabbitMQ does not say who is there, and workers without celery_ops do not, either."""
    settings.CELERY_OPS = {"STORE_URL": f"{redis_server.url}/1", "STORE_PREFIX": prefix, "CONTROL_TIMEOUT": 1.0}
    with broker(rabbitmq_url), FakeWorkers(rabbitmq_url) as fakes:
        forget()
        fakes.answer = speaking({"fake@test": BUSY})
        assert timed(states)[1] >= 1.0
        notes = Notes(redis_server, prefix)
        notes.pass_two_seconds()
        notes.client.close()
        with another_process():
            seen, seconds = timed(states)
        fakes.answer = speaking({"fake@test": {"revoke": {"ok": "noted"}}})
        with another_process():
            replies, waited = timed(lambda: revoke("an-id"))
    assert (seen, replies.asked, replies.silent) == ({"fake@test": ONLINE}, ("fake@test",), ())
    assert max(seconds, waited) < 1.0


@pytest.fixture
def crowd(empty_url, fakes):
    """280 that answer at once."""
    command = [sys.executable, "-m", "tests.benchmarks.crowd", empty_url, "280"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "listening\n"
        fakes.answer = lambda question: None
        yield
        process.kill()


def test_of_three_hundred_workers_twenty_are_frozen_and_are_waited_for_once(store, crowd, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 1.5}
    unbind("fake@test")
    for number in range(20):
        recorder().store.sign(Sign(f"frozen{number}@test", 1, now_ms()))
    first = states()
    store.pass_two_seconds()
    with another_process():
        again, seconds = timed(states)
    assert [sorted(seen.values()) for seen in (first, again)] == [[NO_REPLY] * 20 + [ONLINE] * 280] * 2
    assert seconds < 1.5


def test_what_is_known_of_one_worker_needs_no_look(store):
    snapshot()
    with another_process():
        assert last_words("fake@test")["stats"]["pid"] == 4242
        assert standing("fake@test").state == NO_REPLY
        assert standing("nobody@test") is None


def test_a_new_process_shows_the_last_look_while_the_broker_is_away(store, own_redis, settings):
    with broker(own_redis.url):
        with FakeWorkers(own_redis.url) as fakes:
            fakes.answer = speaking({"fake@test": BUSY})
            snapshot()
        store.pass_two_seconds()
        own_redis.kill()
        with another_process():
            seen = snapshot()
    assert (list(seen.answers.replies), bool(seen.trouble)) == (["fake@test"], True)


def test_a_process_that_cannot_reach_the_broker_shows_what_another_one_finds(store, monkeypatch):
    snapshot()
    with another_process():
        monkeypatch.setattr(snapshot_module.presence, "look", lambda *within: pytest.fail("asked"))
        copy = snapshot_module._copy()
        copy.tried_at, copy._failed = time.monotonic(), True
        assert (list(snapshot().answers.replies), snapshot().trouble) == (["fake@test"], "")


# -- what is told


def test_no_argument_lies_in_the_store_that_no_page_shows(store):
    snapshot()
    assert SECRET not in store.text("workers") + store.text("tasks")
    assert "[redacted]" in store.text("tasks")


def test_running_tasks_are_listed_alike_by_every_process(store):
    (mine,) = LiveTaskBackend().tasks()
    with another_process():
        (theirs,) = LiveTaskBackend().tasks()
    assert (theirs.id, theirs.name, theirs.worker) == (mine.id, mine.name, mine.worker)
    assert theirs.kwargs == {"password": "[redacted]"}


def test_where_arguments_are_not_kept_each_process_asks_for_the_tasks_itself(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none"}
    snapshot()
    with another_process():
        assert ControlWorkerBackend().workers().workers[0].active == 1
        assert broadcasts(fakes) == 1
        (task,) = LiveTaskBackend().tasks()
    assert (task.kwargs, broadcasts(fakes)) == ({"password": SECRET}, 2)


# -- the tasks that workers have


def test_the_tasks_that_workers_have_are_asked_for_once(store, fakes):
    fakes.answer = speaking({"fake@test": {"registered": ["shop.nap", "shop.limited [rate_limit=10/m]"]}})
    mine = registered.registered_tasks()
    with another_process():
        theirs = registered.registered_tasks()
    assert mine == theirs
    assert mine["shop.limited"]["fake@test"].rate_limit == "10/m"
    assert fakes.methods() == ["registered"]


def test_another_process_asks_for_them_when_ten_seconds_are_over(store, fakes, monkeypatch):
    registered.registered_tasks()
    store.client.pexpire(store.key("registered"), 700)
    with another_process():
        registered.registered_tasks()
        wait_for(lambda: not store.client.exists(store.key("registered")), "ten seconds to be over")
        registered.registered_tasks()
    assert fakes.methods() == ["registered"] * 2


@pytest.mark.parametrize("value", [b"", b"rubbish", b"0" * 16 + zlib.compress(b"[]")])
def test_a_damaged_list_of_them_has_a_process_ask_itself(store, fakes, value):
    registered.registered_tasks()
    store.client.set(store.key("registered"), value, px=5_000)
    with another_process():
        registered.registered_tasks()
    assert fakes.methods() == ["registered"] * 2


# -- after a change


def test_after_a_change_every_process_asks_anew(store, fakes):
    snapshot()
    with another_process():
        snapshot()
        expire()
    snapshot()
    assert broadcasts(fakes) == 2


def test_who_acted_sees_no_look_that_began_before(store, fakes):
    answer = fakes.answer

    def act_meanwhile(question):
        if question.method == "stats" and broadcasts(fakes) == 1:
            with another_process():
                expire()
        return answer(question)

    fakes.answer = act_meanwhile
    snapshot()
    with another_process():
        snapshot()
    assert broadcasts(fakes) == 2


def test_a_change_of_a_minute_ago_makes_nobody_ask_again(store, fakes):
    snapshot()
    expire()
    snapshot()
    store.client.delete(store.key("change"))
    snapshot()
    with another_process():
        snapshot()
    assert broadcasts(fakes) == 2


def test_a_change_that_the_store_does_not_take_still_has_this_process_ask(store, fakes, monkeypatch):
    snapshot()
    monkeypatch.setattr(recorder().store, "write_notes", lambda notes: False)
    expire()
    snapshot()
    assert broadcasts(fakes) == 2


# -- whoever asks is slow, or is killed


def test_one_that_waits_for_another_has_what_it_finds(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": LONG}
    release, answer = threading.Event(), fakes.answer
    fakes.answer = lambda question: release.wait(30) and answer(question)
    copies = [snapshot_module._Copy() for _ in range(2)]
    with ThreadPoolExecutor(2) as processes:
        looks = [processes.submit(copies[0].look)]
        wait_for(lambda: fakes.heard, "the question")
        looks.append(processes.submit(copies[1].look))
        release.set()
        found = [look.result(60).answers.replies.keys() for look in looks]
    assert found == [{"fake@test"}] * 2
    assert broadcasts(fakes) == 1


def test_when_the_one_that_asks_was_killed_the_next_waits_no_longer_than_a_round_and_asks_itself(store, fakes):
    store.client.set(store.key("asking"), b"1", px=60_000)
    seen, seconds = timed(states)
    assert seen == {"fake@test": ONLINE}
    assert 0.5 <= seconds < 1 + 0.5 + 0.25 + 1


def test_when_it_gives_up_the_next_asks_at_once(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": LONG}
    store.client.set(store.key("asking"), b"1", px=100)
    assert timed(states)[1] < LONG


def test_a_process_that_cannot_ask_lets_another_one(store, settings):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        with pytest.raises(BackendUnavailable):
            snapshot()
        assert store.client.exists(store.key("asking")) == 0


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_frozen_broker_that_another_one_asks_already_takes_no_longer_than_any(store, silent_port, scheme, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.2}
    with broker(f"{scheme}://127.0.0.1:{silent_port}/0"):
        store.client.set(store.key("asking"), b"1", px=60_000)
        begin = time.monotonic()
        with pytest.raises(BackendUnavailable):
            snapshot()
    assert time.monotonic() - begin < CONNECT_TIMEOUT + 0.2 + CLOSING + 0.5


# -- what is in the store is none of ours, or the store is not there


@pytest.mark.parametrize(
    "value", [b"", b"rubbish", b"\x00" * 300_000, b"0123456789abcdef" + zlib.compress(b"[]")], ids=len
)
@pytest.mark.parametrize("name", ["workers", "tasks", "stamp", "change"])
def test_damaged_notes_have_a_process_ask_itself(store, fakes, name, value):
    snapshot()
    store.client.set(store.key(name), value, px=1900)
    with another_process():
        assert states() == {"fake@test": ONLINE}
        assert [task.id for task in LiveTaskBackend().tasks()] == ["an-id"]
    assert broadcasts(fakes) <= 3


@pytest.mark.parametrize("name", ["workers", "tasks", "stamp", "change", "asking"])
def test_a_key_of_ours_that_holds_something_else_costs_a_look_of_ones_own(store, fakes, name):
    store.client.sadd(store.key(name), "x")
    store.client.expire(store.key(name), 60)
    assert states() == {"fake@test": ONLINE}


def test_a_stamp_that_would_last_makes_no_look_new(store, fakes):
    snapshot()
    stamp = store.client.get(store.key("stamp"))
    for keep in ({"px": 3_600_000}, {}):
        store.client.set(store.key("stamp"), stamp, **keep)
        with another_process():
            snapshot()
            store.client.set(store.key("stamp"), stamp, **keep)
    assert broadcasts(fakes) == 3


def test_a_look_of_another_version_is_not_read(store, fakes, monkeypatch):
    snapshot()
    monkeypatch.setattr(packing, "VERSION", packing.VERSION + 1)
    with another_process():
        snapshot()
    assert broadcasts(fakes) == 2


@pytest.mark.parametrize("hours", [-7, 7])
def test_hosts_whose_clocks_differ_show_a_look_with_its_age(store, fakes, hours):
    collected = snapshot().collected_at
    there = collected.timestamp() + 3600 * hours
    text = store.text("workers").replace(f'"collected_at":{collected.timestamp()}', f'"collected_at":{there}')
    assert text != store.text("workers")
    token = store.client.get(store.key("workers"))[: packing.TOKEN]
    store.client.set(store.key("workers"), token + zlib.compress(text.encode()), keepttl=True)
    with another_process():
        assert abs(snapshot().collected_at - collected) < timedelta(seconds=2)
        assert abs(known_workers().listed["fake@test"] - collected) < timedelta(seconds=2)
    assert broadcasts(fakes) == 1


@pytest.fixture
def frozen_store(fakes, own_redis, settings, prefix):
    settings.CELERY_OPS = {"STORE_URL": f"{own_redis.url}/1", "STORE_PREFIX": prefix, "CONTROL_TIMEOUT": 0.5}
    bind("fake@test")
    fakes.answer = speaking({"fake@test": BUSY})
    snapshot()
    own_redis.freeze()


def test_a_frozen_store_costs_its_timeout_once_and_the_workers_are_asked(frozen_store, fakes):
    with another_process():
        _, seconds = timed(snapshot)
        expire()
        snapshot()
    assert broadcasts(fakes) == 3
    assert seconds < 0.1 + 1


def test_a_store_that_takes_nothing_shares_nothing(store, fakes, own_redis, settings):
    own_redis.tell("CONFIG", "SET", "min-replicas-to-write", 1)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_URL": f"{own_redis.url}/1"}
    snapshot()
    with another_process():
        assert states() == {"fake@test": ONLINE}
    assert broadcasts(fakes) == 2
    assert recorder().ask(lambda store: store.ping()) is None


class OwnStore(MemoryStore):
    """A site's own, of before there were notes."""


def test_a_store_of_a_sites_own_that_keeps_no_notes_is_asked_for_none(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE": f"{__name__}.OwnStore"}
    snapshot()
    expire()
    with another_process():
        assert states() == {"fake@test": ONLINE}
    assert broadcasts(fakes) == 2


# -- tenants


def test_tenants_share_the_workers_and_the_look(store, fakes, settings):
    tenant = iter(["one", "two"] * 100)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: next(tenant)}
    snapshot()
    with another_process():
        snapshot()
    assert broadcasts(fakes) == 1


def test_a_prefix_that_nobody_can_tell_costs_a_look_of_ones_own(store, fakes, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: 1 / 0}
    assert states() == {"fake@test": ONLINE}


# -- Django's cache


@pytest.fixture
def cache(store, settings, own_redis, monkeypatch):
    """No store, and a cache that all processes of the site have, which a busy machine may make late."""
    monkeypatch.setattr(sharing, "CACHE_TIMEOUT", 10)
    settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore", "CONTROL_TIMEOUT": 0.5}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": own_redis.url}}
    sharing.forget()
    yield own_redis
    sharing.forget()


def test_without_a_store_the_look_is_shared_in_the_cache(cache, fakes):
    mine = snapshot()
    with another_process():
        theirs = snapshot()
        assert states() == {"fake@test": ONLINE}
    assert broadcasts(fakes) == 1
    assert abs(theirs.collected_at - mine.collected_at) < timedelta(seconds=0.1)


def test_in_the_cache_a_look_is_new_for_two_seconds_and_nothing_stays(cache):
    snapshot()
    expire()
    ttls = {key: cache.tell("TTL", key) for key in cache.tell("KEYS", "*")}
    assert len(ttls) == 4
    assert all(0 < ttl <= 86_400 for ttl in ttls.values())
    assert [0 < ttl <= 2 for key, ttl in ttls.items() if key.endswith(b"stamp")] == [True]


def test_through_the_cache_a_change_has_every_process_ask_anew(cache, fakes):
    snapshot()
    with another_process():
        expire()
    snapshot()
    assert broadcasts(fakes) == 2


def test_through_the_cache_one_asks_and_the_other_waits(cache, fakes):
    start = threading.Barrier(2)

    def look(_):
        copy = snapshot_module._Copy()
        start.wait(30)
        return copy.look()

    with ThreadPoolExecutor(2) as processes:
        list(processes.map(look, range(2)))
    assert broadcasts(fakes) == 1


def test_a_cache_that_is_frozen_is_given_up_in_time_and_left_alone(cache, fakes, monkeypatch):
    monkeypatch.setattr(sharing, "CACHE_TIMEOUT", 0.25)
    cache.freeze()
    _, first = timed(snapshot)
    snapshot_module._copy().tried_at = float("-inf")
    _, second = timed(snapshot)
    cache.thaw()
    assert broadcasts(fakes) == 2
    assert first < sharing.CACHE_TIMEOUT + 1
    assert second < sharing.CACHE_TIMEOUT + 0.5


@pytest.mark.parametrize(
    "backend",
    ["locmem.LocMemCache", "dummy.DummyCache", "db.DatabaseCache", "nothing.AtAll"],
)
def test_a_cache_that_is_not_shared_is_not_used(cache, fakes, settings, backend):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": "rows"}}
    snapshot()
    with another_process():
        snapshot()
    assert broadcasts(fakes) == 2
