from contextlib import contextmanager

import pytest

from celery_ops.signals import failure_seen


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Both stores in turn."""
    return request.getfixturevalue(f"{request.param}_store")


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
