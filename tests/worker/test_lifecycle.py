"""What a real prefork worker tells of a task, on Redis and on RabbitMQ."""

import subprocess
import sys
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from celery import current_app
from django.db import transaction
from kombu.exceptions import EncodeError

from celery_ops import tasks_for, tracking
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp
from tests.servers import PATIENCE, wait_for
from tests.shop import tasks
from tests.shop.models import Order

from .conftest import reached

pytestmark = pytest.mark.usefixtures("worker")

NOWHERE = "no-worker-listens-here"


def payload(obj, task):
    return read_payload(ObjectRef.of(obj), task.id)


# -- from published to done


def test_a_published_task_waits_as_pending(order):
    tasks.process_payment.apply_async((order.pk,), queue=NOWHERE)
    assert [(task.state, task.started_at) for task in tasks_for(order)] == [("PENDING", None)]


def test_a_task_called_by_position_is_linked(order):
    result = tasks.process_payment.delay(order.pk)
    assert reached(order, "SUCCESS").id == result.id


def test_a_task_called_by_keyword_is_linked(order):
    result = tasks.process_payment.delay(order_id=order.pk)
    assert reached(order, "SUCCESS").id == result.id


def test_its_times_are_in_the_order_in_which_things_happened(order):
    tasks.process_payment.delay(order.pk)
    task = reached(order, "SUCCESS")
    assert task.published_at <= task.received_at <= task.started_at <= task.finished_at


def test_its_worker_is_named(order, worker):
    tasks.process_payment.delay(order.pk)
    assert reached(order, "SUCCESS").worker == worker.hostname


def test_its_result_is_kept(order):
    tasks.returns.delay(order.pk, "a parcel")
    assert "a parcel" in payload(order, reached(order, "SUCCESS")).result


def test_its_arguments_are_kept(order):
    tasks.returns.delay(order.pk, "a parcel")
    assert "a parcel" in payload(order, reached(order, "SUCCESS")).args


def test_a_running_task_is_started(order, pace):
    result = tasks.paced.delay(order.pk, pace.file)
    assert reached(order, "STARTED").id == result.id


def test_progress_is_seen_while_the_task_runs(order, pace):
    tasks.paced.delay(order.pk, pace.file, steps=12)
    pace.to(5)

    def half_way():
        return [task for task in tasks_for(order) if task.progress and task.progress.current == 5]

    (task,) = wait_for(half_way, "progress before the end")
    assert (task.state, task.progress.total) == ("STARTED", 12)


def test_the_last_progress_is_seen_at_the_end(order):
    tasks.long.delay(order.pk, steps=3, pause=0.01)
    progress = reached(order, "SUCCESS").progress
    assert (progress.current, progress.total, progress.message) == (3, 3, "step 3")


# -- other ends


def test_a_failure_tells_class_and_message(order):
    tasks.fails.delay(order.pk)
    assert reached(order, "FAILURE").error == "ValueError: the card was refused"


def test_a_failure_keeps_its_traceback(order):
    tasks.fails.delay(order.pk)
    assert "raise ValueError(message)" in payload(order, reached(order, "FAILURE")).traceback


def test_a_task_that_waits_for_its_retry_says_why(order):
    tasks.retries.delay(order.pk, times=1, countdown=600)
    assert reached(order, "RETRY").error == "ConnectionError: the carrier did not answer"


def test_a_retried_task_is_one_row_with_its_attempts(order):
    tasks.retries.delay(order.pk, times=2)
    reached(order, "SUCCESS")
    assert [task.attempts for task in tasks_for(order)] == [3]


def test_a_retried_task_shows_no_error_once_it_succeeds(order):
    tasks.retries.delay(order.pk, times=1)
    assert reached(order, "SUCCESS").error is None


def test_an_ignored_task_is_ignored(order):
    tasks.ignores.delay(order.pk)
    reached(order, "IGNORED")


def test_a_rejected_task_is_rejected(order):
    tasks.rejects.delay(order.pk)
    reached(order, "REJECTED")


def test_an_expired_task_is_revoked(order):
    tasks.noop.apply_async((order.pk,), expires=datetime.now(timezone.utc) - timedelta(seconds=5))
    reached(order, "REVOKED")


def test_a_task_revoked_before_its_start_is_revoked(order, worker):
    task_id = str(uuid.uuid4())
    assert current_app.control.revoke(task_id, reply=True, timeout=PATIENCE, destination=[worker.hostname])
    tasks.noop.apply_async((order.pk,), task_id=task_id)
    assert reached(order, "REVOKED").started_at is None


def test_a_task_terminated_while_it_runs_is_revoked(order, worker):
    result = tasks.long.delay(order.pk, steps=300)
    reached(order, "STARTED")
    current_app.control.revoke(result.id, terminate=True, destination=[worker.hostname])
    assert reached(order, "REVOKED").started_at


def test_a_task_next_to_a_terminated_one_goes_on(order, other, worker, pace):
    result = tasks.long.delay(order.pk, steps=300)
    tasks.paced.delay(other.pk, pace.file)
    reached(order, "STARTED")
    reached(other, "STARTED")
    current_app.control.revoke(result.id, terminate=True, destination=[worker.hostname])
    reached(order, "REVOKED")
    pace.to(10)
    assert reached(other, "SUCCESS").attempts == 1


def test_a_task_that_no_worker_knows_fails_as_not_registered(order, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {"elsewhere.ship": {"model": "shop.Order"}}}
    current_app.send_task("elsewhere.ship", (order.pk,))
    assert reached(order, "FAILURE").error == "NotRegistered: elsewhere.ship"


# -- what is linked, and to what


def test_a_task_published_without_celery_ops_is_linked_by_the_worker(order, site):
    program = "import sys, celery; celery.Celery(broker=sys.argv[1]).send_task(sys.argv[2], [int(sys.argv[3])])"
    command = [sys.executable, "-c", program, site.broker, tasks.process_payment.name, str(order.pk)]
    subprocess.run(command, check=True, timeout=PATIENCE, env={})
    task = reached(order, "SUCCESS")
    assert (task.published_at, task.name) == (None, tasks.process_payment.name)


def test_whatever_is_published_inside_tracking_is_linked(order):
    with tracking(order):
        result = tasks.untracked.delay()
    task = reached(order, "SUCCESS")
    assert (task.id, task.is_child) == (result.id, False)


def test_a_task_launched_from_a_tracked_task_belongs_to_its_object_as_a_child(order):
    result = tasks.parent.delay(order.pk)
    assert reached(order, "SUCCESS", "child").parent_id == result.id


def test_a_task_that_launches_others_is_no_child_itself(order):
    tasks.parent.delay(order.pk)
    assert not reached(order, "SUCCESS", "parent").is_child


def test_a_replaced_task_is_one_row(order):
    result = tasks.replaces.delay(order.pk)
    reached(order, "SUCCESS", "child")
    assert [task.id for task in tasks_for(order)] == [result.id]


def test_a_replaced_task_has_the_name_of_its_replacement_though_its_own_publish_is_told_last(order):
    result = tasks.replaces.delay(order.pk)
    reached(order, "SUCCESS", "child")
    own_publish = Execution(result.id, tasks.replaces.name, 0, Stamp((ObjectRef.of(order),), (), 1)).batch()
    recorder().record(own_publish)
    assert [task.name for task in tasks_for(order)] == [tasks.child.name]


def test_a_task_that_is_put_into_anothers_place_is_no_second_delivery(order):
    tasks.replaces.delay(order.pk)
    task = reached(order, "SUCCESS", "child")
    assert (task.executions, task.attempts) == (1, 1)


def test_a_task_that_is_put_into_the_place_of_one_that_was_tried_again_ends_it(order):
    result = tasks.replaces_at_last.delay(order.pk)
    task = reached(order, "SUCCESS", "child")
    assert (task.id, task.executions, task.attempts) == (result.id, 1, 1)


def test_a_task_that_put_a_chain_into_its_place_waits_for_the_last_of_it(order, pace):
    result = tasks.replaces_by_chain.delay(order.pk, "paced", pace.file, 1)
    reached(order, "STARTED", "paced")
    waiting = reached(order, "PENDING")
    assert (waiting.id, waiting.started_at, waiting.finished_at) == (result.id, None, None)
    pace.to(1)
    task = reached(order, "SUCCESS", "child")
    assert (task.id, task.executions) == (result.id, 1)


def test_arguments_that_cannot_be_sent_leave_no_row(order):
    with pytest.raises(EncodeError):
        tasks.returns.delay(order.pk, object())
    assert tasks_for(order) == []


@pytest.mark.django_db(transaction=True)
def test_delay_on_commit_leaves_nothing_when_the_transaction_is_rolled_back(order):
    with transaction.atomic():
        tasks.noop.delay_on_commit(order.pk)
        transaction.set_rollback(True)
    assert tasks_for(order) == []


@pytest.mark.django_db(transaction=True)
def test_delay_on_commit_is_linked_when_the_transaction_is_committed():
    order = Order.objects.create(pk=10**6)
    with transaction.atomic():
        tasks.noop.delay_on_commit(order.pk)
    reached(order, "SUCCESS")
