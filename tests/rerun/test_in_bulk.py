"""``retry --filter`` and ``revoke --filter``: a whole list by a command, and from Python."""

import pytest
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends import control
from celery_ops.bulk.rerun import RerunAction
from celery_ops.bulk.revoke import RevokeAction
from celery_ops.exceptions import BackendUnavailable
from celery_ops.filters.bulk import FilteredBulk
from celery_ops.models import ControlRecord, TaskRunRecord
from tests.commands.conftest import call
from tests.conftest import browser_of, make_user
from tests.ops.task_backends import Away, Bare, Held, a_task, use

from .conftest import UNTRACKED, failed

pytestmark = pytest.mark.django_db

FAILURES = "state=FAILURE"


class Interrupted(Held):
    """Its second chunk cannot be read once, for the reason of ``error``."""

    error: BaseException | None = None

    def page(self, query, *, cursor="", size=25):
        kind = type(self)
        if cursor and size == RerunAction.chunk_size and kind.error is not None:
            error, kind.error = kind.error, None
            raise error
        return super().page(query, cursor=cursor, size=size)


@pytest.fixture
def interrupted(settings, monkeypatch):
    """Five failed tasks, two of a chunk."""

    def interrupt(error):
        monkeypatch.setattr(RerunAction, "chunk_size", 2)
        monkeypatch.setattr(Interrupted, "error", error)
        failed(settings, 5)
        use(settings, Interrupted, *Held.contents)

    return interrupt


@pytest.fixture
def told(monkeypatch):
    """What would have been broadcast, to one worker that answers."""
    seen = []

    def broadcast(command, arguments=None, destination=None, **_):
        seen.append((command, arguments["task_id"]))
        return control.Replies(("w1@host",), {"w1@host": {"ok": "done"}})

    monkeypatch.setattr(control, "broadcast", broadcast)
    return seen


def nothing_was_done():
    return (ControlRecord.objects.count(), TaskRunRecord.objects.count()) == (0, 0)


@pytest.mark.parametrize("command", ["retry", "revoke"])
@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ("", "filter by q, name"),
        ("?", "filter by q, name"),
        ("state=", "filter by q, name"),
        ("sort=-created&page_size=5&page=2", "filter by q, name"),
        ("status=FAILURE", "no parameter “status”"),
        ("FAILURE", "no parameter “FAILURE”"),
        ("state=FAILURE&names=x", "no parameter “names”"),
        ("state=FAILURE&since=yesterday", "2026-01-31T14:30"),
        ("state=FAILED", "There is no state “FAILED”"),
        ("failure=0123456789abcdef", "no such failure group"),
        ("&".join(f"a{n}=1" for n in range(2000)), "no query string"),
        ("\x1b[31m=\x00", "no parameter"),
    ],
)
def test_a_filter_that_chooses_nothing_or_is_not_known_does_nothing(command, query, remedy, settings, told):
    failed(settings, 2)
    said = call(command, "--filter", query, "--yes")
    assert (said.code, remedy in said.error, told, nothing_was_done()) == (2, True, [], True), said.error


def test_a_parameter_that_this_backend_has_not_is_not_known(settings, told):
    use(settings, Bare)
    assert "no parameter “queue”" in call("retry", "--filter", "queue=mail", "--yes").error


@pytest.mark.parametrize("words", [(), ("--filter", FAILURES, "one"), ("one", "--yes"), ("one", "--resume", "1")])
def test_ids_and_a_filter_are_two_ways(words, told):
    assert (call("retry", *words).code, call("revoke", *words).code, told) == (2, 2, [])


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--dry-run", "--yes")])
def test_without_yes_it_says_how_many_and_sends_nothing(words, settings):
    failed(settings, 3, a_task(90, "STARTED", name=UNTRACKED))
    said = call("retry", "--filter", f"{FAILURES}&name={UNTRACKED}", *words)
    assert (said.code, said.data["count"], said.data["most"], nothing_was_done()) == (0, 3, 3, True)
    assert said.data["names"] == {UNTRACKED: 3}


def test_the_preview_in_words_counts_tasks_that_nobody_has_named(settings):
    """So the result of a chord whose header failed is stored."""
    failed(settings, 1, a_task(9, "FAILURE", name=""))
    lines = call("retry", "--filter", FAILURES, output="text").lines
    assert [line.partition(":")[0] for line in lines[1:3]] == [f"  {UNTRACKED}", "  without a name"]


def test_the_preview_in_words_names_the_remedy(settings):
    failed(settings, 2)
    lines = call("retry", "--filter", FAILURES, output="text").lines
    assert (lines[0], lines[-1]) == (
        "2 tasks match, 2 of them would be taken",
        "nothing was sent: add --yes",
    )


def test_with_yes_each_is_sent_once_and_journalled(settings):
    failed(settings, 3)
    said = call("retry", "--filter", FAILURES, "--yes")
    record = ControlRecord.objects.get()
    assert (said.code, said.data["done"], said.data["state"], said.data["record"]) == (0, 3, "done", record.pk)
    assert record.parameters["filters"] == {"state": ["FAILURE"]}
    again = call("retry", "--filter", FAILURES, "--yes")
    assert (again.code, again.data["left_out"]) == (1, {"It was run again already.": 3})
    assert TaskRunRecord.objects.count() == 3


def test_a_list_in_which_nothing_matches_is_done(settings):
    failed(settings, 1)
    said = call("retry", "--filter", "state=SUCCESS", "--yes")
    assert (said.code, said.data["done"], TaskRunRecord.objects.count()) == (0, 0, 0)


def test_with_a_user_the_policy_is_asked_before_anything_is_counted(settings, told):
    failed(settings, 1)
    make_user("viewer", is_staff=True)
    make_user("runner", "celery_ops.add_taskrunrecord", "celery_ops.revoke_task")
    for command in ("retry", "revoke"):
        for user in ("viewer", "runner"):
            said = call(command, "--filter", FAILURES, "--yes", "--user", user)
            assert (said.code, "the policy refuses" in said.error) == (1, True)
    assert told == []
    assert nothing_was_done()


def test_it_is_done_under_the_name_of_its_user(settings):
    failed(settings, 1)
    make_user("ada", "celery_ops.add_taskrunrecord", is_staff=True)
    assert call("retry", "--filter", FAILURES, "--yes", "--user", "ada").code == 0
    assert {ControlRecord.objects.get().username, TaskRunRecord.objects.get().username} == {"ada"}


def test_what_was_interrupted_goes_on_and_sends_nothing_twice(interrupted):
    interrupted(KeyboardInterrupt())
    said = call("retry", "--filter", FAILURES, "--yes")
    record = ControlRecord.objects.get()
    assert (said.code, said.error) == (1, f"Interrupted after 2 tasks. Go on with --resume {record.pk}.")
    said = call("retry", "--resume", str(record.pk))
    assert (said.code, said.data["done"], TaskRunRecord.objects.count()) == (0, 5, 5)
    assert call("retry", "--resume", str(record.pk)).data["done"] == 5
    assert TaskRunRecord.objects.count() == 5


@pytest.mark.parametrize(
    ("begun", "resumed", "times"),
    [
        ("Asia/Tokyo", "UTC", "since=2026-03-14T20:57"),
        ("UTC", "Asia/Tokyo", "since=2026-03-14T11:57"),
        ("Asia/Tokyo", "UTC", "until=2026-03-14T20:59"),
        ("UTC", "Asia/Tokyo", "until=2026-03-14T11:59"),
    ],
)
def test_who_goes_on_in_another_time_zone_takes_the_tasks_that_were_meant(begun, resumed, times, interrupted):
    interrupted(KeyboardInterrupt())
    with timezone.override(begun):
        call("retry", "--filter", f"{FAILURES}&{times}", "--yes")
    with timezone.override(resumed):
        assert call("retry", "--resume", str(ControlRecord.objects.get().pk)).data["done"] == 4


def test_another_kind_of_row_or_another_users_is_not_gone_on_with(settings, told):
    failed(settings, 1)
    make_user("ada", "celery_ops.add_taskrunrecord", is_staff=True)
    make_user("eve", "celery_ops.add_taskrunrecord", is_staff=True)
    record = call("retry", "--filter", FAILURES, "--yes", "--user", "ada").data["record"]
    assert call("revoke", "--resume", str(record)).code == 2
    assert call("retry", "--resume", "99999").code == 2
    assert call("retry", "--resume", str(record), "--user", "eve").code == 1
    assert call("retry", "--resume", str(record)).data["done"] == 1


def test_a_list_that_is_away_is_no_answer(settings):
    use(settings, Away)
    assert call("retry", "--filter", "name=x", "--yes").code == 3


def test_a_list_that_goes_away_on_the_way_can_be_gone_on_with(interrupted):
    interrupted(BackendUnavailable("The distant place does not answer."))
    said = call("retry", "--filter", FAILURES, "--yes", output="text")
    record = ControlRecord.objects.get().pk
    assert (said.code, said.lines[-1]) == (1, f"The distant place does not answer. Go on with --resume {record}.")
    assert call("retry", "--resume", str(record)).data["done"] == 5


def test_revoking_by_filter_asks_for_those_that_have_not_ended(settings, told):
    use(settings, Held, a_task(1, "PENDING", name=UNTRACKED), a_task(2, "SUCCESS", name=UNTRACKED))
    said = call("revoke", "--filter", f"name={UNTRACKED}", "--yes")
    assert (said.code, said.data["done"], said.data["left_out"]) == (0, 1, {"It has ended already.": 1})
    assert told == [("revoke", a_task(1).id)]


def test_a_revoke_by_filter_that_nobody_hears_says_so(settings, monkeypatch):
    monkeypatch.setattr(control, "broadcast", lambda *_, **__: control.Replies((), {}))
    use(settings, Held, a_task(1, "PENDING", name=UNTRACKED))
    said = call("revoke", "--filter", f"name={UNTRACKED}", "--yes", output="text")
    assert (said.code, said.lines[-1]) == (3, "no worker is up: nobody has heard of it yet")


def test_the_same_from_python(settings):
    failed(settings, 2)
    bulk = FilteredBulk.of(RerunAction(), FAILURES)
    assert bulk.preview().most == 2
    *_, progress = bulk.steps(bulk.begin())
    assert (progress.tally.done, TaskRunRecord.objects.count()) == (2, 2)


def copying(state):
    """Three tasks that were in a state of the site's own, and two that never were."""
    mine = [a_task(n, state, name=UNTRACKED) for n in range(3)]
    return [*mine, *(a_task(n, "STARTED", name=UNTRACKED) for n in (7, 8))]


@pytest.fixture
def begun(settings, monkeypatch, told):
    """A revoke of all that are in a state of the site's own, of which the first chunk is done and no such is left."""
    monkeypatch.setattr(RevokeAction, "chunk_size", 1)
    monkeypatch.setattr(RevokeAction, "seconds", 0)
    use(settings, Held, *copying("COPYING"))
    user = make_user("ada", "celery_ops.revoke_task", is_staff=True)
    bulk = FilteredBulk.of(RevokeAction(), "state=COPYING", user)
    record = bulk.begin(bulk.preview())
    next(bulk.steps(record))
    assert told == [("revoke", a_task(0).id)]
    Held.hold(*copying("SUCCESS"))
    return record, browser_of(user)


def test_what_goes_on_takes_no_other_tasks_when_none_is_in_its_state_any_more(begun, told):
    record, _browser = begun
    assert call("revoke", "--resume", str(record.pk)).data["state"] == "done"
    assert told == [("revoke", a_task(0).id)]


def test_its_page_takes_no_other_tasks_then_either(begun, told):
    record, browser = begun
    browser.post(reverse("celery_ops:bulk-revoke-detail", args=[record.pk]))
    record.refresh_from_db()
    assert (record.replies["state"], told) == ("done", [("revoke", a_task(0).id)])


def test_what_goes_on_stops_when_a_filter_that_was_asked_for_is_none_any_more(begun, told, settings):
    """Its list is kept elsewhere since, by a backend that knows no queues."""
    record, browser = begun
    record.parameters["filters"] = {"queue": ["celery"]}
    record.save()
    use(settings, Bare, *copying("STARTED"))
    said = call("revoke", "--resume", str(record.pk))
    assert (said.code, "cannot be filtered" in said.error) == (1, True), said
    browser.post(reverse("celery_ops:bulk-revoke-detail", args=[record.pk]))
    record.refresh_from_db()
    assert (record.replies["state"], "cannot be filtered" in record.replies["trouble"]) == ("stopped", True)
    assert told == [("revoke", a_task(0).id)]


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_filter_chooses_among_stored_results(settings, told):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.results.ResultsTaskBackend"}
    for n, state in enumerate(("STARTED", "STARTED", "SUCCESS")):
        TaskResult.objects.create(task_id=f"row-{n}", task_name="shop.mail", status=state)
    said = call("revoke", "--filter", "state=STARTED&name=shop.mail", "--yes")
    assert (said.code, said.data["done"], sorted(told[0][1])) == (0, 2, ["row-0", "row-1"])
