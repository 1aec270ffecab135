"""An error that repeats a secret argument: hidden alike wherever it shows."""

import json

import pytest
from django.urls import reverse
from django_celery_results.models import TaskResult

from celery_ops.redaction.text import REDACTED

from .task_backends import LIST
from .test_csv import exported

pytestmark = pytest.mark.django_db
SECRET = "s3same-open"


@pytest.fixture(autouse=True)
def _one_failure(memory_store, loaded_tasks, no_live_task):
    TaskResult.objects.create(
        task_id="task-1",
        task_name="tests.shop.tasks.process_payment",
        status="FAILURE",
        task_args=json.dumps(f"(7, '{SECRET}')"),
        task_kwargs=json.dumps("{}"),
        result=json.dumps({"exc_type": "CardDeclined", "exc_message": [f"the card {SECRET} was refused"]}),
        traceback=f"CardDeclined: the card {SECRET} was refused",
    )


SHOWN = f"CardDeclined: the card {REDACTED} was refused"


@pytest.mark.parametrize(
    "path",
    [LIST, f"{LIST}?q=refused", reverse("celery_ops:overview"), reverse("celery_ops:task-detail", args=["task-1"])],
    ids=["list", "search", "overview", "page"],
)
def test_a_page_does_not_repeat_it(path, browser):
    text = browser.get(path).text
    assert SHOWN in text
    assert SECRET not in text


def test_the_file_does_not_repeat_it(browser):
    _head, row = exported(browser)
    assert row[-1] == SHOWN


def test_the_json_does_not_repeat_it(browser):
    (item,) = browser.get(reverse("celery_ops:api-history")).json()["results"]
    assert item["error"] == SHOWN
    assert SECRET not in json.dumps(item)
