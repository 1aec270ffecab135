"""``schedules``: what it says, and with which code it ends."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from celery_ops import states
from celery_ops.exceptions import StoreUnavailable
from celery_ops.schedules.surroundings import Surroundings
from tests.commands.conftest import call
from tests.ops.task_backends import Held, a_task, use
from tests.schedule_source import beat, entry, keep, tell

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks, monkeypatch):
    monkeypatch.setattr("celery_ops.schedules.report.surroundings", Surroundings)
    use(settings, Held)
    yield
    Held.hold()


def text():
    called = call("schedules", output="text")
    return called.code, " ".join(called.out.split())


def test_all_is_well(settings, monkeypatch):
    keep(monkeypatch, entry())
    beat()
    use(settings, Held, a_task(1, states.SUCCESS, id="a"))
    tell("nightly", (3600, 3599, "a"), due=-3600)
    code, said = text()
    assert code == 0
    assert "NAME SCHEDULE NEXT LAST SENT STATE LATE PROBLEM" in said
    assert "nightly At 02:30" in said
    assert "SUCCESS" in said
    assert "beat at beat.example (7): sends, heard" in said


def test_a_time_that_its_source_has_in_another_zone_is_written_in_utc(monkeypatch):
    start = datetime(2099, 7, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo"))
    keep(monkeypatch, entry(start=start))
    beat()
    assert "2099-07-01 00:00:00Z" in text()[1]


def test_one_that_is_overdue_is_1(monkeypatch):
    keep(monkeypatch, entry(), entry("late"))
    beat(2)
    tell("nightly", due=-3600)
    tell("late", (3690, 3690, "a"), due=90)
    code, said = text()
    assert code == 1
    assert "It is overdue: it was due 1 min" in said


def test_a_beat_that_was_never_heard_is_1_and_says_how_to_start_one(monkeypatch):
    keep(monkeypatch, entry())
    code, said = text()
    assert code == 1
    assert "No beat was ever heard: nothing is sent. Start one: celery beat" in said


def test_another_problem_is_said_and_is_0(monkeypatch):
    """It is no alarm: whoever runs this by cron is woken for what was not sent."""
    keep(monkeypatch, entry(args=(1, 2, 3)), entry("rests", enabled=False))
    beat(2)
    tell("nightly", due=-3600)
    code, said = text()
    assert code == 0
    assert "Its arguments do not fit the task" in said
    assert "It is disabled: nothing is sent." in said


def test_a_site_without_schedules_is_0(monkeypatch):
    keep(monkeypatch)
    assert text() == (0, "There are no schedules.")


def test_a_source_that_is_away_is_said(monkeypatch):
    keep(monkeypatch, is_away=True)
    beat()
    code, said = text()
    assert code == 3
    assert "The entries do not answer." in said


def test_a_store_that_is_away_is_no_silence(monkeypatch):
    keep(monkeypatch, entry())

    def away(*_):
        raise StoreUnavailable("no")

    monkeypatch.setattr("celery_ops.schedules.board.read_board", away)
    code, said = text()
    assert code == 3
    assert "it is not known what beat says" in said
    assert "nothing is sent" not in said


def test_the_same_as_json(monkeypatch):
    keep(monkeypatch, entry("late"))
    beat()
    tell("late", (3690, 3690, "a"), due=90)
    called = call("schedules")
    assert called.code == 1
    (item,) = called.data["results"]
    assert (item["name"], item["overdue"], item["last_task_id"]) == ("late", True, "a")
    (heard,) = called.data["beats"]
    assert (heard["hostname"], heard["pid"], heard["silent"]) == ("beat.example", 7, False)
    assert (called.data["problems"], called.data["trouble"]) == ([], "")


def test_what_is_hostile_cannot_move_the_cursor(monkeypatch):
    keep(monkeypatch, entry("a\x1b[2Jb\r\nc"))
    beat()
    assert "\x1b" not in text()[1]
