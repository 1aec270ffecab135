"""The pages of a site without ``USE_TZ``: its own times have no zone, those of workers and of the store have one."""

import time
from datetime import datetime, timedelta, timezone

import pytest
import time_machine

from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.task_detail.many_states import state_or_unknown
from celery_ops.timezones import aware, now
from tests.conftest import browser_of, make_user
from tests.planting_counts import FAILURE, fail, flush

from .backends import Queues, Tasks, Workers, queue, worker
from .conftest import OPS
from .journal import journal
from .task_backends import a_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]


@pytest.fixture(autouse=True)
def _naive(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    Workers.hold(worker())
    Queues.hold(queue())
    Tasks.hold(a_task())


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tasks/?since=2026-01-01&until=2036-01-31T10:00",
        "tasks/?format=csv",
        f"tasks/{a_task().id}/",
        "workers/",
        "workers/celery@one/",
        "queues/",
        "queues/celery/",
        "insight/",
        "types/",
        "failures/?resolved=all",
        f"failures/{FAILURE.key}/",
        "schedules/",
        "run/",
        "journal/?since=2026-01-01&until=2036-01-31",
        "journal/control/?since=2026-01-01&until=2036-01-31T10:00",
        "revoke/all/",
    ],
)
def test_a_page_comes(path, browser):
    journal(1)
    fail()
    flush()
    ControlRecord.objects.create(action="pause", target="celery")
    ControlRecord.objects.create(action=ControlRecord.RESOLVE, target=FAILURE.key)
    assert browser.get(OPS + path).status_code == 200


@pytest.mark.parametrize(
    ("since", "expected"), [(timedelta(minutes=6), 1), (timedelta(minutes=4), 0)], ids=["before", "after"]
)
def test_the_journal_is_filtered_in_the_sites_zone(since, expected, browser, staff):
    journal(1, staff, ago=timedelta(minutes=5))
    moment = (datetime.now(timezone.utc) - since).isoformat().replace("+00:00", "Z")
    page = browser.get(f"{OPS}journal/", {"since": moment})
    assert page.text.count('<tr data-key="') == expected


def test_how_long_ago_is_the_same_as_with_zones(browser, staff):
    row = journal(1, staff)
    assert "5 min ago" in browser.get(f"{OPS}journal/{row.pk}/").text


def test_a_failure_is_resolved_and_comes_back():
    browser = browser_of(make_user("manager", "celery_ops.view_ops", "celery_ops.resolve_failures"))
    fail()
    flush()

    def states():
        return [item["state"] for item in browser.get(f"{OPS}api/failures/?resolved=all").json()["results"]]

    browser.post(f"{OPS}failures/act/", {"key": FAILURE.key, "action": "resolve"})
    assert states() == ["resolved"]
    fail(at=time.time() + 60)
    flush()
    assert states() == ["regressed"]


@pytest.fixture(params=[6, 7], ids=["for the first time", "for the second time"])
def _at_half_past_one(request, settings):
    """In a night in which that comes twice, and a time without a zone does not say which one it is."""
    settings.TIME_ZONE = "America/Chicago"
    begin = datetime(2026, 11, 1, request.param, 30, tzinfo=timezone.utc)
    with time_machine.travel(begin.timestamp()):  # with a zone it would be the process's, too
        yield


@pytest.mark.database
@pytest.mark.mariadb
@pytest.mark.usefixtures("_at_half_past_one")
def test_what_comes_twice_in_a_night_is_not_an_hour_ago(browser, staff):
    row = journal(1, staff)
    assert "5 min ago" in browser.get(f"{OPS}journal/{row.pk}/").text
    fail(at=time.time() - 130)
    flush()
    assert "2 min ago" in browser.get(f"{OPS}failures/{FAILURE.key}/").text


@pytest.mark.database
@pytest.mark.mariadb
@pytest.mark.usefixtures("_at_half_past_one")
def test_a_failure_that_is_resolved_while_an_hour_comes_again_is_so_until_it_comes_back():
    test_a_failure_is_resolved_and_comes_back()


@pytest.mark.parametrize("_at_half_past_one", [6], indirect=True)
@pytest.mark.usefixtures("_at_half_past_one")
def test_what_is_to_come_before_an_hour_comes_again_is_not_put_off():
    soon = datetime.now() + timedelta(minutes=10)
    assert aware(soon) - now() == pytest.approx(timedelta(minutes=10), abs=timedelta(minutes=1))


def test_json_says_when_with_an_offset(browser, staff):
    TaskRunRecord.objects.create(task_name="tests.shop.tasks.noop", task_id="unheard", user=staff)
    assert browser.get(f"{OPS}api/runs/unheard/").json()["created_at"].endswith("+09:00")


def test_what_was_asked_for_just_now_is_pending():
    assert state_or_unknown("PENDING", datetime.now()) == "PENDING"
