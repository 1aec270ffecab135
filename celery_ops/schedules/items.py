"""Schedules as JSON says them: for the address and for the command."""

from datetime import datetime
from typing import Any

from ..formatting import clean
from .info import BeatInfo, ScheduleInfo


def schedule_item(one: ScheduleInfo) -> dict[str, Any]:
    """Return an entry for ``api-schedules``. ``late`` are seconds; ``problem`` is the worst one's sentence, or null."""
    entry = one.entry
    return {
        "name": clean(entry.name),
        "task": clean(entry.task),
        "source": entry.source,
        "schedule": clean(entry.words or entry.expression),
        "enabled": entry.enabled,
        "next_due": _moment(one.next_due),
        "last_due": _moment(one.last_due),
        "last_sent": _moment(one.last_sent),
        "last_task_id": clean(one.last_task_id) if one.last_task_id else None,
        "last_state": one.last_state,
        "late": one.late,
        "overdue": one.overdue,
        "problem": clean(one.problems[0].sentence) if one.problems else None,
    }


def beat_item(beat: BeatInfo) -> dict[str, Any]:
    """Return a beat for JSON."""
    return {
        "hostname": clean(beat.hostname),
        "pid": beat.pid,
        "scheduler": clean(beat.scheduler),
        "started": _moment(beat.started),
        "seen": _moment(beat.seen),
        "max_interval": beat.max_interval,
        "entries": beat.entries,
        "silent": beat.is_silent,
        "standby": beat.is_standby,
        "ended": beat.has_ended,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
