"""A source of schedules that keeps what a test gives it, and what beat would have told of its entries."""

import time
from datetime import datetime, timezone

from celery.schedules import crontab, schedule

from celery_ops.exceptions import BackendUnavailable, ScheduleRefused
from celery_ops.schedules import board
from celery_ops.schedules.board import Facts, Sending, Sign
from celery_ops.schedules.info import DATABASE, Entry
from celery_ops.schedules.sources.base import ACTIONS, ScheduleSource, offered
from celery_ops.schedules.words import expression

DAILY = crontab(minute="30", hour="2")
OFTEN = schedule(10)


class KeptSource(ScheduleSource):
    """``entries`` of a test; ``told`` has what was done to them."""

    name = DATABASE
    label = "kept"
    kept: list = []
    told: list = []
    is_away = False
    refuses = ""

    def is_used(self, heard):
        return True

    def is_read_by(self, scheduler):
        return True

    def entries(self):
        if self.is_away:
            raise BackendUnavailable("The entries do not answer.")
        return list(self.kept)

    def pause(self, name, until=None):
        self._tell("pause", name, until)

    def resume(self, name):
        self._tell("resume", name)

    def skip(self, name, due):
        self._tell("skip", name, due)

    def _tell(self, *what):
        if self.refuses:
            raise ScheduleRefused(self.refuses)
        if self.is_away:
            raise BackendUnavailable("The entries do not answer.")
        self.told.append(what)


def keep(monkeypatch, *entries, **attributes):
    """Let a site have these entries and no others. Return their source's class."""
    source = type("Source", (KeptSource,), {"kept": list(entries), "told": [], **attributes})
    monkeypatch.setattr("celery_ops.schedules.sources.site_sources.KINDS", (source,))
    return source


def entry(name="nightly", task="tests.shop.tasks.untracked", schedule=DAILY, cannot=(), **about):
    """Return an entry that can do all but what ``cannot`` names, each with its reason."""
    actions, refused = offered({action: dict(cannot).get(action, "") for action in ACTIONS})
    return Entry(
        name, task, DATABASE, expression(schedule), schedule=schedule, actions=actions, refused=refused, **about
    )


def tell(name, *sendings, due=None, number=1):
    """Let beat have told of occurrences: ``(due, sent, task_id)`` each, in seconds before now, the newest last."""
    now = time.time() * 1000
    told = {
        n: Sending(int(now - due * 1000), None if sent is None else int(now - sent * 1000), task_id)
        for n, (due, sent, task_id) in enumerate(sendings)
    }
    last = max(told.values(), key=lambda one: one.due, default=None)
    facts = Facts(None if due is None else int(now - due * 1000), None, number, last)
    board.add({name: facts}, {name: told}, 0, time.time())


def beat(entries=1):
    """Let a beat give a sign of life."""
    board.give(Sign("t", "beat.example", 7, "celery.beat:PersistentScheduler", "tests", 0, 60.0, 0.0, 5.0, entries), 0)


def now():
    return datetime.now(timezone.utc)
