"""The custom backends of docs/backends.md work as they are printed."""

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.cache import cache
from django_celery_results.models import TaskResult

from celery_ops.backends.control import ControlWorkerBackend
from celery_ops.exceptions import BackendUnavailable
from celery_ops.info import WorkerInfo, WorkerReport
from celery_ops.task_query import TaskQuery
from celery_ops.testing import TaskBackendContract
from docs.examples.cached_workers import CachedWorkerBackend
from docs.examples.external_service import MonitoringTaskBackend
from docs.examples.several_sources import SeveralSourcesTaskBackend
from tests.planting import plant
from tests.shop.models import Order

NOW = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)


class Service(BaseHTTPRequestHandler):
    """A monitoring service that has what a test gave it."""

    tasks = ()
    status = 200

    def do_GET(self):
        rows = [
            {
                "id": task.id,
                "name": task.name,
                "state": task.state,
                "created": task.created_at.isoformat(),
                "error": task.error,
            }
            for task in self.tasks
        ]
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(rows).encode())

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def service(settings):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.MONITORING_URL = f"http://127.0.0.1:{server.server_port}"
    Service.tasks, Service.status = (), 200
    yield Service
    server.shutdown()
    thread.join()
    server.server_close()


class TestExternalService(TaskBackendContract):
    @pytest.fixture(autouse=True)
    def _service(self, service):
        self.service = service

    def make_backend(self, tasks):
        self.service.tasks = tuple(tasks)
        return MonitoringTaskBackend()


def test_a_service_that_fails_is_unavailable(service):
    service.status = 500
    with pytest.raises(BackendUnavailable, match="does not answer"):
        MonitoringTaskBackend().page(TaskQuery())


def test_a_service_that_is_away_is_unavailable(settings):
    settings.MONITORING_URL = "http://127.0.0.1:1"
    with pytest.raises(BackendUnavailable, match="does not answer"):
        MonitoringTaskBackend().get("id")


@pytest.fixture
def two_sources(db, memory_store):
    """One task only in the store, one only in the database, one in both."""
    waiting = plant(Order(pk=1), "shop.tasks.wait", "PENDING", ago=10)
    both = plant(Order(pk=1), "shop.tasks.both", "STARTED", ago=20)
    for task_id in (both, "old"):
        TaskResult.objects.create(task_id=task_id, task_name="shop.tasks.old", status="SUCCESS")
    TaskResult.objects.filter(task_id="old").update(date_created=datetime.now(timezone.utc) - timedelta(days=3))
    return waiting, both


def test_several_sources_are_one_list(two_sources):
    waiting, both = two_sources
    assert [task.id for task in SeveralSourcesTaskBackend().page(TaskQuery()).tasks] == [waiting, both, "old"]


def test_the_first_source_that_knows_a_task_is_believed(two_sources):
    _, both = two_sources
    assert SeveralSourcesTaskBackend().get(both).state == "STARTED"


def test_a_task_that_only_the_last_source_knows_is_found(two_sources):
    assert SeveralSourcesTaskBackend().get("old").state == "SUCCESS"


def test_a_task_that_no_source_knows_is_none(two_sources):
    assert SeveralSourcesTaskBackend().get("unknown") is None


@pytest.fixture
def asked(monkeypatch):
    """How often workers were asked."""
    questions = []

    def workers(self):
        questions.append(1)
        return WorkerReport((WorkerInfo("celery@a", last_seen=NOW),), NOW)

    monkeypatch.setattr(ControlWorkerBackend, "workers", workers)
    cache.clear()
    yield questions
    cache.clear()


def test_cached_workers_are_asked_once(asked):
    first, second = CachedWorkerBackend().workers(), CachedWorkerBackend().workers()
    assert (first, len(asked)) == (second, 1)
