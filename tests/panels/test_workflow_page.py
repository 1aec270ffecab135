"""The page of a workflow and its JSON: by the id of any of its tasks, and calm whatever is kept of it."""

import pytest
from celery.utils import uuid
from django.urls import reverse

from celery_ops.tracking.facts import short_id
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.stamp import encode
from tests.planting_workflows import plant_member, plant_workflow

from .conftest import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_client(staff):
    return browser(staff)


def page_of(client, task_id, **parameters):
    return client.get(reverse("celery_ops:workflow", args=[task_id]), parameters)


def json_of(client, task_id):
    return client.get(reverse("celery_ops:api-workflow", args=[task_id])).json()


def keep(*members):
    recorder().record(list(members))
    recorder().flush()


def test_it_says_how_many_are_done(staff_client):
    key = uuid()
    plant_workflow(key, 3)
    assert "4 of 4 done" in page_of(staff_client, key).content.decode()


def test_json_says_which_came_after_which(staff_client):
    key, child = uuid(), uuid()
    keep(plant_member(key, task_id=key), plant_member(key, "shop.child", "STARTED", task_id=child, parent=key, ago=30))
    answer = json_of(staff_client, key)
    assert answer["edges"] == [[key, child]]
    assert (answer["done"], answer["failed"], answer["total"]) == (1, 0, 2)
    assert answer["tasks"][1] == {
        "task_id": child,
        "name": "shop.child",
        "state": "STARTED",
        "parent_id": key,
        "group_id": None,
        "published": True,
    }


def test_a_step_to_come_is_neither_done_nor_failed(staff_client):
    key, later = uuid(), uuid()
    steps = encode({"n": ["shop.later"], "s": [[short_id(later), 0]], "j": [[[-1], [0]]]})
    keep(plant_member(key, task_id=key, state="FAILURE", steps=steps))
    answer = json_of(staff_client, key)
    assert [(task["task_id"], task["published"]) for task in answer["tasks"]] == [(key, True), (later, False)]
    assert (answer["done"], answer["failed"], answer["total"]) == (0, 1, 2)
    assert answer["edges"] == [[key, later]]
