"""What the pages say of a task whose message was delivered more than once."""

import pytest
from django.urls import reverse

from celery_ops.backends.tracked import TrackedTaskBackend
from tests.pages import words
from tests.planting import plant, plant_delivery

from .task_backends import LIST, use

pytestmark = pytest.mark.django_db
ID = "7f2b1c9e-0000-4000-8000-00000000abcd"


@pytest.fixture(autouse=True)
def _tracked(pages, settings, no_live_task, monkeypatch):
    """A list of what is tracked; the broker is a Redis that waits for an hour."""
    use(settings, TrackedTaskBackend)
    monkeypatch.setattr("celery_ops.redelivery.target.target", lambda: Redis)


class Redis:
    driver = "redis"


@pytest.fixture
def twice(order):
    plant_delivery(order, ID, "aa", worker="celery@a", pid=35, begun=1, ended=4000)
    plant_delivery(order, ID, "bb", worker="celery@b", pid=81, received=3600, begun=3601, ended=3700)


def page(browser):
    return words(browser.get(reverse("celery_ops:task-detail", args=[ID])).text)


@pytest.mark.usefixtures("twice")
def test_a_tasks_page_names_each_delivery_and_the_likely_cause(browser):
    shown = page(browser)
    assert "Message delivered twice" in shown
    assert "Delivered more than once" in shown
    for text in ("celery@a", "celery@b", "35", "81", "1 h 0 min after the first began, while another one was not over"):
        assert text in shown
    assert "It was not acknowledged within the 1 h 0 min that the broker waits" in shown
    assert "Raise visibility_timeout in broker_transport_options" in shown


def test_one_whose_worker_died_came_after_it(browser, order):
    plant_delivery(order, ID, "aa", worker="celery@a", ended=None)
    plant_delivery(order, ID, "bb", worker="celery@b", received=3600, begun=3601, ended=3700)
    shown = page(browser)
    assert "its worker is gone" in shown
    assert "1 h 0 min after the first began, when the one before it was over" in shown
    assert "acks_late gives it to another" in shown


def test_a_task_that_was_delivered_once_says_nothing_of_it(browser, order):
    plant_delivery(order, ID, "aa")
    shown = page(browser)
    assert "elivered" not in shown


@pytest.mark.usefixtures("twice")
def test_a_list_marks_it(browser, order):
    plant(order, task_id="once")
    html = browser.get(LIST).text
    assert html.count("data-delivered") == 1
    assert "delivered twice" in words(html)


def test_a_list_says_how_often(browser, order):
    for number in range(3):
        plant_delivery(order, ID, f"a{number}", begun=number)
    assert "delivered 3 times" in words(browser.get(LIST).text)


def test_a_row_that_was_written_before_is_written_anew_when_it_comes_again(browser, order):
    plant_delivery(order, ID, "aa", begun=5)
    assert "delivered" not in words(browser.get(LIST).text)
    plant_delivery(order, ID, "bb", begun=1)
    assert "delivered twice" in words(browser.get(LIST).text)


def test_a_hostile_worker_is_but_text(browser, order):
    plant_delivery(order, ID, "aa", worker="<script>alert(1)</script>")
    plant_delivery(order, ID, "bb", worker="celery@b", begun=2)
    html = browser.get(reverse("celery_ops:task-detail", args=[ID])).text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
