"""``metrics``: what Prometheus scrapes, for terminals."""

import builtins

import pytest
from prometheus_client.parser import text_string_to_metric_families

from celery_ops.exceptions import StoreUnavailable
from celery_ops.metrics.cells import Total
from tests.commands.conftest import call
from tests.metrics.test_counting import count, flush
from tests.ops import backends
from tests.ops.backends import Queues, Workers, queue, worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def stubs(memory_store, settings):
    names = {"WORKER_BACKEND": f"{backends.HERE}.Workers", "QUEUE_BACKEND": f"{backends.HERE}.Queues"}
    settings.CELERY_OPS = {**settings.CELERY_OPS, **names}
    Workers.hold(worker("w1@pod"))
    Queues.hold(queue("mail", depth=7))
    count(Total.STARTED, 0.1)
    flush()
    yield
    Workers.hold()
    Queues.hold()


def test_it_prints_the_text_of_the_page(stubs):
    text = call("metrics", output="text").out
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["celery_queue_length"].samples[0].value == 7
    assert families["celery_task_started"].samples[0].labels["hostname"] == ""
    assert call("metrics").data["text"].startswith("# HELP celery_task_received_total ")


def test_hosts_are_told_apart_on_demand(stubs):
    assert 'hostname=""' not in call("metrics", "--hostname", output="text").out


def test_where_nothing_answers_it_says_so(memory_store, settings, monkeypatch):
    def away(*_):
        raise StoreUnavailable("away")

    names = {"WORKER_BACKEND": f"{backends.HERE}.AwayWorkers", "QUEUE_BACKEND": f"{backends.HERE}.AwayQueues"}
    settings.CELERY_OPS = {**settings.CELERY_OPS, **names}
    monkeypatch.setattr(type(memory_store), "tallies", away)
    called = call("metrics")
    assert (called.code, called.error) == (3, "neither the store nor the broker answers")


def test_without_the_library_it_names_the_extra(stubs, monkeypatch):
    really = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return really(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    called = call("metrics")
    assert called.code == 1
    assert "django-celery-ops[metrics]" in called.error
