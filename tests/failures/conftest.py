import time
from contextlib import contextmanager

import pytest

from celery_ops.failures.counting import FailureCounting
from celery_ops.failures.tally import Failure
from celery_ops.metrics.flushing import flusher
from celery_ops.signals import failure_seen


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Both stores in turn."""
    return request.getfixturevalue(f"{request.param}_store")


def fail(message="the card was refused", **about):
    """Count one failure in this process."""
    about = {"at": time.time(), "whose": "", "task": "shop.pay", "task_id": "t1", "exception": "ValueError", **about}
    flusher().source(FailureCounting).add(Failure(message=message, **about))


def flush():
    flusher().flush()


@contextmanager
def hearing():
    """Give what is told of groups inside."""
    heard = []

    def hear(sender, signal, **told):
        heard.append(told)

    failure_seen.connect(hear)
    try:
        yield heard
    finally:
        failure_seen.disconnect(hear)
