"""The task pages over real results: few queries, large rows, and what the workers wrote."""

import json
import tracemalloc
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.memory import MemoryQueueBackend
from celery_ops.info import MessageInfo, QueueDetail, QueueInfo
from tests.conftest import browser_of, make_user
from tests.pages import html_of, words
from tests.planting import plant

from .task_backends import LIST
from .test_csv import exported
from .test_task_detail import fact, text
from .test_task_list import ids, tabs, walk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory_store", "loaded_tasks", "no_live_task")]
LARGE = 2_000_000


def keep(number=0, status="SUCCESS", **fields):
    """Let the results have a task that was created ``number`` minutes ago."""
    values = {"task_id": f"task-{number}", "task_name": "shop.tasks.charge", "worker": "celery@web-1", **fields}
    row = TaskResult.objects.create(status=status, **values)
    created = timezone.now() - timedelta(minutes=number)
    done = created + timedelta(seconds=3)
    TaskResult.objects.filter(pk=row.pk).update(date_created=created, date_started=created, date_done=done)
    return row.task_id


def failure(number=0, **fields):
    error = json.dumps(
        {"exc_type": "ValueError", "exc_message": ["password=hunter2 is wrong"], "exc_module": "builtins"}
    )
    return keep(number, "FAILURE", **{"result": error, "traceback": "Traceback\n  password=hunter2", **fields})


def page(browser, path=LIST):
    return html_of(browser.get(path))


def queries(browser, path):
    page(browser, path)  # what is read once in a process is read
    with CaptureQueriesContext(connection) as captured:
        page(browser, path)
    return [each["sql"] for each in captured.captured_queries]


class Queues(MemoryQueueBackend):
    """A queue in which a task waits."""


@pytest.fixture
def one_waits(settings, order):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": f"{__name__}.Queues"}
    Queues.hold(
        QueueDetail(QueueInfo("mail", depth=1), messages=(MessageInfo("in-the-queue", "shop.send", "({'a': 1},)"),))
    )
    yield plant(order, state="PENDING")
    Queues.hold()


def test_tasks_that_wait_are_listed_as_such_and_counted(browser, one_waits):
    keep()
    html = page(browser)
    assert sorted(ids(html)[:2]) == sorted(["in-the-queue", one_waits])
    assert ids(html)[2:] == ["task-0"]
    assert "waits in mail" in words(html)
    assert "waits: no worker has begun it" in words(html)
    assert ids(page(browser, f"{LIST}?state=PENDING")) == ids(html)[:2]
    assert "Pending 2" in tabs(html)


def test_tasks_that_wait_are_in_the_json_and_the_file(browser, one_waits):
    items = browser.get("/behind/a/prefix/api/history/?state=PENDING").json()["results"]
    assert {item["task_id"]: (item["state"], item["started_at"]) for item in items} == dict.fromkeys(
        ["in-the-queue", one_waits], ("PENDING", None)
    )
    assert {row[0] for row in exported(browser)[1:]} == {"in-the-queue", one_waits}


@pytest.fixture
def viewer():
    """A browser of somebody whose permissions have to be read."""
    return browser_of(make_user("viewer", "celery_ops.view_ops", "celery_ops.view_payload", is_staff=True))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?state=SUCCESS",
        "?worker=celery@web-1&since=2020-01-01&until=2100-01-01",
        "?q=task-1",
        "?sort=-finished&page_size=2",
        "?since=nonsense&state=BOGUS",
    ],
)
def test_a_list_page_takes_six_queries_at_most_and_two_of_them_ours(viewer, query):
    for number in range(5):
        keep(number)
    found = queries(viewer, LIST + query)
    ours = [sql for sql in found if "celery" in sql]
    assert len(ours) <= 2 + ("BOGUS" in query), ours
    assert len(found) <= 6 + ("BOGUS" in query), found


@pytest.mark.parametrize(("query", "most"), [("?state=FAILURE&state=RETRY", 3), ("?name=charge", 3), ("?q=charge", 4)])
def test_several_states_and_parts_of_names_take_one_or_two_more(viewer, query, most):
    for number in range(5):
        keep(number)
    ours = [sql for sql in queries(viewer, LIST + query) if "celery" in sql]
    assert len(ours) <= most, ours


def test_a_tasks_own_page_takes_four_of_ours(viewer):
    task_id = failure()
    found = queries(viewer, reverse("celery_ops:task-detail", args=[task_id]))
    ours = [sql for sql in found if "celery" in sql]
    of_beat = [sql for sql in ours if "django_celery_beat" in sql]
    assert len(ours) - len(of_beat) == 4, found
    assert len(of_beat) == apps.is_installed("django_celery_beat")  # which entries send such tasks


def test_the_results_are_listed_counted_and_paged(browser):
    for number in range(7):
        keep(number, "FAILURE" if number % 2 else "SUCCESS")
    pages, _last = walk(browser, "?state=SUCCESS&page_size=3")
    assert [id for each in pages for id in each] == ["task-6", "task-4", "task-2", "task-0"]
    assert tabs(page(browser)) == "All 7 Success 4 Failure 3"


def test_an_error_is_redacted_in_the_list(browser):
    failure()
    assert "ValueError: password=[redacted] is wrong" in page(browser)


def test_a_state_of_the_sites_own_has_a_tab_and_is_filtered_by(browser):
    keep(0)
    keep(1, "PROGRESS")
    assert "PROGRESS 1" in tabs(page(browser))
    assert ids(page(browser, f"{LIST}?state=PROGRESS")) == ["task-1"]


def test_a_failure_is_told_on_its_page(browser):
    task_id = failure(task_args='"(1,)"', task_kwargs="\"{'password': 'hunter2', 'page': 3}\"")
    html = page(browser, reverse("celery_ops:task-detail", args=[task_id]))
    assert fact(html, "Error") == "ValueError: password=[redacted] is wrong"
    assert text(html, "Traceback") == "Traceback\n  password=[redacted]"
    assert json.loads(text(html, "Arguments")) == {"args": [1], "kwargs": {"password": "[redacted]", "page": 3}}
    assert "hunter2" not in html


def test_all_of_them_are_exported(browser):
    for number in range(5):
        keep(number)
    assert [row[0] for row in exported(browser)[1:]] == [f"task-{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.database
def test_a_page_of_large_rows_takes_little_memory(browser):
    large = "x" * LARGE
    for number in range(10):
        failure(number, traceback=large, meta=large)
        keep(100 + number, result=large)
    page(browser)
    tracemalloc.start()
    page(browser)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.database
def test_a_large_rows_own_page_is_bounded(browser):
    large = "password=hunter2 " * (LARGE // 17)
    task_id = failure(result=large, traceback=large, task_args=large, task_kwargs=large, meta=large)
    html = page(browser, reverse("celery_ops:task-detail", args=[task_id]))
    assert len(html) < 60_000
    assert "hunter2" not in html
