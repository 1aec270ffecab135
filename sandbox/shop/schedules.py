"""Entries in the database, where the site keeps some: one of each state that a schedule can be in."""

from datetime import timedelta

from celery import VERSION
from celery_ops.exceptions import StoreUnavailable
from celery_ops.schedules import board
from django.apps import apps
from django.utils import timezone

COUNT = {"task": "shop.office.count_stock", "args": "[1]"}
HOURLY = {"every": 1, "period": "hours"}
FORGOTTEN = "stocktaking that beat was not told of"
#: Seconds since its last sign in which beat counts as running.
FRESH = 20.0


def seed():
    """Plant what beat will read: one that rests, one that is paused, one that comes once, one that never comes."""
    if not apps.is_installed("django_celery_beat"):
        return
    from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule

    now = timezone.now()
    weekly, _ = IntervalSchedule.objects.get_or_create(every=7, period=IntervalSchedule.DAYS)
    daily, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.DAYS)
    in_an_hour, _ = ClockedSchedule.objects.get_or_create(clocked_time=now + timedelta(hours=1))
    _plant("weekly stocktaking", interval=weekly, enabled=False)
    _plant("stocktaking before the audit", clocked=in_an_hour, one_off=True)
    paused = {"start_time": now + timedelta(days=3), "last_run_at": now - timedelta(days=1)}
    _plant("stocktaking while the warehouse moves", interval=daily, **paused)
    if VERSION >= (5, 7):  # an older beat ends when it meets such a date
        never, _ = CrontabSchedule.objects.get_or_create(
            minute="0", hour="4", day_of_month="31", month_of_year="2", timezone="UTC"
        )
        _plant("stocktaking on the last of February", crontab=never)
    IntervalSchedule.objects.get_or_create(**HOURLY)
    _entries().filter(name=FORGOTTEN).update(enabled=False)


def forget_one():
    """Plant one past ``save()``, as a script that loads rows does: beat finds it within five minutes, and it is late.

    Return whether that was done: not before beat runs, which would read it when it starts.
    """
    if not apps.is_installed("django_celery_beat"):
        return True
    try:
        signs = board.signs() or ()
    except StoreUnavailable:
        return False
    if not any(heard.age < FRESH and not heard.sign.has_ended for heard in signs):
        return False
    from django_celery_beat.models import IntervalSchedule

    hourly = IntervalSchedule.objects.get(**HOURLY)  # to make one tells beat to read everything anew
    ran = {"enabled": True, "last_run_at": timezone.now() - timedelta(minutes=70)}
    if not _entries().filter(name=FORGOTTEN).update(**ran):
        _entries().bulk_create([_entries().model(name=FORGOTTEN, interval=hourly, **COUNT, **ran)])
    return True


def _plant(name, **fields):
    _entries().get_or_create(name=name, defaults={**COUNT, **fields})


def _entries():
    return apps.get_model("django_celery_beat", "PeriodicTask").objects
