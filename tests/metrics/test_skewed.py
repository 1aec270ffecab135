"""Waits that would be negative, because whoever published has a clock ahead of the workers'."""

import pytest

from celery_ops.doctor import workers
from celery_ops.exceptions import StoreUnavailable
from celery_ops.metrics.cells import Total
from celery_ops.metrics.insight import skewed_tasks

from .test_counting import count, flush


def findings():
    return [(finding.level, finding.message) for finding in workers._publishers()]


def starts(task, number, *, skewed):
    for place in range(number):
        count(Total.STARTED, 0.0, task=task, is_skewed=place < skewed)
    flush()


def test_doctor_names_the_tasks_of_a_publisher_whose_clock_is_ahead(store):
    starts("shop.mail", 20, skewed=20)
    starts("shop.pay", 100, skewed=1)
    starts("shop.fine", 20, skewed=0)
    assert skewed_tasks() == {"shop.mail": (20, 20), "shop.pay": (1, 100)}
    ((level, message),) = findings()
    assert level == "warning"
    assert "shop.mail (20)" in message
    assert "shop.pay" not in message  # a task that waits for nothing is soon a millisecond early


def test_clocks_that_agree_are_no_finding(store):
    starts("shop.fine", 20, skewed=0)
    assert findings() == []


@pytest.mark.parametrize("why", ["away", "off"])
def test_doctor_is_silent_where_nothing_can_be_read(store, settings, monkeypatch, why):
    starts("shop.mail", 20, skewed=20)

    def away():
        raise StoreUnavailable("away")

    if why == "away":
        monkeypatch.setattr(workers, "skewed_tasks", away)
    else:
        settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS": False}
    assert findings() == []
