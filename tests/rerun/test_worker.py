"""With a real worker, whose results no page can read: a task fails, is run again, and its pages say so."""

import re
from contextlib import closing

import pytest
import redis
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.models import TaskRunRecord
from celery_ops.tracking import reading
from tests.celery import app
from tests.conftest import browser_of, visiting
from tests.pages import words
from tests.servers import PATIENCE, Site, wait_for
from tests.shop import tasks
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(redis_server, settings, loaded_tasks):
    base = f"redis://127.0.0.1:{redis_server.port}"
    with visiting(Site(f"{base}/12", store=f"{base}/13", results=f"{base}/14"), settings) as site:
        settings.CELERY_OPS = {
            **settings.CELERY_OPS,
            "RUNNABLE_TASKS": ["tests.shop.tasks.fails_at_first"],
            "CONTROL_TIMEOUT": 0.3,
        }
        yield site


def again(browser, task_id):
    response = browser.post(reverse("celery_ops:retry"), {"task_id": task_id})
    assert response.status_code == 302
    new = TaskRunRecord.objects.get(retry_of=task_id).task_id
    assert app.AsyncResult(new).get(timeout=PATIENCE)
    return new


def days_pass(site):
    """Let the store forget what it keeps of objects, as it does when nothing was written to them for ``RETENTION``."""
    with closing(redis.Redis.from_url(site.store)) as client:
        client.delete(*(key for key in client.scan_iter() if b"~task" not in key))


def page(browser, task_id):
    return browser.get(reverse("celery_ops:task-detail", args=[task_id])).text


def test_tasks_that_failed_are_run_again_and_linked(site, make_worker, superuser, tmp_path, db):
    """One worker for all of it: starting one takes longer than the rest."""
    make_worker(None, "-c", "1", TEST_RESULT_BACKEND=site.results)
    browser = browser_of(superuser)
    order = Order.objects.create(reference="A-1")

    tracked = tasks.fails_once.delay(order.pk, str(tmp_path / "tracked")).id
    wait_for(lambda: any(task.state == "FAILURE" for task in tasks_for(order)), "the failure")
    new = again(browser, tracked)
    assert words(page(browser, tracked)).count(new) == 1
    assert re.search(rf"Run again of\s+{tracked}", words(page(browser, new)))
    assert [(task.id, task.retry_of) for task in tasks_for(order)] == [(new, tracked), (tracked, None)]

    later = tasks.fails_once.delay(order.pk, str(tmp_path / "later")).id
    wait_for(lambda: any(t.id == later and t.state == "FAILURE" for t in tasks_for(order)), "another failure")
    days_pass(site)
    assert tasks_for(order) == []
    assert re.search(r"Belongs to\s+\S", words(page(browser, later)))
    new = again(browser, later)
    assert [(task.id, task.retry_of) for task in tasks_for(order)] == [(new, later)]

    alone = tasks.fails_at_first.delay(str(tmp_path / "alone")).id
    wait_for(lambda: reading.find_task(alone), "what the worker keeps of it")
    text = words(page(browser, alone))
    assert "ValueError: not yet" in text
    assert "Traceback" in text
    new = again(browser, alone)
    assert new in words(page(browser, alone))
    assert re.search(rf"Run again of\s+{alone}", words(page(browser, new)))

    killed = tasks.untracked_dies.delay().id
    wait_for(lambda: reading.find_task(killed), "what the main process keeps of it")
    (_place, found) = reading.find_task(killed)[0]
    assert (found.state, found.name) == ("FAILURE", "tests.shop.tasks.untracked_dies")
    assert found.error.startswith("WorkerLostError")
