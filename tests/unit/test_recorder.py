"""Between the host and the store: one stall an outage, nothing lost uncounted, everything written at last."""

import contextlib
import os
import subprocess
import sys
import threading
from urllib.parse import quote

import pytest
import redis
from billiard.exceptions import SoftTimeLimitExceeded
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import counters
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.recorder import Recorder, recorder
from celery_ops.tracking.recording import breaker
from celery_ops.tracking.recording.breaker import COOL_DOWN
from celery_ops.tracking.recording.events import merged
from celery_ops.tracking.recording.spill import SPILL
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.store import IfAbsent
from tests.conftest import silence
from tests.servers import PATIENCE, RedisServer, Site, free_port

REF = ObjectRef("shop.order", "1")


def event(name, value="1"):
    return [(REF, {str(name): value})]


class Away(MemoryStore):
    """Away until ``error`` is None; tells what it was asked and given."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error or StoreUnavailable("gone")
        self.asked = 0
        self.given = []
        self.back = threading.Event()

    def _ask(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.back.set()

    def write(self, batch):
        self._ask()
        self.given += [name for _, fields in batch for name in fields]
        return super().write(batch)

    def ping(self):
        self._ask()


@pytest.fixture
def timers(monkeypatch):
    """The timers that were asked for: ``(delay, function)``. None runs but by the test's hand."""
    asked = []

    class Timer(threading.Timer):
        def start(self):
            asked.append((self.interval, self.function))

    monkeypatch.setattr(threading, "Timer", Timer)
    return asked


@pytest.fixture
def store():
    return Away()


@pytest.fixture
def away(store, timers):
    """A recorder whose store has just gone away, with the event ``first`` kept."""
    recorder = Recorder(store)
    recorder.record(event("first"))
    return recorder


# -- the breaker ------------------------------------------------------------------------------------------------------


def test_an_event_is_written_at_once_while_the_store_is_well():
    store = MemoryStore()
    Recorder(store).record(event("a"))
    assert store.read([REF]) == [{"a": "1"}]


def test_nothing_to_say_is_no_question(store):
    Recorder(store).record([])
    assert store.asked == 0


class Untold(Exception):
    """What nothing else raises in this process."""


def test_events_that_cannot_be_told_are_counted_each_and_said_once(store, caplog):
    def tell():
        raise Untold

    recorder = Recorder(store)
    for _number in range(3):
        recorder.record(tell)
        recorder.flush()
    assert counters.counts()["errors"] == 3
    assert sum("could not be told" in record.getMessage() for record in caplog.records) == 1


def test_during_an_outage_the_host_asks_the_store_once(away, store):
    for _ in range(100):
        away.record(event("more"))
    assert store.asked == 1


def test_a_reader_is_told_of_an_outage_without_a_question(away, store):
    with pytest.raises(StoreUnavailable):
        away.ask(lambda store: store.read([REF]))
    assert store.asked == 1


def test_a_readers_failure_opens_the_breaker_as_well(store, timers):
    recorder = Recorder(store)
    with pytest.raises(StoreUnavailable):
        recorder.ask(lambda store: store.ping())
    recorder.record(event("a"))
    assert store.asked == 1


def test_the_cool_down_doubles_from_one_second_to_thirty(away, timers):
    for _ in range(7):
        timers[-1][1]()
    assert [delay for delay, _ in timers] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_next_outage_begins_with_a_short_cool_down_again(away, store, timers):
    timers[-1][1]()
    store.error = None
    timers[-1][1]()
    store.error = StoreUnavailable("again")
    away.record(event("a"))
    assert timers[-1][0] == COOL_DOWN


def test_threads_that_meet_the_same_silence_open_the_breaker_once(store, timers):
    recorder, together = Recorder(store), threading.Barrier(8)

    def ask(store):
        together.wait(10)
        store.ping()

    def run():
        with pytest.raises(StoreUnavailable):
            recorder.ask(ask)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [delay for delay, _ in timers] == [1]


def test_one_try_at_a_time_asks_a_store_that_does_not_answer(away, store):
    asking, answer = threading.Event(), threading.Event()

    def hang():
        store.asked += 1
        asking.set()
        answer.wait(10)
        raise StoreUnavailable("still gone")

    store.ping = hang
    thread = threading.Thread(target=away.try_again)
    thread.start()
    asking.wait(10)
    away.try_again()
    away.record(event("meanwhile"))
    answer.set()
    thread.join(10)
    assert store.asked == 2


def test_the_host_tries_itself_when_no_timer_ever_runs(away, store, monkeypatch):
    monkeypatch.setattr(breaker, "TIMER_LATE", -60)
    store.error = None
    away.record(event("second"))
    assert store.given == ["first", "second"]


@pytest.mark.parametrize("error", [OSError("x"), RuntimeError("x"), KeyError("x"), MemoryError()], ids=repr)
def test_whatever_else_the_store_raises_is_an_outage_too(timers, error):
    recorder = Recorder(Away(error))
    recorder.record(event("a"))
    assert recorder.kept == 1


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_what_is_meant_for_the_host_passes_through(timers, error):
    with pytest.raises(type(error)):
        Recorder(Away(error)).record(event("a"))


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), SystemExit(1)], ids=repr)
def test_an_event_outlives_what_is_meant_for_the_host(timers, error):
    class Interrupted(MemoryStore):
        def write(self, batch):
            self.write = super().write
            raise error

    store = Interrupted()
    recorder = Recorder(store)
    with pytest.raises(type(error)):
        recorder.record(event("a"))
    recorder.end()
    assert store.read([REF]) == [{"a": "1"}]


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_what_was_kept_is_written_in_its_order_when_the_store_is_back(away, store, timers):
    for number in range(250):
        away.record(event(number))
    store.error = None
    timers[-1][1]()
    assert store.given == ["first", *map(str, range(250))]


def test_a_try_that_fails_keeps_the_order(away, store, timers):
    for number in range(250):
        away.record(event(number))
    timers[-1][1]()
    store.error = None
    timers[-1][1]()
    assert store.given == ["first", *map(str, range(250))]


def test_of_two_values_of_one_fact_the_later_is_written(away, store, timers):
    for value in ("old", "new"):
        away.record(event("fact", value))
    store.error = None
    timers[-1][1]()
    assert store.read([REF])[0]["fact"] == "new"


def test_no_more_than_the_spill_is_kept(away):
    for number in range(SPILL + 10):
        away.record(event(number))
    assert away.kept == SPILL


def test_what_is_lost_is_counted_exactly(away):
    for number in range(SPILL + 10):
        away.record(event(number))
    assert counters.counts()["lost"] == 11


def test_the_oldest_events_are_lost_first(away, store, timers):
    for number in range(SPILL + 10):
        away.record(event(number))
    store.error = None
    timers[-1][1]()
    assert store.given == [str(number) for number in range(10, SPILL + 10)]


def test_every_event_is_counted_once_as_kept_and_once_as_written(away, store, timers):
    for number in range(250):
        away.record(event(number))
    timers[-1][1]()
    store.error = None
    timers[-1][1]()
    counts = counters.counts()
    assert (counts["kept"], counts["written"], counts["lost"], counts["outages"]) == (251, 251, 0, 1)


def test_objects_that_the_store_refuses_are_counted():
    class Refusing(MemoryStore):
        def write(self, batch):
            return len(batch)

    Recorder(Refusing()).record([*event("a"), (ObjectRef("shop.order", "2"), {"a": "1"})])
    assert counters.counts()["refused"] == 2


def test_an_event_that_the_store_cannot_even_say_holds_up_no_other(timers):
    class Speechless(Away):
        def write(self, batch):
            names = [name for _ref, fields in batch for name in fields]
            if "unspeakable" in names:
                raise TypeError("not a text")
            return super().write(batch)

    store = Speechless()
    recorder = Recorder(store)
    for name in ("before", "unspeakable", "after"):
        recorder.record(event(name))
    store.error = None
    recorder.try_again()
    assert (store.given, recorder.kept) == (["before", "after"], 0)
    assert counters.counts()["refused"] == 1
    recorder.record(event("later"))
    assert store.given == ["before", "after", "later"]


def test_a_timer_writes_what_was_kept_without_the_hosts_help(store, monkeypatch):
    monkeypatch.setattr(breaker, "COOL_DOWN", 0.01)
    recorder = Recorder(store)
    recorder.record(event("first"))
    store.error = None
    assert store.back.wait(10)


def test_a_change_of_settings_writes_what_was_kept(memory_store, settings, timers):
    before = recorder()
    before.store = Away()
    recorder().record(event("first"))
    before.store.error = None
    settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore", "STORE_PREFIX": "other"}
    recorder()
    assert before.store.given == ["first"]


def test_a_change_of_other_settings_keeps_the_recorder(memory_store, settings):
    before = recorder()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "PAGE_SIZE": 5}
    assert recorder() is before


def test_several_events_become_one_write():
    other = ObjectRef("shop.order", "2")
    assert merged([event("a", "1"), [(other, {"c": "3"})], event("a", "2")]) == [(REF, {"a": "2"}), (other, {"c": "3"})]


def test_merging_changes_no_event():
    first = event("a")
    merged([first, event("b")])
    assert first == event("a")


_values = st.sampled_from("123") | st.sampled_from("123").map(IfAbsent)


@given(st.lists(st.dictionaries(st.sampled_from("ab"), _values, min_size=1), min_size=1, max_size=4), st.booleans())
def test_events_that_are_written_as_one_come_to_what_they_come_to_one_by_one(events, has_some):
    batches = [[(REF, fields)] for fields in events]
    at_once, one_by_one = MemoryStore(), MemoryStore()
    for store in (at_once, one_by_one):
        store.write([(REF, {"a": "0"} if has_some else {})])
    at_once.write(merged(batches))
    for batch in batches:
        one_by_one.write(batch)
    assert at_once.read([REF]) == one_by_one.read([REF])


# -- what is said -----------------------------------------------------------------------------------------------------


def test_an_outage_is_one_log_line_and_its_end_another(store, timers, caplog):
    recorder = Recorder(store)
    for number in range(50):
        recorder.record(event(number))
    timers[-1][1]()
    store.error = None
    timers[-1][1]()
    recorder.record(event("after"))
    assert [record.getMessage().partition(".")[0].partition("(")[0] for record in caplog.records] == [
        "The tracking store is away ",
        "The tracking store is back",
    ]


def test_the_end_of_an_outage_tells_what_it_cost(away, store, timers, caplog):
    for number in range(SPILL):
        away.record(event(number))
    store.error = None
    timers[-1][1]()
    assert f"{SPILL + 1} events were kept, 1 lost" in caplog.text


# -- the process's end, and its children ------------------------------------------------------------------------------

PROCESS = """
import os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
recorder_module.EXIT_PATIENCE = 30  # what takes longer than its second on a busy machine is not lost here
ref = ObjectRef("shop.order", "1")
for number in range({events}):
    recorder().record([(ref, {{f"event-{{number}}": "1"}})])
recorder().flush()  # what the thread has taken is neither kept nor written
print("recorded", recorder().kept, flush=True)
sys.stdin.readline()
{then}
"""
FORK = """
if os.fork() == 0:
    recorder().record([(ref, {"child": "1"})])
    sys.exit()
os.wait()
"""


@pytest.fixture
def outlived():
    """Run a process that records during an outage and ends after it; return what was recorded and what is stored."""
    servers = []

    def run(events, then=""):
        port = free_port()
        site = Site("memory://", f"redis://127.0.0.1:{port}/0", results="disabled://", prefix="outlived")
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROCESS.format(events=events, then=then)],
            env={**os.environ, **site.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = process.stdout.readline().split()
        servers.append(RedisServer(port))
        process.communicate("\n", timeout=PATIENCE)
        with contextlib.closing(redis.Redis(port=port)) as client:
            return int(said[1]), client.hkeys("outlived:{shop.order:1}")

    yield run
    for server in servers:
        server.kill()


def test_a_process_that_ends_after_an_outage_writes_everything(outlived):
    kept, stored = outlived(events=150)
    assert (kept, len(stored)) == (150, 150)


def test_a_forked_child_writes_its_own_events_and_not_its_parents(outlived):
    _, stored = outlived(events=1, then=FORK)
    assert sorted(stored) == [b"child", b"event-0"]


ENDS = """
import multiprocessing, os, sys, threading
from concurrent.futures import ProcessPoolExecutor
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
processes = multiprocessing.get_context("fork")

def work(end=lambda: None):
    for number in range(20):
        recorder().record([(ObjectRef("shop.order", kind), {f"event-{number}": "1"})])
    return end()

def in_a_thread():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def in_a_child(run):
    process = processes.Process(target=run)
    process.start()
    process.join()

def in_a_pool():
    with ProcessPoolExecutor(1, mp_context=processes) as pool:
        pool.submit(work).result()

def as_a_daemon():
    work()
    os.fork()
    os._exit(0)

kinds = {
    "returns": work,
    "exits": lambda: work(lambda: sys.exit(3)),
    "raises": lambda: work(lambda: 1 / 0),
    "thread": in_a_thread,
    "multiprocessing": lambda: in_a_child(work),
    "multiprocessing raises": lambda: in_a_child(lambda: work(lambda: 1 / 0)),
    "pool": in_a_pool,
    "daemon": as_a_daemon,
}
work.__globals__["kind"] = "parent"
work()
for kind, run in kinds.items():
    if os.fork() == 0:
        run()
        sys.exit()
    os.wait()
print(*kinds, sep=",")
"""


def test_however_a_process_ends_its_events_are_written_once_each(redis_server):
    site = Site("memory://", f"{redis_server.url}/1", results="disabled://")
    environment = {**os.environ, **site.environment}
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENDS],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    kinds = [*said.stdout.splitlines()[-1].split(","), "parent"]
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        written = {kind: client.hlen(f"{site.prefix}:{{shop.order:{quote(kind)}}}") for kind in kinds}
    assert written == dict.fromkeys(kinds, 20)


def test_a_forked_child_begins_without_its_parents_outage(away):
    recorder_module._recorder = away
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"%d" % (recorder_module._recorder is None and counters.counts()["kept"] == 0))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"1"


def test_after_a_test_no_recorder_asks_a_store_though_settings_have_put_another_in_its_place(settings):
    settings.CELERY_OPS = {"STORE": Away}
    first = recorder()
    first.record(event("a"))
    settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore"}
    assert recorder() is not first
    silence()
    asked = first.store.asked
    first.try_again()  # as its timer does
    assert (first.store.asked, first.kept) == (asked, 0)
