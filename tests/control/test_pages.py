"""What the pages of workers and queues offer to those who may."""

from dataclasses import replace

import pytest
from django.urls import reverse

from celery_ops.backends.memory import MemoryWorkerBackend
from celery_ops.info import RegisteredTask, WorkerDetail, WorkerInfo
from tests.conftest import browser_of

from .conftest import W1

pytestmark = [pytest.mark.django_db]

WORKER = WorkerDetail(
    WorkerInfo(W1, concurrency=3, queues=("mail",)),
    registered=(RegisteredTask("shop.mail", "10/m", 20, 30.5),),
)


@pytest.fixture
def page(spy, operator):
    """Return the page of a worker."""
    client = browser_of(operator)

    def get(detail=WORKER):
        with MemoryWorkerBackend.holding(detail):
            return client.get(reverse("celery_ops:worker-detail", args=[detail.info.hostname])).text

    return get


def test_the_limits_of_a_task_are_filled_in(page):
    html = page()
    fields = ('name="rate_limit" value="10/m"', 'name="soft" value="20"', 'name="hard" value="30.5"')
    assert [html.count(field) for field in fields] == [1, 1, 1]


def test_a_pool_is_grown_where_it_does_not_scale_by_itself(page):
    html = page()
    assert ("3 processes" in html, 'value="pool_grow"' in html, 'value="autoscale"' in html) == (True, True, False)


def test_an_autoscaler_has_its_bounds_filled_in(page):
    html = page(replace(WORKER, autoscaler={"min": 1, "max": 7, "current": 3}))
    assert ('name="min" value="1"' in html, 'name="max" value="7"' in html, 'value="pool_grow"' in html) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize(("conf", "offered"), [({}, 0), ({"worker_pool_restarts": True}, 1)])
def test_a_pool_is_restarted_only_where_that_is_enabled(conf, offered, page):
    html = page(replace(WORKER, conf=conf))
    assert (html.count('value="pool_restart"'), "Not enabled there" in html) == (offered, not offered)


def test_each_queue_that_it_consumes_can_be_left_alone(page):
    assert 'name="queue" value="mail"' in page()


@pytest.mark.parametrize("hostname", ["a\nb", "a\ud800b", "a\x00b"])
def test_a_name_that_no_form_brings_back_has_none(hostname, page):
    assert 'name="destination"' not in page(replace(WORKER, info=replace(WORKER.info, hostname=hostname)))
