"""The journal as a list: whose rows, what each says, and how one moves in it."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import localtime
from django_celery_results.models import TaskResult

from celery_ops.exceptions import StoreUnavailable
from celery_ops.models import TaskRunRecord
from celery_ops.permissions import Policy
from celery_ops.task_detail.many_states import states_of
from celery_ops.task_query import Cursor
from celery_ops.tracking import index, reading
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.views.journal import paging
from celery_ops.views.objects import object_links
from tests.conftest import browser_of, make_user
from tests.pages import elements, html_of, link, links, rows, text_of
from tests.planting import plant
from tests.shop.models import Express, Item, Order, Page, Seat

from .backends import Tasks
from .conftest import OPS
from .journal import JOURNAL, NOOP, PAYMENT, id_of, journal, url_of
from .task_backends import HOSTILE, a_task

pytestmark = pytest.mark.django_db

READER = ("celery_ops.view_taskrunrecord", "celery_ops.view_payload")


@pytest.fixture(autouse=True)
def _pages(pages):
    """Everything is in memory."""


@pytest.fixture
def reader():
    """May see every row with its arguments, and nothing else."""
    return make_user("reader", *READER)


@pytest.fixture
def browser(reader):
    return browser_of(reader)


def listed(browser, query=""):
    return rows(html_of(browser.get(JOURNAL + query)))


def numbers(browser, query=""):
    """Which runs are listed, by the number of their task ids, in order."""
    known = dict(TaskRunRecord.objects.values_list("pk", "task_id"))
    return [int(known[int(pk)][:8]) for pk in listed(browser, query)]


def only(browser, query=""):
    (row,) = listed(browser, query).values()
    return row


# -- whose rows -------------------------------------------------------------------------------------------------------


def test_without_view_records_one_sees_ones_own_rows(runner):
    journal(1, runner)
    journal(2, make_user("other"))
    journal(3)
    assert numbers(browser_of(runner)) == [1]


def test_with_view_records_one_sees_all_rows(browser, runner):
    journal(1, runner)
    journal(2)
    assert numbers(browser) == [2, 1]


def test_rows_of_a_user_who_is_gone_keep_the_name(browser, runner):
    journal(1, runner)
    runner.delete()
    assert only(browser)["Who"] == "runner"


def test_a_run_of_nobody_says_so(browser):
    journal(1, username="")
    assert only(browser)["Who"] == "nobody"


def test_the_filter_by_user_is_for_those_who_see_all(runner, browser):
    journal(1, runner)
    assert 'name="user"' in html_of(browser.get(JOURNAL))
    assert 'name="user"' not in html_of(browser_of(runner).get(JOURNAL))
    assert numbers(browser_of(runner), "?user=nobody-else") == [1]


def test_staff_who_see_all_tasks_still_see_only_their_own_runs(staff):
    journal(1, staff)
    journal(2)
    assert numbers(browser_of(staff)) == [1]


# -- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_says_what_who_and_when_and_leads_to_its_page(browser, runner):
    record = journal(1, runner)
    row = only(browser)
    assert (row["Task"], row["Who"], row["When"]) == ("Charge the card", "runner", "5 min ago")
    assert ("Charge the card", url_of(record)) in links(html_of(browser.get(JOURNAL)))


@pytest.mark.parametrize("is_staff", [True, False])
def test_a_row_has_the_whole_id_which_leads_to_the_task_for_those_who_may_open_it(is_staff):
    record = journal(1, user := make_user("somebody", *READER, is_staff=is_staff))
    html = html_of(browser_of(user).get(JOURNAL))
    assert f'<code title="{record.task_id}">' in html
    assert (("00000001", f"{OPS}tasks/{record.task_id}/") in links(html)) is is_staff


def test_arguments_show_as_in_a_call(browser):
    journal(1, args=[7], kwargs={"force": True, "reference": "A-1"})
    assert only(browser)["Arguments"] == '7, force=true, reference="A-1"'


def test_arguments_are_redacted_once_more(browser):
    journal(1, args=[7, "4111-secret"], kwargs={"password": "hunter2"})
    html = html_of(browser.get(JOURNAL))
    assert "hunter2" not in html
    assert "4111-secret" not in html  # the task says that its card is sensitive


def test_arguments_are_for_those_with_view_payload(runner):
    journal(1, runner, args=["A-1"])
    html = html_of(browser_of(runner).get(JOURNAL))
    assert "A-1" not in html
    assert "Arguments" not in text_of(html)


def test_the_policy_is_asked_about_each_task_name(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": "tests.ops.test_task_list.OnlyCharges"}
    journal(1, task_name="shop.tasks.secret", args=["A-1"])
    assert "A-1" not in html_of(browser.get(JOURNAL))


class Counts(Policy):
    """Notes what it is asked: a site's policy may ask a directory each time."""

    asked = []

    def allows(self, user, action, obj=None):
        self.asked.append((action, obj))
        return super().allows(user, action, obj)


def test_the_policy_is_asked_no_more_of_many_rows_than_of_one(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.Counts"}
    journal(1)
    browser.get(JOURNAL)
    of_one, Counts.asked = Counts.asked, []
    for number in range(2, 12):
        journal(number)
    browser.get(JOURNAL)
    assert Counts.asked == of_one


def test_a_failed_send_says_the_class_of_its_error(browser):
    journal(1, send_state="FAILED", error="OperationalError: the broker at 10.0.0.7 is away")
    row = only(browser)
    assert (row["Send state"], row["State"]) == ("Not sent: OperationalError", "not sent")


def test_an_object_is_a_link_for_those_who_may_see_it(order, runner, monkeypatch):
    monkeypatch.setattr(Order, "get_absolute_url", lambda self: f"/orders/{self.pk}/", raising=False)
    seeing = make_user("seeing", *READER, "shop.view_order")
    journal(1, seeing, object_type="shop.order", object_id=str(order.pk))
    assert (f"Order {order.pk}", f"/orders/{order.pk}/") in links(html_of(browser_of(seeing).get(JOURNAL)))


def test_an_object_that_one_may_not_see_is_not_named(browser, order):
    journal(1, object_type="shop.order", object_id=str(order.pk))
    assert f"order {order.pk}" not in html_of(browser.get(JOURNAL)).lower()


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("shop.gone", "1"),
        ("no label", "1"),
        ("shop.order", "not a number"),
        ("shop.order", "9" * 40),
        ("shop.item", "not-a-uuid"),
        ("shop.seat", "{"),
        ("shop.seat", '["A"]'),
    ],
)
def test_what_can_be_no_object_is_left_out(label, key, superuser):
    journal(1, object_type=label, object_id=key)
    assert "Object" not in only(browser_of(superuser))


def test_an_object_that_is_gone_keeps_its_model_and_key_for_those_who_see_the_pages(browser, superuser):
    journal(1, object_type="shop.order", object_id="424242")
    assert only(browser_of(superuser))["Object"] == "order 424242"
    assert "424242" not in html_of(browser.get(JOURNAL))


def test_keys_of_every_kind_lead_to_their_objects(superuser):
    objects = (
        Order.objects.create(),
        Express.objects.create(),
        Item.objects.create(),
        Page.objects.create(path="a b/<c>"),
        Seat.objects.create(row="A:1", number=7),
    )
    refs = [ObjectRef.of(instance) for instance in objects]
    assert list(object_links(refs, superuser)) == refs


def test_what_a_run_repeats_is_named_and_linked_for_those_who_see_tasks(browser, superuser):
    journal(1, retry_of=id_of(9))
    assert only(browser)["Run again of"] == id_of(9)[:8]
    leads = [url for _, url in links(html_of(browser_of(superuser).get(JOURNAL)))]
    assert any(id_of(9) in url for url in leads)
    assert not any(id_of(9) in url for _, url in links(html_of(browser.get(JOURNAL))))


@pytest.mark.parametrize("text", ["<b>x</b>", "\x1b[31m", "x" * 255, "'\"><img src=x onerror=alert(1)>", "{{ x }}"])
def test_hostile_texts_are_shown_as_text(text, browser):
    journal(
        1,
        task_name=text[:255],
        username=text[:255],
        args=[text],
        kwargs={text: text},
        retry_of=text[:255],
        send_state="FAILED",
        error=f"{text}: {text}",
        object_type=text[:255],
        object_id=text[:255],
    )
    html = html_of(browser.get(JOURNAL))
    assert "<b>x" not in html
    assert "<img" not in html
    assert "\x1b" not in html


@pytest.mark.parametrize("args", ["text", 7, {"a": [1]}, ["[" * 500]])
def test_arguments_of_another_shape_are_shown_all_the_same(args, browser):
    journal(1, args=args, kwargs=[] if args else {})
    assert len(listed(browser)) == 1


def test_the_sites_task_names_are_not_suggested_to_those_who_only_run_tasks(runner, staff):
    journal(1, runner)
    html = html_of(browser_of(runner).get(JOURNAL))
    assert f'<option value="{PAYMENT}">' in html
    assert NOOP not in html
    assert NOOP in html_of(browser_of(staff).get(JOURNAL))


# -- what became of them ----------------------------------------------------------------------------------------------


def test_the_state_comes_from_the_results(browser):
    Tasks.hold(a_task(1, "SUCCESS"), a_task(2, "FAILURE"))
    journal(1)
    journal(2)
    assert [row["State"] for row in listed(browser).values()] == ["Failure", "Success"]


def test_the_state_of_what_has_no_result_yet_comes_from_tracking(browser, order):
    journal(1)
    plant(order, PAYMENT, "STARTED", task_id=id_of(1), ago=10)
    assert only(browser)["State"] == "Started"


def test_what_tracking_heard_ends_what_the_results_still_call_started(browser, order):
    Tasks.hold(a_task(1, "STARTED"))
    journal(1)
    plant(order, PAYMENT, "SUCCESS", task_id=id_of(1), ago=300)
    assert only(browser)["State"] == "Success"


def test_what_nobody_has_heard_of_is_pending_for_as_long_as_it_would_be_heard_of(browser):
    journal(1)
    journal(2, ago=timedelta(days=2))
    assert [row["State"] for row in listed(browser).values()] == ["unknown", "Pending"]


def test_a_task_that_is_known_although_its_send_failed_shows_its_state(browser):
    Tasks.hold(a_task(1, "SUCCESS"))
    journal(1, send_state="FAILED", error="TimeoutError: no answer")
    assert only(browser)["State"] == "Success"


def test_what_may_not_have_been_sent_is_not_called_pending(browser):
    journal(1, send_state="REQUESTED", ago=timedelta(seconds=5))
    journal(2, send_state="REQUESTED")
    assert [row["State"] for row in listed(browser).values()] == ["unknown", "Pending"]


def test_results_that_are_away_are_said_and_the_state_is_unknown(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "tests.ops.task_backends.Away"}
    journal(1)
    html = html_of(browser.get(JOURNAL))
    assert "The distant place does not answer." in text_of(html)
    assert only(browser)["State"] == "unknown"


def test_a_store_that_is_away_is_said_and_what_the_results_know_shows(browser, monkeypatch):
    def away(*args):
        raise StoreUnavailable("away")

    monkeypatch.setattr(reading, "find_tasks", away)
    Tasks.hold(a_task(1, "STARTED"))
    journal(1)
    journal(2)
    assert "The tracking store does not answer." in text_of(html_of(browser.get(JOURNAL)))
    assert [row["State"] for row in listed(browser).values()] == ["unknown", "Started"]


def test_the_workers_are_not_asked(browser, settings, monkeypatch):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.live.LiveTaskBackend"}
    monkeypatch.setattr("celery_ops.backends.live.snapshot", lambda: pytest.fail("asked"))
    journal(1)
    assert only(browser)["State"] == "Pending"


# -- reading many from the store --------------------------------------------------------------------------------------


@pytest.fixture
def trips(memory_store, monkeypatch):
    """How many round trips were made to the store."""
    made = []
    for name in ("read", "look_up"):
        real = getattr(memory_store, name)
        monkeypatch.setattr(memory_store, name, lambda *args, real=real, name=name: (made.append(name), real(*args))[1])
    return made


def test_a_page_of_states_takes_three_round_trips(order, browser, trips):
    for number in range(25):
        journal(number, ago=timedelta(minutes=number))
        plant(order, PAYMENT, "STARTED", task_id=id_of(number), ago=60 * number)
    trips.clear()
    assert len(listed(browser)) == 25
    assert trips == ["read", "read", "look_up"]


def test_runs_filtered_by_their_state_are_asked_for_once(order, browser, trips):
    for number in range(3):
        journal(number)
        plant(order, PAYMENT, "STARTED", task_id=id_of(number), ago=60)
    trips.clear()
    assert len(listed(browser, "?state=STARTED")) == 3
    assert trips == ["read", "read"]


def test_whether_a_search_is_an_id_is_asked_once(browser):
    journal(1)
    with CaptureQueriesContext(connection) as asked:
        assert len(listed(browser, f"?state=PENDING&q={id_of(1)}")) == 1
    assert sum(query["sql"].startswith("SELECT 1") for query in asked) == 1


def test_runs_older_than_what_tracking_keeps_take_none(browser, trips):
    for number in range(3):
        journal(number, ago=timedelta(days=30))
    trips.clear()
    assert len(listed(browser)) == 3
    assert trips == []


def test_tasks_that_are_over_are_not_looked_for_in_the_store(browser, trips):
    Tasks.hold(a_task(1, "SUCCESS"))
    journal(1)
    trips.clear()
    assert only(browser)["State"] == "Success"
    assert trips == []


def test_a_task_sent_minutes_after_its_row_was_written_is_found(order):
    record = journal(1, ago=timedelta(minutes=9))
    plant(order, task_id=id_of(1), ago=0)
    assert states_of({record.task_id: record.created_at}).found == {id_of(1): "SUCCESS"}


def test_a_task_of_several_objects_is_found(order):
    record = journal(1)
    plant(order, task_id=id_of(1), ago=300)
    refs = [ObjectRef.of(order), *(ObjectRef("shop.item", "0" * 36) for _ in range(3))]
    recorder().record([index.entry(id_of(1), refs, now_ms() - 300_000)])
    assert states_of({record.task_id: record.created_at}).found == {id_of(1): "SUCCESS"}


# -- filters ----------------------------------------------------------------------------------------------------------


def test_a_whole_task_id_finds_that_run_whatever_else_is_asked(browser):
    journal(1)
    journal(2)
    assert numbers(browser, f"?q={id_of(1)}&send_state=FAILED&name=nothing") == [1]


def test_another_text_finds_parts_of_names(browser):
    journal(1)
    journal(2, task_name=NOOP)
    assert numbers(browser, "?q=PAYMENT") == [1]


@pytest.mark.parametrize("field", ["id", "date_joined"])
def test_a_name_that_no_user_can_have_is_that_of_who_is_gone_or_nobodys(field, browser, monkeypatch):
    journal(1, make_user("ada"))
    journal(2, username="gone")
    monkeypatch.setattr(User, "USERNAME_FIELD", field)  # names are numbers, or times
    assert (numbers(browser, "?user=ada"), numbers(browser, "?user=gone")) == ([], [2])


@pytest.mark.database
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?name=noop", [2]),
        ("?user=ada", [3]),
        ("?user=gone", [4]),
        ("?user=nobody", []),
        ("?send_state=FAILED", [5]),
        ("?send_state=FAILED&send_state=REQUESTED", [6, 5]),
        ("?retry_of=an-earlier-one", [6]),
        ("?object=shop.order:7", [2]),
        ("?object=Shop.Order:7", [2]),
        ("?object=shop.order:8", []),
        ("?since=2026-01-01T00:00&until=2026-01-31", []),
        ("?sort=created", [1, 2, 3, 4, 5, 6]),
        ("?unknown=1", [6, 5, 4, 3, 2, 1]),
    ],
)
def test_each_filter_finds_what_it_asks_for(query, expected, browser):
    journal(1)
    journal(2, task_name=NOOP, object_type="shop.order", object_id="7")
    journal(3, make_user("ada"))
    journal(4, username="gone")
    journal(5, send_state="FAILED")
    journal(6, send_state="REQUESTED", retry_of="an-earlier-one")
    assert numbers(browser, query) == expected


@pytest.mark.database
def test_times_bound_the_list(browser):
    journal(1, ago=timedelta(days=3))
    record = journal(2, ago=timedelta(hours=1))
    day = localtime(record.created_at).date()  # as the filter reads a date
    assert numbers(browser, f"?since={day}&until={day}") == [2]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?since=yesterday", "Enter a date such as"),
        ("?send_state=LOST", "Select a valid choice"),
        ("?state=LOST&state=BROKEN", "There is no state “BROKEN”."),
        ("?sort=name", "This list has no such order."),
        ("?page_size=many", "Enter a whole number."),
        ("?object=order", "Enter an object such as"),
        ("?q=%00", "Null characters are not allowed."),
        ("?cursor=nonsense", "There is no such page; this is the first one."),
    ],
)
def test_a_bad_value_is_said_and_left_out(query, message, browser):
    journal(1)
    html = html_of(browser.get(JOURNAL + query))
    assert message in text_of(html)
    assert len(rows(html)) == 1


NAMES = (
    "q",
    "name",
    "user",
    "since",
    "until",
    "send_state",
    "state",
    "object",
    "retry_of",
    "cursor",
    "page_size",
    "sort",
)


@pytest.mark.database
@pytest.mark.parametrize("names", [NAMES, ("q",), ("retry_of", "object"), ("cursor",)])
def test_no_parameter_breaks_the_page(names, browser):
    journal(1)
    assert {browser.get(JOURNAL, dict.fromkeys(names, text)).status_code for text in HOSTILE} == {200}


def test_what_is_asked_for_beside_the_form_is_said_and_can_be_left(browser):
    html = html_of(browser.get(f"{JOURNAL}?object=shop.order:7&name=noop"))
    assert "Object: shop.order:7" in text_of(html)
    assert ("Leave this out", "?name=noop") in links(html)


# -- what became of it -------------------------------------------------------------------------------------------------


@pytest.fixture
def became():
    """Runs of which 1 and 4 failed, 2 succeeded, 3 could not be sent, and nobody has heard of 5."""
    Tasks.hold(a_task(1, "FAILURE", id=id_of(1)), a_task(2, id=id_of(2)), a_task(4, "FAILURE", id=id_of(4)))
    for number in range(1, 6):
        journal(number, send_state="FAILED" if number == 3 else "SENT")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?state=FAILURE", [4, 1]),
        ("?state=failure&sort=created", [1, 4]),
        ("?state=SUCCESS&state=FAILURE", [4, 2, 1]),
        ("?state=PENDING", [5]),
        ("?state=LOST", []),
        ("?state=FAILURE&send_state=FAILED", []),
        ("?send_state=FAILED", [3]),
        (f"?state=FAILURE&q={id_of(2)}", [2]),
    ],
)
def test_runs_are_found_by_what_became_of_them(query, expected, became, browser):
    assert numbers(browser, query) == expected


def test_what_failed_is_a_tab_beside_what_was_not_sent(became, browser):
    html = html_of(browser.get(f"{JOURNAL}?name=payment&send_state=FAILED"))
    failed = dict(links(html))["Failed"]
    assert numbers(browser, failed) == [4, 1]
    (tabs,) = elements(html_of(browser.get(JOURNAL + failed)), "nav", aria_label="What became of it")
    assert [text_of(tab.html) for tab in elements(tabs.html, "a", aria_current="true")] == ["Failed"]


def test_a_state_that_is_asked_for_is_said_and_can_be_left(became, browser):
    html = html_of(browser.get(f"{JOURNAL}?state=LOST&state=SUCCESS"))
    assert "State: Lost, Success" in text_of(html)
    assert "?" in {href for text, href in links(html) if text == "Leave this out"}


@pytest.fixture
def few_at_once(monkeypatch):
    monkeypatch.setattr(paging, "AT_ONCE", 3)
    monkeypatch.setattr(paging, "MOST_ASKED", 6)


@pytest.mark.parametrize("sort", ["-created", "created"])
def test_one_moves_among_those_that_failed_and_back_and_meets_each_once(sort, few_at_once, browser):
    failed = [2, 3, 9, 10, 11, 17, 18]
    Tasks.hold(*(a_task(n, "FAILURE" if n in failed else "SUCCESS", id=id_of(n)) for n in range(1, 21)))
    for number in range(1, 21):
        journal(number)
    query, seen = f"?state=FAILURE&page_size=2&sort={sort}", []
    while query:
        seen.append((query, numbers(browser, query)))
        query = link(html_of(browser.get(JOURNAL + query)), rel="next")
    assert [number for _, page in seen for number in page] == sorted(failed, reverse=sort == "-created")
    met, query = set(), seen[-1][0]
    while query:
        met.update(numbers(browser, query))
        query = link(html_of(browser.get(JOURNAL + query)), rel="prev")
    assert met == set(failed)


def test_a_page_that_looked_at_so_many_says_so_and_leads_on(few_at_once, browser):
    Tasks.hold(a_task(1, "FAILURE", id=id_of(1)))
    for number in range(1, 10):
        journal(number)
    html = html_of(browser.get(f"{JOURNAL}?state=FAILURE"))
    assert (rows(html), "it was asked what became of them" in text_of(html)) == ({}, True)
    html = html_of(browser.get(JOURNAL + link(html, rel="next")))
    assert (len(rows(html)), "it was asked" in text_of(html)) == (1, False)


def test_rows_of_which_it_is_asked_what_became_of_them_are_read_by_one_query(few_at_once, browser):
    for number in range(1, 10):
        journal(number)
    table = connection.ops.quote_name(TaskRunRecord._meta.db_table)
    assert len([sql for sql in queries(browser, "?state=FAILURE") if f"FROM {table}" in sql]) == 1


def test_what_became_of_runs_is_not_guessed_while_a_source_is_away(became, browser, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.reading.find_tasks", away)
    html = html_of(browser.get(f"{JOURNAL}?state=PENDING"))
    assert (rows(html), "The tracking store does not answer." in text_of(html)) == ({}, True)


def away(*_):
    raise StoreUnavailable


# -- moving -----------------------------------------------------------------------------------------------------------


@pytest.mark.database
@pytest.mark.parametrize("sort", ["-created", "created"])
def test_the_next_links_lead_through_all_rows_and_the_previous_ones_back(sort, browser):
    for number in range(1, 8):
        journal(number, task_name=NOOP if number % 2 else PAYMENT)
    query, seen, back = f"?sort={sort}&page_size=2&name=noop", [], []
    while query:
        seen.append(numbers(browser, query))
        last, query = query, link(html_of(browser.get(JOURNAL + query)), rel="next")
    query = last
    while query:
        back.insert(0, numbers(browser, query))
        query = link(html_of(browser.get(JOURNAL + query)), rel="prev")
    assert seen == back == ([[7, 5], [3, 1]] if sort == "-created" else [[1, 3], [5, 7]])


def test_new_rows_do_not_move_a_page(browser):
    for number in range(1, 5):
        journal(number)
    second = link(html_of(browser.get(f"{JOURNAL}?page_size=2")), rel="next")
    journal(5)
    assert numbers(browser, second) == [2, 1]


@pytest.mark.parametrize("key", [(0,), (-1,), (2**63,), (10**4000,), ("1",), (1.5,), (1, 2)])
def test_a_cursor_of_another_list_is_the_first_page_or_an_empty_one(key, browser):
    journal(1)
    text = Cursor(key).encoded() if key != (10**4000,) else Cursor((1,)).encoded() + "x" * 50
    assert browser.get(JOURNAL, {"cursor": text}).status_code == 200


def test_an_empty_journal_says_what_will_be_there(browser, runner):
    assert "Nobody has run a task by hand yet." in text_of(html_of(browser.get(JOURNAL)))
    assert "You have not run a task yet." in text_of(html_of(browser_of(runner).get(JOURNAL)))


def test_filters_that_find_nothing_can_be_left(browser):
    assert ("Show all runs", "?") in links(html_of(browser.get(f"{JOURNAL}?name=nothing")))


def test_a_journal_that_is_away_is_said(browser, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("could not connect to 10.0.0.7")

    monkeypatch.setattr("celery_ops.views.journal.base.page_of", away)
    html = html_of(browser.get(JOURNAL))
    assert "The journal does not answer." in text_of(html)
    assert "10.0.0.7" not in html


# -- what it costs ----------------------------------------------------------------------------------------------------


def queries(browser, query=""):
    with CaptureQueriesContext(connection) as captured:
        html_of(browser.get(JOURNAL + query))
    return [each["sql"] for each in captured.captured_queries]


@pytest.fixture
def stored(settings):
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "TASK_BACKEND": "celery_ops.backends.results.ResultsTaskBackend",
    }


def test_a_page_takes_six_queries_and_counts_nothing(browser, stored):
    for number in range(30):
        journal(number)
        TaskResult.objects.create(task_id=id_of(number), status="SUCCESS", task_name=PAYMENT)
    asked = queries(browser)
    assert len(asked) == 6, asked  # session, user, the user's permissions and the groups', journal, results
    assert not any("COUNT(" in sql for sql in asked)


def test_objects_take_one_query_for_each_model(superuser, order, stored):
    journal(0)
    without = len(queries(browser_of(superuser)))
    for number in range(1, 20):
        journal(number, object_type="shop.order", object_id=str(order.pk))
    assert len(queries(browser_of(superuser))) == without + 1


def test_results_are_read_without_what_they_returned(browser, stored):
    journal(1)
    (sql,) = (sql for sql in queries(browser) if "django_celery_results" in sql)
    assert "task_args" not in sql
    assert not re.search("AS .traceback", sql)


def double(times=17):
    """Copy every row so many times over, in the database."""
    columns = ", ".join(field.column for field in TaskRunRecord._meta.concrete_fields if field.column != "id")
    table = TaskRunRecord._meta.db_table
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}")


def test_whose_rows_they_are_is_looked_up_first_where_users_are_in_another_database(browser, runner, monkeypatch):
    journal(1, runner)
    monkeypatch.setattr("celery_ops.filters.journal.alias_of", lambda model: "elsewhere")
    *_others, statement = queries(browser, "?user=runner")
    assert f"FROM {connection.ops.quote_name('auth_user')}" not in statement
    assert f"{connection.ops.quote_name('user_id')} IN (" in statement


def test_a_hundred_thousand_rows_take_the_same_queries(browser, stored, runner):
    journal(1, runner)
    few, few_by_name = len(queries(browser)), len(queries(browser, "?name=payment"))
    double()
    assert TaskRunRecord.objects.count() > 100_000
    assert len(queries(browser)) == few
    assert len(queries(browser, "?user=runner&send_state=SENT")) <= few
    assert len(queries(browser, "?name=payment")) == few_by_name
