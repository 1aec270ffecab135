"""A real beat with entries of each kind: the list, the page of one and the JSON against what happened.

What happened is seen where nothing of ours had a hand in it: in the broker's own lists, where each entry has a queue of
its own, and in the worker's log. The queues of what no worker reads are counted when beat has ended.
"""

import json
import re
import uuid
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import redis
from celery import VERSION
from celery.schedules import crontab, schedule
from django.conf import settings as site_settings
from django.db import connection
from django.urls import reverse

from celery_ops.backends.broker import backend as broker_queues
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.schedules import surroundings
from celery_ops.schedules.board import RING
from celery_ops.schedules.info import LATE_AFTER
from tests.celery import app
from tests.conftest import browser_of, make_user
from tests.pages import html_of, rows, text_of
from tests.servers import Worker, wait_for

from .beats import NOOP, SHORT, occurred

ZONE = site_settings.TIME_ZONE
LATE = timedelta(seconds=LATE_AFTER)
PAY, FAILS, LONG = (f"tests.shop.tasks.{name}" for name in ("process_payment", "fails", "long"))


@pytest.fixture
def browser(site):
    user = make_user("viewer", "celery_ops.view_ops", "celery_ops.view_payload", "celery_ops.manage_schedules")
    return browser_of(user)


class Pages:
    """The three places where a schedule is shown, each read anew."""

    def __init__(self, browser):
        self._browser = browser

    @property
    def items(self):
        """Return the JSON's items by name."""
        self._forget()
        answer = self._browser.get(reverse("celery_ops:api-schedules") + "?page_size=200").json()
        return {item["name"]: item for item in answer["results"]}

    @property
    def rows(self):
        self._forget()
        return rows(html_of(self._browser.get(reverse("celery_ops:schedule-list") + "?page_size=200")))

    def detail(self, name):
        self._forget()
        return html_of(self._browser.get(reverse("celery_ops:schedule-detail", args=[name])))

    @staticmethod
    def _forget():
        surroundings.forget()
        broker_queues.forget()
        known_workers().forget()


@pytest.fixture
def pages(browser):
    return Pages(browser)


def queue(site, name):
    """Return the queue of an entry: one of this test's own."""
    return f"{site.prefix} {name}"


def messages(site, queue):
    """Return the ids of the newest messages of a queue, as the broker has them, the oldest first."""
    client = redis.Redis.from_url(site.broker)
    try:
        return [json.loads(text)["headers"]["id"] for text in reversed(client.lrange(queue, 0, RING - 1))]
    finally:
        client.close()


def moment(text):
    return datetime.fromisoformat(text)


def at(zone, hour, minute, now):
    """Return when the clock on that wall says so next."""
    local = now.astimezone(ZoneInfo(zone)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return local if local > now else local + timedelta(days=1)


# -- beat_schedule, with a worker -------------------------------------------------------------------------------------


def test_what_the_settings_schedule_is_shown_as_it_happened(make_beat, site, settings, pages):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}
    hurried = {**SHORT, "celery_ops.metrics.flushing.FLUSH_EVERY": 0.3}
    env = {**site.environment, "TEST_HURRY": json.dumps(hurried)}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", env, "-c", "2", app="tests.quick_app")
    deserted = queue(site, "nobody")
    try:
        beat = make_beat(
            {
                "pays": {"task": PAY, "every": 1, "args": [1]},
                "fails": {"task": FAILS, "every": 1, "args": [1]},
                "of nobody": {"task": "tests.shop.tasks.gone", "every": 1, "options": {"queue": queue(site, "gone")}},
                "does not fit": {"task": PAY, "every": 1, "args": [1, 2, 3]},
                "to nobody": {"task": NOOP, "every": 1, "args": [1], "options": {"queue": deserted}},
                "too often": {"task": LONG, "every": 0.3, "args": [1], "kwargs": {"steps": 1, "pause": 0.35}},
                "at night": {"task": NOOP, "cron": "30 2 * * *", "args": [1]},
                "leap day": {"task": NOOP, "cron": "0 12 29 2 *", "args": [1]},
            }
        )
        occurred("to nobody", 2)
        wait_for(lambda: pages.items["too often"]["problem"], "enough runs to know how long one takes")
        _is_shown_while_beat_runs(pages, deserted)
        beat.stop()
        wait_for(lambda: not messages(site, "celery") and _is_idle(worker), "the worker's last task")
        _is_shown_when_all_is_over(pages, site, worker)
    finally:
        worker.stop()


def _is_shown_while_beat_runs(pages, deserted):
    items = pages.items
    assert {name: (item["problem"] or "").split(":")[0] for name, item in items.items()} == {
        "pays": "",
        "fails": "",
        "of nobody": "No worker that answers has the task tests.shop.tasks.gone.",
        "does not fit": "Beat counted its last run, and could not send it",
        "to nobody": f"No worker consumes its queue, {deserted}.",
        "too often": "It comes more often than it can run",
        "at night": "",
        "leap day": "",
    }
    shown = pages.rows
    assert {name: shown[name]["Problem"] for name in ("pays", "fails", "at night")} == dict.fromkeys(
        ("pays", "fails", "at night"), ""
    )
    assert f"No worker consumes its queue, {deserted}." in shown["to nobody"]["Problem"]
    assert "and 1 more" in shown["does not fit"]["Problem"]
    assert "Its arguments do not fit the task" in text_of(pages.detail("does not fit"))
    assert [item["overdue"] for item in items.values()] == [False] * len(items)
    now = datetime.now(timezone.utc)
    assert moment(items["at night"]["next_due"]) == at(ZONE, 2, 30, now)
    assert f"{moment(items['leap day']['next_due']).astimezone(ZoneInfo(ZONE)):%m-%d %H:%M}" == "02-29 12:00"


def _is_shown_when_all_is_over(pages, site, worker):
    items = pages.items
    received = {name: _ids(worker, task, "received") for name, task in {"pays": PAY, "fails": FAILS}.items()}
    received |= {"of nobody": messages(site, queue(site, "gone")), "to nobody": messages(site, queue(site, "nobody"))}
    assert {name: shown_ids(pages, name) for name in received} == received
    assert {name: items[name]["last_task_id"] for name in received} == {name: ids[-1] for name, ids in received.items()}
    assert (items["pays"]["last_state"], items["fails"]["last_state"]) == ("SUCCESS", "FAILURE")
    fit = rows(pages.detail("does not fit"))
    assert {row["Sent"] for row in fit.values()} == {"not sent"}
    assert {row["Outcome"] for row in rows(pages.detail("pays")).values()} == {"succeeded"}
    assert {row["Outcome"] for row in rows(pages.detail("fails")).values()} == {"failed"}


def _is_idle(worker):
    """Whether all that a worker's log has received has ended there."""
    ends = {PAY: "succeeded", LONG: "succeeded", FAILS: "raised"}
    return all(len(_ids(worker, task, "received")) == len(_ids(worker, task, end)) for task, end in ends.items())


def shown_ids(pages, name):
    """Return the ids of the tasks of an entry's occurrences, as its page links to them, the oldest first."""
    ids = re.findall(r'href="/behind/a/prefix/tasks/([0-9a-f-]{36})/"', pages.detail(name))
    return list(dict.fromkeys(reversed(ids)))


def _ids(worker, task, what):
    """Return the ids that a worker's log names, in their order, as many as are kept of an entry."""
    return re.findall(rf"Task {re.escape(task)}\[([0-9a-f-]{{36}})\] {what}", worker.text())[-RING:]


# -- django-celery-beat -----------------------------------------------------------------------------------------------


def test_what_the_database_schedules_is_shown_as_it_happened(make_beat, site, pages):
    models = pytest.importorskip("django_celery_beat.models")
    begin = datetime.now(timezone.utc)
    soon, later = begin + timedelta(seconds=6), begin + timedelta(days=3)
    Rows(models, site).plant(begin, soon, later)
    beat = make_beat(
        {}, "-S", "django", "--max-interval", "1", TEST_DATABASE_NAME=str(connection.settings_dict["NAME"])
    )
    occurred("every second", 3)
    occurred("once, soon")
    wait_for(lambda: "It was to be sent once" in (pages.items["one-off"]["problem"] or ""), "the one-off to be done")
    before = datetime.now(timezone.utc)
    items = pages.items
    after = datetime.now(timezone.utc)
    shown = pages.rows
    expected = {
        "every second": None,
        "every minute in Kolkata": None,
        "02:30 in Berlin": None,
        "02:30 in New York": None,
        "once, later": None,
        "once, soon": "It was to be sent once, and was.",
        "one-off": "It was to be sent once, and was.",
        "disabled": "It is disabled: nothing is sent.",
        "31 February": "It is never due: its schedule names no time that comes, as 31 February.",
        "no JSON": "Its arguments are no JSON: beat disables it when it reads it.",
        "no mapping": "Its arguments are no list and no mapping: beat cannot send it.",
    }
    if VERSION < (5, 7):
        expected["31 February"] = expected["disabled"]
    assert {name: items[name]["problem"] for name in expected} == expected
    assert items["expired"]["problem"].startswith("It has expired: its schedule ended")
    assert items["starts later"]["problem"].startswith("It starts later: in 2 d 23 h")
    assert {name: shown[name]["Problem"] for name in expected} == {
        name: problem or "" for name, problem in expected.items()
    }
    dues = {
        "02:30 in Berlin": at("Europe/Berlin", 2, 30, begin),
        "02:30 in New York": at("America/New_York", 2, 30, begin),
        "once, later": later,
        "starts later": later,
    }
    assert {name: moment(items[name]["next_due"]) for name in dues} == dues
    minute = moment(items["every minute in Kolkata"]["next_due"])
    assert minute.second == 0
    assert before - LATE < minute <= after + timedelta(minutes=1)  # when one begins, it is not sent yet
    resting = ("once, soon", "one-off", "disabled", "expired", "31 February", "no JSON")
    assert {name: items[name]["next_due"] for name in resting} == dict.fromkeys(resting)
    assert not any(item["overdue"] for item in items.values())
    assert moment(items["once, soon"]["last_due"]) == soon.replace(microsecond=soon.microsecond // 1000 * 1000)
    assert timedelta() <= moment(items["once, soon"]["last_sent"]) - soon < timedelta(seconds=30)
    beat.stop()
    for name in items:
        assert shown_ids(pages, name) == messages(site, queue(site, name)), name
    assert [
        len(messages(site, queue(site, name))) for name in ("once, soon", "one-off", "expired", "starts later")
    ] == [1, 1, 0, 0]


class Rows:
    """Rows of django-celery-beat, one of each kind; each with a queue of its own."""

    def __init__(self, models, site):
        self._models, self._site = models, site

    def plant(self, begin, soon, later):
        second = self._models.IntervalSchedule.objects.create(every=1, period="seconds")
        self._row("every second", interval=second)
        self._row("every minute in Kolkata", crontab=self._cron("*", "*", "Asia/Kolkata"))
        self._row("02:30 in Berlin", crontab=self._cron("30", "2", "Europe/Berlin"))
        self._row("02:30 in New York", crontab=self._cron("30", "2", "America/New_York"))
        self._row("once, soon", clocked=self._clocked(soon), one_off=True)
        self._row("once, later", clocked=self._clocked(later), one_off=True)
        self._row("one-off", interval=second, one_off=True)
        self._row("disabled", interval=second, enabled=False)
        self._row("expired", interval=second, expires=begin - timedelta(hours=1))
        self._row("starts later", interval=second, start_time=later)
        never = self._cron("0", "4", "UTC", day_of_month="31", month_of_year="2")
        self._row(
            "31 February", crontab=never, enabled=VERSION >= (5, 7)
        )  # an older beat ends when it meets such a date
        self._row("no JSON", interval=second, args="[1,")
        self._row("no mapping", interval=second, kwargs="[1]")

    def _row(self, name, **fields):
        given = {"args": "[1]", "task": NOOP, "queue": queue(self._site, name), **fields}
        self._models.PeriodicTask.objects.bulk_create([self._models.PeriodicTask(name=name, **given)])

    def _cron(self, minute, hour, zone, **parts):
        return self._models.CrontabSchedule.objects.create(minute=minute, hour=hour, timezone=zone, **parts)

    def _clocked(self, moment):
        return self._models.ClockedSchedule.objects.create(clocked_time=moment)


# -- celery-redbeat ---------------------------------------------------------------------------------------------------


def test_what_redbeat_schedules_is_shown_as_it_happened(make_beat, redis_server, site, pages, use_redbeat):
    schedulers, schedules = pytest.importorskip("redbeat.schedulers"), pytest.importorskip("redbeat.schedules")
    begin = datetime.now(timezone.utc)
    env = use_redbeat(f"{redis_server.url}/9")

    def plant(name, kind, enabled=True):
        options = {"queue": queue(site, name)}
        entry = schedulers.RedBeatSchedulerEntry(name, NOOP, kind, [1], None, enabled, options, app=app)
        entry.save()
        if enabled:
            entry.reschedule(last_run_at=datetime.now(timezone.utc))  # else redbeat sends what never ran at once

    plant("every second", schedule(1))
    monthly = datetime(2020, 1, 1, 12, tzinfo=timezone.utc)
    plant("noon of the first of the month", schedules.rrule("MONTHLY", dtstart=monthly, bymonthday=1))
    plant("at night", crontab("30", "2", app=app))
    plant("disabled", schedule(1), enabled=False)
    beat = make_beat({}, "-S", "redbeat.RedBeatScheduler", "--max-interval", "1", **env)
    occurred("every second", 2)
    soon = datetime.now(timezone.utc) + timedelta(seconds=2)
    plant("twice", schedules.rrule("SECONDLY", dtstart=soon, interval=2, count=2))
    occurred("twice", 2)
    wait_for(lambda: pages.items["twice"]["problem"], "its end")
    items = pages.items
    assert {name: item["problem"] for name, item in items.items()} == {
        "every second": None,
        "twice": "It has ended: its schedule has no time to come.",
        "noon of the first of the month": None,
        "at night": None,
        "disabled": "It is disabled: nothing is sent.",
    }
    assert moment(items["at night"]["next_due"]) == at(ZONE, 2, 30, begin)
    noon = moment(items["noon of the first of the month"]["next_due"])
    assert (noon.day, noon.hour, noon.minute, noon - begin <= timedelta(days=31)) == (1, 12, 0, True)
    assert {item["source"] for item in items.values()} == {"redbeat"}
    beat.stop()
    for name in items:
        assert shown_ids(pages, name) == messages(site, queue(site, name)), name
    assert [len(messages(site, queue(site, name))) for name in ("twice", "at night", "disabled")] == [2, 0, 0]
