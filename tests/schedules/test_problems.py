"""What is said to be wrong, each beside what is nearly so and all right."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from celery.schedules import crontab, schedule
from kombu import Queue

from celery_ops.schedules import problems
from celery_ops.schedules.beat_problems import of_beats
from celery_ops.schedules.board import Facts, Sending
from celery_ops.schedules.info import DATABASE, SETTINGS, BeatInfo, Entry
from celery_ops.schedules.judging import looked_at as judged
from celery_ops.schedules.problems import Case, of_entry
from celery_ops.schedules.surroundings import Surroundings
from tests.celery import app
from tests.shop import tasks

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
NOOP = tasks.untracked_noop.name


def ms(moment):
    return int(moment.timestamp() * 1000)


def seconds(number):
    return timedelta(seconds=number)


def entry(every=60, **fields):
    given = {"args": (1,), **fields}
    kept = given.pop("schedule", schedule(every))
    return Entry("one", given.pop("task", NOOP), given.pop("source", DATABASE), str(kept), schedule=kept, **given)


def facts(due=None, ran=None, last=None):
    return Facts(due and ms(due), ran and ms(ran), 1, last)


def looked_at(one, told=None, *, is_read=True, **around):
    return judged(one, told, NOW, Surroundings(**around), app, is_read)


def codes(one, told=None, **options):
    return [problem.code for problem in looked_at(one, told, **options).problems]


def test_an_entry_that_is_well_has_no_problem():
    told = facts(NOW + seconds(30), NOW - seconds(30), Sending(ms(NOW - seconds(30)), ms(NOW - seconds(30)), "id"))
    info = looked_at(entry(), told)
    assert (info.problems, info.overdue, info.late) == ((), False, None)
    assert info.next_due == NOW + seconds(30)


@pytest.mark.parametrize(("ago", "is_overdue", "late"), [(31, True, 31.0), (29, False, 29.0), (3, False, None)])
def test_an_entry_is_overdue_thirty_seconds_after_it_was_due(ago, is_overdue, late):
    info = looked_at(entry(), facts(NOW - seconds(ago), NOW - seconds(ago + 60)))
    assert (info.overdue, info.late) == (is_overdue, late)
    assert ([problem.code for problem in info.problems] == ["overdue"]) is is_overdue


@pytest.mark.parametrize(
    ("hour", "source", "says"),
    [
        ("7", DATABASE, "only within two hours of it"),
        ("7,8", DATABASE, "Save the row by save()"),
        ("7", SETTINGS, "Save the row by save()"),
    ],
)
def test_what_its_beat_passes_over_until_its_hour_comes_again_says_so(hour, source, says):
    """A row that is saved once more is passed over all the same."""
    one = entry(schedule=crontab(minute=0, hour=hour), source=source)
    (problem,) = looked_at(one, facts(due=NOW - seconds(5 * 3600))).problems
    assert problem.code == "overdue"
    assert says in problem.remedy


def test_what_was_sent_and_did_not_run_is_not_overdue():
    sent = NOW - seconds(50)
    info = looked_at(entry(), facts(NOW + seconds(10), sent, Sending(ms(sent), ms(sent), "id")))
    assert not info.overdue


def test_what_was_sent_late_is_late_and_not_overdue():
    last = Sending(ms(NOW - seconds(600)), ms(NOW - seconds(20)), "id")
    info = looked_at(entry(), facts(NOW + seconds(40), NOW - seconds(20), last))
    assert (info.late, info.overdue) == (580.0, False)


def test_a_run_that_beat_counted_and_could_not_send_is_named():
    failed = Sending(ms(NOW - seconds(10)))
    assert codes(entry(), facts(NOW + seconds(50), NOW - seconds(10), failed)) == ["not_sent"]


def test_without_beat_an_entry_of_the_database_is_overdue_by_its_own_last_run():
    assert looked_at(entry(last_run_at=NOW - seconds(600))).overdue
    assert not looked_at(entry(last_run_at=NOW - seconds(80))).overdue


def test_an_older_row_does_not_hide_what_beat_has_sent_since():
    """django-celery-beat writes the last run every three minutes only."""
    ran = NOW - seconds(10)
    info = looked_at(entry(last_run_at=NOW - seconds(170)), facts(NOW + seconds(50), ran))
    assert (info.overdue, info.next_due) == (False, NOW + seconds(50))


def test_an_entry_of_the_settings_of_which_nobody_knows_when_beat_began_is_not_overdue():
    info = looked_at(entry(source=SETTINGS))
    assert (info.overdue, info.next_due, info.problems) == (False, None, ())


def test_a_disabled_entry_is_disabled_and_nothing_else():
    info = looked_at(entry(enabled=False, last_run_at=NOW - timedelta(days=9)), registered=frozenset({"other"}))
    assert [problem.code for problem in info.problems] == ["disabled"]
    assert info.problems[0].is_notice
    assert (info.overdue, info.late, info.next_due) == (False, None, None)


def test_a_disabled_entry_that_could_not_be_sent_says_why():
    """django-celery-beat disables what it cannot read."""
    (problem,) = looked_at(entry(enabled=False, broken="Its arguments are no JSON.")).problems
    assert (problem.code, problem.sentence, problem.is_notice) == ("broken", "Its arguments are no JSON.", False)
    assert "enable it" in problem.remedy


@pytest.mark.parametrize(("ahead", "expected"), [(-1, "expired"), (30, "ended"), (3600, None)])
def test_an_entry_expires(ahead, expected):
    told = facts(NOW + seconds(50), NOW - seconds(10))
    assert codes(entry(expires=NOW + seconds(ahead)), told) == ([expected] if expected else [])


def test_a_one_off_entry_is_done_once_it_was_sent():
    last = Sending(ms(NOW - seconds(30)), ms(NOW - seconds(30)), "id")
    assert codes(entry(one_off=True, enabled=False), facts(last=last)) == ["done"]
    assert codes(entry(one_off=True, enabled=True, run_count=1, last_run_at=NOW - seconds(500)), facts(last=last)) == [
        "done"
    ]
    assert codes(entry(one_off=True, enabled=False)) == ["disabled"]
    assert codes(entry(one_off=True, last_run_at=NOW - seconds(20))) == []


def test_a_clocked_entry_is_overdue_until_it_is_sent_and_then_done():
    clocked = pytest.importorskip("django_celery_beat.clockedschedule").clocked
    one = entry(schedule=clocked(NOW - seconds(60)), one_off=True)
    assert codes(one) == ["overdue"]
    last = Sending(ms(NOW - seconds(60)), ms(NOW - seconds(59)), "id")
    assert codes(one, facts(last=last)) == ["done"]


def test_the_thirty_first_of_february_never_comes():
    class Never(crontab):
        """As Celery made it before it refused such a date."""

        def remaining_estimate(self, last_run_at, **options):
            raise RuntimeError("unable to rollover, time specification is probably invalid")

    assert codes(entry(schedule=Never("0", "4"), counted_from=NOW)) == ["never_due"]
    assert codes(replace(entry(), schedule=None, is_never=True)) == ["never_due"]
    assert codes(entry(schedule=crontab("0", "4", day_of_month="29", month_of_year="2"), counted_from=NOW)) == []


def test_an_entry_that_expires_before_its_pause_ends_says_so_and_is_due_no_more():
    end = NOW + timedelta(hours=3)
    expiring = entry(start=end, paused_until=end, last_run_at=NOW - timedelta(days=1), expires=NOW + timedelta(hours=1))
    info = looked_at(expiring)
    assert ([problem.code for problem in info.problems], info.next_due) == (["ended"], None)


def test_an_entry_that_starts_later_says_so_and_when():
    info = looked_at(entry(start=NOW + timedelta(hours=2)))
    assert [problem.code for problem in info.problems] == ["starts_later"]
    assert info.next_due == NOW + timedelta(hours=2)
    assert not info.overdue
    assert codes(entry(start=NOW - timedelta(hours=2), last_run_at=NOW - seconds(10))) == []


def test_a_task_that_no_worker_has_is_named():
    told = facts(NOW + seconds(30), NOW - seconds(30))
    assert codes(entry(), told, registered=frozenset({"other"})) == ["unknown_task"]
    assert codes(entry(task="celery.backend_cleanup", args=()), told, registered=frozenset({"other"})) == []
    assert codes(entry(), told, registered=frozenset({NOOP})) == []
    assert codes(entry(), told, registered=None) == []


def test_arguments_that_do_not_fit_are_named():
    told = facts(NOW + seconds(30), NOW - seconds(30))
    assert codes(entry(args=(1, 2, 3)), told) == ["wrong_arguments"]
    assert codes(entry(args=(), kwargs={"nobody": 1}), told) == ["wrong_arguments"]
    assert codes(entry(args=(1,)), told) == []
    assert codes(entry(task="of.another.site", args=(1, 2, 3)), told) == []


def test_a_queue_that_nobody_consumes_is_named():
    told = facts(NOW + seconds(30), NOW - seconds(30))
    assert codes(entry(queue="left"), told, deserted=frozenset({"left"})) == ["deserted_queue"]
    assert codes(entry(queue="read"), told, deserted=frozenset({"left"})) == []
    assert codes(entry(), told, deserted=frozenset({"celery"})) == ["deserted_queue"]


def test_where_a_router_of_the_sites_own_sends_a_task_now_is_looked_at(monkeypatch):
    """It may go by a switch, or by the hour."""
    goes_to, told = {"queue": "left"}, facts(NOW + seconds(30), NOW - seconds(30))
    router = app.amqp.Router(queues={"left": Queue("left"), "read": Queue("read")})
    router.routes = [lambda name, *args, **options: dict(goes_to)]
    monkeypatch.setattr(app.amqp, "_rtable", router.routes)
    monkeypatch.setattr(app.amqp, "router", router)
    assert codes(entry(), told, deserted=frozenset({"left"})) == ["deserted_queue"]
    goes_to["queue"] = "read"
    assert codes(entry(), told, deserted=frozenset({"left"})) == []


def test_a_period_that_is_shorter_than_the_run_is_named():
    told = facts(NOW + seconds(30), NOW - seconds(30))
    assert codes(entry(60), told, run_p95={NOOP: 61.0}) == ["too_often"]
    assert codes(entry(60), told, run_p95={NOOP: 59.0}) == []


def test_a_last_run_in_the_future_is_named():
    ahead = NOW + timedelta(hours=1)
    assert codes(entry(last_run_at=ahead)) == ["last_run_ahead"]
    assert codes(entry(last_run_at=NOW + seconds(5))) == []


def test_an_entry_that_no_beat_reads_is_named():
    told = facts(NOW + seconds(30), NOW - seconds(30))
    assert codes(entry(), told, is_read=False) == ["not_read"]


def test_the_worst_comes_first():
    told = facts(NOW - seconds(90), NOW - seconds(150))
    assert codes(entry(args=(1, 2, 3)), told, registered=frozenset({"x"}))[0] == "overdue"


def test_a_task_of_the_sites_own_kind_raises_into_nobody(monkeypatch):
    monkeypatch.setattr(tasks.untracked_noop, "__header__", lambda *args, **kwargs: 1 / 0)
    assert codes(entry(), facts(NOW + seconds(30), NOW - seconds(30))) == []


def test_a_problem_has_a_sentence_and_a_remedy():
    told = facts(NOW - seconds(90), NOW - seconds(150))
    for problem in of_entry(Case(entry(), NOW, told, NOW - seconds(90), None)):
        assert problem.sentence.endswith(".")
        assert problem.remedy.endswith(".")


# -- of beat ----------------------------------------------------------------------------------------------------------


def beat(pid=1, started=600, seen=5, **fields):
    return BeatInfo("host", pid, "celery.beat.X", NOW - seconds(started), NOW - seconds(seen), 300, 3, **fields)


def of(*beats, heard=True, entries=3):
    return [problem.code for problem in of_beats(beats, heard, entries)]


def test_a_beat_that_sends_is_well():
    assert of(beat()) == []


def test_beat_is_silent_where_there_is_something_to_send():
    assert of(beat(is_silent=True)) == of(heard=False) == of(beat(is_standby=True)) == ["beat_silent"]
    assert of(heard=False, entries=0) == []
    assert of(beat(is_silent=True), beat(2)) == []


def test_two_beats_at_once_are_named():
    (problem,) = of_beats([beat(11), beat(12, started=60)], True, 3)
    assert problem.code == "two_beats"
    assert "host (11)" in problem.sentence
    assert "host (12)" in problem.sentence


@pytest.mark.parametrize(
    "beats",
    [
        (beat(11, seen=61), beat(12, started=60)),  # a deploy: the first ended as the second began
        (beat(11), beat(12, started=60, is_standby=True)),
        (beat(11, has_ended=True), beat(12, started=60)),
        (beat(11), beat(12, started=60, app="other")),
    ],
)
def test_beats_that_do_not_send_the_same_at_once_are_none(beats):
    assert of(*beats) == []


def test_codes_are_stable():
    assert problems.OVERDUE == "overdue"
