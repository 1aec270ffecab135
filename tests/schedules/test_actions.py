"""What people do to schedules: run now, pause, resume, skip."""

from datetime import timedelta

import pytest
from django.urls import reverse

from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.schedules.sources.database import DatabaseSource
from tests.conftest import broker, browser_of, make_user
from tests.ops.task_backends import Held, use
from tests.pages import html_of, text_of, value
from tests.schedule_source import beat, entry, keep, now, tell

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "tests.shop.tasks.untracked"
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks, no_live_task):
    use(settings, Held, RUNNABLE_TASKS={TASK: {}}, CONTROL_TIMEOUT=0.1)
    with broker("memory://"):
        yield


@pytest.fixture
def manager(db):
    return make_user(
        "manager", *(f"celery_ops.{name}" for name in ("view_ops", "manage_schedules", "add_taskrunrecord"))
    )


@pytest.fixture
def browser(manager):
    return browser_of(manager)


def act(browser, action, name="nightly", headers=None, **posted):
    address = reverse("celery_ops:schedule-action")
    return browser.post(address, {"name": name, "action": action, **posted}, headers=headers or {})


def test_a_run_by_hand_has_the_arguments_of_the_entry_and_a_row_in_the_journal(browser, manager, monkeypatch):
    keep(monkeypatch, entry(args=(3,)))
    answer = act(browser, "run", headers=JSON)
    assert answer.status_code == 200, answer.content
    record = TaskRunRecord.objects.get()
    assert (record.task_name, record.args, record.user) == (TASK, [3], manager)
    assert record.send_state == TaskRunRecord.SendState.SENT
    assert answer.json()["task_id"] == record.task_id


def test_the_page_asks_before_it_runs(browser, monkeypatch):
    keep(monkeypatch, entry(args=(3,)))
    asked = act(browser, "run", ask="1")
    assert asked.status_code == 200
    assert "nightly is sent once more, now" in text_of(html_of(asked))
    assert not TaskRunRecord.objects.exists()


def test_what_was_asked_about_is_what_is_sent(browser, monkeypatch):
    keep(monkeypatch, entry(args=(3,)))
    asked = {"confirm": "1", "previewed": value(act(browser, "run", ask="1").text, "previewed")}
    keep(monkeypatch, entry(args=(4,)))
    again = act(browser, "run", **asked)
    assert again.status_code == 200
    assert "Something else than you confirmed is to be considered by now" in text_of(html_of(again))
    assert not TaskRunRecord.objects.exists()
    assert act(browser, "run", confirm="1", previewed=value(again.text, "previewed")).status_code == 302
    assert TaskRunRecord.objects.get().args == [4]


def test_arguments_that_json_does_not_know_are_asked_about_once(browser, monkeypatch):
    keep(monkeypatch, entry(args=(object(),)))
    asked = act(browser, "run", ask="1").text
    keep(monkeypatch, entry(args=(object(),)))
    assert (
        "Something else than you confirmed"
        not in act(browser, "run", confirm="1", previewed=value(asked, "previewed")).text
    )


def test_the_same_form_sent_twice_runs_once(browser, monkeypatch):
    keep(monkeypatch, entry(args=(3,)))
    key = "7b5c8f0e-5a35-4d39-b3a5-9a3c5f6f6f6f"
    assert [act(browser, "run", submission=key).status_code for _ in range(2)] == [302, 302]
    assert TaskRunRecord.objects.count() == 1


def test_a_task_that_nobody_may_run_by_hand_is_refused_with_the_reason(browser, monkeypatch):
    keep(monkeypatch, entry(task="tests.shop.tasks.internal_cleanup"))
    answer = act(browser, "run", headers=JSON)
    assert answer.status_code == 400
    assert "RUNNABLE_TASKS" in str(answer.json())


def test_arguments_that_do_not_fit_are_not_sent(browser, monkeypatch):
    keep(monkeypatch, entry(kwargs={"nothing": 1}, args=(1, 2, 3)))
    assert act(browser, "run", headers=JSON).status_code == 400
    assert not TaskRunRecord.objects.exists()


def test_a_task_whose_arguments_are_not_known_is_not_run_without_them(browser, monkeypatch):
    keep(monkeypatch, entry(unreadable="Its arguments are no JSON."))
    answer = act(browser, "run", headers=JSON)
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": {"action": ["Its arguments are no JSON."]}},
    )
    assert not TaskRunRecord.objects.exists()


@pytest.fixture
def runner(db):
    """May run tasks, and see nothing."""
    return make_user("runner", "celery_ops.add_taskrunrecord")


def test_who_may_run_its_task_may_run_a_schedule(runner, monkeypatch):
    keep(monkeypatch, entry(args=(3,)))
    assert act(browser_of(runner), "run", headers=JSON).status_code == 200
    assert TaskRunRecord.objects.get().user == runner


def test_who_may_see_no_schedule_is_told_of_none_whose_task_nobody_may_run(runner, monkeypatch):
    keep(monkeypatch, entry(task="tests.shop.tasks.internal_cleanup"))
    answers = [act(browser_of(runner), "run", name, headers=JSON) for name in ("nightly", "no")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def test_a_pause_is_journalled_then_done(browser, manager, monkeypatch):
    source = keep(monkeypatch, entry())
    assert act(browser, "pause").status_code == 302
    assert source.told == [("pause", "nightly", None)]
    record = ControlRecord.objects.get()
    assert (record.action, record.target, record.user, record.replies) == (
        "pause_schedule",
        "nightly",
        manager,
        {"told": True},
    )


@pytest.mark.parametrize("use_tz", [True, False], ids=["zones", "no zones"])
def test_a_pause_may_end_by_itself(use_tz, browser, settings, monkeypatch):
    settings.USE_TZ = use_tz
    source = keep(monkeypatch, entry())
    until = now().replace(microsecond=0) + timedelta(days=1)
    assert act(browser, "pause", until=until.isoformat(), headers=JSON).status_code == 200
    assert source.told == [("pause", "nightly", until)]


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01T00:00"])
def test_a_time_that_will_not_do_pauses_nothing(browser, monkeypatch, until):
    source = keep(monkeypatch, entry())
    answer = act(browser, "pause", until=until, headers=JSON)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["until"])
    assert source.told == []


def test_an_entry_is_resumed(browser, monkeypatch):
    source = keep(monkeypatch, entry(enabled=False))
    assert act(browser, "resume", headers=JSON).json()["action"] == "resume"
    assert source.told == [("resume", "nightly")]


def test_only_the_occurrence_that_was_seen_is_skipped(browser, monkeypatch):
    source = keep(monkeypatch, entry(next_due=now() + timedelta(hours=3)))
    other = (now() + timedelta(hours=1)).isoformat()
    assert act(browser, "skip", due=other, headers=JSON).status_code == 400
    assert act(browser, "skip", headers=JSON).status_code == 200
    assert [what[0] for what in source.told] == ["skip"]


@pytest.mark.parametrize("action", ["run", "pause", "resume", "skip"])
def test_what_the_source_cannot_is_refused_with_its_reason(browser, monkeypatch, action):
    source = keep(monkeypatch, entry(cannot={action: "It is in the settings."}))
    answer = act(browser, action, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"errors": {"action": ["It is in the settings."]}})
    assert "It is in the settings." in text_of(act(browser, action).content.decode())
    assert source.told == []
    assert not ControlRecord.objects.exists()


def test_what_a_source_refuses_in_the_end_is_in_the_journal(browser, monkeypatch):
    keep(monkeypatch, entry(), refuses="It was deleted meanwhile.")
    assert act(browser, "pause", headers=JSON).status_code == 400
    assert ControlRecord.objects.get().replies == {"error": "It was deleted meanwhile."}


def test_an_unknown_name_is_404_and_an_unknown_action_400(browser, monkeypatch):
    keep(monkeypatch, entry())
    assert act(browser, "pause", name="nobody", headers=JSON).status_code == 404
    assert act(browser, "dance", headers=JSON).status_code == 400
    assert act(browser, "pause", name="", headers=JSON).status_code == 400


def test_a_source_that_is_away_is_503(browser, monkeypatch):
    keep(monkeypatch, is_away=True)
    assert act(browser, "pause", headers=JSON).status_code == 503


def test_what_was_done_leads_from_the_journal_to_the_schedule(browser, monkeypatch):
    keep(monkeypatch, entry())
    beat()
    tell("nightly", due=-60)
    act(browser, "pause")
    record = browser.get(reverse("celery_ops:control-record-detail", args=[ControlRecord.objects.get().pk]))
    assert reverse("celery_ops:schedule-detail", args=["nightly"]) in html_of(record)


@pytest.fixture
def meanwhile(monkeypatch):
    """Have somebody else do something to a row of django-celery-beat between its being read and being written."""
    models = pytest.importorskip("django_celery_beat.models")
    every = models.IntervalSchedule.objects.create(every=2, period="hours")
    models.PeriodicTask.objects.create(name="row", task=TASK, args="[1]", interval=every)

    def do(change):
        read = DatabaseSource._task

        def read_and_changed(source, name):
            monkeypatch.setattr(DatabaseSource, "_task", read)
            task = read(source, name)
            change(models.PeriodicTask.objects.filter(name="row"))
            return task

        monkeypatch.setattr(DatabaseSource, "_task", read_and_changed)

    yield do
    models.PeriodicTask.objects.all().delete()


def test_what_somebody_else_changes_at_the_same_moment_stays_changed(browser, meanwhile):
    meanwhile(lambda rows: rows.update(enabled=False, args="[2]"))
    assert act(browser, "skip", "row", headers=JSON).status_code == 200
    row = DatabaseSource()._task("row")
    assert (row.enabled, row.args) == (False, "[2]")


@pytest.mark.parametrize("action", ["pause", "skip"])
def test_an_entry_that_is_deleted_at_the_same_moment_does_not_come_back(browser, meanwhile, action):
    meanwhile(lambda rows: rows.delete())
    answer = act(browser, action, "row", headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"errors": {"action": ["There is no such entry any more."]}})
    assert DatabaseSource().entry("row") is None
