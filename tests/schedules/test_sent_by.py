"""What a real beat sends says for which entry, whatever its scheduler."""

import pytest

from celery_ops.tracking.accounts import read_account
from tests.servers import wait_for

from .beats import occurred

TASK = "tests.shop.tasks.process_payment"
#: Nobody consumes it: what is left there is no other test's to run.
QUEUE = "sent-by-nobody-runs-it"
PAY = {"pay by card": {"task": TASK, "every": 1, "args": [1], "options": {"queue": QUEUE}}}


def schedule_of_last(name):
    """Return what the newest task of an entry itself says of its schedule."""
    task_id = occurred(name).occurrences[0].task_id
    ((_place, task),) = wait_for(lambda: read_account(task_id).places, "the task to be told of")
    return task.schedule


def test_beat_says_it_with_each_message(make_beat):
    make_beat(PAY)
    assert schedule_of_last("pay by card") == "pay by card"


def test_redbeat_does(make_beat, redis_server, use_redbeat):
    pytest.importorskip("redbeat")
    env = use_redbeat(f"{redis_server.url}/9")
    make_beat(PAY, "-S", "redbeat.RedBeatScheduler", "--max-interval", "1", **env)
    assert schedule_of_last("pay by card") == "pay by card"


def test_django_celery_beat_does(make_beat):
    models = pytest.importorskip("django_celery_beat.models")
    from django.db import connection

    every = models.IntervalSchedule.objects.create(every=1, period="seconds")
    models.PeriodicTask.objects.create(name="a row", task=TASK, args="[1]", queue=QUEUE, interval=every)
    name = str(connection.settings_dict["NAME"])
    make_beat({}, "-S", "django", "--max-interval", "1", TEST_DATABASE_NAME=name)
    assert schedule_of_last("a row") == "a row"
