"""A whole filtered list once more: what would be, in chunks, once each, and what came of it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from celery_ops.bulk import base as steps
from celery_ops.bulk import preview
from celery_ops.bulk import rerun as bulk_rerun
from celery_ops.bulk.progress import MOST_REASONS, BulkProgress, Skipped, Tally
from celery_ops.bulk.rerun import RerunAction
from celery_ops.exceptions import BackendUnavailable, BrokerUnavailable
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.task_query import TaskQuery
from tests.conftest import browser_of, make_user
from tests.ops.task_backends import HOSTILE, Away, Held, a_task, on_databases, use
from tests.pages import value, words

from .conftest import UNTRACKED, failed

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff):
    return browser_of(staff)


def begin(browser, **filters):
    response = browser.post(f"{reverse('celery_ops:bulk-retry')}?{query(filters)}", {"count": "1"})
    assert response.status_code == 302
    return ControlRecord.objects.get(pk=int(response.url.rstrip("/").rpartition("/")[2]))


def query(filters):
    return "&".join(f"{name}={value}" for name, value in filters.items())


def page(browser, record):
    response = browser.get(reverse("celery_ops:bulk-retry-detail", args=[record.pk]))
    assert response.status_code == 200
    return response.text


def tally(record):
    record.refresh_from_db()
    progress = steps.progress_of(record)
    return progress.state, progress.tally.done, {reason: each.count for reason, each in progress.tally.skipped.items()}


# -- before -----------------------------------------------------------------------------------------------------------


def test_the_preview_counts_by_name_and_says_who_is_not_run_again(browser, settings):
    others = [a_task(50 + n, "FAILURE", name="tests.shop.tasks.child") for n in range(2)]
    failed(settings, 3, *others, a_task(90, "STARTED", name=UNTRACKED))
    text = words(browser.get(reverse("celery_ops:bulk-retry")).text)
    assert "6 tasks match" in text
    assert f"{UNTRACKED} 4 yes" in text
    assert "tests.shop.tasks.child 2 This task may not be run by hand" in text
    assert "It has not ended yet." in text
    assert "Failure 5 Started 1" in text
    assert "Run up to 3 tasks again" in text


def test_the_preview_keeps_to_the_filters(browser, settings):
    failed(settings, 3, a_task(90, "SUCCESS", name=UNTRACKED))
    text = words(browser.get(reverse("celery_ops:bulk-retry"), {"state": "SUCCESS"}).text)
    assert "1 task matches" in text
    assert "State Success" in text
    assert "they would run a second time" in text


def foreseen(browser, **filters):
    """The number that the preview gives its form."""
    html = browser.get(f"{reverse('celery_ops:bulk-retry')}?{query(filters)}").text
    return value(html, "count")


@pytest.mark.parametrize(
    ("foreseen_number", "said"),
    [
        ("3", ""),
        ("5", "The preview found 5, and 3 were found when it was run."),
        ("1", "The preview found 1, and 3 were found when it was run."),
        ("", ""),
    ],
)
def test_a_count_that_differs_from_the_previews_is_said(foreseen_number, said, browser, settings):
    failed(settings, 3)
    response = browser.post(reverse("celery_ops:bulk-retry"), {"count": foreseen_number})
    text = words(browser.get(response.url).text)
    assert "3 sent once more, 3 of" in text
    assert (said in text, "The preview found" in text) == (True, bool(said))


def test_a_count_that_stopped_early_differs_from_nothing(browser, settings):
    failed(settings, 3)
    response = browser.post(reverse("celery_ops:bulk-retry"), {"count": "1", "is_partial": "1"})
    assert "The preview found" not in words(browser.get(response.url).text)


def test_counting_ends_with_its_time_and_says_that_there_are_more():
    backend = Held()
    backend.contents = [a_task(n, "FAILURE") for n in range(preview.AT_ONCE + 1)]
    in_time, late = (preview.task_counts(backend, TaskQuery(), seconds) for seconds in (60.0, 0.0))
    assert (in_time.total, in_time.is_partial) == (preview.AT_ONCE + 1, False)
    assert (late.total, late.is_partial) == (preview.AT_ONCE, True)


def test_the_count_of_the_preview_is_what_the_form_sends(browser, settings):
    failed(settings, 3, a_task(90, "STARTED", name=UNTRACKED))
    assert (foreseen(browser), foreseen(browser, state="FAILURE")) == ("4", "3")


def test_a_task_that_was_run_again_since_the_preview_is_left_out_and_said(browser, staff, settings):
    failed(settings, 3)
    number = foreseen(browser)
    browser.post(reverse("celery_ops:retry"), {"task_id": Held.contents[0].id})
    response = browser.post(reverse("celery_ops:bulk-retry"), {"count": number})
    text = words(browser.get(response.url).text)
    assert "2 sent once more, 3 of 3 looked at" in text
    assert "It was run again already. 1" in text


def test_nothing_is_sent_by_looking(browser, settings, published):
    failed(settings, 3)
    browser.get(reverse("celery_ops:bulk-retry"))
    assert (published, ControlRecord.objects.count()) == ([], 0)


def test_a_filter_that_cannot_be_read_begins_nothing(browser, settings, published):
    failed(settings, 3)
    for method in (browser.get, browser.post):
        response = method(f"{reverse('celery_ops:bulk-retry')}?since=nonsense")
        assert response.status_code == 400
    assert (published, ControlRecord.objects.count()) == ([], 0)


def test_a_source_that_is_away_says_so(browser, settings):
    use(settings, Away)
    response = browser.get(reverse("celery_ops:bulk-retry"))
    assert response.status_code == 503
    assert "The distant place does not answer." in response.text


@pytest.mark.parametrize("text", on_databases(HOSTILE))
def test_hostile_filters_are_never_an_error(text, browser, settings):
    failed(settings, 1)
    for name in ("q", "name", "state", "since", "page_size"):
        assert browser.get(reverse("celery_ops:bulk-retry"), {name: text}).status_code in (200, 400)


# -- going on ---------------------------------------------------------------------------------------------------------


def test_a_thousand_are_each_sent_once_with_what_they_were_given(browser, settings, published):
    failed(settings, 1000)
    record = begin(browser, state="FAILURE")
    url = reverse("celery_ops:bulk-retry-detail", args=[record.pk])
    while tally(record)[0] == "running":
        browser.post(url)
    assert tally(record) == ("done", 1000, {})
    assert sorted(args for _, args, _ in published) == [(n,) for n in range(1000)]
    rows = TaskRunRecord.objects.all()
    assert rows.values("retry_of").distinct().count() == rows.filter(send_state="SENT").count() == 1000


def test_its_page_says_what_was_done_and_why_others_were_not(browser, settings):
    failed(settings, 3, a_task(50, "FAILURE", name="tests.shop.tasks.child"), a_task(51, "STARTED", name=UNTRACKED))
    record = begin(browser)
    text = words(page(browser, record))
    assert "Run again: done" in text
    assert "3 sent once more, 5 of 5 looked at" in text
    assert "This task may not be run by hand: RUNNABLE_TASKS does not name it. 1" in text
    assert "It has not ended yet. 1" in text
    assert a_task(50).id in text


def test_only_what_the_filters_find_is_taken(browser, settings, published):
    failed(settings, 5)
    begin(browser, q="id-3")
    assert [args for _, args, _ in published] == [(3,)]


def test_the_row_is_there_before_anything_is_sent(browser, settings, monkeypatch):
    failed(settings, 1)
    seen = []
    whole = bulk_rerun.launch_all
    monkeypatch.setattr(bulk_rerun, "launch_all", lambda *a: seen.append(ControlRecord.objects.count()) or whole(*a))
    begin(browser)
    assert seen == [1]


def test_tasks_that_arrive_later_are_left_alone(browser, settings, published, monkeypatch):
    failed(settings, 1)
    late = a_task(id="late", state="FAILURE", name=UNTRACKED, created_at=timezone.now() + timedelta(minutes=1))
    whole = RerunAction.start
    monkeypatch.setattr(RerunAction, "start", lambda *a: (whole(*a), Held.hold(*Held.contents, late))[0])
    assert tally(begin(browser)) == ("done", 1, {})


@pytest.mark.parametrize("action", ["retry", "revoke"])
def test_tasks_that_arrive_while_the_preview_is_open_are_left_alone(action, browser, settings):
    failed(settings, 2, a_task(id="waits", state="PENDING", name=UNTRACKED, created_at=timezone.now()))
    url = f"{reverse(f'celery_ops:bulk-{action}')}?state={'FAILURE' if action == 'retry' else 'PENDING'}"
    html = browser.get(url).text
    late = timezone.now()
    arrived = [a_task(id=state, state=state, name=UNTRACKED, created_at=late) for state in ("FAILURE", "PENDING")]
    Held.hold(*Held.contents, *arrived)
    posted = {name: value(html, name) for name in ("count", "shown_at", "submission")}
    assert browser.post(url, posted).status_code == 302
    record = ControlRecord.objects.filter(target=steps.TARGET).get()
    assert steps.progress_of(record).handled == int(posted["count"]) == (2 if action == "retry" else 1)


@pytest.mark.parametrize("shown_at", ["yesterday", "2026-13-45", "0001-01-01T00:00:00+23:59", "\0", "9" * 5000])
def test_a_preview_of_no_time_begins_nothing(shown_at, browser, settings, published):
    failed(settings, 2)
    response = browser.post(reverse("celery_ops:bulk-retry"), {"shown_at": shown_at})
    assert response.status_code == 400
    assert (list(published), ControlRecord.objects.count()) == ([], 0)


def test_what_was_run_again_already_is_left_alone(browser, settings, published):
    failed(settings, 3)
    TaskRunRecord.objects.create(task_id="new", task_name=UNTRACKED, retry_of="id-1", send_state="SENT")
    TaskRunRecord.objects.create(task_id="other", task_name=UNTRACKED, retry_of="id-2", send_state="FAILED")
    assert tally(begin(browser)) == ("done", 2, {"It was run again already.": 1})


@pytest.mark.database
def test_a_second_bulk_of_the_same_tasks_sends_nothing(browser, settings, published):
    failed(settings, 3)
    begin(browser)
    assert tally(begin(browser)) == ("done", 0, {"It was run again already.": 3})
    assert len(published) == 3


@pytest.mark.database
def test_the_same_form_sent_twice_begins_once(browser, settings, published):
    failed(settings, 3)
    url, key = reverse("celery_ops:bulk-retry"), str(uuid4())
    assert browser.post(url, {"submission": key}).url == browser.post(url, {"submission": key}).url
    assert browser.post(f"{url}?state=FAILURE", {"submission": key}).url
    assert (len(published), ControlRecord.objects.count()) == (3, 2)


@pytest.mark.database
def test_a_chunk_that_is_done_twice_sends_nothing_twice(browser, settings, published, staff):
    failed(settings, 3)
    record = begin(browser)
    ControlRecord.objects.update(replies=BulkProgress().plain())  # as a process that died before it wrote leaves it
    browser.post(reverse("celery_ops:bulk-retry-detail", args=[record.pk]))
    assert tally(record) == ("done", 3, {})
    assert len(published) == 3


@pytest.mark.database
def test_a_chunk_that_another_request_did_meanwhile_is_counted_once(browser, settings, published, monkeypatch):
    failed(settings, 3)
    whole = bulk_rerun._Rerunner.chunk

    def twice(rerunner, tasks):
        monkeypatch.setattr(bulk_rerun._Rerunner, "chunk", whole)
        record = ControlRecord.objects.get(pk=rerunner.record.pk)
        RerunAction().advance(record, Held(), bulk_rerun.TaskQuery(), rerunner.user)
        return whole(rerunner, tasks)

    monkeypatch.setattr(bulk_rerun._Rerunner, "chunk", twice)
    assert tally(begin(browser)) == ("done", 3, {})
    assert len(published) == 3


def test_it_stops_when_asked_and_goes_on_where_it_was(browser, settings, published, monkeypatch):
    failed(settings, 30)
    monkeypatch.setattr(RerunAction, "chunk_size", 10)
    monkeypatch.setattr(RerunAction, "seconds", 0.0)
    record = begin(browser)
    url = reverse("celery_ops:bulk-retry-detail", args=[record.pk])
    assert tally(record) == ("running", 10, {})
    browser.post(url, {"stop": "1"})
    assert tally(record)[0] == "stopped"
    assert "Run again: stopped" in words(page(browser, record))
    browser.post(url)
    browser.post(url)
    assert tally(record) == ("done", 30, {})
    assert sorted(args for _, args, _ in published) == [(n,) for n in range(30)]


@pytest.mark.database
def test_a_stop_during_a_chunk_holds_and_the_chunk_counts(browser, settings, monkeypatch):
    failed(settings, 30)
    monkeypatch.setattr(RerunAction, "chunk_size", 10)
    whole = bulk_rerun._Rerunner.chunk

    def stopped(rerunner, tasks):
        steps.stop(ControlRecord.objects.get(pk=rerunner.record.pk))
        return whole(rerunner, tasks)

    monkeypatch.setattr(bulk_rerun._Rerunner, "chunk", stopped)
    assert tally(begin(browser)) == ("stopped", 10, {})


def broken(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("celery_ops.bulk.base.check_broker", BrokerUnavailable("The broker cannot be reached.")),
        ("tests.ops.task_backends.Held.page", BackendUnavailable("The list is away.")),
        ("celery_ops.tracking.accounts.read_kept_of_many", steps.StoreUnavailable("away")),
        ("celery_ops.bulk.rerun.launch_all", steps.NotSent("The journal could not be written.")),
    ],
    ids=["broker", "list", "store", "journal"],
)
def test_what_is_away_stops_it_and_later_it_goes_on(place, error, browser, settings, published, monkeypatch):
    failed(settings, 3)
    monkeypatch.setattr(RerunAction, "pause", 0)
    with monkeypatch.context() as broken_site:
        broken_site.setattr(place, broken(error))
        record = begin(browser)
        assert tally(record) == ("stopped", 0, {})
        assert "celery-ops-trouble" in page(browser, record)
        assert published == []
    browser.post(reverse("celery_ops:bulk-retry-detail", args=[record.pk]))
    assert tally(record) == ("done", 3, {})


def test_a_store_that_was_slow_once_is_asked_again(browser, settings, monkeypatch):
    failed(settings, 3)
    whole, answers = bulk_rerun.originals_of, [steps.StoreUnavailable("slow")]
    monkeypatch.setattr(RerunAction, "pause", 0)
    monkeypatch.setattr(bulk_rerun, "originals_of", lambda tasks: broken(answers.pop())() if answers else whole(tasks))
    assert tally(begin(browser)) == ("done", 3, {})


def test_a_broker_that_goes_away_meanwhile_stops_it_and_says_which(browser, settings, monkeypatch):
    failed(settings, 15)
    monkeypatch.setattr(RerunAction, "chunk_size", 10)
    monkeypatch.setattr("celery_ops.running.launcher.publish", broken(OSError("no route")))
    record = begin(browser)
    assert tally(record) == ("stopped", 0, {"The broker did not take it.": 10})
    assert "id-3" in page(browser, record)


@pytest.mark.database
def test_a_task_may_not_run_more_often_than_its_limit(browser, settings, published):
    failed(settings, 5)
    limited = {UNTRACKED: {"max_per_minute": 2}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": limited}
    assert tally(begin(browser)) == ("done", 2, {"It was run as often as max_per_minute allows.": 3})


def test_why_tasks_were_left_out_is_said_in_the_language_of_who_reads_it(browser, settings, published, monkeypatch):
    failed(settings, 2, a_task(90, "STARTED", name=UNTRACKED), a_task(91, "FAILURE", name="tests.shop.tasks.child"))
    closed = "This task may not be run by hand: RUNNABLE_TASKS does not name it."
    with translation.override("de"):
        record = begin(browser)
        german = tally(record)[2]
        assert german == {translation.gettext(text): 1 for text in ("It has not ended yet.", closed)}
        assert set(german) == set(record.replies["skipped"])
        steps.stop(record)
    assert tally(record)[2] == {"It has not ended yet.": 1, closed: 1}
    assert closed in words(page(browser, record))
    for kept in record.replies["skipped"].values():  # as rows of before were written
        del kept["said"]
    record.save()
    assert tally(record)[2] == german


def test_why_it_was_stopped_is_said_in_the_language_of_who_reads_it(browser, settings, monkeypatch):
    failed(settings, 1)

    def check_broker():
        raise BrokerUnavailable(steps._("The broker cannot be reached, so nothing was sent."))

    monkeypatch.setattr(steps, "check_broker", check_broker)
    with translation.override("de"):
        record = begin(browser)
        assert "broker" not in steps.progress_of(record).trouble
    assert steps.progress_of(record).trouble == "The broker cannot be reached, so nothing was sent."


def test_what_is_kept_of_it_is_bounded():
    found = Tally()
    for n in range(1000):
        found = found.and_(Tally(1, ((f"{n}", "x"),), {f"reason {n}": Skipped(1, (f"{n}",))}))
    assert (found.done, found.left_out, len(found.sent)) == (1000, 1000, 20)
    assert len(found.skipped) == MOST_REASONS + 1
    assert max(len(each.sample) for each in found.skipped.values()) == 20


# -- who may ----------------------------------------------------------------------------------------------------------


def test_only_who_may_look_and_run_begins_one(settings):
    failed(settings, 1)
    people = {
        "looks": make_user("looks", is_staff=True),
        "runs": make_user("runs", "celery_ops.add_taskrunrecord"),
        "both": make_user("both", "celery_ops.add_taskrunrecord", is_staff=True),
    }
    url = reverse("celery_ops:bulk-retry")
    assert {name: browser_of(user).get(url).status_code for name, user in people.items()} == {
        "looks": 403,
        "runs": 403,
        "both": 200,
    }
    assert Client().get(url).status_code == 302


def test_its_page_is_its_starters_and_those_who_see_all_runs(browser, settings):
    failed(settings, 1)
    url = reverse("celery_ops:bulk-retry-detail", args=[begin(browser).pk])
    other = make_user("other", "celery_ops.add_taskrunrecord", is_staff=True)
    auditor = make_user("auditor", "celery_ops.view_taskrunrecord")
    assert [browser_of(user).get(url).status_code for user in (other, auditor)] == [404, 200]
    assert [browser_of(user).post(url).status_code for user in (other, auditor)] == [404, 403]


def test_who_may_run_nothing_any_more_does_not_go_on(browser, settings, staff):
    failed(settings, 1)
    record = begin(browser)
    staff.user_permissions.remove(Permission.objects.get(codename="add_taskrunrecord"))
    assert browser.post(reverse("celery_ops:bulk-retry-detail", args=[record.pk])).status_code == 403


def test_another_journal_row_is_no_such_page(browser, superuser):
    record = ControlRecord.objects.create(action="revoke", target="x", user=superuser)
    url = reverse("celery_ops:bulk-retry-detail", args=[record.pk])
    assert browser_of(superuser).get(url).status_code == 404


def test_a_name_that_this_person_may_not_run_is_skipped(browser, settings, published):
    failed(settings, 2)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {UNTRACKED: {"permission": "shop.change_order"}}}
    assert tally(begin(browser)) == ("done", 0, {"You may not run this task.": 2})
    assert published == []
