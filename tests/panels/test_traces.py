"""``TRACE_URL``: from a task's page to its trace."""

import pytest
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.tracking import traces
from celery_ops.tracking.recorder import recorder
from tests.benchmarks.storage import lifecycle
from tests.shop import tasks

from .conftest import browser

pytestmark = pytest.mark.django_db

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
URL = "https://traces.example.com/{trace_id}?from=ops"


@pytest.fixture
def asked(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACE_URL": URL}


def ran(order, monkeypatch, header):
    """Let a task of the order run, whose message has this header."""
    before = traces.trace_id_of
    monkeypatch.setattr(traces, "trace_id_of", lambda details: before({**details, "traceparent": header}))
    lifecycle(tasks.noop, (order.pk,))
    recorder().flush()
    return tasks_for(order)[0]


def page(user, task):
    return browser(user).get(reverse("celery_ops:task-detail", args=[task.id])).text


def test_a_tasks_page_leads_to_its_trace(asked, order, reader, monkeypatch, no_live_task):
    task = ran(order, monkeypatch, PARENT)
    assert task.trace_id == TRACE
    assert f'href="https://traces.example.com/{TRACE}?from=ops"' in page(reader, task)


def test_a_trace_may_be_a_page_of_the_same_host(asked, order, reader, settings, monkeypatch, no_live_task):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACE_URL": "/jaeger/trace/{trace_id}"}
    assert f'href="/jaeger/trace/{TRACE}"' in page(reader, ran(order, monkeypatch, PARENT))


def test_without_the_setting_nothing_is_kept(order, monkeypatch):
    assert ran(order, monkeypatch, PARENT).trace_id is None


def test_a_task_that_was_traced_before_the_setting_went_has_no_link(
    asked, order, reader, settings, monkeypatch, no_live_task
):
    task = ran(order, monkeypatch, PARENT)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACE_URL": None}
    assert TRACE not in page(reader, task)


@pytest.mark.parametrize("header", [f"01-{TRACE}-00f067aa0ba902b7-00-later", PARENT])
def test_a_header_of_the_standard_is_read(asked, header):
    assert traces.trace_id_of({"traceparent": header}) == TRACE
    assert traces.trace_id_of({"headers": {"traceparent": header}}) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        5,
        b"00",
        "",
        "x" * 100_000,
        PARENT.upper(),
        PARENT.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}",
        f"00-{'<script>' * 4}-00f067aa0ba902b7-01",
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_a_header_that_is_none_of_the_standards_names_no_trace(asked, header):
    assert traces.trace_id_of({"traceparent": header}) == ""


@pytest.mark.parametrize(
    "template", ["javascript:alert({trace_id})", "https://traces.example.com/", 5, "", "{trace_id}"]
)
def test_a_template_that_is_no_address_of_the_web_is_no_link(template, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACE_URL": template}
    assert traces.trace_url(TRACE) == ""
    assert not traces.is_template(template)
