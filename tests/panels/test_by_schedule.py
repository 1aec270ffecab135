"""By which schedule a task was sent, where tasks are shown: an object's panel, lists, a task's own page."""

import json
from types import SimpleNamespace

import pytest
from django.template import RequestContext, Template
from django.test import RequestFactory
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.tracking import row_times
from celery_ops.tracking.recorder import recorder
from tests.conftest import browser_of, make_user
from tests.pages import html_of, text_of
from tests.shop import tasks

pytestmark = pytest.mark.django_db

NAME = "nightly <b>report</b>"


def sent(order, name=NAME):
    """Let beat have sent a task of the order for this entry."""
    tasks.noop.apply_async((order.pk,), headers={"celery_ops_schedule": name})
    recorder().flush()
    return tasks_for(order)[0]


def page(user, order):
    request = RequestFactory().get("/")
    request.user = user
    template = Template("{% load celery_ops %}{% instance_tasks order %}")
    return template.render(RequestContext(request, {"order": order}))


def test_a_line_of_a_panel_says_it_with_a_link(order, reader):
    assert sent(order).schedule == NAME
    shown = page(reader, order)
    assert "by schedule" in shown
    assert f'<a href="{reverse("celery_ops:schedule-detail", args=[NAME])}">nightly &lt;b&gt;report' in shown


def test_who_may_not_see_schedules_is_not_told(order):
    sent(order)
    shown = page(make_user("viewer", "shop.view_order"), order)
    assert "noop" in shown.lower()
    assert "nightly" not in shown


def test_the_list_and_the_tasks_own_page_say_it(order, reader, settings, no_live_task):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}
    task = sent(order, "nightly")
    browser = browser_of(reader)
    assert "by schedule nightly" in text_of(html_of(browser.get(reverse("celery_ops:task-list"))))
    assert "By schedule nightly" in text_of(html_of(browser.get(reverse("celery_ops:task-detail", args=[task.id]))))


# -- kept beside a result ---------------------------------------------------------------------------------------------


def noted(schedule, **others):
    request = SimpleNamespace(meta=others or None)
    row_times.note(request, 1, 2, schedule)
    return json.dumps({**request.meta, "children": []})


@pytest.mark.parametrize("name", ["nightly", 'a "quoted" \\ name', "Überstunden 夜", "x" * 250])
def test_a_row_keeps_it_with_the_times(name):
    meta = noted(name)[: row_times.LENGTH_WITH_SCHEDULE]
    assert row_times.noted(meta) == (1, 2)
    assert row_times.noted_schedule(meta) == name


@pytest.mark.parametrize("name", ["", "夜" * 100])
def test_a_row_has_its_times_without_it_too(name):
    meta = noted(name, own="mark")
    assert row_times.noted(meta) == (1, 2)
    assert row_times.noted_schedule(meta) == ""
    assert json.loads(meta)["own"] == "mark"


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "",
        '{"celery_ops": [1, 2], "celery_ops_schedule": "cut of',
        '{"celery_ops": [1, 2], "celery_ops_schedule": "\\q"}',
        '{"celery_ops": [1, 2], "celery_ops_schedule": "two\\nlines"}',
        '{"celery_ops": [1, 2], "celery_ops_schedule": 7}',
        '{"celery_ops_schedule": "nightly"}',
    ],
)
def test_what_is_none_of_ours_names_no_schedule(meta):
    assert row_times.noted_schedule(meta) == ""
