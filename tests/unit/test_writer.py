"""Who has an event hands it over: a thread writes what there is, and nobody waits for the store."""

import os
import sys
import threading
import time
from types import SimpleNamespace
from unittest import mock

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import counters, initial_arguments, prefix
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.recorder import Recorder
from celery_ops.tracking.recording import writer as writer_module
from celery_ops.tracking.recording.recorder import YIELD_ABOVE
from celery_ops.tracking.recording.spill import SPILL
from celery_ops.tracking.recording.writer import Writer
from celery_ops.tracking.refs import ObjectRef
from tests.servers import PATIENCE, wait_for

REF = ObjectRef("shop.order", "1")
OTHER = ObjectRef("shop.order", "2")


def event(name, value="1", ref=REF):
    return [(ref, {str(name): value})]


class FarStore(MemoryStore):
    """A store that is asked by the thread; ``hung`` until told otherwise, and tells each write."""

    is_at_hand = False

    def __init__(self):
        super().__init__()
        self.writes = []
        self.threads = []
        self.asked = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()

    def write(self, batch):
        self.asked.set()
        if not self.goes_on.wait(PATIENCE):
            raise StoreUnavailable("hung")
        self.threads.append(threading.current_thread())
        self.writes.append([name for _, fields in batch for name in fields])
        return super().write(batch)


@pytest.fixture
def store():
    store = FarStore()
    yield store
    store.goes_on.set()


@pytest.fixture
def recorder(store):
    recorder = Recorder(store)
    yield recorder
    store.goes_on.set()
    recorder.pause()


@pytest.fixture
def slow(recorder, monkeypatch):
    """The thread takes its time: what happens meanwhile has to see to itself."""
    recorder._writer = Writer(recorder._handed, recorder.flush, PATIENCE, PATIENCE)
    monkeypatch.setattr(writer_module, "LATE", PATIENCE)


def test_an_event_is_written_soon_by_a_thread(recorder, store):
    recorder.record(event("a"))
    wait_for(lambda: store.read([REF]) == [{"a": "1"}], "the write")
    assert store.threads[0] is not threading.current_thread()


def test_the_thread_goes_on_with_the_next_event(recorder, store):
    for name in ("a", "b"):
        recorder.record(event(name))
        wait_for(lambda: name in store.read([REF])[0], "the write")  # noqa: B023 - called at once
    assert len(set(store.threads)) == 1


def test_nobody_waits_while_the_store_hangs(recorder, store):
    store.goes_on.clear()
    recorder.record(event("a"))
    store.asked.wait(PATIENCE)
    for number in range(100):
        recorder.record(event(number))
    assert (store.writes, recorder.kept) == ([], 100)


def test_what_happened_meanwhile_is_one_write(recorder, store):
    store.goes_on.clear()
    recorder.record(event("first"))
    store.asked.wait(PATIENCE)
    for number in range(50):
        recorder.record(event(number))
    store.goes_on.set()
    wait_for(lambda: len(store.writes) == 2, "the second write")
    assert store.writes == [["first"], [str(number) for number in range(50)]]


def test_a_tenants_events_are_a_write_of_their_own(recorder, store, slow):
    for name in ("acme", "beta", "acme"):
        recorder.record(event(f"of {name}"), name)
    recorder.flush()
    assert store.writes == [["of acme"], ["of beta"]]
    with prefix.using("beta"):
        assert store.read([REF]) == [{"of beta": "1"}]


def test_whose_an_event_is_is_asked_when_it_happens(recorder, store, slow, settings):
    tenant = ["acme"]
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: tenant[0]}
    recorder.record(event("a"))
    tenant[0] = "beta"
    recorder.flush()
    assert store.read([REF]) == [{}]


def test_a_reader_sees_what_happened_here_before(recorder, store, slow):
    recorder.record(event("a"))
    assert recorder.ask(lambda store: store.read([REF])) == [{"a": "1"}]


def test_a_reader_waits_for_a_write_under_way(recorder, store):
    store.goes_on.clear()
    recorder.record(event("a"))
    store.asked.wait(PATIENCE)
    threading.Timer(0.05, store.goes_on.set).start()
    assert recorder.ask(lambda store: store.read([REF])) == [{"a": "1"}]


def test_an_event_that_is_told_later_is_told_by_the_thread(recorder, store):
    told = []
    recorder.record(lambda: told.append(threading.current_thread()) or event("a"))
    wait_for(lambda: store.writes, "the write")
    assert told == store.threads


class Course:
    """Knows more with each event."""

    def __init__(self):
        self.known, self.told = {}, 0

    def tell(self):
        self.told += 1
        return [(REF, dict(self.known))]


def test_what_knows_more_with_each_event_is_told_once_a_write(recorder, store, slow):
    course = Course()
    for name in ("begun", "half", "done"):
        course.known[name] = "1"
        recorder.record(course.tell)
    recorder.flush()
    assert (course.told, counters.counts()["written"]) == (1, 3)
    assert store.read([REF]) == [{"begun": "1", "half": "1", "done": "1"}]
    course.known["after"] = "1"
    recorder.record(course.tell)
    recorder.flush()
    assert store.read([REF])[0]["after"] == "1"


def test_an_event_outlives_a_time_limit_that_strikes_while_it_is_told(recorder, store, slow):
    told = iter([SoftTimeLimitExceeded(), None])

    def tell():
        if error := next(told):
            raise error
        return event("a")

    recorder.record(tell)
    with pytest.raises(SoftTimeLimitExceeded):
        recorder.flush()
    assert recorder.ask(lambda store: store.read([REF])) == [{"a": "1"}]


def test_one_event_of_several_tenants_is_each_ones(recorder, store, slow):
    whole = event("a")
    for name in ("acme", "beta"):
        recorder.record(whole, name)
    recorder.flush()
    assert store.writes == [["a"], ["a"]]


def test_an_event_that_cannot_be_told_is_counted_and_takes_none_along(recorder, store, slow):
    recorder.record(lambda: 1 / 0)
    recorder.record(event("a"))
    recorder.flush()
    assert (store.read([REF]), counters.counts()["errors"]) == ([{"a": "1"}], 1)


def test_what_the_store_refuses_is_counted_event_by_event(recorder, store, slow, monkeypatch):
    monkeypatch.setattr(store, "write", lambda batch: sum(ref == REF for ref, _ in batch))
    for ref in (REF, OTHER, REF):
        recorder.record(event("a", ref=ref))
    recorder.flush()
    counts = counters.counts()
    assert (counts["refused"], counts["written"]) == (2, 3)


def test_while_the_store_hangs_no_more_is_held_than_an_outage_may_keep(recorder, store, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.recording.recorder.YIELD_SECONDS", 0)
    store.goes_on.clear()
    recorder.record(event("first"))
    store.asked.wait(PATIENCE)
    for number in range(SPILL + 10):
        recorder.record(event(number))
    assert (recorder.kept, counters.counts()["lost"]) == (SPILL, 10)
    assert YIELD_ABOVE < SPILL


def test_a_store_at_hand_is_written_where_it_happens(recorder, store, slow):
    store.is_at_hand = True
    recorder.record(event("a"))
    assert store.threads == [threading.current_thread()]


@pytest.mark.parametrize("pauses", [(PATIENCE, 0), (0, PATIENCE)], ids=["at first", "in a burst"])
def test_a_writer_makes_what_happens_wait_for_as_long_as_it_is_told_to(pauses):
    waiting, writes = [1, 2], []

    def write():
        writes.append(waiting.copy())
        return len(waiting)

    writer = Writer(waiting, write, *pauses)
    assert writer.wake()
    if not pauses[0]:
        wait_for(lambda: writes, "the first write")
    counted = len(writes)
    assert all(writer.wake() for _ in range(3))  # however long it pauses, it is counted on
    assert len(writes) == counted
    writer.stop(PATIENCE)
    assert not writer._thread


def test_a_thread_that_runs_too_late_asks_to_run_earlier_and_no_more_than_that():
    writer, asked = Writer([1], lambda: 1, PATIENCE, PATIENCE), []
    writer._pause_until = lambda begin: asked.append(begin) or True
    since = time.monotonic()
    writer._pause_for_a_burst(since)
    for _ in range(10 * writer_module.LATELY):
        writer._was_late(1.0)
    writer._pause_for_a_burst(since)
    for _ in range(10 * writer_module.LATELY):
        writer._was_late(0.0)
    writer._pause_for_a_burst(since)
    earlier = [0, writer_module.MOST_LATE, 0]
    assert [since + PATIENCE - begin for begin in asked] == pytest.approx(earlier, abs=1e-4)


def test_a_write_that_takes_long_begins_as_much_earlier_and_no_more_than_that():
    writer, asked = Writer([1], lambda: 1, PATIENCE, PATIENCE), []
    writer._pause_until = lambda begin: asked.append(begin) or True
    since = time.monotonic()
    for seconds in (1.0, 0.001):
        for _ in range(20 * writer_module.LATELY):
            writer._took(seconds)
        writer._pause_for_a_burst(since)
    earlier = [writer_module.MOST_TAKEN, 0.001]
    assert [since + PATIENCE - begin for begin in asked] == pytest.approx(earlier, abs=1e-4)


def test_who_finds_the_thread_overdue_lets_it_run_once_a_write(monkeypatch):
    slept = []
    writer = Writer([1], lambda: 1, PATIENCE, PATIENCE)
    monkeypatch.setattr(writer_module, "LET_RUN", 0)
    assert writer.wake()
    wait_for(lambda: writer._overdue != writer_module.NEVER, "the pause")
    writer._overdue = 0.0
    monkeypatch.setattr(time, "sleep", slept.append)
    assert all(writer.wake() for _ in range(3))
    monkeypatch.undo()
    assert slept == [0]
    writer.stop(PATIENCE)


# -- where no thread runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"master": b"true"}, {b"enable-threads": b"false"}], ids=repr)
def test_a_server_that_lets_no_thread_run_is_written_from_where_it_happens(recorder, store, options):
    with mock.patch.dict(sys.modules, uwsgi=SimpleNamespace(opt=options)):
        recorder.record(event("a"))
    assert store.threads == [threading.current_thread()]


@pytest.mark.parametrize("options", [{}, {"enable-threads": b"true"}, {"threads": b"4"}], ids=repr)
def test_a_server_that_lets_threads_run_has_one(recorder, store, slow, options):
    with mock.patch.dict(sys.modules, uwsgi=SimpleNamespace(opt=options)):
        recorder.record(event("a"))
    assert (store.threads, recorder.kept) == ([], 1)


def test_a_thread_that_does_not_get_to_run_is_not_waited_for(recorder, store, monkeypatch):
    monkeypatch.setattr(writer_module, "LATE", -1)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    monkeypatch.setattr(threading.Thread, "is_alive", lambda thread: True)
    for name in ("a", "b"):
        recorder.record(event(name))
    assert store.threads == [threading.current_thread()]
    assert store.writes == [["a", "b"]]


def test_a_thread_that_is_late_since_the_store_hangs_makes_nobody_wait(recorder, store, monkeypatch):
    monkeypatch.setattr(writer_module, "LATE", -1)
    store.goes_on.clear()
    recorder.record(event("a"))
    store.asked.wait(PATIENCE)
    recorder.record(event("b"))
    assert store.writes == []


def test_a_process_that_can_start_no_thread_any_more_writes_itself(recorder, store, monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", mock.Mock(side_effect=RuntimeError("at interpreter shutdown")))
    recorder.record(event("a"))
    assert store.threads == [threading.current_thread()]


# -- signals ----------------------------------------------------------------------------------------------------------


def strike(*_):
    """Do what the handler of a soft time limit does."""
    raise SoftTimeLimitExceeded


def test_a_limit_that_strikes_who_wakes_the_thread_leaves_it_asleep_for_one_event(recorder, store, monkeypatch):
    monkeypatch.setattr(writer_module, "LATE", 0.01)
    recorder.record(event("a"))
    wait_for(lambda: recorder._writer._is_asleep and store.writes, "the thread to sleep")
    with mock.patch.object(recorder._writer, "_call", strike), pytest.raises(SoftTimeLimitExceeded):
        recorder.record(event("b"))
    wait_for(lambda: time.monotonic() > recorder._writer._due, "the thread to be late")
    recorder.record(event("c"))
    wait_for(lambda: recorder._writer._is_asleep, "the thread to sleep again")
    recorder.record(event("d"))
    wait_for(lambda: store.writes[-1] == ["d"], "the write")
    assert store.threads[-1] is not threading.current_thread()


def test_a_limit_that_strikes_who_starts_the_thread_leaves_nothing_to_wait_for(recorder, store):
    with mock.patch.object(threading.Thread, "start", strike), pytest.raises(SoftTimeLimitExceeded):
        recorder.record(event("a"))
    recorder.pause()
    assert store.writes == [["a"]]


@pytest.mark.parametrize("is_started", [True, False])
def test_a_limit_that_strikes_who_starts_the_thread_leaves_one(recorder, store, monkeypatch, is_started):
    monkeypatch.setattr(writer_module, "LATE", 0.01)
    started = []

    class Struck(threading.Thread):
        def start(self):
            if is_started:
                started.append(self)
                super().start()
            strike()

    with mock.patch.object(threading, "Thread", Struck), pytest.raises(SoftTimeLimitExceeded):
        recorder.record(event("a"))
    wait_for(lambda: time.monotonic() > recorder._writer._due or store.writes, "the thread, or none")
    recorder.record(event("b"))
    wait_for(lambda: "b" in store.read([REF])[0], "the write")
    assert store.read([REF]) == [{"a": "1", "b": "1"}]
    recorder.pause()
    assert not any(thread.is_alive() for thread in {*started, *store.threads} - {threading.current_thread()})


def test_a_thread_that_has_died_is_replaced(recorder, store, monkeypatch):
    monkeypatch.setattr(writer_module, "LATE", 0.01)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with mock.patch.object(recorder._writer, "_write", side_effect=MemoryError):
        recorder.record(event("a"))
        recorder._writer._thread.join(PATIENCE)
    wait_for(lambda: time.monotonic() > recorder._writer._due, "it to be late")
    recorder.record(event("b"))
    wait_for(lambda: store.writes, "the write")
    assert store.threads[-1] is not threading.current_thread()


# -- forks ------------------------------------------------------------------------------------------------------------


def in_a_child(question):
    """Fork, and return what the child answers."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(write, repr(question()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def current(recorder):
    """The recorder of this process."""
    recorder_module._recorder = recorder
    return recorder


def test_what_happened_before_a_fork_is_written_before_it(current, store, slow):
    current.record(event("a"))
    assert in_a_child(lambda: store.read([REF])) == "[{'a': '1'}]"


def test_a_child_repeats_nothing_and_begins_empty(current, store, slow):
    store.goes_on.clear()
    current.record(event("a"))
    with mock.patch.object(current, "patience", 0.01):
        assert in_a_child(lambda: recorder_module._recorder is None) == "True"
    store.goes_on.set()
    assert current.ask(lambda store: store.read([REF])) == [{"a": "1"}]


def test_no_thread_runs_at_a_fork_and_the_next_event_starts_one(current, store):
    current.record(event("a"))
    (thread,) = wait_for(lambda: store.threads, "the write")
    assert thread.is_alive()
    in_a_child(int)
    assert not thread.is_alive()
    current.record(event("b"))
    wait_for(lambda: "b" in store.read([REF])[0], "the next thread's write")


def test_what_happens_while_the_process_forks_starts_no_thread_before_it_has(current, store):
    recorder_module.before_fork()
    current.record(event("a"))
    assert current._writer._thread is None
    assert (store.writes, current.kept) == ([], 1)
    recorder_module.after_fork()
    wait_for(lambda: store.writes == [["a"]], "the write")
    assert store.threads[0] is not threading.current_thread()


def test_a_fork_of_which_nobody_tells_the_end_holds_up_events_for_a_while_only(current, store, monkeypatch):
    monkeypatch.setattr(writer_module, "HELD", -1)
    recorder_module.before_fork()
    current.record(event("a"))
    wait_for(lambda: store.writes == [["a"]], "the write")


def test_a_thread_that_is_being_started_as_the_process_forks_is_ended_before(current, store, monkeypatch):
    starting, forking = threading.Event(), threading.Event()
    start = threading.Thread.start

    def slowly(thread):
        if thread.name == "celery_ops writer":
            starting.set()
            forking.wait(PATIENCE)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", slowly)
    publisher = threading.Thread(target=current.record, args=[event("a")])
    publisher.start()
    starting.wait(PATIENCE)
    threading.Timer(0.05, forking.set).start()
    recorder_module.before_fork()
    assert forking.is_set()
    assert not any(thread.name == "celery_ops writer" for thread in threading.enumerate())
    recorder_module.after_fork()
    publisher.join(PATIENCE)


def test_a_server_that_forks_without_telling_python_makes_a_child_all_the_same(current, monkeypatch):
    monkeypatch.setattr(recorder_module, "_process", os.getpid() + 1)
    assert recorder_module.recorder() is not current
    assert recorder_module.recorder() is recorder_module.recorder()


# -- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [(1, "a", None), [1.5, b"b"], ([1, {"a": [2]}],), ({"a": (1, 2)},), ()],
    ids=repr,
)
def test_arguments_are_the_same_later(args):
    kept_args, kept_kwargs = initial_arguments.frozen(args, {"k": [1]})
    assert (list(kept_args), kept_kwargs) == (list(args), {"k": [1]})


def test_arguments_that_are_changed_later_are_those_of_now():
    inner, kwargs = [1], {"a": {"b": [2]}}
    kept = initial_arguments.frozen(([inner],), kwargs)
    inner.append(3)
    kwargs["a"]["b"].append(3)
    kwargs["c"] = 1
    assert kept == (([[1]],), {"a": {"b": [2]}})


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, Text("x"), list(range(200)), {Text("x"): 1}, [[object()]], bytearray(b"x")],
    ids=["an object", "a set", "a subclass", "many", "a subclass as key", "an object within", "bytes that change"],
)
def test_what_might_change_or_takes_long_to_copy_is_captured_at_once(value):
    assert initial_arguments.frozen((value,), {}) is None


def test_what_goes_round_in_circles_is_captured_at_once():
    ring = []
    ring.append(ring)
    assert initial_arguments.frozen((ring,), {}) is None


def test_a_redactor_of_the_sites_is_asked_at_once(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REDACTOR": lambda name, value: value}
    assert initial_arguments.frozen((1,), {}) is None
