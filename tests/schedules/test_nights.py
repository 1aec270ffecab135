"""The nights in which clocks change, stepped with Celery's own loop: it sends when pages say that it will."""

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import VERSION, signals
from celery import beat as celery_beat
from celery.schedules import crontab, schedule
from django.urls import reverse

from celery_ops.schedules import beat
from celery_ops.schedules.surroundings import Surroundings
from tests.celery import app
from tests.conftest import broker, browser_of, make_user
from tests.pages import elements, html_of

from .beats import NOOP

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
UID = "celery_ops.schedules.beat"
#: Between two looks at the pages at most.
STEP = timedelta(minutes=40)


@pytest.fixture
def in_zone(memory_store, monkeypatch, db):
    """Have Celery, and so its schedules, go by the clock of a zone."""
    monkeypatch.setattr("celery_ops.schedules.noting.LOOK_EVERY", -1)
    monkeypatch.setattr("celery_ops.schedules.report.surroundings", Surroundings)
    before = app.conf.beat_schedule, app.conf.timezone

    def go(zone):
        app.conf.timezone = zone
        app.__dict__.pop("timezone", None)

    with broker("memory://"):
        yield go
    signals.before_task_publish.disconnect(dispatch_uid=UID)
    signals.after_task_publish.disconnect(dispatch_uid=UID)
    app.conf.beat_schedule = before[0]
    go(before[1])


class Night:
    """Two days of beat's loop, by a clock that jumps to where it wants to wake up.

    ``sent`` has when each entry was sent, and ``shown`` what the page had said of it before.
    """

    def __init__(self, browser, begin):
        self._browser, self._begin = browser, begin
        self.sent, self.shown, self._next = defaultdict(list), defaultdict(list), {}
        self._looked = -1, begin

    def pass_by(self, monkeypatch):
        with time_machine.travel(self._begin, tick=False) as clock:
            service = celery_beat.Service(app, scheduler_cls="celery.beat:Scheduler")
            told = beat.Beat(service)
            monkeypatch.setattr(beat, "_beat", told)
            signals.before_task_publish.connect(beat.before_task_publish, dispatch_uid=UID)
            signals.after_task_publish.connect(beat.after_task_publish, dispatch_uid=UID)
            monkeypatch.setattr(service.scheduler, "apply_entry", self._noting(service.scheduler.apply_entry))
            while datetime.now(timezone.utc) < self._begin + timedelta(days=2):
                wait = service.scheduler.tick()
                told._work()
                if wait > 0.02 and self._is_time():
                    self._look()
                clock.shift(timedelta(seconds=max(wait, 0.01)))

    def _noting(self, apply_entry):
        def noting(entry, producer=None):
            self.sent[entry.name].append(datetime.now(timezone.utc))
            self.shown[entry.name].append(self._next.get(entry.name))
            apply_entry(entry, producer=producer)

        return noting

    def _is_time(self):
        """Whether something was sent since the last look, or that is long ago."""
        numbers, now = sum(map(len, self.sent.values())), datetime.now(timezone.utc)
        if numbers == self._looked[0] and now - self._looked[1] < STEP:
            return False
        self._looked = numbers, now
        return True

    def _look(self):
        answer = self._browser.get(reverse("celery_ops:api-schedules")).json()
        self._next = {item["name"]: datetime.fromisoformat(item["next_due"]) for item in answer["results"]}
        assert [item["name"] for item in answer["results"] if item["overdue"] or item["problem"]] == []


@pytest.mark.parametrize(
    ("zone", "begin", "nightly"),
    [
        # the second 02:30 of an autumn night is left out
        (BERLIN, datetime(2026, 10, 24, 12), ["25 02:30 +0200", "26 02:30 +0100"]),
        # 02:30 of a spring night does not exist: it comes an hour later
        (BERLIN, datetime(2026, 3, 28, 12), ["29 03:30 +0200", "30 02:30 +0200"]),
        (NEW_YORK, datetime(2026, 10, 31, 12), ["01 02:30 -0500", "02 02:30 -0500"]),
        (NEW_YORK, datetime(2026, 3, 7, 12), ["08 03:30 -0400", "09 02:30 -0400"]),
    ],
)
def test_a_night_is_as_the_pages_said_it_would_be(in_zone, zone, begin, nightly, monkeypatch):
    in_zone(zone)
    tz = ZoneInfo(zone)
    app.conf.beat_schedule = {
        "nightly": {"task": NOOP, "schedule": crontab("30", "2", app=app), "args": (1,)},
        "hourly": {"task": NOOP, "schedule": crontab("30", app=app), "args": (1,)},
        "half past one": {"task": NOOP, "schedule": crontab("30", "1", app=app), "args": (1,)},
        "every two hours": {"task": NOOP, "schedule": schedule(7200, app=app), "args": (1,)},
    }
    if VERSION < (5, 7):  # in the hour that comes twice its estimate is half an hour early, and it waits then
        del app.conf.beat_schedule["hourly"]
    browser = browser_of(make_user("viewer", "celery_ops.view_ops"))
    night = Night(browser, begin.replace(tzinfo=tz))
    night.pass_by(monkeypatch)
    assert [f"{moment.astimezone(tz):%d %H:%M %z}" for moment in night.sent["nightly"]] == nightly
    for name, moments in night.sent.items():
        late = [(sent - shown).total_seconds() for sent, shown in zip(moments, night.shown[name], strict=True)]
        assert [seconds for seconds in late if abs(seconds) >= 1] == [], name
        with time_machine.travel(night._begin + timedelta(days=2), tick=False):
            html = html_of(browser.get(reverse("celery_ops:schedule-detail", args=[name])))
        times = {one.attributes["datetime"] for one in elements(html, "time", datetime=True)}
        dues = {datetime.fromisoformat(time).astimezone(timezone.utc).replace(microsecond=0) for time in times}
        assert {moment.replace(microsecond=0) for moment in moments} <= dues, name
