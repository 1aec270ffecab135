"""What the soak runs: each says what it does, in its own words, before anybody else does."""

import contextlib
import time

from celery import shared_task
from celery.exceptions import Retry
from celery.utils.log import get_task_logger

from celery_ops import track
from tests.chaos.truth import tell
from tests.shop.models import Order

logger = get_task_logger(__name__)


@contextlib.contextmanager
def running(task, lines=0, seconds=0.0):
    """Say that this execution begins and how it ends; log some lines over so many seconds before the rest."""
    request = task.request
    attempt = request.retries + 1
    tell("begun", request.id, name=task.name, attempt=attempt)
    try:
        for number in range(lines):
            time.sleep(seconds / lines)
            text = f"line {number} of attempt {attempt}, delivery {time.time_ns()}"
            logger.warning("%s", text)
            tell("line", request.id, name=task.name, attempt=attempt, text=text)
        yield
    except Retry:
        tell("asked to be retried", request.id, name=task.name, attempt=attempt)
        raise
    except BaseException as error:
        tell("raised", request.id, name=task.name, attempt=attempt, text=type(error).__name__)
        raise
    tell("returned", request.id, name=task.name, attempt=attempt)


@track(Order)
@shared_task(bind=True)
def succeeds(self, order_id, lines=3, seconds=0.1):
    with running(self, lines, seconds):
        return lines


@track(Order)
@shared_task(bind=True, acks_late=True)
def is_late(self, order_id, lines=4, seconds=2.0):
    with running(self, lines, seconds):
        return lines


@track(Order)
@shared_task(bind=True)
def fails(self, order_id, lines=2):
    with running(self, lines):
        raise ValueError("as it was told")


@track(Order)
@shared_task(bind=True, max_retries=3)
def retries(self, order_id, times=1):
    with running(self, 2, 0.1):
        if self.request.retries < times:
            raise self.retry(exc=ConnectionError("not yet"), countdown=1)


@track(Order)
@shared_task(bind=True, time_limit=2)
def is_too_long(self, order_id):
    with running(self, 2, 0.5):
        time.sleep(60)


@track(Order)
@shared_task(bind=True, soft_time_limit=1)
def is_limited(self, order_id):
    with running(self, 1):
        time.sleep(60)


@track(Order)
@shared_task(bind=True)
def waits(self, order_id):
    """It is to be revoked before it runs, and runs where that comes too late."""
    with running(self, 1):
        pass


@track(Order)
@shared_task(bind=True)
def is_stopped(self, order_id):
    """It is to be ended while it runs."""
    with running(self, 2, 0.5):
        time.sleep(8)


@track(Order)
@shared_task(bind=True)
def is_asked_for(self, order_id):
    """A person runs it, on the site's pages alone."""
    with running(self, 1):
        return order_id


@track(Order)
@shared_task(bind=True)
def ticks(self, order_id):
    """Beat sends it."""
    with running(self, 1):
        return order_id
