"""What a process of a site loads of the app that shows none of its pages: a worker, a shell, a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from celery_ops.conf import DEFAULTS

ROOT = Path(__file__).parents[2]
SETTINGS = "tests.sites.guest.settings"
#: What the installation says, without the app of the results, which the site has anyway.
APPS = "crispy_forms crispy_bootstrap5 celery_ops"
#: Where no Redis is: whether one answers makes no difference to what is imported.
REDIS = "redis://127.0.0.1:16379/0"

#: What a process of the site may load at rest: ours, and the libraries that it would not have without us.
MOST, MOST_WITH_LIBRARIES = 45, 62

#: What only pages, panels and those who ask workers need, and no process that runs tasks.
PAGES = {
    f"celery_ops.{name}"
    for name in (
        "backends.base",
        "backends.results.backend",
        "bulk",
        "connections",
        "filters",
        "forms",
        "openapi",
        "panels",
        "payload",
        "pruning",
        "rerun",
        "running",
        "tables",
        "tags",
        "task_detail",
        "views.ops",
        "views.panel",
    )
}
#: Libraries that only those need, and what these load with them.
LIBRARIES = {"django_filters", "django_tables2", "psycopg", "redis"}

#: What only those need that publish or run tasks.
OF_TASKS = {
    "celery_ops.control.worker_receivers",
    "celery_ops.tracking.delivery",
    "celery_ops.tracking.executing",
    "celery_ops.tracking.heartbeat",
    "celery_ops.tracking.publishing",
    "celery_ops.tracking.recorder",
}

#: A task that is run here, and one that waits.
TRACK = f"""
from django.conf import settings
from celery_ops import tasks_for
from django.contrib.auth.models import Group
from tests.sites.guest.tasks import greet
settings.CELERY_OPS = {{"STORE": "celery_ops.tracking.memory.MemoryStore"}}
for celery_app.conf.task_always_eager in (True, False):
    greet.delay(5)
assert [task.state for task in tasks_for(Group(pk=5))] == ["PENDING", "SUCCESS"]
settings.CELERY_OPS = {{"STORE": {DEFAULTS["STORE"]!r}}}
"""
#: What a worker does before its pool is forked, and then what the pool's processes do, all that it takes of us in
#: ``needed``: a task that ends well, one that fails and tells a secret, one that is tried again, and a publish.
FORKS = f"""
from celery import signals
from django.conf import settings
from tests.sites.guest import tasks
settings.CELERY_OPS = {{"STORE_URL": {REDIS!r}}}
class Worker:
    app = celery_app
signals.worker_init.send(sender=Worker())
shared = set(sys.modules)
celery_app.conf.task_always_eager = True
tasks.greet.delay(5)
tasks.fails.delay(5, secret="hunter2")
tasks.tries_again.delay(5)
celery_app.conf.task_always_eager = False
tasks.greet.delay(5)
needed = {{name for name in set(sys.modules) - shared if name.partition(".")[0] in ("celery_ops", "redis")}}
assert not needed, needed
from celery_ops.metrics import flushing
from celery_ops.tracking.recorder import recorder
recorder().patience = flushing.EXIT_PATIENCE = 0  # its end need not wait for a store that nobody has
"""
VISIT = """
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from tests.sites.visit import PAGES
call_command("migrate", verbosity=0)
client = Client()
client.force_login(User.objects.create_superuser("root"))
pages = ["/ops/", *(f"/ops/{page}" for page in PAGES), "/admin/celery_ops/taskrunrecord/"]
assert {client.get(page).status_code for page in pages} == {200}
"""


def loaded(code="", broker="memory://", apps=APPS):
    """The modules of a process that has loaded the site and its tasks, as a worker does, and then run ``code``."""
    command = [sys.executable, "-W", "error::ImportWarning", "-m", "tests.sites.guest", code]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, "GUEST_APPS": apps, "TEST_BROKER_URL": broker}
    ended = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout)["modules"])


@pytest.fixture(scope="module")
def at_rest():
    return loaded(broker=REDIS)


def test_a_process_that_shows_no_page_loads_nothing_of_the_pages(at_rest):
    assert "tests.sites.guest.tasks" in at_rest
    assert "celery_ops.urls" in at_rest, "Django's checks read the site's URLs in every worker"
    assert at_rest & (PAGES | LIBRARIES) == set()


def test_a_process_that_neither_publishes_nor_runs_a_task_loads_nothing_that_only_this_takes(at_rest):
    assert "celery_ops.tracking.registry" in at_rest, "its tasks are tracked"
    assert at_rest & OF_TASKS == set()


def test_what_it_loads_for_us_is_bounded(at_rest):
    assert len([name for name in at_rest if name.partition(".")[0] == "celery_ops"]) <= MOST
    assert len(at_rest - loaded(apps="")) <= MOST_WITH_LIBRARIES


def test_a_worker_imports_what_its_pool_needs_before_it_forks():
    assert loaded(FORKS) >= OF_TASKS


def test_tracking_needs_nothing_of_the_pages_either():
    modules = loaded(TRACK)
    assert "celery_ops.redaction.capturing" in modules, "what a task was given has been kept"
    assert modules & (PAGES | LIBRARIES) == set()


def test_pages_are_there_when_somebody_asks_without_the_apps_that_they_can_do_without():
    assert {"celery_ops.views.ops", "celery_ops.tables", "django_tables2"} <= loaded(VISIT)
