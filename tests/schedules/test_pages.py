"""The list of schedules and the page of one, as pages and as JSON."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from celery.schedules import solar
from django.urls import reverse

from celery_ops import states
from celery_ops.exceptions import StoreUnavailable
from tests.celery import app
from tests.conftest import browser_of, make_user
from tests.ops.task_backends import Held, a_task, use
from tests.pages import html_of, links, rows, text_of
from tests.schedule_source import OFTEN, beat, entry, keep, now, tell

pytestmark = pytest.mark.django_db

#: What an item has.
ITEM = (
    *("name", "task", "source", "schedule", "enabled", "next_due", "last_due", "last_sent"),
    *("last_task_id", "last_state", "late", "overdue", "problem"),
)


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks):
    use(settings, Held)
    around = {
        f"{part}_BACKEND": f"celery_ops.backends.memory.Memory{part.title()}Backend" for part in ("WORKER", "QUEUE")
    }
    settings.CELERY_OPS = {**settings.CELERY_OPS, **around}
    yield
    Held.hold()


@pytest.fixture
def browser(db):
    return browser_of(
        make_user("manager", "celery_ops.view_ops", "celery_ops.view_payload", "celery_ops.manage_schedules")
    )


@pytest.fixture
def viewer(db):
    return browser_of(make_user("viewer", "celery_ops.view_ops"))


def page(browser, query=""):
    return browser.get(reverse("celery_ops:schedule-list") + query)


def detail(browser, name="nightly"):
    return browser.get(reverse("celery_ops:schedule-detail", args=[name]))


def listed(browser, query=""):
    return browser.get(reverse("celery_ops:api-schedules") + query).json()["results"]


def test_a_schedule_is_listed_with_what_became_of_its_last_occurrences(browser, settings, monkeypatch):
    keep(monkeypatch, entry())
    beat()
    use(settings, Held, a_task(1, states.FAILURE, id="b"), a_task(2, states.SUCCESS, id="a"))
    tell("nightly", (7200, 7199, "a"), (3600, 3599, "b"), (60, None, None), due=-3600)
    row = rows(html_of(page(browser)))["nightly"]
    assert "At 02:30" in row["Schedule"]
    assert row["Last run"] == "Failure"
    assert [word in row["History"] for word in ("succeeded", "failed", "not sent")] == [True] * 3


def test_a_schedule_of_any_name_has_a_page(browser, monkeypatch):
    names = ("act", "%61ct", "a/b", "..", "100%?#", "a b")
    keep(monkeypatch, *map(entry, names))
    for name in names:
        assert detail(browser, name).status_code == 200
    found = [address for _, address in links(html_of(page(browser))) if "/schedules/" in address]
    assert {reverse("celery_ops:schedule-detail", args=[name]) for name in names} <= set(found)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Chicago"])
@pytest.mark.parametrize("moment", [datetime.max, datetime.min])
@pytest.mark.parametrize("kind", ["clocked", "start"])
def test_the_last_day_that_there_is_is_a_time_like_any_other(zone, moment, kind, browser, settings, monkeypatch):
    settings.TIME_ZONE = zone
    moment = moment.replace(tzinfo=timezone.utc)
    clocked = pytest.importorskip("django_celery_beat.clockedschedule").clocked(moment)
    keep(monkeypatch, entry(schedule=clocked) if kind == "clocked" else entry(start=moment))
    beat()
    assert "nightly" in rows(html_of(page(browser)))
    assert page(browser, "?view=day").status_code == 200
    assert detail(browser).status_code == 200
    assert [item["name"] for item in listed(browser)] == ["nightly"]


def test_the_same_as_json(browser, settings, monkeypatch):
    keep(monkeypatch, entry())
    beat()
    use(settings, Held, a_task(1, states.SUCCESS, id="a"))
    tell("nightly", (3600, 3599, "a"), due=-3600)
    (item,) = listed(browser)
    assert {name: item[name] for name in ("name", "task", "source", "schedule", "enabled", "last_task_id")} == {
        "name": "nightly",
        "task": "tests.shop.tasks.untracked",
        "source": "database",
        "schedule": "At 02:30",
        "enabled": True,
        "last_task_id": "a",
    }
    assert (item["last_state"], item["late"], item["overdue"]) == ("SUCCESS", None, False)
    assert set(item) == {*ITEM}


def test_what_is_overdue_comes_first_then_what_is_due_next(browser, monkeypatch):
    keep(monkeypatch, entry("b"), entry("a"), entry("rests", enabled=False), entry("late"))
    beat(4)
    tell("a", due=-200)
    tell("b", due=-100)
    tell("late", due=100)
    assert [item["name"] for item in listed(browser)] == ["late", "b", "a", "rests"]
    assert [item["name"] for item in listed(browser, "?show=overdue")] == ["late"]
    assert [item["name"] for item in listed(browser, "?show=disabled")] == ["rests"]
    assert [item["name"] for item in listed(browser, "?q=LATE&sort=-name")] == ["late"]


def test_the_tabs_say_how_many_there_are_of_what_is_searched_for(browser, monkeypatch):
    keep(monkeypatch, entry("one"), entry("two", enabled=False), entry("other"))
    beat(3)
    text = text_of(html_of(page(browser, "?q=two")))
    assert "All 1" in text
    assert "Disabled 1" in text


@pytest.mark.parametrize("query", ["?source=nowhere", "?show=nothing", "?sort=nothing", "?page=x"])
def test_what_cannot_be_read_is_refused_in_json_and_left_out_on_the_page(browser, monkeypatch, query):
    keep(monkeypatch, entry())
    assert browser.get(reverse("celery_ops:api-schedules") + query).status_code == 400
    assert "nightly" in rows(html_of(page(browser, query)))


def test_a_site_whose_beat_was_never_heard_is_told_so(browser, monkeypatch):
    keep(monkeypatch, entry())
    assert "No beat was ever heard" in text_of(html_of(page(browser)))
    assert "No beat was ever heard" in text_of(html_of(detail(browser)))


def test_an_entry_without_a_problem_of_its_own_has_that_of_its_beat_in_json(browser, monkeypatch):
    keep(monkeypatch, entry(), entry("rests", enabled=False))
    problems = {item["name"]: item["problem"] for item in listed(browser)}
    assert problems == {
        "nightly": "No beat was ever heard: nothing is sent.",
        "rests": "It is disabled: nothing is sent.",
    }
    beat(2)
    assert {item["name"]: item["problem"] for item in listed(browser)}["nightly"] is None


def test_a_source_that_is_away_leaves_the_page_standing(browser, monkeypatch):
    keep(monkeypatch, is_away=True)
    assert "The entries do not answer." in text_of(html_of(page(browser)))
    assert browser.get(reverse("celery_ops:api-schedules")).status_code == 503
    assert detail(browser).status_code == 503


def test_a_name_that_nobody_knows_is_not_found(browser, monkeypatch):
    keep(monkeypatch, entry())
    assert detail(browser, "no/such").status_code == 404


@pytest.mark.parametrize("use_tz", [True, False], ids=["zones", "no zones"])
def test_the_page_of_one_says_of_each_occurrence_what_became_of_it(use_tz, browser, settings, monkeypatch):
    settings.USE_TZ = use_tz
    keep(monkeypatch, entry(args=(1, "two"), kwargs={"password": "hush"}))
    beat()
    use(settings, Held, a_task(1, states.SUCCESS, id="a"), a_task(2, states.PENDING, id="c", started_at=None))
    tell("nightly", (7200, 7199, "a"), (3600, None, None), (600, 599, "c"), due=-3600)
    text = text_of(html_of(detail(browser)))
    assert all(word in text for word in ("succeeded", "not sent", "sent, not run"))
    assert "two" in text
    assert "hush" not in text


def test_where_nothing_is_to_come_nothing_can_be_skipped(browser, monkeypatch):
    keep(monkeypatch, replace(entry(), schedule=None))
    html = html_of(detail(browser))
    assert 'value="skip"' not in html
    assert "Nothing is to come that could be skipped." in html


def test_arguments_are_for_those_who_may_see_them(viewer, monkeypatch):
    keep(monkeypatch, entry(args=("a secret place",)))
    text = text_of(html_of(detail(viewer)))
    assert "a secret place" not in text
    assert "You may not see the arguments" in text


def test_what_can_be_done_is_offered_and_what_cannot_has_its_reason(browser, viewer, monkeypatch):
    keep(monkeypatch, entry(cannot={"skip": "Nothing can be skipped here."}))
    html = html_of(detail(browser))
    assert 'value="pause"' in html
    assert 'value="skip"' not in html
    assert "Nothing can be skipped here." in html
    assert 'value="pause"' not in html_of(detail(viewer))


@pytest.mark.parametrize("use_tz", [True, False], ids=["zones", "no zones"])
def test_the_next_day_is_a_picture_and_the_same_as_a_list(use_tz, browser, settings, monkeypatch):
    settings.USE_TZ = use_tz
    keep(monkeypatch, entry(), entry("often", schedule=OFTEN), entry("rests", enabled=False))
    beat(3)
    tell("often", (20, 20, "a"), due=-5)
    html = html_of(page(browser, "?view=day"))
    assert html.count("<circle") == 1
    assert html.count("<rect") == 1  # every ten seconds is a band
    assert "again and again" in text_of(html)


def test_a_list_without_entries_says_what_would_be_there(browser, monkeypatch):
    keep(monkeypatch)
    assert "Nothing is scheduled." in text_of(html_of(page(browser)))
    assert page(browser, "?view=day").status_code == 200


def test_hostile_names_are_shown_and_have_their_page(browser, monkeypatch):
    name = 'a/b?c=<script>alert(1)</script>&"é'
    keep(monkeypatch, entry(name))
    html = html_of(page(browser))
    assert "<script>alert" not in html
    assert detail(browser, name).status_code == 200


def test_the_page_of_a_task_says_by_which_schedule_it_was_sent(browser, settings, monkeypatch):
    keep(monkeypatch, entry(), entry("other", task="tests.shop.tasks.noop"))
    task = "tests.shop.tasks.untracked"
    use(settings, Held, a_task(1, states.SUCCESS, id="a", name=task), a_task(2, states.SUCCESS, id="b", name=task))
    tell("nightly", (3600, 3599, "a"))
    assert "By schedule nightly" in text_of(html_of(browser.get(reverse("celery_ops:task-detail", args=["a"]))))
    assert "By schedule" not in text_of(html_of(browser.get(reverse("celery_ops:task-detail", args=["b"]))))


@pytest.mark.parametrize(("ago", "is_overdue"), [(200, False), (215, True)])
def test_a_row_that_beat_writes_every_three_minutes_is_not_overdue_while_the_store_is_away(
    browser, monkeypatch, ago, is_overdue
):
    """django-celery-beat may have sent it since: only the store would know."""
    keep(monkeypatch, entry(schedule=OFTEN, last_run_at=now() - timedelta(seconds=ago + 10)))

    def away(*_):
        raise StoreUnavailable("no")

    monkeypatch.setattr("celery_ops.schedules.board.read_board", away)
    (item,) = listed(browser)
    assert item["overdue"] is is_overdue
    assert item["late"] is None or is_overdue
    assert ("overdue" in (item["problem"] or "")) is is_overdue
    assert "it is not known what beat says" in text_of(html_of(page(browser)))


def test_an_entry_that_goes_by_the_sun_is_due_when_celery_says_so(browser, monkeypatch):
    pytest.importorskip("ephem")
    sunset = solar("sunset", 52.5, 13.4, app=app)
    keep(monkeypatch, entry(schedule=sunset, last_run_at=now()))
    (item,) = listed(browser)
    assert "sunset" in item["schedule"].lower()
    wait = sunset.remaining_estimate(now())
    assert abs(datetime.fromisoformat(item["next_due"]) - (now() + wait)) < timedelta(minutes=2)
    assert item["schedule"] in text_of(html_of(detail(browser)))
