"""``doctor`` on tasks of Django's own framework."""

from datetime import datetime, timezone
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from celery_ops.backends.remote.gather import Answers
from celery_ops.connections.target import Target
from celery_ops.control import paused_queues
from celery_ops.doctor import django_tasks as checks
from celery_ops.tracking.registry import registry
from tests.celery import app

if find_spec("django.tasks") is None:
    pytest.skip("Django before 6.0 has no tasks of its own", allow_module_level=True)

from tests.shop import django_tasks

FENNEL = {"BACKEND": "django_tasks_fennel.CeleryBackend", "QUEUES": ["mail", "default"]}
CELERY = {"BACKEND": "django_tasks_celery.CeleryBackend"}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory_store")]


@pytest.fixture(autouse=True)
def _driver(monkeypatch):
    monkeypatch.setattr("celery_ops.doctor.django_tasks.target.target", lambda: Target("", "amqp"))
    monkeypatch.setattr("celery_ops.control.paused_queues.pauses", dict)
    assert django_tasks.lock.name == "lock"


def found():
    return [(finding.level, finding.message) for finding in checks.check()]


def level_and_words(words):
    return [level for level, message in found() if words in message]


def test_tasks_that_celery_runs_are_well():
    ((level, message),) = found()
    assert (level, message[:37]) == ("ok", "Django's own tasks are run by Celery:")


def test_a_site_without_any_is_well(monkeypatch, settings):
    del settings.TASKS
    monkeypatch.setattr(checks.django_tasks, "named", lambda name: None)
    assert found() == [("ok", "This site has no tasks of Django's own framework.")]


@pytest.mark.parametrize("backend", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_backend_for_development_is_said_in_production(backend, debug, settings):
    settings.TASKS = {**settings.TASKS, "here": {"BACKEND": f"django.tasks.backends.{backend}"}}
    settings.DEBUG = debug
    assert level_and_words("run a task inside the request, or never: here") == ([] if debug else ["warning"])


def test_what_is_tracked_and_runs_elsewhere_is_said(monkeypatch):
    monkeypatch.setattr(registry, "names", lambda: ["tests.shop.django_tasks.lock"])
    monkeypatch.setattr(checks, "_behind", dict)
    (words,) = [message for level, message in found() if level == "warning"]
    assert "tests.shop.django_tasks.lock (tests.shop.django_backends.TakesAnything)" in words


def test_a_name_as_django_has_it_is_corrected(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {"tests.shop.django_tasks.unlock": {}}}
    assert level_and_words("tests.shop.django_tasks.unlock → django_tasks:tests.shop.django_tasks.unlock") == [
        "warning"
    ]


@pytest.mark.parametrize(
    ("driver", "most", "words"),
    [
        ("redis", None, "Redis takes the lowest number first"),
        ("amqp", None, "RabbitMQ heeds a priority only in queues that have some"),
        ("amqp", 10, ""),
        ("memory", None, ""),
    ],
)
def test_what_becomes_of_priorities_is_said(driver, most, words, monkeypatch):
    task = SimpleNamespace(priority=5, module_path="shop.jobs.mail")
    monkeypatch.setattr(checks, "_behind", lambda: {"shop.jobs.mail": task})
    monkeypatch.setattr(registry, "names", list)
    monkeypatch.setattr("celery_ops.doctor.django_tasks.target.target", lambda: Target("", driver))
    monkeypatch.setattr(app.conf, "task_queue_max_priority", most)
    assert [level for level, message in found() if level == "warning" and words in message] == ["warning"] * bool(words)


# -- queues


def answers(*queues):
    replies = {"w@a": {"active_queues": [{"name": name} for name in queues]}} if queues else {"w@a": {}}
    return Answers(("w@a",), replies, datetime.now(timezone.utc), frozenset())


def queues_said(*queues):
    return [(finding.level, finding.message) for finding in checks.check_queues(answers(*queues))]


def test_a_queue_of_tasks_that_nobody_consumes_is_named_with_its_backend(settings):
    settings.TASKS = {"default": FENNEL}
    ((level, message),) = queues_said("celery", "mail")
    assert (level, message) == ("warning", "TASKS sends to queues that no worker consumes: default (default).")


def test_djangos_usual_queue_is_celerys_own_for_django_tasks_celery(settings):
    settings.TASKS = {"default": CELERY}
    assert queues_said("celery") == [("ok", "Every queue of TASKS has a worker.")]


def test_a_paused_queue_is_not_deserted(settings, monkeypatch):
    settings.TASKS = {"default": FENNEL}
    monkeypatch.setattr(paused_queues, "pauses", lambda: {"default": None})
    assert queues_said("celery", "mail") == [("ok", "Every queue of TASKS has a worker.")]


@pytest.mark.parametrize("tasks", [{}, {"default": {"BACKEND": "shop.Backend"}}, {"default": {}}, {"default": None}])
def test_of_other_backends_no_queue_is_known(tasks, settings):
    settings.TASKS = tasks
    assert queues_said("celery") == []


def test_a_worker_that_does_not_say_leaves_it_open(settings):
    settings.TASKS = {"default": FENNEL}
    assert queues_said() == []
