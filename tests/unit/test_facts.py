"""The state of a task is the same whatever the order in which its facts arrived, and however often."""

import itertools
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import states
from celery_ops.info import Progress
from celery_ops.tracking import deriving, facts, lives
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms

REF = ObjectRef("shop.order", "1")
ID = "7f2b1c9e-0000-4000-8000-00000000abcd"
NOW = now_ms() + 3_600_000  # ahead: the facts must not grow old while a test waits for its turn

any_id = st.uuids().map(str) | st.text(alphabet=st.characters(), min_size=1) | st.sampled_from("=:~a")


LATER = 60_000  # milliseconds from a life of the id to the next one


def run(attempt=0, delivery="", life=0, nesting=0):
    stamp = Stamp((REF,), (), NOW + life * LATER)
    event = Execution(ID, "shop.tasks.charge", attempt, stamp, delivery=delivery, nesting=nesting)
    event.note_nesting()
    return event


def published(life=0):
    event = run(life=life)
    event.keep_arguments([life], {})
    return event.batch()


def started(attempt=0, delivery="", life=0, at=10, nesting=0):
    event = run(attempt, delivery, life, nesting)
    then = NOW + life * LATER
    for kind, value in facts.started(then + at + attempt, then + at - 5, f"celery@here{delivery}", then).items():
        event.note(kind, value)
    return event.batch()


def progressed(attempt=0):
    event = run(attempt)
    event.unsaid.append(facts.progress_text(Progress(3, 10, "three")))
    return event.batch()


def noted(kind, attempt=0, delivery="", life=0, error=None, at=30, nesting=0):
    event = run(attempt, delivery, life, nesting)
    if error:
        event.note(facts.ERROR, error)
    event.note(kind, str(at + attempt))
    return event.batch()


def retried(attempt, **where):
    return noted(facts.RETRIED, attempt, **{"error": "ConnectionError: no answer", "at": 20, **where})


def ended(state, attempt=0, error=None, at=30, **where):
    return noted(facts.ENDED[state], attempt, error=error, at=at, **where)


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
    "given back to its queue": (
        [published(), started(delivery="aa"), noted(facts.RETURNED, delivery="aa")],
        "PENDING",
        1,
    ),
    "given back, running again": (
        [published(), started(delivery="aa"), noted(facts.RETURNED, delivery="aa"), started(delivery="bb", at=50)],
        "STARTED",
        1,
    ),
    "given back, revoked while it waits": (
        [published(), started(delivery="aa"), noted(facts.RETURNED, delivery="aa"), ended("REVOKED", at=60)],
        "REVOKED",
        1,
    ),
    "cut short by a shutdown": (
        [published(), started(delivery="aa"), noted(facts.CUT, delivery="aa")],
        "LOST",
        1,
    ),
    "running by a clock behind its publisher's": (
        [published(), started(delivery="aa", at=-900)],
        "STARTED",
        1,
    ),
    "failed by a clock behind its publisher's": (
        [
            published(),
            started(delivery="aa", at=-900),
            ended("FAILURE", delivery="aa", error="ValueError: no", at=-800),
        ],
        "FAILURE",
        1,
    ),
    "delivered twice by clocks behind its publisher's": (
        [
            published(),
            started(delivery="bb", at=-900),
            started(delivery="aa", at=-700),
            ended("FAILURE", delivery="aa", error="ValueError: no", at=-600),
        ],
        "FAILURE",
        1,
    ),
    "replaced, and what is in its place waits": (
        [published(), started(delivery="aa"), noted(facts.REPLACED, delivery="aa")],
        "PENDING",
        1,
    ),
    "replaced, and what is in its place runs, by a clock that is behind": (
        [
            published(),
            started(delivery="aa"),
            noted(facts.REPLACED, delivery="aa"),
            started(delivery="bb", at=-50, nesting=1),
        ],
        "STARTED",
        1,
    ),
    "replaced, and what is in its place is revoked while it waits": (
        [
            published(),
            started(delivery="aa"),
            noted(facts.REPLACED, delivery="aa"),
            ended("REVOKED", delivery="bb", nesting=1),
        ],
        "REVOKED",
        1,
    ),
    "delivered twice, done twice": (
        [
            published(),
            started(delivery="aa"),
            ended("SUCCESS", delivery="aa", at=70),
            started(delivery="bb", at=50),
            ended("SUCCESS", delivery="bb", at=60),
        ],
        "SUCCESS",
        1,
    ),
    "delivered twice, one of them fails": (
        [
            published(),
            started(delivery="aa"),
            ended("SUCCESS", delivery="aa", at=70),
            started(delivery="bb", at=50),
            ended("FAILURE", delivery="bb", at=90, error="ValueError: again?"),
        ],
        "SUCCESS",
        1,
    ),
    "its worker killed, delivered again, failed": (
        [
            published(),
            started(delivery="aa"),
            started(delivery="bb", at=50),
            ended("FAILURE", delivery="bb", at=90, error="ValueError: no"),
        ],
        "FAILURE",
        1,
    ),
    "beyond its hard limit, delivered again, running": (
        [
            published(),
            started(delivery="aa"),
            ended("FAILURE", delivery="aa", error="TimeLimitExceeded: 1"),
            started(delivery="bb", at=50),
        ],
        "STARTED",
        1,
    ),
    "delivered twice, then tried again": (
        [
            published(),
            started(delivery="aa"),
            started(delivery="bb", at=50),
            retried(0, delivery="bb"),
            started(1, delivery="cc", at=70),
        ],
        "STARTED",
        2,
    ),
    "done, then the id is used again and fails": (
        [
            published(),
            ended("SUCCESS", delivery="aa"),
            published(life=1),
            started(delivery="bb", life=1),
            ended("FAILURE", delivery="bb", life=1, error="ValueError: no"),
        ],
        "FAILURE",
        1,
    ),
    "done, then the id is used again and waits": (
        [
            published(),
            ended("SUCCESS", delivery="bb"),
            revoke_requested(),
            published(life=1),
        ],
        "PENDING",
        1,
    ),
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


@pytest.mark.parametrize(
    ("name", "executions"),
    [
        ("revoked while pending", 0),
        ("success", 1),
        ("two retries, then success", 1),
        ("delivered twice, done twice", 2),
        ("given back, running again", 2),
        ("replaced, and what is in its place waits", 1),
        ("replaced, and what is in its place runs, by a clock that is behind", 1),
        ("delivered twice, then tried again", 2),
        ("done, then the id is used again and fails", 1),
        ("done, then the id is used again and waits", 0),
    ],
)
def test_executions_of_a_life_are_counted_but_for_retries_and_what_was_replaced(memory_store, name, executions):
    (task,) = told(LIFECYCLES[name][0])
    assert task.executions == executions


def test_what_replaces_a_task_that_was_tried_again_has_attempts_of_its_own(memory_store):
    before = [started(delivery="aa"), retried(0, delivery="aa"), started(1, "bb"), noted(facts.REPLACED, 1, "bb")]
    after = [started(delivery="cc", nesting=1), retried(0, delivery="cc", nesting=1), started(1, "dd", nesting=1)]
    for order in (before + after, after + before):
        (task,) = told([published(), *order])
        assert (task.state, task.attempts, task.executions, task.worker) == ("STARTED", 2, 1, "celery@heredd")


def test_of_two_deliveries_the_times_and_the_worker_are_of_the_one_that_counts(memory_store):
    (task,) = told(LIFECYCLES["its worker killed, delivered again, failed"][0])
    times = (task.received_at, task.started_at, task.finished_at)
    assert (task.worker, times) == ("celery@herebb", tuple(facts.moment(NOW + at) for at in (45, 50, 90)))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("cut short by a shutdown", "Interrupted: its worker was shut down while it ran, and its message is gone"),
        (
            "given back to its queue",
            "Interrupted: its worker was shut down while it ran; its message is back in the queue",
        ),
        ("given back, running again", None),
        ("delivered twice, one of them fails", None),
    ],
)
def test_what_was_interrupted_says_whether_its_message_is_back(memory_store, name, error):
    (task,) = told(LIFECYCLES[name][0])
    assert (task.error, task.finished_at) == (error, None) or task.state == "SUCCESS"


def test_what_a_worker_whose_clock_is_behind_tells_is_shown_as_it_tells_it(memory_store):
    (task,) = told(LIFECYCLES["failed by a clock behind its publisher's"][0])
    times = (task.started_at, task.finished_at)
    assert (task.worker, task.error, times) == (
        "celery@hereaa",
        "ValueError: no",
        tuple(facts.moment(NOW + at) for at in (-900, -800)),
    )


def test_a_message_that_was_given_back_waits_and_says_why(memory_store):
    given_back = noted(facts.RETURNED, delivery="aa", error="Reject: not today")
    (task,) = told([published(), started(delivery="aa"), given_back])
    assert (task.state, task.started_at, task.worker, task.error) == ("PENDING", None, None, "Reject: not today")


def test_a_new_life_has_its_own_arguments(memory_store):
    told(LIFECYCLES["done, then the id is used again and waits"][0])
    assert json.loads(read_payload(REF, ID).args)["args"] == [1]


@pytest.mark.parametrize(("at", "shown"), [(3, None), (LATER + 3, facts.moment(NOW + LATER + 3))])
def test_a_request_to_revoke_is_that_of_the_life_in_which_it_was_made(memory_store, at, shown):
    asked = [(REF, {facts.field(ID, facts.REVOKE_REQUESTED): str(NOW + at)})]
    (task,) = told([published(), ended("SUCCESS"), published(life=1), asked])
    assert task.revoke_requested_at == shown


def test_what_an_earlier_version_wrote_and_what_this_one_adds_are_one_life(memory_store):
    before = [(REF, {facts.field(ID, facts.PUBLISHED): f"{NOW} shop.tasks.charge"})]
    (task,) = told([before, ended("SUCCESS", delivery="aa")])
    assert (task.state, task.published_at) == ("SUCCESS", facts.moment(NOW))


def test_what_nobody_timed_is_older_than_a_publish_after_it(memory_store):
    untimed = Execution(ID, "shop.tasks.charge", 0, Stamp((REF,)), delivery="aa")
    untimed.note(facts.STARTED, f"{NOW - 50} - celery@here")
    untimed.note(facts.ENDED["SUCCESS"], f"{NOW - 40}")
    assert [told([untimed.batch(), *more])[0].state for more in ([], [published()])] == ["SUCCESS", "PENDING"]


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
    first, then = Execution(ID, name, 0, stamp), Execution(ID, "shop.tasks.then", 0, stamp, nesting=1)
    assert told([then.batch(), first.batch()])[0].name == "shop.tasks.then"


def test_a_replacement_keeps_its_arguments_though_the_first_publish_is_told_last(memory_store):
    stamp = Stamp((REF,), (), NOW)
    first, then = Execution(ID, "shop.tasks.charge", 0, stamp), Execution(ID, "shop.tasks.then", 0, stamp, nesting=1)
    first.keep_arguments([1], {})
    then.keep_arguments([2], {})
    told([then.batch(), first.batch()])
    assert json.loads(read_payload(REF, ID).args)["args"] == [2]


# -- fields -----------------------------------------------------------------------------------------------------------


@given(
    any_id,
    st.sampled_from("pausgetboxrcIJRFS"),
    st.integers(0, 10**6),
    st.sampled_from(["", facts.life_tag(NOW), facts.life_tag(None), facts.life_tag(NOW) + facts.execution_tag()]),
)
def test_a_field_leads_back_to_its_task_kind_and_attempt(task_id, kind, attempt, tag):
    name = facts.field(task_id, kind, attempt, tag)
    ((short, life),) = lives.by_task([(name, "v")]).items()
    assert (facts.long_id(short), life.facts) == (task_id, {(kind, attempt): "v"})
    assert life.field(short, (kind, attempt)) == name


@given(st.integers(0, 2**45))
def test_the_time_of_a_publish_comes_back_to_the_millisecond(at):
    life = facts.life_tag(at)
    ((short, told_of),) = lives.by_task(facts.published(ID, at, "a.b", 0, life).items()).items()
    assert deriving.derive(short, told_of).published == at


@given(st.integers(0, 2**45), st.integers(facts.LIFE_RESOLUTION, 30 * 3600 * 1000 - 10**6))
def test_no_two_publishes_of_an_id_within_a_day_share_a_tag(at, later):
    assert facts.life_tag(at) != facts.life_tag(at + later) != facts.life_tag(None)


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
    assert lives.by_task([(name, "1 a.b")]) == {}


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
@pytest.mark.parametrize("kind", "pausgetboxIJRFSqZPE")
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
