"""One account of a task from what its sources say, and what is left of it when one of them is away."""

import dataclasses
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from celery_ops import states
from celery_ops.backends import on_its_way
from celery_ops.backends.memory import MemoryQueueBackend
from celery_ops.backends.on_its_way import live_task
from celery_ops.exceptions import BackendUnavailable, StoreUnavailable
from celery_ops.info import MessageInfo, QueueDetail, QueueInfo, TrackedTask
from celery_ops.models import TaskRunRecord
from celery_ops.one_state import state_of, with_tracked
from celery_ops.task_detail import sources, task_detail
from celery_ops.task_detail.timeline import timeline
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import broker
from tests.planting import plant

from .task_backends import HOSTILE, NOON, Away, Held, Live, a_task, on_databases, use

pytestmark = pytest.mark.django_db
ID = a_task().id


@pytest.fixture(autouse=True)
def _in_memory(memory_store, settings, loaded_tasks):
    use(settings, Held, CONTROL_TIMEOUT=0.1)
    yield
    Held.hold()


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    """What live workers hold; ``asked`` are the ids that they were asked for."""

    class Workers:
        def __init__(self):
            self.held, self.asked = {}, []

        def __call__(self, task_id):
            self.asked.append(task_id)
            if isinstance(self.held, Exception):
                raise self.held
            return self.held.get(task_id)

    found = Workers()
    monkeypatch.setattr(sources, "live_task", found)
    return found


def journal(task_id=ID, **fields):
    return TaskRunRecord.objects.create(**{"task_id": task_id, "task_name": "shop.tasks.charge", **fields})


def broken(error):
    def ask(*args, **kwargs):
        raise error

    return ask


# -- the state --------------------------------------------------------------------------------------------------------


def stored(state):
    return state and a_task(state=state)


def tracked(state):
    return state and TrackedTask(ID, "shop.tasks.charge", "Charge", state, 1)


@pytest.mark.parametrize(
    ("row", "facts", "live", "expected"),
    [
        ("STARTED", None, None, "STARTED"),
        (None, "STARTED", None, "STARTED"),
        (None, None, "RECEIVED", "RECEIVED"),
        (None, None, None, "PENDING"),
        ("SUCCESS", "STARTED", None, "SUCCESS"),
        ("STARTED", "SUCCESS", None, "SUCCESS"),
        ("PENDING", "FAILURE", "STARTED", "FAILURE"),
        ("FAILURE", "REVOKED", None, "REVOKED"),
        ("FAILURE", "REJECTED", None, "REJECTED"),
        ("SUCCESS", "REVOKED", None, "SUCCESS"),
        ("STARTED", "IGNORED", None, "IGNORED"),
        ("PROGRESS", "STARTED", "STARTED", "PROGRESS"),
        ("PROGRESS", "RETRY", "STARTED", "STARTED"),
        ("PROGRESS", None, "STARTED", "PROGRESS"),
        ("RETRY", "LOST", None, "LOST"),
        ("IGNORED", "SUCCESS", None, "SUCCESS"),
        ("STARTED", "LOST", None, "LOST"),
        ("STARTED", "LOST", "STARTED", "STARTED"),
        ("STARTED", "LOST", "RECEIVED", "RECEIVED"),
        ("PENDING", "PENDING", "RECEIVED", "RECEIVED"),
        ("STARTED", "PENDING", None, "STARTED"),
        ("RETRY", "STARTED", None, "STARTED"),
        ("STARTED", "RETRY", "RECEIVED", "RETRY"),
        ("STARTED", None, "RECEIVED", "STARTED"),
        ("PROGRESS", "STARTED", None, "PROGRESS"),
        ("PROGRESS", "LOST", None, "LOST"),
        ("PROGRESS", "SUCCESS", None, "SUCCESS"),
    ],
)
def test_the_state_is_what_the_sources_come_to(row, facts, live, expected):
    assert state_of(stored(row), tracked(facts), stored(live)) == expected


def test_the_row_of_an_earlier_task_with_this_id_says_nothing():
    again = TrackedTask(ID, "shop.tasks.charge", "Charge", "PENDING", 1, published_at=NOON + timedelta(minutes=1))
    rows = [a_task(state=state) for state in ("FAILURE", "SUCCESS", "STARTED", "UPLOADING")]
    assert {state_of(row, again, None) for row in rows} == {"PENDING"}
    assert with_tracked(a_task(state="FAILURE", error="ValueError: no"), again).error is None


@pytest.mark.parametrize("row", ["FAILURE", "STARTED"])
def test_the_row_of_an_execution_counts_though_tracking_has_not_heard_of_it(row):
    sent = TrackedTask(ID, "shop.tasks.charge", "Charge", "PENDING", 1, published_at=NOON - timedelta(minutes=1))
    assert state_of(a_task(state=row), sent, None) == row


def test_a_task_that_was_given_back_to_its_queue_waits_whatever_its_row_says():
    back = TrackedTask(ID, "shop.tasks.charge", "Charge", "PENDING", 1, executions=1)
    assert state_of(a_task(state="STARTED"), back, None) == "PENDING"


@pytest.mark.parametrize("state", ["PENDING", "STARTED", "RETRY"])
def test_a_revoke_that_no_worker_has_applied_leaves_the_state(state):
    row = a_task(state="REVOKED", name="", worker=None)
    assert state_of(row, tracked(state), None) == state


@pytest.mark.parametrize("final", sorted(states.FINAL))
@pytest.mark.parametrize("other", [state for state in states.ALL if state not in states.FINAL])
def test_an_end_counts_whoever_heard_of_it(final, other):
    assert state_of(stored(final), tracked(other), stored("STARTED")) == final
    assert state_of(stored(other), tracked(final), stored("STARTED")) == final


# -- where from -------------------------------------------------------------------------------------------------------


def test_a_task_that_nobody_knows_is_unknown():
    detail = task_detail("nobody-knows")
    assert (detail.is_known, detail.troubles) == (False, ())


def test_a_task_of_the_backend_is_known(settings):
    use(settings, Held, a_task(state="FAILURE", attempts=2, parent_id="p", root_id="r", children=("c",)))
    task = task_detail(ID).task
    assert task == a_task(state="FAILURE", attempts=2, parent_id="p", root_id="r", children=("c",))


def test_a_tracked_task_is_known(order):
    task_id = plant(order, "tests.shop.tasks.process_payment", "STARTED", progress="3 10 thinking")
    detail = task_detail(task_id)
    assert (detail.is_known, detail.label, detail.task.state) == (True, "Charge the card", "STARTED")
    assert detail.refs == (ObjectRef.of(order),)
    assert detail.progress.percent == 30
    assert detail.task.worker == "celery@web-3"
    assert detail.task.attempts == 1


def test_a_task_that_a_worker_holds_is_known(workers):
    workers.held = {ID: a_task(state="RECEIVED", eta=NOON + timedelta(hours=1))}
    detail = task_detail(ID)
    assert (detail.is_known, detail.task.state, detail.task.eta) == (True, "RECEIVED", NOON + timedelta(hours=1))


def test_a_task_that_was_only_asked_for_is_known(order):
    journal(object_type="shop.order", object_id=str(order.pk), retry_of="before")
    detail = task_detail(ID)
    assert (detail.is_known, detail.task.name, detail.task.state) == (True, "shop.tasks.charge", "PENDING")
    assert (detail.refs, detail.retry_of) == ((ObjectRef.of(order),), "before")
    assert len(detail.records) == 1


def test_workers_are_asked_while_a_task_goes_on(settings, workers):
    use(settings, Held, a_task(state="STARTED"))
    task_detail(ID)
    assert workers.asked == [ID]


@pytest.mark.parametrize("state", sorted(states.FINAL))
def test_workers_are_not_asked_about_a_task_that_has_ended(settings, workers, state):
    use(settings, Held, a_task(state=state))
    task_detail(ID)
    assert workers.asked == []


def test_workers_are_not_asked_twice_where_they_are_the_backend(settings, workers):
    use(settings, Live, a_task(state="STARTED"))
    task_detail(ID)
    assert workers.asked == []


# -- merging ----------------------------------------------------------------------------------------------------------


def test_the_first_creation_and_the_last_start_count(settings, workers):
    use(settings, Held, a_task(state="STARTED"))
    earlier, later = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    workers.held = {ID: a_task(state="STARTED", created_at=earlier, started_at=later)}
    task = task_detail(ID).task
    assert (task.created_at, task.started_at) == (earlier, later)


def test_what_tracking_knows_of_its_times_wins(settings, order):
    hours = timedelta(hours=9)
    use(settings, Held, a_task(state="SUCCESS", started_at=NOON + hours))
    task_id = plant(order, task_id=ID)
    task = task_detail(task_id).task
    assert (task.started_at - task.created_at, task.finished_at - task.created_at) == (
        timedelta(seconds=1),
        timedelta(seconds=3),
    )


@pytest.mark.parametrize("hours", [-9, 8])
def test_a_start_that_contradicts_its_neighbours_is_not_believed(settings, hours):
    use(settings, Held, a_task(state="SUCCESS", started_at=NOON + timedelta(hours=hours)))
    assert task_detail(ID).task.started_at is None


def test_a_task_is_none_of_its_own_children(settings):
    use(settings, Held, a_task(state="RETRY", children=(ID, "c")))
    assert task_detail(ID).task.children == ("c",)


def test_the_words_of_an_error_come_from_whoever_has_them(settings, order):
    use(settings, Held, a_task(state="FAILURE", error="ValidationError"))
    plant(order, task_id=ID, state="FAILURE", error="ValidationError: 1 validation error for Order")
    assert task_detail(ID).task.error == "ValidationError: 1 validation error for Order"


def test_a_row_that_a_shutdown_left_says_that_the_task_was_interrupted(settings):
    use(settings, Held, a_task(state="LOST", error="Retry: Retry(Retry(...), None, None)"))
    assert task_detail(ID).task.error == "Interrupted: its worker was shut down while it ran"


def test_a_page_shows_nothing_of_an_earlier_task_with_its_id(settings, order):
    use(settings, Held, a_task(state="FAILURE", error="ValueError: no", result="7", traceback="Traceback: no"))
    plant(order, task_id=ID, state="PENDING")
    detail = task_detail(ID)
    assert (detail.task.state, detail.task.worker, detail.task.started_at) == ("PENDING", None, None)
    assert (detail.payload.result, detail.payload.error, detail.payload.traceback) == (None, None, None)


def test_a_page_knows_how_often_a_task_was_executed(order):
    assert task_detail(plant(order)).executions == 1


def test_a_task_that_goes_on_has_no_end(settings):
    use(settings, Held, dataclasses.replace(a_task(), state="RETRY"))
    assert task_detail(ID).task.finished_at is None


def test_an_earlier_attempts_error_is_not_that_of_a_success(settings, order):
    use(settings, Held, a_task(state="RETRY", error="ValueError: no", traceback="Traceback: no"))
    plant(order, task_id=ID, state="SUCCESS")
    detail = task_detail(ID)
    assert (detail.task.state, detail.task.error, detail.payload.error, detail.payload.traceback) == (
        "SUCCESS",
        None,
        None,
        None,
    )


def test_the_payload_of_the_backend_is_redacted(settings):
    use(settings, Held, a_task(kwargs={"password": "hunter2", "page": 3}, result="it was hunter2"))
    payload = task_detail(ID).payload
    assert "hunter2" not in f"{payload}"
    assert '"page": 3' in payload.args


def test_the_tracked_payload_fills_what_the_backend_does_not_know(settings, order):
    use(settings, Held, a_task(state="FAILURE", error=None, result='{"a": 1}'))
    plant(
        order,
        state="FAILURE",
        task_id=ID,
        args='{"args": [1], "kwargs": {}}',
        error="KeyError: token=abc",
        traceback="File x, token=abc",
        result="no",
    )
    payload = task_detail(ID).payload
    assert payload.args == '{"args": [1], "kwargs": {}}'
    assert payload.result == '{"a": 1}'
    assert payload.error == "KeyError: token=[redacted]"
    assert payload.traceback == "File x, token=[redacted]"


def test_a_source_without_arguments_shows_nothing_of_what_tracking_hid(settings, order):
    use(settings, Held, a_task(state="SUCCESS", result="it was hunter2"))
    plant(order, state="SUCCESS", task_id=ID, args='{"args": [], "kwargs": {"password": "[redacted]"}}')
    assert task_detail(ID).payload.result == "[redacted]"


def test_a_source_without_arguments_shows_nothing_of_what_the_journal_hid(settings):
    use(settings, Held, a_task(state="SUCCESS", result="it was hunter2"))
    journal(args=[], kwargs={"password": "[redacted]"})
    payload = task_detail(ID).payload
    assert (payload.args, payload.result) == (None, "[redacted]")


def test_a_source_without_arguments_shows_what_came_of_a_run_by_hand_that_hid_nothing(settings):
    use(settings, Held, a_task(state="SUCCESS", result="it was Ada"))
    journal(args=[1], kwargs={"name": "Ada"})
    assert task_detail(ID).payload.result == '"it was Ada"'


def test_an_object_named_twice_is_one(settings, order):
    plant(order, task_id=ID)
    journal(object_type="shop.order", object_id=str(order.pk))
    assert task_detail(ID).refs == (ObjectRef.of(order),)


@pytest.fixture
def waiting(settings):
    """A message of the task waits in a queue."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": "celery_ops.backends.memory.MemoryQueueBackend"}
    message = MessageInfo(ID, "shop.tasks.charge", "(7,) {}", published_at=NOON, eta=NOON + timedelta(hours=1))
    with MemoryQueueBackend.holding(QueueDetail(QueueInfo("slow", depth=1), messages=(message,))):
        yield


def test_a_task_whose_message_waits_is_known(waiting):
    detail = task_detail(ID)
    assert (detail.is_known, detail.task.name, detail.task.state) == (True, "shop.tasks.charge", "PENDING")
    assert (detail.task.queue, detail.task.created_at, detail.task.eta) == ("slow", NOON, NOON + timedelta(hours=1))


def test_no_queue_is_looked_into_for_a_task_that_another_source_knows(waiting):
    journal(task_name="shop.tasks.other")
    assert (task_detail(ID).task.name, task_detail(ID).task.queue) == ("shop.tasks.other", None)


# -- away -------------------------------------------------------------------------------------------------------------


def test_the_rest_is_known_while_the_backend_is_away(settings, order):
    use(settings, Away)
    plant(order, task_id=ID)
    detail = task_detail(ID)
    assert (detail.is_known, detail.task.state) == (True, "SUCCESS")
    assert detail.troubles == ("The distant place does not answer.",)


def test_the_rest_is_known_while_the_store_is_away(settings, monkeypatch):
    use(settings, Held, a_task())
    monkeypatch.setattr("celery_ops.tracking.accounts.read_account", broken(StoreUnavailable()))
    detail = task_detail(ID)
    assert (detail.is_known, detail.troubles) == (True, ("The tracking store does not answer.",))


def test_a_store_that_goes_away_meanwhile_leaves_what_it_said(order, monkeypatch):
    plant(order, task_id=ID)
    monkeypatch.setattr("celery_ops.tracking.reading.reruns_of", broken(StoreUnavailable()))
    detail = task_detail(ID)
    assert (detail.is_known, detail.troubles) == (True, ("The tracking store does not answer.",))


def test_the_rest_is_known_while_workers_cannot_be_asked(settings, workers):
    use(settings, Held, a_task(state="STARTED"))
    workers.held = BackendUnavailable("The broker does not answer.")
    detail = task_detail(ID)
    assert (detail.is_known, detail.troubles) == (True, ("The broker does not answer.",))


def test_the_rest_is_known_while_the_journal_is_away(settings, monkeypatch):
    use(settings, Held, a_task())
    monkeypatch.setattr(TaskRunRecord.objects, "filter", broken(OperationalError("gone")))
    detail = task_detail(ID)
    assert (detail.is_known, detail.troubles) == (True, ("The journal does not answer.",))


def test_every_source_may_be_away(settings, workers, monkeypatch):
    use(settings, Away)
    workers.held = BackendUnavailable("The broker does not answer.")
    monkeypatch.setattr("celery_ops.tracking.accounts.read_account", broken(StoreUnavailable()))
    monkeypatch.setattr(TaskRunRecord.objects, "filter", broken(OperationalError("gone")))
    detail = task_detail(ID)
    assert (detail.is_known, len(detail.troubles)) == (False, 4)


def test_workers_are_asked_over_the_broker():
    with broker("memory://"):
        assert live_task(ID) is None


def test_a_broker_that_refuses_is_a_source_that_is_away():
    with broker("redis://127.0.0.1:1/0"), pytest.raises(BackendUnavailable):
        live_task(ID)


def test_what_workers_said_before_the_broker_went_away_is_no_answer(monkeypatch):
    snapshot = SimpleNamespace(trouble="This is what the workers said last.")
    monkeypatch.setattr(on_its_way, "snapshot", lambda: snapshot)
    monkeypatch.setattr(on_its_way.LiveTaskBackend, "get", lambda self, task_id: a_task(state="STARTED"))
    with pytest.raises(BackendUnavailable):
        live_task(ID)


@pytest.mark.parametrize("text", on_databases([*HOSTILE, "\ud800", "\udfff/"]), ids=lambda text: ascii(text)[:20])
def test_no_id_is_too_strange(text):
    detail = task_detail(text)
    assert (detail.is_known, detail.troubles) == (False, ())


# -- timeline ---------------------------------------------------------------------------------------------------------


def test_waiting_and_running_are_told_apart():
    line = timeline(a_task())
    assert (line.waiting, line.running, line.goes_on) == (timedelta(seconds=2), timedelta(seconds=3), False)
    assert (line.waiting_share, line.running_share) == (40, 60)


def test_a_running_task_runs_until_now():
    line = timeline(a_task(state="STARTED"), now=NOON + timedelta(seconds=10))
    assert (line.running, line.goes_on, line.running_label) == (timedelta(seconds=8), True, "running for")


def test_a_waiting_task_waits_until_now():
    line = timeline(a_task(state="PENDING", started_at=None), now=NOON + timedelta(seconds=10))
    assert (line.waiting, line.running, line.waiting_label) == (timedelta(seconds=10), None, "waiting for")


def test_between_two_attempts_a_task_waits_and_runs_no_longer():
    line = timeline(a_task(state="RETRY"), now=NOON + timedelta(seconds=10))
    assert (line.running, line.waiting, line.waiting_label) == (None, timedelta(seconds=10), "waiting for")


def test_a_task_that_never_ran_waited_until_its_end():
    line = timeline(a_task(state="REVOKED", started_at=None, finished_at=NOON + timedelta(seconds=7)))
    assert (line.waiting, line.running) == (timedelta(seconds=7), None)


def test_a_lost_task_has_no_known_end():
    line = timeline(a_task(state="LOST"))
    assert (line.waiting, line.running) == (timedelta(seconds=2), None)


def test_the_wait_of_a_later_attempt_says_that_it_is_not_only_waiting():
    assert timeline(a_task(attempts=3)).waiting_label == "waited, earlier attempts included"


@pytest.mark.parametrize(("seconds", "share"), [(0.001, 1), (10_000, 99)])
def test_however_short_one_of_them_is_it_can_be_seen(seconds, share):
    started = NOON + timedelta(seconds=seconds)
    line = timeline(a_task(started_at=started, finished_at=started + timedelta(seconds=5)))
    assert line.waiting_share == share


def test_a_task_without_times_has_no_timeline():
    assert timeline(a_task(created_at=None, started_at=None)) is None


def test_clocks_that_differ_make_no_negative_time():
    assert timeline(a_task(started_at=NOON - timedelta(seconds=3))).waiting == timedelta(0)
