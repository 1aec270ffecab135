"""The page of a workflow and its JSON: by the id of any of its tasks, and calm whatever is kept of it."""

from html import unescape
from uuid import uuid4

import pytest
from celery.utils import uuid
from django.urls import reverse

from celery_ops.models import ControlRecord
from celery_ops.tracking.facts import short_id
from celery_ops.tracking.stamp import encode
from tests.pages import attribute, links, text_of
from tests.planting import panel_of, plant
from tests.planting_workflows import keep, plant_member, plant_workflow

from .conftest import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_client(staff):
    return browser(staff)


def page_of(client, task_id, **parameters):
    return client.get(reverse("celery_ops:workflow", args=[task_id]), parameters)


def json_of(client, task_id):
    return client.get(reverse("celery_ops:api-workflow", args=[task_id])).json()


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


def test_it_leads_to_running_again_what_failed_and_to_revoking_the_rest(staff_client):
    key = uuid()
    keep(plant_member(key, task_id=key, state="FAILURE"), plant_member(key, state="STARTED", parent=key))
    html = page_of(staff_client, key).text
    for name, words in (("bulk-retry", "Run up to 1 task again"), ("bulk-revoke", "1 task")):
        (url,) = (unescape(url) for url in attribute(html, "href") if url.startswith(reverse(f"celery_ops:{name}")))
        answer = staff_client.get(url)
        assert answer.status_code == 200
        assert "matches" in text_of(answer.text) or "match" in text_of(answer.text), words


def test_what_is_to_come_is_revoked_with_the_rest(staff_client, monkeypatch):
    key, later = uuid(), uuid()
    steps = encode({"n": ["shop.later"], "s": [[short_id(later), 0]], "j": [[[-1], [0]]]})
    keep(plant_member(key, task_id=key, state="STARTED", steps=steps))
    url = reverse("celery_ops:bulk-revoke") + f"?workflow={key}"
    answer = staff_client.post(url, {"submission": str(uuid4()), "count": "2"})
    assert answer.status_code == 302
    row = ControlRecord.objects.get(action="revoke")
    assert set(row.target.split(",")) | set(row.parameters.get("task_ids", ())) >= {key, later}


def test_the_list_of_tasks_may_be_kept_to_a_workflow(staff_client):
    key, child = uuid(), uuid()
    keep(plant_member(key, task_id=key), plant_member(key, task_id=child, parent=key, state="FAILURE"))
    keep(plant_member(uuid(), task_id=(other := uuid())))
    html = staff_client.get(reverse("celery_ops:task-list"), {"workflow": key}).text
    assert key in html
    assert child in html
    assert other not in html
    listed = staff_client.get(reverse("celery_ops:api-history"), {"workflow": key}).json()["results"]
    assert {item["task_id"] for item in listed} == {key, child}
    assert staff_client.get(reverse("celery_ops:api-history"), {"workflow": uuid()}).status_code == 404
    only_failed = staff_client.get(reverse("celery_ops:task-list"), {"workflow": key, "state": "FAILURE"}).text
    assert f">{key}<" not in only_failed


def test_the_list_of_an_unknown_workflow_is_not_found(staff_client):
    assert staff_client.get(reverse("celery_ops:task-list"), {"workflow": "nothing"}).status_code == 404


def test_a_tasks_page_leads_to_its_workflow(staff_client, order):
    key = plant(order)
    plant_workflow(key, 3)
    html = staff_client.get(reverse("celery_ops:task-detail", args=[key])).text
    assert ("one of 4 tasks", reverse("celery_ops:workflow", args=[key])) in links(html)


def test_a_panels_details_lead_to_the_workflow(staff_client, staff, order):
    key = plant(order)
    plant_workflow(key, 3)
    html = staff_client.get(panel_of(order, staff), {"task": key}).text
    assert ("one of 4 tasks", reverse("celery_ops:workflow", args=[key])) in links(html)


def test_what_is_over_is_not_to_be_revoked(staff_client):
    key, later = uuid(), uuid()
    steps = encode({"n": ["shop.later"], "s": [[short_id(later), 0]], "j": [[[-1], [0]]]})
    keep(plant_member(key, task_id=key, state="FAILURE", steps=steps))
    html = page_of(staff_client, key).text
    assert "Revoke the whole" not in html
    assert "never will" in html


def test_a_step_to_come_is_neither_done_nor_failed(staff_client):
    key, later = uuid(), uuid()
    steps = encode({"n": ["shop.later"], "s": [[short_id(later), 0]], "j": [[[-1], [0]]]})
    keep(plant_member(key, task_id=key, state="FAILURE", steps=steps))
    answer = json_of(staff_client, key)
    assert [(task["task_id"], task["published"]) for task in answer["tasks"]] == [(key, True), (later, False)]
    assert (answer["done"], answer["failed"], answer["total"]) == (0, 1, 2)
    assert answer["edges"] == [[key, later]]
