"""A site with objectives, backends that hold what the test says, and what was told."""

import pytest

from celery_ops import signals
from celery_ops.alerts import board, delivery
from celery_ops.alerts.evaluating import evaluate
from celery_ops.logs import said
from tests.ops import backends
from tests.ops.backends import Queues, Workers, queue

MAIL = {"queue": "mail*", "depth": 10}


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Both stores in turn."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def say(settings):
    """Set more of ``CELERY_OPS``."""

    def put(**values):
        settings.CELERY_OPS = {**settings.CELERY_OPS, **values}

    return put


@pytest.fixture
def site(say, loaded_tasks):
    """A site with one objective; what its queues and workers are a test says."""
    say(
        OBJECTIVES={"mail goes out": MAIL},
        WORKER_BACKEND=f"{backends.HERE}.Workers",
        QUEUE_BACKEND=f"{backends.HERE}.Queues",
    )
    yield
    for backend in (Workers, Queues):
        backend.hold()
        backend.trouble = ""


@pytest.fixture
def told():
    """What was told so far, by the signal."""
    alerts = []

    def listener(alert, **_):
        alerts.append(alert)

    signals.alert.connect(listener)
    yield alerts
    signals.alert.disconnect(listener)


@pytest.fixture(autouse=True)
def couriers():
    said.clear()
    yield
    delivery.finish()
    delivery.forget()
    said.clear()


@pytest.fixture
def always_due(monkeypatch):
    """Whoever looks finds that it is time."""
    monkeypatch.setattr(board, "DUE_AFTER", 0.0)


def hold(**depths):
    """Let the queues have so many messages."""
    Queues.hold(*(queue(name, depth=depth) for name, depth in depths.items()))


def states(alerts):
    return [(alert.target, alert.state) for alert in alerts]


def evaluated(**depths):
    hold(**depths)
    return evaluate()
