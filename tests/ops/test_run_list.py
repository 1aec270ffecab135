"""The list of tasks that may be run: what is there, what stands in the way, and for whom."""

from datetime import timedelta

import pytest
from django.utils import timezone

from celery_ops.info import RegisteredTask, WorkerDetail, WorkerInfo
from celery_ops.models import TaskRunRecord
from celery_ops.permissions import Policy
from celery_ops.tables import runs
from tests.conftest import browser_of, make_user
from tests.pages import html_of, links, text_of
from tests.pages import rows as all_rows

from .backends import Workers
from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

LIST = f"{OPS}run/"
PAYMENT = "tests.shop.tasks.process_payment"
UNTRACKED = "tests.shop.tasks.untracked"
FULFILL = "tests.shop.tasks.fulfill_order"


@pytest.fixture
def runner():
    """Somebody who may run tasks and see nothing else."""
    return browser_of(make_user("runner", "celery_ops.add_taskrunrecord"))


def live(*tasks, hostname="celery@one", rate_limit=None):
    """A worker that has these tasks."""
    return WorkerDetail(WorkerInfo(hostname), registered=tuple(RegisteredTask(name, rate_limit) for name in tasks))


def rows(html):
    """The rows of tasks, without the headings of their groups."""
    return {name: row for name, row in all_rows(html).items() if row}


def listed(client, query=""):
    return rows(html_of(client.get(LIST + query)))


# -- who sees what


class OnlyUntracked(Policy):
    def may_run_task(self, user, task_name=None):
        return task_name == UNTRACKED


def test_who_may_run_one_task_alone_sees_its_form_and_the_journal(runner, allow, settings):
    allow([PAYMENT, UNTRACKED])
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.OnlyUntracked"}
    assert set(listed(runner)) == {UNTRACKED}
    pages = {path: runner.get(f"{OPS}{path}") for path in (f"run/{UNTRACKED}/", f"run/{PAYMENT}/", "journal/")}
    assert [response.status_code for response in pages.values()] == [200, 403, 200]
    assert ("Run", LIST) in links(html_of(pages["journal/"]))


def test_a_runner_sees_what_the_allowlist_names_and_no_more(runner, allow):
    allow([PAYMENT, UNTRACKED])
    assert set(listed(runner)) == {PAYMENT, UNTRACKED}


def test_a_runner_does_not_see_what_needs_a_permission_that_is_missing(runner, allow):
    allow({PAYMENT: {"permission": "shop.change_order"}, UNTRACKED: {}})
    assert set(listed(runner)) == {UNTRACKED}


def test_who_sees_operations_sees_every_task_of_the_site(poor_browser, allow):
    allow([PAYMENT])
    assert {PAYMENT, UNTRACKED} < set(listed(poor_browser, "?page_size=200"))


def test_what_may_not_be_run_is_said_to_be_so(poor_browser, allow):
    allow([PAYMENT])
    assert "Not in RUNNABLE_TASKS." in listed(poor_browser, "?page_size=200")[UNTRACKED]["Task"]


def test_a_missing_permission_is_named(browser, allow):
    allow({PAYMENT: {"permission": "shop.change_order"}})
    row = listed(browser, "?runnable=1")[PAYMENT]
    assert "You need shop.change_order." in row["Task"]
    assert row["Who may run it"] == "those who also have shop.change_order"


def test_only_what_this_viewer_may_run_leads_to_a_form(browser, allow):
    allow({PAYMENT: {"permission": "shop.change_order"}, UNTRACKED: {}})
    forms = {url for _, url in links(html_of(browser.get(f"{LIST}?page_size=200"))) if url.startswith(LIST)}
    assert forms - {LIST} == {f"{LIST}{UNTRACKED}/"}


def test_a_task_of_celerys_own_is_never_there(browser, allow):
    allow(["celery.map", UNTRACKED])
    assert not [name for name in listed(browser, "?page_size=200") if name.startswith("celery.")]


# -- what a row says


def test_a_row_says_what_the_task_takes_and_hides_sensitive_defaults(runner, allow):
    allow([PAYMENT])
    assert listed(runner)[PAYMENT]["Takes"] == "order_id, card = …"


def test_a_row_has_the_options_of_the_allowlist(runner, allow):
    allow({UNTRACKED: {"label": "Count", "description": "Counts a bit.", "group": "Numbers"}})
    html = html_of(runner.get(LIST))
    assert listed(runner)[UNTRACKED]["Task"] == f"Count {UNTRACKED} Counts a bit. No live worker has it."
    assert "<h2>Numbers</h2>" in html


def test_a_row_says_when_the_task_ran_last_by_hand(runner, allow):
    allow([PAYMENT, UNTRACKED])
    for hours in (30, 3):
        row = TaskRunRecord.objects.create(task_name=PAYMENT, task_id=str(hours))
        TaskRunRecord.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=hours, minutes=1))
    found = listed(runner)
    assert (found[PAYMENT]["Last run by hand"], found[UNTRACKED]["Last run by hand"]) == ("3 h ago", "never")


@pytest.mark.database
def test_last_runs_cost_one_query_however_many_tasks_there_are(runner, allow, django_assert_num_queries):
    TaskRunRecord.objects.create(task_name=PAYMENT, task_id="1")
    allow("*")
    runner.get(LIST)
    with django_assert_num_queries(5):  # session, user, two of permissions, last runs
        runner.get(f"{LIST}?page_size=200")


def test_a_row_says_the_rate_limit_in_force(runner, allow):
    allow([PAYMENT])
    Workers.hold(live(PAYMENT, rate_limit="10/m"), live(PAYMENT, hostname="celery@two", rate_limit="10/m"))
    assert listed(runner)[PAYMENT]["Rate limit"] == "10/m"


def test_rate_limits_that_differ_are_named_with_their_workers(runner, allow):
    allow([PAYMENT])
    Workers.hold(live(PAYMENT, rate_limit="10/m"), live(PAYMENT, hostname="celery@two"))
    assert listed(runner)[PAYMENT]["Rate limit"] == "10/m on celery@one"


def test_a_task_that_a_live_worker_has_needs_no_remark(runner, allow):
    allow([UNTRACKED])
    Workers.hold(live(UNTRACKED))
    assert listed(runner)[UNTRACKED]["Task"] == f"Untracked {UNTRACKED}"


def test_a_task_that_only_a_worker_has_takes_json(runner, allow):
    allow(["elsewhere.render"])
    Workers.hold(live("elsewhere.render"))
    assert listed(runner)["elsewhere.render"]["Takes"] == "any arguments, as JSON"


def test_a_name_that_nobody_knows_is_said_to_be_so(browser, allow):
    allow(["nobody.knows"])
    said = listed(browser, "?q=nobody.knows")["nobody.knows"]["Task"]
    assert "In RUNNABLE_TASKS, but neither this site nor a live worker has such a task." in said


def test_workers_that_cannot_be_asked_are_mentioned_once(runner, allow, use):
    allow([PAYMENT, UNTRACKED])
    use(WORKER_BACKEND="AwayWorkers")
    html = html_of(runner.get(LIST))
    assert set(rows(html)) == {PAYMENT, UNTRACKED}
    assert (html.count("does not answer."), "hunter2" in html, "No live worker" in html) == (1, False, False)


# -- filters and pages


@pytest.mark.parametrize("q", ["PROCESS_pay", "charge the", "counts a bit"], ids=["name", "label", "description"])
def test_a_search_looks_into_names_labels_and_descriptions(q, runner, allow):
    allow({PAYMENT: {"description": "Counts a bit."}, UNTRACKED: {}})
    assert set(listed(runner, f"?q={q}")) == {PAYMENT}


def test_the_list_can_be_of_runnable_tasks_only(browser, allow):
    allow([PAYMENT])
    assert set(listed(browser, "?runnable=1")) == {PAYMENT}


def test_a_flag_that_cannot_be_read_has_its_message(runner, allow):
    allow([PAYMENT])
    assert "Enter 1, or leave it out." in html_of(runner.get(f"{LIST}?runnable=maybe"))


def test_what_one_may_run_comes_first(browser, allow):
    allow({"tests.shop.tasks.untracked_noop": {"group": "Zebras"}})
    assert next(iter(listed(browser))) == "tests.shop.tasks.untracked_noop"


def test_the_list_goes_on_on_a_second_page(runner, allow):
    allow([PAYMENT, UNTRACKED, FULFILL])
    first = html_of(runner.get(f"{LIST}?page_size=2"))
    second = dict(links(first))["Next"]
    assert set(rows(first)) | set(listed(runner, second)) == {PAYMENT, UNTRACKED, FULFILL}


def test_signatures_and_last_runs_are_looked_up_for_one_page_only(runner, allow, monkeypatch):
    allow("*")
    seen = []
    monkeypatch.setattr(runs, "takes", lambda name: seen.append(name) or runs.Takes(""))
    runner.get(f"{LIST}?page_size=3")
    assert len(seen) == 3


# -- nothing to show


def test_an_empty_allowlist_says_what_to_do(browser):
    assert "Name the tasks that people may run:" in text_of(html_of(browser.get(LIST)))


def test_an_empty_allowlist_names_no_task_to_those_who_may_not_know_it(runner):
    html = html_of(runner.get(LIST))
    assert "Name the tasks that people may run:" in html
    assert "tests.shop" not in html


def test_a_search_without_a_match_leads_back(runner, allow):
    allow([PAYMENT])
    assert dict(links(html_of(runner.get(f"{LIST}?q=nothing"))))["Show all tasks"] == "?"


def test_a_runner_for_whom_there_is_nothing_is_told_so(runner, allow):
    allow({PAYMENT: {"permission": "shop.change_order"}})
    assert "None of the tasks that may be run is open to you." in text_of(html_of(runner.get(LIST)))
