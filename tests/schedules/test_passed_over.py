"""Crontabs that django-celery-beat does not look at for most of the day, beside those that its scheduler reads then."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery.schedules import crontab, schedule

from celery_ops.schedules.passed_over import is_passed_over
from tests.celery import app

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Adelaide", "Asia/Kolkata")


def hours_ago(hours):
    return NOON - timedelta(hours=hours)


@pytest.mark.parametrize("hour", ["7", "07", 7])
def test_a_crontab_of_one_hour_is_passed_over_when_its_hour_is_past(hour):
    assert is_passed_over(crontab(minute=0, hour=hour), hours_ago(5), NOON)
    assert not is_passed_over(crontab(minute=0, hour=hour), hours_ago(4), NOON)


@pytest.mark.parametrize("times", [crontab(minute=0, hour="7,8"), crontab(minute=0, hour="*/7"), schedule(3600), None])
def test_what_comes_at_several_hours_is_not(times):
    assert not is_passed_over(times, hours_ago(5), NOON)


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("day", [datetime(2026, 1, 15), datetime(2026, 7, 15)])
@pytest.mark.parametrize("has_zones", [True, False])
def test_what_is_certain_to_be_passed_over_is_read_by_no_beat(settings, day, has_zones):
    models = pytest.importorskip("django_celery_beat.models")
    from django_celery_beat.schedulers import DatabaseScheduler

    settings.USE_TZ = has_zones
    times = {}
    for zone in ZONES:
        for hour in range(24):
            name, kept = f"{zone} {hour}", models.CrontabSchedule(minute="30", hour=str(hour), timezone=zone)
            kept.save()
            models.PeriodicTask(name=name, task="x", crontab=kept).save()
            times[name] = kept.schedule, day.replace(hour=hour, minute=30, tzinfo=ZoneInfo(zone))
    beat, passed_over = DatabaseScheduler(app=app, lazy=True), 0
    for hour in range(24):
        now = day.replace(hour=hour, minute=10, tzinfo=timezone.utc)
        with time_machine.travel(now, tick=False):
            read = set(beat.enabled_models_qs().values_list("name", flat=True))
        names = {name for name, (kept, due) in times.items() if is_passed_over(kept, due, now)}
        assert names & read == set()
        passed_over += len(names)
    assert passed_over > 24 * len(times) / 3
