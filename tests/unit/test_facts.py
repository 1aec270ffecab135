"""The state of a task is the same whatever the order in which its facts arrived, and however often."""

import itertools
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import states
from celery_ops.info import Progress
from celery_ops.tracking import facts
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.reading import read_payload, read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Run
from celery_ops.tracking.stamp import Stamp, now_ms

REF = ObjectRef("shop.order", "1")
ID = "7f2b1c9e-0000-4000-8000-00000000abcd"
NOW = now_ms() + 3_600_000  # ahead: the facts must not grow old while a test waits for its turn

any_id = st.uuids().map(str) | st.text(alphabet=st.characters(), min_size=1) | st.sampled_from("=:~a")


def run(attempt=0):
    return Run(ID, "shop.tasks.charge", attempt, Stamp((REF,), (), NOW))


def published():
    event = run()
    event.note(facts.ARGUMENTS, '={"args":[1],"kwargs":{}}')
    return event.batch()


def started(attempt=0):
    event = run(attempt)
    event.note(facts.STARTED, f"{NOW + 10 + attempt} {NOW + 5} celery@here")
    return event.batch()


def progressed(attempt=0):
    event = run(attempt)
    event.progress = facts.progress_text(Progress(3, 10, "three"))
    return event.batch()


def retried(attempt):
    event = run(attempt)
    event.note(facts.ERROR, "ConnectionError: no answer")
    event.note(facts.RETRIED, str(NOW + 20 + attempt))
    return event.batch()


def ended(state, attempt=0, error=None, at=30):
    event = run(attempt)
    if error:
        event.note(facts.ERROR, error)
    event.note(facts.ENDED[state], str(NOW + at + attempt))
    return event.batch()


def revoke_requested():
    return [(REF, {facts.field(ID, facts.REVOKE_REQUESTED): str(NOW + 3)})]


LIFECYCLES = {
    "success": ([published(), started(), progressed(), ended("SUCCESS")], "SUCCESS", 1),
    "failure": ([published(), started(), ended("FAILURE", error="ValueError: no")], "FAILURE", 1),
    "two retries, then success": (
        [published(), started(), retried(0), started(1), retried(1), started(2), ended("SUCCESS", 2)],
        "SUCCESS",
        3,
    ),
    "two retries, then failure": (
        [published(), started(), retried(0), started(1), retried(1), ended("FAILURE", 2, "ConnectionError: no")],
        "FAILURE",
        3,
    ),
    "waiting for its second try": ([published(), started(), progressed(), retried(0)], "RETRY", 1),
    "running for the second time": ([published(), started(), retried(0), started(1)], "STARTED", 2),
    "revoked while pending": ([published(), revoke_requested(), ended("REVOKED")], "REVOKED", 1),
    "revoked between two tries": ([published(), started(), retried(0), ended("REVOKED", 1)], "REVOKED", 2),
    "terminated": ([published(), started(), revoke_requested(), ended("REVOKED")], "REVOKED", 1),
    "a hard limit that is told twice": (
        [published(), started(), *2 * [ended("FAILURE", error="TimeLimitExceeded: 1")]],
        "FAILURE",
        1,
    ),
    "redelivered after its end": ([published(), started(), ended("SUCCESS"), started()], "SUCCESS", 1),
    "revoked too late": ([published(), started(), ended("SUCCESS"), ended("REVOKED")], "SUCCESS", 1),
    "lost, redelivered, done": (
        [published(), started(), ended("FAILURE", error="WorkerLostError: 9"), ended("SUCCESS")],
        "SUCCESS",
        1,
    ),
    "rejected": ([published(), ended("REJECTED")], "REJECTED", 1),
    "ignored": ([published(), started(), ended("IGNORED")], "IGNORED", 1),
}


def told(events):
    """What a reader sees after these events: read through a store of its own."""
    store = MemoryStore()
    for event in events:
        store.write(event)
    recorder().store = store
    return read_tasks([REF])[0]


@pytest.mark.parametrize("name", LIFECYCLES)
def test_every_order_of_a_lifecycles_events_ends_in_the_same_task(memory_store, name):
    events, _, _ = LIFECYCLES[name]
    expected = told(events)
    assert all(told(order) == expected for order in itertools.permutations(events))


@given(st.data(), st.sampled_from(sorted(LIFECYCLES)))
def test_events_that_are_told_again_at_any_time_change_nothing(data, name):
    events, _, _ = LIFECYCLES[name]
    again = data.draw(st.lists(st.sampled_from(events), max_size=8))
    order = data.draw(st.permutations([*events, *again]))
    assert told(order) == told(events)


@pytest.mark.parametrize("name", LIFECYCLES)
def test_a_lifecycle_ends_in_its_state_with_its_attempts(memory_store, name):
    events, state, attempts = LIFECYCLES[name]
    (task,) = told(events)
    assert (task.state, task.attempts) == (state, attempts)


@pytest.mark.parametrize("name", LIFECYCLES)
def test_a_state_never_goes_back_while_events_arrive_in_their_order(memory_store, name):
    events, _, _ = LIFECYCLES[name]
    attempts = [told(events[: count + 1])[0].attempts for count in range(len(events))]
    assert attempts == sorted(attempts)


def test_a_hard_limit_told_twice_at_different_moments_is_a_failure_in_either_order(memory_store):
    first, second = (ended("FAILURE", error=error, at=at) for error, at in (("A: a", 30), ("B: b", 40)))
    assert {told([published(), *order])[0].state for order in ((first, second), (second, first))} == {"FAILURE"}


def test_any_event_alone_makes_a_whole_row(memory_store):
    (task,) = told([ended("SUCCESS")])
    assert (task.id, task.name, task.label, task.published_at) == (
        ID,
        "shop.tasks.charge",
        "Charge",
        facts.moment(NOW),
    )


def test_the_error_of_a_try_that_failed_is_gone_after_one_that_worked(memory_store):
    (task,) = told(LIFECYCLES["two retries, then success"][0])
    assert task.error is None


def test_the_error_of_a_waiting_retry_is_shown(memory_store):
    (task,) = told([published(), started(), retried(0)])
    assert task.error == "ConnectionError: no answer"


def test_the_progress_of_an_earlier_try_is_not_the_next_ones(memory_store):
    (task,) = told([published(), started(), progressed(), retried(0), started(1)])
    assert task.progress is None


def test_a_task_tells_every_time_that_is_known(memory_store):
    (task,) = told([published(), started(), revoke_requested(), ended("SUCCESS")])
    times = (task.published_at, task.revoke_requested_at, task.received_at, task.started_at, task.finished_at)
    assert times == tuple(facts.moment(NOW + offset) for offset in (0, 3, 5, 10, 30))


def test_every_final_state_has_a_rank_of_its_own():
    assert sorted(states.FINAL_ORDER) == sorted(states.FINAL) == sorted(facts.ENDED)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    list(itertools.pairwise(["IGNORED", "REJECTED", "REVOKED", "FAILURE", "SUCCESS"])),
)
def test_of_two_ends_of_one_attempt_the_stronger_counts(memory_store, weaker, stronger):
    assert told([ended(stronger), ended(weaker)])[0].state == stronger


def test_an_end_of_a_later_attempt_counts_more_than_a_stronger_one_before(memory_store):
    assert told([ended("SUCCESS", 0), ended("FAILURE", 1)])[0].state == "FAILURE"


@pytest.mark.parametrize("name", ["shop.tasks.charge", "company." * 8 + "tasks.charge"], ids=["short", "long"])
def test_a_replacement_keeps_its_name_though_the_first_publish_is_told_last(memory_store, name):
    stamp = Stamp((REF,), (), NOW)
    first, then = Run(ID, name, 0, stamp), Run(ID, "shop.tasks.then", 0, stamp, nesting=1)
    assert told([then.batch(), first.batch()])[0].name == "shop.tasks.then"


def test_a_replacement_keeps_its_arguments_though_the_first_publish_is_told_last(memory_store):
    stamp = Stamp((REF,), (), NOW)
    first, then = Run(ID, "shop.tasks.charge", 0, stamp), Run(ID, "shop.tasks.then", 0, stamp, nesting=1)
    first.keep_arguments([1], {})
    then.keep_arguments([2], {})
    told([then.batch(), first.batch()])
    assert json.loads(read_payload(REF, ID).args)["args"] == [2]


# -- fields -----------------------------------------------------------------------------------------------------------


@given(any_id, st.sampled_from("pausgetboxIJRFS"), st.integers(0, 10**6))
def test_a_field_leads_back_to_its_task_kind_and_attempt(task_id, kind, attempt):
    name = facts.field(task_id, kind, attempt)
    ((short, known),) = facts.by_task([(name, "v")]).items()
    assert (facts.long_id(short), known) == (task_id, {(kind, attempt): "v"})


@given(any_id, any_id)
def test_two_tasks_never_share_a_field(one, other):
    assert (facts.short_id(one) == facts.short_id(other)) == (one == other)


@given(any_id)
def test_a_field_is_plain_ascii(task_id):
    assert facts.field(task_id, facts.STARTED, 2).isascii()


@pytest.mark.parametrize(
    "task_id",
    [
        "\ud800",
        ":",
        "=",
        "=:",
        "%",
        "a" * 36,
        "7F2B1C9E-0000-4000-8000-00000000ABCD",
        "{7f2b1c9e-0000-4000-8000-00000000ab}",
        "7f2b1c9e00004000800000000000abcd----",
        "7f2b1c9e 0000 4000 8000 00000000abcd",
        "a" * 22,
        "\n",
        "",
        "x" * 10_000,
    ],
    ids=lambda value: f"{value!a:.24}",
)
def test_an_id_that_is_almost_a_uuid_or_not_at_all_comes_back(task_id):
    assert facts.long_id(facts.short_id(task_id)) == task_id


def test_a_uuid_takes_22_characters():
    assert len(facts.short_id(str(uuid.UUID(int=2**128 - 1)))) == 22


@pytest.mark.parametrize(
    "name",
    [
        "",
        "p",
        "short" * 4,
        "x" * 22,
        "x" * 22 + "1",
        "x" * 22 + "p-1",
        "x" * 22 + "p1x",
        "x" * 22 + "p" + "9" * 10,
        "x" * 22 + "p\u0661",
        "x" * 23 + "p",
        "=no colon p",
        "é" * 22 + "p",
        "x" * 22 + "p\n",
    ],
)
def test_a_field_that_is_not_ours_is_left_out(name):
    assert facts.by_task([(name, "1 a.b")]) == {}


# -- values -----------------------------------------------------------------------------------------------------------


@given(
    st.floats(-1e12, 1e12) | st.integers(0, 10**14),
    st.floats(0, 1e12),
    st.text().map(str.strip),
)
def test_progress_comes_back_as_it_was(current, total, message):
    found = facts.progress_of(facts.progress_text(Progress(current, total, message)))
    assert (found.current, found.total, found.message) == (
        pytest.approx(current, rel=1e-14),
        pytest.approx(total, rel=1e-14),
        message,
    )


def test_progress_of_many_keeps_every_digit():
    assert facts.progress_of(facts.progress_text(Progress(9_999_999, 10_000_000))).percent == 99


@pytest.mark.parametrize("value", [None, "", "1", "x y", "1 y", "nan 1", "1 nan", "inf 1", "1 1e999", "- -"])
def test_progress_that_is_none_is_none(value):
    assert facts.progress_of(value) is None


HOSTILE = [
    "",
    " ",
    "-1",
    "-5 -5 -5",
    "0",
    "x",
    "9" * 14,
    "9" * 15,
    "9" * 400,
    "1e400",
    "nan nan nan",
    "\u0661\u0662\u0663",
    "\x00",
    "1 2 3 4 5",
    "<script>",
    "NaN x y",
    "\ud800",
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: f"{value!a:.20}")
@pytest.mark.parametrize("kind", "pausgetboxIJRFSqZ")
def test_a_hostile_value_of_any_kind_leaves_the_other_tasks_readable(memory_store, kind, value):
    other = str(uuid.uuid4())
    memory_store.write([(REF, {facts.field(other, facts.PUBLISHED): f"{NOW} a.b"})])
    memory_store.write([(REF, {facts.field(ID, facts.PUBLISHED): f"{NOW} a.b", facts.field(ID, kind): value})])
    assert other in {task.id for task in read_tasks([REF])[0]}


@given(st.dictionaries(st.text() | st.from_regex(r"=[^:]*:[a-zA-Z]\d{0,9}", fullmatch=True), st.text(), max_size=8))
def test_reading_never_raises_whatever_is_stored(stored):
    store = MemoryStore()
    store.write([(REF, {**stored, facts.field(ID, facts.PUBLISHED): f"{NOW} a.b"})])
    recorder().store = store
    assert ID in {task.id for task in read_tasks([REF])[0]}


def test_an_id_that_cannot_be_read_is_left_out(memory_store):
    memory_store.write([(REF, {"=%ff:p": f"{NOW} a.b"})])
    assert read_tasks([REF]) == [[]]
