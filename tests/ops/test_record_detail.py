"""One run: what was asked for, whether it was sent, what became of it, and what one may do next."""

import re
from datetime import timedelta

import pytest

from celery_ops.models import TaskRunRecord
from tests.conftest import browser_of
from tests.pages import html_of, links, region, text_of
from tests.planting import plant

from .backends import Tasks
from .journal import JOURNAL, id_of, journal, url_of
from .task_backends import a_task

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _pages(pages, settings, no_live_task):
    """Everything is in memory, and no broker is asked."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.1}


def page(user, record):
    return html_of(browser_of(user).get(url_of(record)))


def text(user, record):
    return text_of(page(user, record))


def test_it_says_what_who_and_when(runner):
    said = text(runner, journal(1, runner, options={"countdown": 10}))
    for words in (
        "Charge the card",
        "tests.shop.tasks.process_payment",
        id_of(1),
        "Who runner",
        "countdown 10",
        "Sent",
    ):
        assert words in said


def test_a_foreign_row_is_unknown_without_view_records(runner):
    assert browser_of(runner).get(url_of(journal(1))).status_code == 404


def test_a_foreign_row_shows_with_view_records(operator):
    assert "somebody" in text(operator, journal(1))


@pytest.mark.database
@pytest.mark.parametrize("pk", ["0", "9" * 40, "424242"])
def test_a_row_that_is_not_there_is_unknown(pk, operator):
    assert browser_of(operator).get(f"{JOURNAL}{pk}/").status_code == 404


def test_the_state_is_that_of_the_task(runner):
    Tasks.hold(a_task(1, "FAILURE"))
    assert "Failure" in region(page(runner, journal(1, runner)), "run")


def test_a_running_task_shows_its_progress(runner, order):
    record = journal(1, runner)
    plant(order, record.task_name, "STARTED", task_id=id_of(1), ago=10, progress="3 10 thinking")
    assert "State Started" in text(runner, record)
    assert "Progress 3 of 10 thinking" in text(runner, record)


@pytest.mark.parametrize(("state", "is_final"), [("STARTED", False), ("SUCCESS", True), ("FAILURE", True)])
def test_what_is_over_is_not_asked_for_again(state, is_final, runner):
    Tasks.hold(a_task(1, state))
    assert ("data-final" in page(runner, journal(1, runner))) is is_final


def test_what_was_just_sent_is_asked_for_again(runner):
    html = page(runner, journal(1, runner))
    assert "Pending" in html
    assert "data-final" not in html


def test_what_nobody_knows_any_more_is_unknown(runner):
    html = page(runner, journal(1, runner, ago=timedelta(days=60)))
    assert "What became of it State unknown" in text_of(html)
    assert "data-final" in html


def test_a_source_that_is_away_leaves_the_state_unknown_and_is_asked_again(runner, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "tests.ops.task_backends.Away"}
    html = page(runner, journal(1, runner))
    assert "The distant place does not answer." in text_of(html)
    assert "State unknown" in text_of(html)
    assert "data-final" not in html


def test_a_failed_send_says_that_nothing_was_sent_and_why(operator):
    record = journal(1, operator, send_state="FAILED", error="OperationalError: password=hunter2 refused")
    said = text(operator, record)
    assert "Nothing was sent. OperationalError: password=[redacted] refused" in said
    assert "What became of it" not in said
    assert "data-final" in page(operator, record)


def test_why_nothing_was_sent_is_the_class_alone_without_view_payload(runner):
    said = text(runner, journal(1, runner, send_state="FAILED", error="OperationalError: at 10.0.0.7"))
    assert "Nothing was sent. OperationalError" in said
    assert "10.0.0.7" not in said


def test_a_failed_send_of_which_the_task_is_known_all_the_same_says_so(runner):
    Tasks.hold(a_task(1, "SUCCESS"))
    said = text(runner, journal(1, runner, send_state="FAILED", error="TimeoutError: no answer"))
    assert "the broker had taken it" in said
    assert "Success" in said


def test_a_run_that_stays_requested_is_doubtful_after_a_minute(runner):
    fresh, old = (
        journal(1, runner, send_state="REQUESTED", ago=timedelta(seconds=5)),
        journal(2, runner, send_state="REQUESTED"),
    )
    assert "It is not known whether this was sent" not in text(runner, fresh)
    assert "It is not known whether this was sent" in text(runner, old)


def test_what_may_not_have_been_sent_is_not_called_pending(runner):
    html = page(runner, journal(1, runner, send_state="REQUESTED"))
    assert "State unknown" in text_of(html)
    assert "data-final" not in html


def test_a_run_that_stays_requested_is_not_doubtful_when_its_task_is_known(runner):
    Tasks.hold(a_task(1, "SUCCESS"))
    assert "It is not known" not in text(runner, journal(1, runner, send_state="REQUESTED"))


def test_arguments_and_result_show_redacted_with_view_payload(operator):
    Tasks.hold(a_task(1, "SUCCESS", result='{"token": "t0psecret", "order": 12}'))
    html = page(operator, journal(1, operator, kwargs={"reference": "A-1", "card": "4111-secret"}))
    assert "A-1" in html
    assert "&quot;order&quot;: 12" in html
    assert "t0psecret" not in html
    assert "4111-secret" not in html


def test_without_view_payload_there_are_no_arguments_results_or_messages(runner):
    Tasks.hold(a_task(1, "FAILURE", result="R-1", traceback="T-1"))
    html = page(runner, journal(1, runner, args=["A-1"]))
    for secret in ("A-1", "R-1", "T-1", "the card was refused"):
        assert secret not in html
    assert "ValueError" in html


def test_the_tasks_page_is_linked_for_those_who_may_open_it(runner, operator):
    task_page = f"/tasks/{id_of(1)}/"
    record = journal(1, runner)
    assert any(task_page in url for _, url in links(page(operator, record)))
    assert not any(task_page in url for _, url in links(page(runner, record)))


def test_a_runner_is_led_to_no_page_that_answers_403(runner):
    Tasks.hold(a_task(1, "SUCCESS", parent_id="the-parent", root_id="the-root", children=("a-child",)))
    record = journal(1, runner, retry_of=id_of(9))
    client = browser_of(runner)
    leads = [url for _, url in links(page(runner, record)) if url.startswith("/")]
    assert [url for url in leads if client.get(url).status_code == 403] == []


def test_both_sides_of_a_run_again_are_linked(runner):
    first, second = journal(1, runner), journal(2, runner, retry_of=id_of(1))
    assert (id_of(2), url_of(second)) in links(page(runner, first))
    assert (id_of(1), url_of(first)) in links(page(runner, second))


def test_a_run_again_by_somebody_else_is_not_named(runner):
    first = journal(1, runner)
    journal(2, retry_of=id_of(1))
    assert id_of(2) not in page(runner, first)


def test_a_task_that_is_over_is_run_again_from_here(runner, order):
    record = journal(1, runner)
    plant(
        order, record.task_name, "FAILURE", task_id=id_of(1), ago=300, args=f'{{"args": [{order.pk}], "kwargs": {{}}}}'
    )
    html = page(runner, record)
    assert re.search(r'<form method="post" action="/behind/a/prefix/retry/">', html)
    assert f'name="task_id" value="{id_of(1)}"' in html


def test_those_who_may_not_run_it_are_offered_nothing(operator, order):
    record = journal(1, operator)
    plant(order, record.task_name, "FAILURE", task_id=id_of(1), ago=300)
    assert "Run again" not in text(operator, record)


def test_the_object_is_named_for_those_who_may_see_it(order, runner, superuser):
    record = journal(1, runner, object_type="shop.order", object_id=str(order.pk))
    assert f"Order {order.pk}" in page(superuser, record)
    assert f"order {order.pk}" not in page(runner, record).lower()


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "\x1b[31m", "'\"><img src=x onerror=alert(2)>", "{{ 7 }}"]
)
def test_hostile_texts_are_shown_as_text(hostile, superuser):
    Tasks.hold(a_task(1, "FAILURE", worker=hostile, error=f"{hostile}: {hostile}", traceback=hostile, result=hostile))
    record = journal(
        1,
        task_name=hostile,
        username=hostile,
        args=[hostile],
        kwargs={hostile: hostile},
        options={hostile: hostile},
        send_state="FAILED",
        error=hostile,
        retry_of=hostile,
        object_type=hostile,
        object_id=hostile,
    )
    html = page(superuser, record)
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "\x1b" not in html


def test_a_task_id_that_no_address_can_have_has_no_links(superuser):
    assert text(superuser, journal(1, task_id="x" * 255))


def test_the_script_gets_the_page_without_its_frame(runner):
    html = html_of(browser_of(runner).get(url_of(journal(1, runner)), headers={"X-Celery-Ops": "fragment"}))
    assert "data-region" in html
    assert "<html" not in html


def test_the_navigation_has_what_the_viewer_may_open(runner, operator):
    def sections(user):
        navigation = page(user, record).partition("</nav>")[0].rpartition("<nav")[2]
        return {words for words, _ in links(navigation)}

    record = journal(1, runner)
    assert {"Overview", "Tasks", "Workers", "Queues", "Journal"} <= sections(operator)
    assert sections(runner) <= {"Run", "Journal"}


def test_opening_a_page_writes_nothing(runner):
    record = journal(1, runner)
    before = TaskRunRecord.objects.values().get()
    page(runner, record)
    assert TaskRunRecord.objects.values().get() == before
