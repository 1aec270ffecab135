"""Journal, then send: what is written when, and what is not sent."""

from datetime import date, timedelta
from decimal import Decimal
from unittest import mock
from uuid import uuid4

import pytest
from celery import signals as celery_signals
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from celery_ops import signals
from celery_ops.exceptions import BadInput, NotSent
from celery_ops.models import TaskRunRecord
from celery_ops.running.launcher import Run, launch, launch_all
from celery_ops.running.options import SendOptions
from celery_ops.task_detail.original import original_of
from celery_ops.tracking.reading import tasks_for
from tests.celery import app
from tests.conftest import broker, browser_of, make_user
from tests.servers import PATIENCE, free_port
from tests.shop import tasks
from tests.shop.models import Order
from tests.shop.typed import dated

pytestmark = pytest.mark.django_db(transaction=True)

UNTRACKED = tasks.untracked.name


@pytest.fixture(autouse=True)
def _in_memory(memory_store, loaded_tasks):
    with broker("memory://"):
        yield


@pytest.fixture
def user(db):
    return make_user("ada", "celery_ops.add_taskrunrecord")


@pytest.fixture
def sent():
    """The headers and the body of each message, and whether its row was committed by then."""
    seen = []

    def note(headers=None, body=None, **_):
        committed = not transaction.get_connection().in_atomic_block
        state = TaskRunRecord.objects.get(task_id=headers["id"]).send_state
        seen.append((headers, body, committed, state))

    celery_signals.before_task_publish.connect(note)
    yield seen
    celery_signals.before_task_publish.disconnect(note)


def run(*args, **options):
    return Run(UNTRACKED, app.tasks[UNTRACKED], args, **options)


# -- one


@pytest.mark.database
def test_the_row_is_committed_before_the_message_leaves(user, sent):
    launch(run(3), user)
    assert [(committed, state) for _, _, committed, state in sent] == [(True, "REQUESTED")]


def test_the_row_says_sent_afterwards(user):
    record = launch(run(3), user)
    record.refresh_from_db()
    assert (record.send_state, record.error) == ("SENT", "")


def test_the_row_holds_who_what_and_how(user):
    launch(run(3, options=SendOptions(countdown=5, priority=2)), user)
    record = TaskRunRecord.objects.get()
    assert (record.task_name, record.args, record.kwargs, record.options, record.user, record.username) == (
        UNTRACKED,
        [3],
        {},
        {"countdown": 5, "priority": 2},
        user,
        "ada",
    )


def test_nobody_in_particular_has_an_empty_name():
    assert launch(run(3), None).username == ""


def test_the_options_are_in_the_message(user, sent):
    eta = timezone.now() + timedelta(hours=1)
    launch(run(3, options=SendOptions(eta=eta, expires=eta + timedelta(hours=1))), user)
    headers = sent[0][0]
    assert (headers["eta"], headers["expires"]) == (eta.isoformat(), (eta + timedelta(hours=1)).isoformat())


@pytest.mark.database
def test_inside_a_transaction_nothing_is_sent(user, sent):
    with pytest.raises(RuntimeError), transaction.atomic():
        launch(run(3), user)
    assert sent == []


@pytest.mark.parametrize("error", [DatabaseError("full"), ValueError("NUL")], ids=["database", "driver"])
def test_without_a_row_nothing_is_sent(error, user, sent):
    with mock.patch.object(TaskRunRecord, "save", side_effect=error), pytest.raises(NotSent):
        launch(run(3), user)
    assert sent == []


def test_a_broker_that_is_down_leaves_a_row_that_says_so(user):
    with broker(f"redis://127.0.0.1:{free_port()}/0"), pytest.raises(NotSent) as raised:
        launch(run(3), user)
    record = TaskRunRecord.objects.get()
    assert (raised.value.record.pk, record.send_state, "refused" in record.error) == (record.pk, "FAILED", True)


def test_a_secret_is_in_the_message_and_neither_in_the_row_nor_in_what_logs_show(user, sent):
    name = tasks.process_payment.name
    launch(Run(name, app.tasks[name], [1], {"card": "4111111111111111"}), user)
    headers, body, *_ = sent[0]
    record = TaskRunRecord.objects.get()
    assert body[1] == {"card": "4111111111111111"}
    assert "4111" not in str((record.args, record.kwargs, headers["argsrepr"], headers["kwargsrepr"]))
    assert not record.is_exact


def test_whole_arguments_are_marked_as_such(user):
    assert launch(run(3), user).is_exact


def test_dates_of_an_annotated_parameter_are_whole_but_for_their_types(user):
    name = dated.name
    record = launch(Run(name, dated, [date(2026, 1, 31)], {"amounts": [Decimal("1.50")]}), user)
    assert (record.args, record.is_exact, record.is_typed) == (["2026-01-31"], False, True)


def test_dates_are_dates_again_where_the_row_is_all_that_is_left(user):
    record = launch(Run(dated.name, dated, [date(2026, 1, 31)], {"amounts": [Decimal("1.50")]}), user)
    found = original_of(record.task_id)
    assert (found.args, found.kwargs) == ([date(2026, 1, 31)], {"amounts": [Decimal("1.50")]})


def test_dates_of_which_no_annotation_tells_are_not(user):
    assert not launch(run(date(2026, 1, 31)), user).is_typed


def test_the_signal_tells_the_real_arguments_and_the_row(user):
    heard = []

    def hear(sender, signal, **said):
        heard.append(said)

    signals.task_run.connect(hear)
    try:
        record = launch(run(3), user)
    finally:
        signals.task_run.disconnect(hear)
    assert heard == [
        {
            "task_name": UNTRACKED,
            "task_id": record.task_id,
            "args": (3,),
            "kwargs": {},
            "user": user,
            "record": record,
        }
    ]


def test_a_receiver_that_raises_disturbs_nothing(user):
    def fail(**_):
        raise RuntimeError

    signals.task_run.connect(fail)
    try:
        assert launch(run(3), user).send_state == "SENT"
    finally:
        signals.task_run.disconnect(fail)


def test_a_task_that_only_workers_know_is_sent_by_name(user, sent):
    launch(Run("elsewhere.tasks.only_there", None, [1], {"x": 2}), user)
    headers, body, *_ = sent[0]
    assert (headers["task"], list(body[0]), body[1]) == ("elsewhere.tasks.only_there", [1], {"x": 2})


# -- twice


@pytest.mark.database
def test_a_submission_that_comes_twice_is_sent_once(user, sent):
    submission = uuid4()
    first, second = (launch(run(3, submission=submission), user) for _ in range(2))
    assert (first.pk, len(sent)) == (second.pk, 1)


def test_a_submission_that_could_not_be_sent_is_not_sent_by_asking_again(user, sent):
    submission = uuid4()
    with broker(f"redis://127.0.0.1:{free_port()}/0"), pytest.raises(NotSent):
        launch(run(3, submission=submission), user)
    sent.clear()
    with pytest.raises(NotSent):
        launch(run(3, submission=submission), user)
    assert sent == []


@pytest.mark.database
def test_a_task_may_be_run_as_often_a_minute_as_its_option_says(user, settings, sent):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {UNTRACKED: {"max_per_minute": 2}}}
    launch(run(1), user)
    launch(run(2), user)
    with pytest.raises(BadInput, match="2 times a minute"):
        launch(run(3), user)
    assert len(sent) == 2


def test_runs_of_more_than_a_minute_ago_do_not_count(user, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {UNTRACKED: {"max_per_minute": 1}}}
    launch(run(1), user)
    TaskRunRecord.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert launch(run(2), user).send_state == "SENT"


# -- once more


def test_a_task_that_is_run_again_is_linked_and_belongs_to_the_same_objects(user):
    order = Order.objects.create(reference="A")
    name = tasks.process_payment.name
    first = launch(Run(name, app.tasks[name], [order.pk]), user)
    second = launch(Run(name, app.tasks[name], [order.pk], retry_of=first.task_id), user)
    found = {task.id: task.retry_of for task in tasks_for(order)}
    assert (second.retry_of, found) == (first.task_id, {first.task_id: None, second.task_id: first.task_id})


# -- many


@pytest.mark.database
def test_many_are_committed_before_the_first_leaves(user, sent):
    launch_all([run(number) for number in range(3)], user)
    assert [(committed, state) for _, _, committed, state in sent] == [(True, "REQUESTED")] * 3


def test_many_are_answered_in_order(user):
    records = launch_all([run(number) for number in range(3)], user)
    assert [(record.args, record.send_state) for record in records] == [([0], "SENT"), ([1], "SENT"), ([2], "SENT")]


@pytest.mark.database
def test_many_that_come_twice_are_sent_once(user, sent):
    runs = [run(number, submission=uuid4()) for number in range(3)]
    first = launch_all(runs, user)
    second = launch_all(runs, user)
    assert ([record.pk for record in first], len(sent)) == ([record.pk for record in second], 3)


def test_many_without_a_broker_all_say_so(user):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        launch_all([run(number) for number in range(3)], user)
    assert set(TaskRunRecord.objects.values_list("send_state", flat=True)) == {"FAILED"}


def test_one_of_many_that_cannot_be_written_as_a_message_fails_alone(user):
    records = launch_all([run(1), run(object()), run(3)], user)
    assert [record.send_state for record in records] == ["SENT", "FAILED", "SENT"]


def test_many_without_rows_are_not_sent(user, sent):
    with mock.patch("django.db.models.QuerySet.bulk_create", side_effect=DatabaseError), pytest.raises(NotSent):
        launch_all([run(1)], user)
    assert sent == []


# -- with a worker


@pytest.fixture
def worker(redis_server, redis_store, make_worker):
    """One that takes from a broker of its own."""
    with broker(f"{redis_server.url}/24"):
        yield make_worker(None, "-c", "2")


def posted(user, number):
    """Send the task by so many forms, and return the ids."""
    client = browser_of(user)
    url = reverse("celery_ops:run-task", args=[tasks.own_row.name])
    answers = [client.post(url, headers={"Accept": "application/json"}) for _ in range(number)]
    return [answer.json()["task_id"] for answer in answers]


@pytest.mark.database
def test_a_task_finds_its_own_row_however_it_was_sent(user, worker, settings, monkeypatch):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [tasks.own_row.name]}
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    runs = [Run(tasks.own_row.name, app.tasks[tasks.own_row.name]) for _ in range(5)]
    records = [*(launch(each, user) for each in runs), *launch_all(runs, user)]
    ids = [*(record.task_id for record in records), *posted(user, 5)]
    found = [app.AsyncResult(task_id).get(timeout=PATIENCE) for task_id in ids]
    assert [bool(state) for state in found] == [True] * 15
