"""What a real beat process tells of itself: killed, frozen, ended, restarted, twice, and with each scheduler.

Only times are shortened: what takes a minute here takes two seconds.
"""

import signal
import time
import uuid
from datetime import timedelta

import celery
import pytest

from celery_ops.backends.remote import gather, presence
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.schedules import info
from celery_ops.schedules.report import report
from tests.celery import app
from tests.servers import PATIENCE, Worker, wait_for

from .beats import NIGHTLY, NOOP, OFTEN, codes, entry_of, occurred


def test_beat_tells_of_itself_and_of_what_it_sends(make_beat, redis_server, site):
    beat = make_beat(OFTEN | NIGHTLY)
    one = occurred("often", 3)
    sent = [occurrence for occurrence in one.occurrences if occurrence.sent]
    assert all(0 <= (occurrence.sent - occurrence.due).total_seconds() < PATIENCE for occurrence in sent)
    assert len({occurrence.task_id for occurrence in sent}) == len(sent)
    (heard,) = report(asks_around=False).beats
    assert (heard.pid, heard.entries, heard.sends) == (beat.pid, 2, True)
    assert heard.scheduler == "celery.beat.PersistentScheduler"
    nightly = entry_of("nightly")
    assert (nightly.next_due is not None, nightly.occurrences) == (True, ())
    assert codes() == []
    redis_keys = [key for key in redis_server.keys_without_ttl(1) if site.prefix.encode() in key]
    assert redis_keys == []


def test_beat_that_is_killed_is_silent_and_its_entries_overdue(make_beat, impatient):
    beat = make_beat(OFTEN)
    occurred("often")
    assert codes() == []
    beat.kill()
    wait_for(lambda: codes() == ["beat_silent"], "the silence")
    assert report(asks_around=False).is_silent
    wait_for(lambda: entry_of("often").overdue, "the entry to be overdue")
    make_beat(OFTEN)
    wait_for(lambda: codes() == [] and not entry_of("often").overdue, "all to be well again")


def test_beat_that_is_frozen_is_silent_until_it_goes_on(make_beat, impatient):
    beat = make_beat(OFTEN)
    occurred("often")
    beat.signal(signal.SIGSTOP)
    wait_for(lambda: codes() == ["beat_silent"], "the silence")
    beat.signal(signal.SIGCONT)
    wait_for(lambda: codes() == [], "beat to be heard again")


def test_beat_that_ends_says_goodbye(make_beat):
    beat = make_beat(OFTEN)
    occurred("often")
    beat.stop()
    (heard,) = report(asks_around=False).beats
    assert heard.has_ended
    assert not heard.sends


def test_two_beats_at_once_are_named(make_beat, monkeypatch):
    monkeypatch.setattr("celery_ops.schedules.beat_problems.OVERLAP", timedelta(seconds=1))
    one, other = make_beat(OFTEN), make_beat(OFTEN)
    wait_for(lambda: "two_beats" in codes(), "both to be named")
    sentence = next(problem.sentence for problem in report(asks_around=False).problems if problem.code == "two_beats")
    assert f"({one.pid})" in sentence
    assert f"({other.pid})" in sentence


def test_an_entry_that_cannot_be_sent_was_due_and_not_sent(make_beat):
    make_beat({"wrong": {"task": NOOP, "every": 1, "args": [1, 2, 3]}})

    def named():
        one = entry_of("wrong")
        return one if one and "not_sent" in [problem.code for problem in one.problems] else None

    one = wait_for(named, "it to be named")
    assert one.occurrences[0].sent is None


def test_numbers_of_occurrences_go_on_after_a_restart(make_beat):
    beat = make_beat(OFTEN)
    first = occurred("often", 2)
    beat.stop()
    ids = {occurrence.task_id for occurrence in first.occurrences}
    make_beat(OFTEN)
    again = occurred("often", len(first.occurrences) + 2)
    assert ids <= {occurrence.task_id for occurrence in again.occurrences}


def test_how_an_occurrence_ended_is_told(make_beat, site, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", site.environment, "-c", "1")
    try:
        task = "tests.shop.tasks.process_payment"
        make_beat({"pay": {"task": task, "every": 1, "args": [1]}})
        one = wait_for(
            lambda: (one := entry_of("pay")) and any(o.state == "SUCCESS" for o in one.occurrences) and one, "a success"
        )
        ended = next(occurrence for occurrence in one.occurrences if occurrence.state == "SUCCESS")
        assert ended.due <= ended.sent
        assert ended.finished is not None
    finally:
        worker.stop()


@pytest.mark.skipif(celery.VERSION < (5, 7), reason="before Celery 5.7 no beat answers a ping")
@pytest.mark.parametrize("options", [(), ("--hostname", "nightly@%h")], ids=["its own name", "another name"])
def test_a_beat_that_answers_a_ping_is_no_worker(options, make_beat, site):
    known_workers().forget()
    name = "nightly@" if options else "celerybeat@"
    beat = make_beat({}, *options, TEST_BEAT_ANSWERS="1")
    wait_for(lambda: "pidbox: Connected" in beat.text(), "the beat to be asked")
    wait_for(lambda: any(host.startswith(name) for host in pinged()), "its answer")
    presence.learn()
    gather.ask({"active": {}, "stats": {}})  # the first one that has it tells it from a worker
    presence.learn()
    began = time.monotonic()
    answers = gather.ask({"ping": {}, "active": {}, "stats": {}}, timeout=PATIENCE)
    assert time.monotonic() - began < PATIENCE  # nobody waits for what it never says
    hosts = {*answers.asked, *presence.learn(), *known_workers().listed}
    assert not any(host.startswith(name) for host in hosts)
    assert not any(host.startswith(name) for host in gather.ask({"ping": {}}, timeout=0.5).asked)


def pinged():
    return [name for reply in app.control.ping(timeout=0.5) for name in reply]


def test_redbeat_is_told_of_like_any_other(make_beat, redis_server, use_redbeat):
    pytest.importorskip("redbeat")
    options, env = ("-S", "redbeat.RedBeatScheduler", "--max-interval", "1"), use_redbeat(f"{redis_server.url}/9")
    make_beat(OFTEN, *options, **env)
    one = occurred("often", 3)
    assert one.entry.source == info.REDBEAT
    dues = sorted(occurrence.due for occurrence in one.occurrences)
    assert len(set(dues)) == len(dues)
    make_beat(OFTEN, *options, **env)
    beats = wait_for(lambda: len(beats := report(asks_around=False).beats) > 1 and beats, "the second beat")
    assert sorted(beat.is_standby for beat in beats) == [False, True]
    assert codes() == []


def test_a_redbeat_that_ended_waits_for_no_lock(make_beat, redis_server, use_redbeat, impatient):
    pytest.importorskip("redbeat")
    options, env = ("-S", "redbeat.RedBeatScheduler", "--max-interval", "1"), use_redbeat(f"{redis_server.url}/9")
    beat = make_beat(OFTEN, *options, **env)
    occurred("often")
    beat.stop()
    (ended,) = report(asks_around=False).beats
    assert (ended.has_ended, ended.is_standby) == (True, False)
    (problem,) = wait_for(lambda: report(asks_around=False).problems, "the silence")
    assert "has ended" in problem.sentence


def test_django_celery_beat_is_told_of_like_any_other(make_beat):
    models = pytest.importorskip("django_celery_beat.models")
    from django.db import connection

    every = models.IntervalSchedule.objects.create(every=1, period="seconds")
    task = models.PeriodicTask.objects.create(name="row", task=NOOP, args="[1]", interval=every)
    name = str(connection.settings_dict["NAME"])
    make_beat({}, "-S", "django", "--max-interval", "1", TEST_DATABASE_NAME=name)
    one = occurred("row", 3)
    assert one.entry.source == info.DATABASE
    assert one.problems == ()
    assert one.late is None
    task.refresh_from_db()
    assert task.total_run_count < len(one.occurrences) + 1  # which it writes every three minutes
