"""Workflows as no honest process tells them: circles, names of others, broken plans, far too many tasks."""

import pytest
from celery.utils import uuid
from django.urls import NoReverseMatch, reverse

from celery_ops.tracking import facts, workflows
from celery_ops.tracking.facts import short_id
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.stamp import encode
from celery_ops.workflows import reading
from tests.pages import attribute
from tests.planting_workflows import keep, plant_member

from .conftest import away, browser

pytestmark = pytest.mark.django_db

#: What a worker that is not ours may call a task.
XSS = '<img src=x onerror="alert(1)">'


@pytest.fixture
def client(staff):
    reading.forget()
    return browser(staff)


def page_of(client, key, **parameters):
    answer = client.get(reverse("celery_ops:workflow", args=[key]), parameters)
    assert answer.status_code == 200
    return answer.text


def json_of(client, key):
    answer = client.get(reverse("celery_ops:api-workflow", args=[key]))
    assert answer.status_code == 200
    return answer.json()


def test_parents_in_a_circle_are_drawn_once_each(client):
    one, two, three = uuid(), uuid(), uuid()
    keep(*(plant_member(one, task_id=a, parent=b) for a, b in ((one, two), (two, three), (three, one))))
    assert sorted(json_of(client, one)["edges"]) == sorted([[two, one], [three, two], [one, three]])
    assert page_of(client, one).count("celery-ops-node-frame") == 3


def test_a_task_that_is_its_own_parent_has_none(client):
    key = uuid()
    keep(plant_member(key, task_id=key, parent=key))
    assert json_of(client, key)["edges"] == []
    page_of(client, key)


def test_steps_in_a_circle_are_drawn_once_each(client):
    key, later = uuid(), uuid()
    steps = encode({"n": ["a"], "s": [[short_id(later), 0]], "j": [[[-1], [0]], [[0], [-1]], [[0], [0]]]})
    keep(plant_member(key, task_id=key, steps=steps))
    assert page_of(client, key).count("celery-ops-node-frame") == 2


@pytest.mark.parametrize(
    "steps",
    [
        "[",
        "null",
        "7",
        "[" * 10_000,
        '{"s": [["x"]]}',
        '{"n": ["a"], "s": [["!!", 0]]}',
        '{"n": ["a"], "s": [["=x:", 5]]}',
        '{"n": ["a"], "s": [["=x:", 0, 3, 1]]}',
        '{"n": ["a"], "s": [["=x:", 0]], "j": [[[9], [0]]]}',
        '{"n": ["a"], "s": [["=x:", 0]], "j": [[0, 0]]}',
        '{"n": [null], "s": [["=x:", 0, null, "a"]], "l": [[0, 0], [1]]}',
        '{"n": {"a": 1}, "s": {"b": 2}, "g": {"c": 3}}',
    ],
)
def test_a_plan_that_cannot_be_read_is_none(client, steps):
    key = uuid()
    keep(plant_member(key, task_id=key, steps=steps))
    assert json_of(client, key)["total"] >= 1
    page_of(client, key)


@pytest.mark.parametrize("position", ["", " ", "- -", "x y z", "- - 99999999999999999999", f"{'A' * 22} {'B' * 22} -1"])
def test_a_position_that_cannot_be_read_is_none(client, position):
    key = uuid()
    place, fields = plant_member(key, task_id=key)
    keep((place, {**fields, facts.field(key, facts.POSITION): position}))
    assert json_of(client, key)["total"] >= 1
    page_of(client, key)


def test_names_states_and_ids_are_text(client):
    keep(plant_member(XSS, XSS, task_id=XSS, group=XSS, index=0), plant_member(XSS, XSS, XSS, parent=XSS))
    html = page_of(client, XSS)
    assert "<img" not in html
    json_of(client, XSS)


@pytest.mark.parametrize("task_id", ["\0", "../..", "a" * 3000, "~!", "!", "{x}", "é\udc80"])
def test_an_id_that_nobody_has_is_not_found(client, task_id):
    try:
        address = reverse("celery_ops:workflow", args=[task_id])
    except (NoReverseMatch, UnicodeEncodeError):
        return
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("opened", ["-1", "x", "9" * 50, "1", "٣"])
def test_what_is_no_box_is_not_opened(client, opened):
    key = uuid()
    keep(plant_member(key, task_id=key))
    page_of(client, key, open=opened)


def test_two_hundred_alike_are_one_box_until_it_is_opened(client):
    key = uuid()
    keep(plant_member(key, task_id=key), *(plant_member(key, "shop.resize", parent=key) for _number in range(200)))
    html = page_of(client, key)
    assert html.count("celery-ops-node-frame") == 2
    (opens,) = (url.partition("=")[2] for url in attribute(html, "href") if url.startswith("?open="))
    assert page_of(client, key, open=opens).count("celery-ops-node-frame") == 201


def test_of_more_than_ten_thousand_ten_thousand_are_told(client):
    key = uuid()
    tasks = {}
    for _number in range(10_050):
        tasks.update(plant_member(key, parent=key)[1])
    keep(plant_member(key, task_id=key), (workflows.place(key), tasks))
    answer = json_of(client, key)
    assert (answer["total"], answer["is_partial"]) == (10_000, True)
    assert "more tasks than are kept" in page_of(client, key)


def test_while_the_store_is_away_pages_say_so(client):
    with away(recorder().store):
        assert client.get(reverse("celery_ops:workflow", args=["x"])).status_code == 503
        assert client.get(reverse("celery_ops:api-workflow", args=["x"])).status_code == 503
