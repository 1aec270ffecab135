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


def loaded(code="", broker="memory://"):
    """The modules of a process that has loaded the site and its tasks, as a worker does, and then run ``code``."""
    command = [sys.executable, "-W", "error::ImportWarning", "-m", "tests.sites.guest", code]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, "GUEST_APPS": APPS, "TEST_BROKER_URL": broker}
    ended = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout)["modules"])


@pytest.fixture(scope="module")
def at_rest():
    return loaded(broker="redis://127.0.0.1:16379/0")


def test_a_process_that_shows_no_page_loads_nothing_of_the_pages(at_rest):
    assert "tests.sites.guest.tasks" in at_rest
    assert "celery_ops.urls" in at_rest, "Django's checks read the site's URLs in every worker"
    assert at_rest & (PAGES | LIBRARIES) == set()


def test_what_it_loads_of_ours_is_70_modules_at_most(at_rest):
    assert len([name for name in at_rest if name.partition(".")[0] == "celery_ops"]) <= 70


def test_tracking_needs_nothing_of_the_pages_either():
    modules = loaded(TRACK)
    assert "celery_ops.redaction.capturing" in modules, "what a task was given has been kept"
    assert modules & (PAGES | LIBRARIES) == set()


def test_pages_are_there_when_somebody_asks_without_the_apps_that_they_can_do_without():
    assert {"celery_ops.views.ops", "celery_ops.tables", "django_tables2"} <= loaded(VISIT)
