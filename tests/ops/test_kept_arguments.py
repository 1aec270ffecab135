"""Results that lack what their tasks were given, as without CELERY_RESULT_EXTENDED: what tracking or the journal hid
among it shows nowhere in their outcome, and no search finds it."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.memory import MemoryTaskBackend
from celery_ops.exceptions import NotRerunnable
from celery_ops.info import TaskInfo
from celery_ops.models import TaskRunRecord
from celery_ops.running.rows import reprs_of
from celery_ops.task_detail import task_detail
from celery_ops.tracking import facts, index
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import browser_of
from tests.planting import panel_of, plant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("contexts")]
ID, SECRET = "0a4f1c", "zebrafish"
HIDDEN = {"args": [1], "kwargs": {"password": "[redacted]"}}


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS": False}


def fail(message=f"declined {SECRET} at noon", **fields):
    result = json.dumps({"exc_type": "ValueError", "exc_message": [message], "exc_module": "builtins"})
    known = {"status": "FAILURE", "result": result, "traceback": f"Traceback\nValueError: {message}", **fields}
    return TaskResult.objects.create(task_id=ID, task_name="shop.charge", **known)


def run_by_hand(**fields):
    known = {"send_state": "SENT", **HIDDEN, **fields}
    return TaskRunRecord.objects.create(task_name="shop.charge", task_id=ID, **known)


def keep_of_a_failure(arguments, error):
    """Have the task's own place keep what a worker keeps of one that nobody tracks."""
    at = round(timezone.now().timestamp() * 1000)
    known = {facts.ARGUMENTS: arguments, facts.ERROR: error, facts.ENDED["FAILURE"]: str(at)}
    fields = facts.published(ID, at - 1000, "shop.charge")
    fields.update({facts.field(ID, kind): value for kind, value in known.items()})
    recorder().record([(index.own_place(ID), fields)])
    recorder().flush()


def in_list(browser):
    (row,) = browser.get(reverse("celery_ops:task-list")).context["table"].data.data
    return row.error


def in_file(browser):
    response = browser.get(reverse("celery_ops:task-list"), {"format": "csv"})
    return b"".join(response.streaming_content).decode()


def in_json(browser):
    (item,) = browser.get(reverse("celery_ops:api-history")).json()["results"]
    return json.dumps(item)


def page(name, *args):
    return lambda browser: browser.get(reverse(f"celery_ops:{name}", args=args)).text


PLACES = {
    "list": in_list,
    "file": in_file,
    "history": in_json,
    "overview": page("overview"),
    "task": page("task-detail", ID),
    "run as JSON": page("api-run", ID),
    "failures": page("failure-list"),
    "failures as JSON": page("api-failures"),
}
EVERYWHERE = pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)


@EVERYWHERE
def test_an_error_repeats_nothing_of_what_the_journal_hid(browser, text):
    fail()
    run_by_hand()
    shown = text(browser)
    assert "ValueError" in shown
    assert SECRET not in shown


@EVERYWHERE
def test_an_error_is_what_its_worker_kept_of_it_where_its_arguments_were_hidden(browser, text):
    fail()
    keep_of_a_failure('~[1],{"password":"[redacted]"}', "ValueError: declined [redacted] at noon")
    shown = text(browser)
    assert SECRET not in shown
    assert "declined [redacted] at noon" in shown


@EVERYWHERE
def test_an_error_shows_where_nothing_was_hidden(browser, text):
    fail()
    run_by_hand(kwargs={"name": "Ada"}, is_exact=True)
    assert "declined zebrafish at noon" in text(browser)


@EVERYWHERE
def test_an_error_repeats_nothing_of_what_the_results_own_arguments_hide(browser, text):
    fail(task_args='"(1,)"', task_kwargs=json.dumps(repr({"password": SECRET})))
    shown = text(browser)
    assert "declined [redacted] at noon" in shown
    assert SECRET not in shown


def test_the_page_of_a_failure_group_repeats_nothing_of_what_the_journal_hid(browser):
    fail()
    run_by_hand()
    (group,) = browser.get(reverse("celery_ops:api-failures")).json()["results"]
    shown = browser.get(reverse("celery_ops:failure-detail", args=[group["key"]])).text
    assert ID in shown
    assert SECRET not in shown


def test_a_panel_repeats_nothing_of_what_tracking_hid_in_an_error_that_only_the_result_tells(browser, staff, order):
    fail()
    plant(order, task_id=ID, state="STARTED")
    hidden = facts.field(ID, facts.ARGUMENTS)
    recorder().record([(ObjectRef.of(order), {hidden: '~[1],{"password":"[redacted]"}'})])
    recorder().flush()
    shown = browser.get(panel_of(order, staff)).text
    assert "ValueError: [redacted]" in shown
    assert SECRET not in shown


# -- search -----------------------------------------------------------------------------------------------------------


def found(browser, text, name="task-list"):
    response = browser.get(reverse(f"celery_ops:{name}"), {"q": text})
    if name == "task-list":
        return [row.id for row in response.context["table"].data.data]
    return [item.get("task_id") or item["exception"] for item in response.json()["results"]]


@pytest.mark.parametrize("name", ["task-list", "api-history", "api-failures"])
def test_no_search_finds_a_task_by_what_the_journal_hid(browser, name):
    fail()
    run_by_hand()
    assert found(browser, "ValueError", name)
    assert found(browser, SECRET[:4], name) == []


@pytest.mark.parametrize("name", ["task-list", "api-history", "api-failures"])
def test_a_search_finds_the_words_that_its_worker_kept_and_not_what_it_hid(browser, name):
    fail()
    keep_of_a_failure('~[1],{"password":"[redacted]"}', "ValueError: declined [redacted] at noon")
    assert found(browser, "at noon", name)
    assert found(browser, SECRET[:4], name) == []


def test_a_search_finds_the_words_of_an_error_of_which_nothing_was_hidden(browser):
    fail()
    run_by_hand(kwargs={"name": "Ada"}, is_exact=True)
    assert found(browser, "at noon") == found(browser, SECRET) == [ID]


def test_a_task_is_not_found_by_what_the_arguments_say_beyond_what_celery_keeps_of_them(browser):
    fail(task_args='"(1, \'a long te..."', task_kwargs='"{}"')
    keep_of_a_failure('~[1,"a long text"],{"password":"[redacted]"}', "ValueError: declined [redacted] at noon")
    assert found(browser, "at noon") == [ID]
    assert found(browser, SECRET[:4]) == []


def test_a_task_is_not_found_by_what_was_hidden_when_that_is_heard_of_after_its_result(browser):
    fail()
    assert found(browser, SECRET) == [ID]
    run_by_hand()
    assert found(browser, SECRET) == []


# -- redactors of the site's own --------------------------------------------------------------------------------------


def test_a_list_in_memory_is_not_searched_for_what_the_journal_hid(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.memory.MemoryTaskBackend"}
    run_by_hand()
    with MemoryTaskBackend.holding(TaskInfo(ID, "shop.charge", "FAILURE", error=f"ValueError: declined {SECRET}")):
        assert found(browser, "ValueError") == [ID]
        assert found(browser, SECRET[:4]) == []


def stars(name, value):
    return "<hidden>" if name == "who" else value


@pytest.fixture
def starred(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REDACTOR": f"{__name__}.stars"}


@EVERYWHERE
def test_an_error_repeats_nothing_of_what_the_sites_redactor_hid_from_the_journal(browser, starred, text):
    fail()
    run_by_hand(kwargs={"who": "<hidden>"})
    assert SECRET not in text(browser)


@EVERYWHERE
def test_an_error_repeats_nothing_of_what_the_sites_redactor_hid_from_the_result(browser, starred, text):
    fail(task_args='"(1,)"', task_kwargs=json.dumps(repr({"who": "<hidden>"})))
    run_by_hand(kwargs={"who": "<hidden>"})
    assert SECRET not in text(browser)
    assert found(browser, SECRET[:4]) == []


def succeed(**fields):
    known = {"status": "SUCCESS", "result": json.dumps(f"it was {SECRET}"), **fields}
    return TaskResult.objects.create(task_id=ID, task_name="shop.charge", **known)


SHOWN = {"task_args": '"(1,)"', "task_kwargs": json.dumps(repr({"who": "<hidden>"}))}


@pytest.mark.parametrize("fields", [{}, SHOWN], ids=["without arguments", "with redacted arguments"])
@pytest.mark.parametrize("name", ["history", "task", "run as JSON"])
def test_a_result_repeats_nothing_of_what_the_sites_redactor_hid(browser, starred, fields, name):
    succeed(**fields)
    run_by_hand(kwargs={"who": "<hidden>"})
    assert SECRET not in PLACES[name](browser)


def test_the_page_of_a_run_repeats_nothing_of_what_the_sites_redactor_hid(superuser, starred):
    succeed(**SHOWN)
    record = run_by_hand(kwargs={"who": "<hidden>"})
    shown = browser_of(superuser).get(reverse("celery_ops:record-detail", args=[record.pk])).text
    assert "&lt;hidden&gt;" in shown
    assert SECRET not in shown


def test_what_the_sites_redactor_hid_is_not_run_again(starred):
    fail(**SHOWN)
    run_by_hand(kwargs={"who": "<hidden>"})
    assert isinstance(task_detail(ID).original, NotRerunnable)
    keep_of_a_failure('~[1],{"who":"<hidden>"}', "ValueError")
    assert isinstance(task_detail(ID).original, NotRerunnable)


def test_a_message_says_itself_that_the_sites_redactor_hid_something_of_it(starred):
    assert set(reprs_of("shop.charge", (), {"who": SECRET}).values()) == {"[redacted]"}
    assert reprs_of("shop.charge", (), {"page": 3}) == {}
