"""What stored rows mean: the same whichever Celery wrote them, and together with what is tracked, however asked for."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.results import counts as results_counts
from celery_ops.backends.results import moved_rows
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.states import BEGUN
from celery_ops.backends.waiting import Waiting
from celery_ops.exceptions import StoreUnavailable
from celery_ops.task_query import Count, TaskQuery
from celery_ops.tracking import facts, index, recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms
from tests.backends.result_rows import exception, row

pytestmark = pytest.mark.django_db

ORDER = ObjectRef("shop.order", "7")
#: What Celery stores when a worker hears of a revoke, and when one meets the revoked message.
HEARD = {"status": "REVOKED", "result": exception("TaskRevokedError: revoked"), "meta": '{"children": null}'}
MET = {**HEARD, "task_name": "shop.tasks.charge", "worker": "w1@host", "meta": '{"children": []}'}
REJECT = json.dumps({"exc_type": "Reject", "exc_message": ["not today", False], "exc_module": "celery.exceptions"})
CUT_SHORT = json.dumps({"exc_type": "Retry", "exc_message": ["cancelled by Celery"], "exc_module": "celery.exceptions"})
RAISED = {"task_name": "shop.tasks.charge", "worker": "w1@host", "traceback": "Traceback\nRejected: no"}
ROWS = {
    "heard": (HEARD, "PENDING"),
    "begun-and-heard": ({**HEARD, "date_started": timezone.now()}, BEGUN),
    "met": (MET, "REVOKED"),
    "rejected": ({"status": "FAILURE", "result": REJECT}, "REJECTED"),
    "raised": ({"status": "FAILURE", "result": exception("Rejected: no"), **RAISED}, "FAILURE"),
    "of-another-class": ({"status": "FAILURE", "result": exception("Rejected: by the bank")}, "FAILURE"),
    "about-a-reject": ({"status": "FAILURE", "result": exception("ValueError: Reject")}, "FAILURE"),
    "wordless": ({"status": "FAILURE", "result": None}, "FAILURE"),
    "interrupted": ({"status": "RETRY", "result": CUT_SHORT}, "LOST"),
    "tried-again": ({"status": "RETRY", "result": exception("ValueError: no")}, "RETRY"),
    "tried-again-wordless": ({"status": "RETRY", "result": None}, "RETRY"),
    "runs": ({"status": "STARTED", "result": '{"pid": 7, "hostname": "w1@host"}'}, "STARTED"),
    "uploads": ({"status": "UPLOADING", "result": '{"done": 3}'}, "UPLOADING"),
    "done": ({"status": "SUCCESS", "result": "7"}, "SUCCESS"),
}


@pytest.fixture
def stored(memory_store):
    for task_id, (fields, _state) in ROWS.items():
        row(task_id, **fields)


def track(task_id, *kinds, name="shop.tasks.charge", ago=5_000, **more):
    """Have the store know these facts of a task that was published ``ago`` milliseconds ago."""
    at = now_ms() - ago
    fields = facts.published(task_id, at, name)
    for kind in kinds:
        fields[facts.field(task_id, kind)] = str(at + 2_000)
    fields |= {facts.field(task_id, kind): value for kind, value in more.items()}
    recorder.recorder().record([(ORDER, fields), index.entry(task_id, [ORDER], at)])


def begun(host="w1@host", ago=4_000):
    return facts.started(now_ms() - ago, None, host)


def listed(*wanted, **query):
    return {task.id for task in ResultsTaskBackend().page(TaskQuery(states=wanted, **query)).tasks}


def task_of(task_id):
    return next(task for task in ResultsTaskBackend().page(TaskQuery()).tasks if task.id == task_id)


@pytest.mark.database
@pytest.mark.usefixtures("stored")
def test_a_list_says_what_each_row_means():
    assert {task.id: task.state for task in ResultsTaskBackend().page(TaskQuery()).tasks} == {
        task_id: state for task_id, (_fields, state) in ROWS.items()
    }


@pytest.mark.database
@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("state", sorted({state for _fields, state in ROWS.values()}))
def test_a_filter_finds_what_means_its_state(state):
    assert listed(state) == {task_id for task_id, (_fields, means) in ROWS.items() if means == state}


@pytest.mark.database
@pytest.mark.usefixtures("stored")
def test_the_counts_count_what_rows_mean():
    counts = ResultsTaskBackend().counts(TaskQuery())
    meant = [state for _fields, state in ROWS.values()]
    assert {state: count for state, count in counts.states.items() if count.number} == {
        state: Count(meant.count(state)) for state in meant
    }
    assert counts.all == Count(len(ROWS))


@pytest.mark.database
@pytest.mark.usefixtures("stored")
def test_a_row_by_itself_means_the_same_as_in_a_list():
    for task_id, (_fields, state) in ROWS.items():
        assert ResultsTaskBackend().get(task_id).state == state


@pytest.mark.usefixtures("stored")
def test_a_revoke_that_was_only_heard_of_is_no_end_and_no_error():
    task = task_of("heard")
    assert (task.finished_at, task.error, bool(task.revoke_requested_at)) == (None, None, True)
    met = task_of("met")
    assert (bool(met.finished_at), met.error, met.revoke_requested_at) == (True, "TaskRevokedError: revoked", None)


@pytest.mark.database
def test_a_site_without_extended_results_has_the_same_states(memory_store):
    row("heard", **HEARD)
    row("met", **{**MET, "task_name": None, "worker": None})
    assert (listed("REVOKED"), listed("PENDING")) == ({"met"}, {"heard"})


def test_a_rejection_says_its_reason(memory_store):
    row("rejected", **ROWS["rejected"][0])
    assert task_of("rejected").error == "Reject: not today"


# -- what is tracked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["I", "J", "R", "S", "F"], ids=["IGNORED", "REJECTED", "REVOKED", "SUCCESS", "FAILURE"]
)
def test_a_row_that_was_left_at_started_ends_as_tracking_says(memory_store, kind):
    state = {end: name for name, end in facts.ENDED.items()}[kind]
    row("left", **ROWS["runs"][0])
    row("runs", **ROWS["runs"][0])
    track("left", kind, **begun())
    assert (task_of("left").state, listed(state), listed("STARTED")) == (state, {"left"}, {"runs"})
    counts = ResultsTaskBackend().counts(TaskQuery()).states
    assert (counts[state], counts["STARTED"]) == (Count(1), Count(1))


def test_a_task_whose_worker_is_gone_is_lost_in_its_list_too(memory_store):
    row("left", **ROWS["runs"][0])
    track("left", ago=200_000, **begun(ago=190_000))
    assert (listed("LOST"), listed("STARTED")) == ({"left"}, set())
    assert ResultsTaskBackend().counts(TaskQuery()).states["LOST"] == Count(1)


def test_what_a_row_leaves_out_is_told_by_tracking(memory_store):
    row("heard", **HEARD)
    row("raised", status="FAILURE", result=json.dumps({"exc_type": "ValidationError", "exc_message": []}))
    track("heard", x=str(now_ms() - 1_000))
    track("raised", "F", e="ValidationError: 1 validation error for Order", **begun())
    heard, raised = task_of("heard"), task_of("raised")
    assert (heard.name, heard.state, raised.name) == ("shop.tasks.charge", "PENDING", "shop.tasks.charge")
    assert (raised.error, raised.worker) == ("ValidationError: 1 validation error for Order", "w1@host")


def test_a_row_by_a_clock_behind_the_publishers_is_of_the_publish_that_it_notes(memory_store):
    """What a running task calls its state is in its row alone, and that seems to be older than its publish."""
    published = now_ms() - 5_000
    noted = json.dumps({"celery_ops": [published, published - 900], "children": []})
    row("behind", **ROWS["uploads"][0], meta=noted)
    fields = facts.published("behind", published, "shop.tasks.charge")
    fields |= {facts.field("behind", kind): value for kind, value in facts.started(published - 900, None, "w1").items()}
    recorder.recorder().record([(ORDER, fields), index.entry("behind", [ORDER], published)])
    assert task_of("behind").state == "UPLOADING"


def test_what_is_tracked_of_a_task_with_a_countdown_of_days_is_in_its_list_too(memory_store):
    published = now_ms() - 3 * 86_400_000
    row("left", **ROWS["runs"][0], meta=json.dumps({"celery_ops": [published, now_ms() - 190_000], "children": []}))
    run = Execution("left", "shop.tasks.remind", 0, Stamp((ORDER,), published=published))
    for kind, value in facts.started(now_ms() - 190_000, None, "w1@host", published).items():
        run.note(kind, value)
    recorder.recorder().record(run.first_batch())
    assert task_of("left").state == "LOST"


def test_tracked_times_win_over_those_of_the_row(memory_store):
    row("waited", status="SUCCESS", date_started=timezone.now() + timedelta(hours=9))
    track("waited", "S", ago=40_000, **begun(ago=2_000))
    assert task_of("waited").wait.total_seconds() == pytest.approx(38, abs=1)


def test_a_success_is_not_told_by_the_failure_before_it(memory_store):
    """A worker that was lost left a failure, and the message came once more, to another one."""
    row("again", status="SUCCESS", task_name="shop.tasks.charge", worker="w2@host")
    lost = facts.published("again", now_ms() - 5_000, "shop.tasks.charge")
    lost |= {facts.field("again", kind): value for kind, value in begun("w1@host").items()}
    lost[facts.field("again", facts.ENDED["FAILURE"])] = str(now_ms() - 3_000)
    recorder.recorder().record([(index.own_place("again"), lost)])
    assert (task_of("again").state, task_of("again").worker) == ("SUCCESS", "w2@host")


@pytest.mark.database
def test_a_filter_by_name_and_state_knows_what_is_tracked(memory_store):
    row("left", task_name="shop.tasks.charge", **ROWS["runs"][0])
    row("other", task_name="shop.tasks.send", **ROWS["runs"][0])
    track("left", "I", **begun())
    assert (listed("IGNORED", name="charge"), listed("IGNORED", name="send")) == ({"left"}, set())
    assert ResultsTaskBackend().counts(TaskQuery(name="charge")).states["IGNORED"] == Count(1)


def test_a_list_of_more_than_are_looked_up_says_so(memory_store, monkeypatch):
    monkeypatch.setattr(moved_rows, "MOST_FOUND", 2)
    for number in range(3):
        row(str(number), **ROWS["runs"][0])
        track(str(number), "I", **begun())
    page = ResultsTaskBackend().page(TaskQuery(states=("IGNORED",)))
    assert (len(page.tasks), len(page.notes)) == (2, 1)
    assert "newest 2" in page.notes[0]
    assert ResultsTaskBackend().page(TaskQuery(states=("STARTED",))).tasks == ()


def test_a_store_that_is_away_leaves_the_list_as_its_rows_are(memory_store, monkeypatch):
    def away(*_args, **_options):
        raise StoreUnavailable("away")

    row("left", **ROWS["runs"][0])
    monkeypatch.setattr("celery_ops.tracking.reading.find_tasks", away)
    assert listed("STARTED") == {"left"}


def test_a_page_asks_the_store_a_fixed_number_of_times(memory_store, monkeypatch):
    calls = []
    for method in ("read", "look_up"):
        real = getattr(memory_store, method)
        monkeypatch.setattr(memory_store, method, lambda *given, real=real: calls.append(given) or real(*given))
    monkeypatch.setattr("celery_ops.backends.results.backend.waiting.waiting", Waiting)  # which asks for itself
    for number in range(30):
        row(str(number), **ROWS["runs"][0])
        track(str(number), "I", **begun())
    backend = ResultsTaskBackend()
    assert backend.page(TaskQuery(states=("IGNORED",)), size=50).tasks
    backend.counts(TaskQuery(states=("IGNORED",)))
    assert len(calls) <= 3


def test_a_list_of_ended_tasks_asks_the_database_no_more_than_before(memory_store):
    for number in range(5):
        row(str(number))
    backend = ResultsTaskBackend()
    with CaptureQueriesContext(connection) as captured:
        backend.page(TaskQuery(states=("SUCCESS",)))
        backend.counts(TaskQuery(states=("SUCCESS",)))
    assert len(captured) == 2


@pytest.mark.database
def test_the_rows_to_be_looked_up_are_found_through_the_index_of_the_statuses(memory_store):
    backend = ResultsTaskBackend()
    row("runs", **ROWS["runs"][0])
    with CaptureQueriesContext(connection) as captured:
        backend.counts(TaskQuery())
    (sql,) = [query["sql"] for query in captured if "candidates" in query["sql"]]
    assert sql.upper().count("LIMIT") == 2 * sql.count("looked") + 1
    # Nowhere but among those that run; before Celery 5.7 a row that says REVOKED may be one of them.
    assert sql.count("looked") == (1 if BEGUN == "RETRY" else 2)


@pytest.mark.database
def test_failures_of_which_too_many_are_to_be_counted_fill_a_page_without_rejections(memory_store, monkeypatch):
    monkeypatch.setattr(results_counts, "READ_IN_INDEX", 2)
    for task_id in ("raised-1", "rejected-1", "raised-2", "raised-3"):
        row(task_id, **ROWS[task_id[:-2]][0])
    page = ResultsTaskBackend().page(TaskQuery(states=("FAILURE",)), size=3)
    assert [task.id for task in page.tasks] == ["raised-3", "raised-2", "raised-1"]


WORDLESS = json.dumps({"exc_type": "ValidationError", "exc_message": [], "exc_module": "pydantic_core"})
WORDS = """Traceback (most recent call last):
  File "tasks.py", line 3, in charge
pydantic_core._pydantic_core.ValidationError: 1 validation error for Order
number
  Input should be a valid integer [type=int_parsing, input_value='hunter2', input_type=str]
    For further information visit https://errors.pydantic.dev/2.14/v/int_parsing
"""


@pytest.mark.database
def test_an_error_without_a_message_has_the_words_of_its_traceback(memory_store):
    row("4f1c", status="FAILURE", result=WORDLESS, traceback=WORDS)
    words = "ValidationError: 1 validation error for Order\nnumber\n  Input should be a valid integer"
    assert (task_of("4f1c").error, ResultsTaskBackend().get("4f1c").error) == (words, words)


@pytest.mark.parametrize(
    "traceback",
    [None, "", "ValidationError", f"{WORDS}\nDuring handling\nTraceback (most recent call last):\nValidationError\n"],
)
def test_an_error_without_words_is_its_class(memory_store, traceback):
    row("4f1c", status="FAILURE", result=WORDLESS, traceback=traceback)
    assert task_of("4f1c").error == "ValidationError"


# -- times of rows -----------------------------------------------------------------------------------------------------


def test_a_row_alone_does_not_say_when_its_task_was_published(memory_store):
    row("4f1c", status="SUCCESS", date_started=timezone.now())
    task = task_of("4f1c")
    assert (task.created_at, task.wait, bool(task.stored_at)) == (None, None, True)


def test_a_stamped_row_says_when_its_task_was_published_and_began(memory_store):
    now = now_ms()
    row("4f1c", status="SUCCESS", meta=json.dumps({"celery_ops": [now - 38_000, now], "children": []}))
    assert task_of("4f1c").wait == timedelta(seconds=38)


@pytest.mark.database
@pytest.mark.parametrize("hours", [9, -9])
def test_a_start_of_another_zone_is_not_believed(memory_store, hours):
    row("4f1c", status="SUCCESS", date_started=timezone.now() + timedelta(hours=hours))
    task = task_of("4f1c")
    assert (task.started_at, task.run_time) == (None, None)


def test_a_start_between_its_neighbours_is(memory_store):
    row("4f1c", status="SUCCESS", date_started=timezone.now())
    TaskResult.objects.update(date_done=timezone.now() + timedelta(seconds=3))
    assert task_of("4f1c").run_time.total_seconds() == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize(
    "meta", [None, "", '{"celery_ops": 7}', '{"celery_ops": ["a", "b"]}', '{"celery_ops": [999999999999999, 1]']
)
def test_a_stamp_that_nobody_of_ours_wrote_says_nothing(memory_store, meta):
    row("4f1c", status="SUCCESS", meta=meta)
    assert task_of("4f1c").created_at is None


# -- what a running task says of itself --------------------------------------------------------------------------------


@pytest.mark.usefixtures("stored")
def test_the_process_of_a_running_task_is_no_result_of_it():
    task = ResultsTaskBackend().get("runs")
    assert (task.result, task.meta) == (None, None)


@pytest.mark.usefixtures("stored")
def test_what_a_task_tells_while_it_runs_is_no_result_of_it():
    task = ResultsTaskBackend().get("uploads")
    assert (task.result, task.meta) == (None, '{"done": 3}')


@pytest.mark.usefixtures("stored")
def test_a_result_is_one():
    task = ResultsTaskBackend().get("done")
    assert (task.result, task.meta) == ("7", None)
