"""Counts of results: exact where that is cheap, at least so many elsewhere, and always one query."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_results.models import TaskResult

from celery_ops import states
from celery_ops.backends.results import counts as results_counts
from celery_ops.backends.results import look_sql
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.looks import KnownLooks
from celery_ops.info import TaskInfo
from celery_ops.task_query import Count, TaskQuery
from tests.backends.result_rows import NOON, exception, plant, row

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch):
    """A look comes to its end at five rows, and at three when it has to read the rows themselves."""
    monkeypatch.setattr(results_counts, "READ_IN_INDEX", 5)
    monkeypatch.setattr(results_counts, "READ_IN_TABLE", 3)


def counts(**query):
    return ResultsTaskBackend().counts(TaskQuery(**query))


def rows(number, **fields):
    """Store so many more rows, each a minute after the one before."""
    begin = TaskResult.objects.count()
    numbers = range(begin, begin + number)
    plant(*(TaskInfo(str(number), created_at=NOON + timedelta(minutes=number), **fields) for number in numbers))


def test_an_empty_table_has_none():
    assert counts().all == Count(0)
    assert set(counts().states.values()) == {Count(0)}


def test_every_state_that_a_result_can_have_is_counted():
    assert set(counts().states) == set(states.ALL) - {states.LOST}


@pytest.mark.skipif("connection.vendor == 'mysql'", reason="to it, states that differ by case alone are the same")
@pytest.mark.database
def test_states_of_the_sites_own_are_counted_too():
    for number, state in enumerate(["PROGRESS", "AAA", "ZZZ", "progress", "SUCCESS"]):
        row(str(number), status=state)
    assert {state: count.number for state, count in counts().states.items() if count.number} == dict.fromkeys(
        ["PROGRESS", "AAA", "ZZZ", "progress", "SUCCESS"], 1
    )
    assert counts().all == Count(5)


@pytest.mark.database
def test_counting_stops_and_says_so():
    rows(7, state="SUCCESS")
    rows(1, state="FAILURE")
    numbers = counts()
    assert (numbers.all, numbers.states["SUCCESS"]) == (Count(5, capped=True), Count(5, capped=True))
    assert (numbers.states["FAILURE"], numbers.states["RETRY"]) == (Count(1), Count(0))


def test_counts_leave_the_states_aside():
    rows(1, state="SUCCESS")
    rows(2, state="FAILURE")
    assert counts(states=("SUCCESS",)) == counts() == counts(states=("\0",))


@pytest.mark.database
def test_a_small_filter_is_exact_in_every_state():
    rows(9, state="FAILURE", name="other")
    rows(9, state="SUCCESS", name="other")
    rows(2, state="FAILURE", name="shop.charge")
    numbers = counts(name="charge")
    assert (numbers.all, numbers.states["FAILURE"], numbers.states["SUCCESS"]) == (Count(2), Count(2), Count(0))


@pytest.mark.database
def test_a_rare_state_is_exact_in_every_filter():
    rows(1, state="FAILURE", name="shop.charge")
    rows(9, state="SUCCESS", name="shop.charge")
    numbers = counts(name="charge")
    assert (numbers.states["FAILURE"], numbers.states["RETRY"]) == (Count(1), Count(0))
    assert numbers.states["SUCCESS"].capped
    assert numbers.all.capped


@pytest.mark.database
def test_what_is_neither_is_at_least_what_was_seen():
    rows(9, state="FAILURE", name="shop.charge", worker="w1@host")
    rows(9, state="SUCCESS", name="shop.charge", worker="w1@host")
    failures = counts(name="charge", worker="w1@host").states["FAILURE"]
    assert failures == Count(3, capped=True)


def test_filters_narrow_each_other():
    rows(1, name="shop.charge", worker="w1@host", state="FAILURE")
    rows(1, name="shop.charge", worker="w2@host", state="FAILURE")
    rows(1, name="other", worker="w1@host", state="FAILURE")
    numbers = counts(name="charge", worker="w1@host")
    assert (numbers.all, numbers.states["FAILURE"]) == (Count(1), Count(1))


@pytest.mark.database
def test_several_names_are_counted_together(monkeypatch):
    monkeypatch.setattr(results_counts, "READ_IN_TABLE", 4)
    rows(1, name="shop.charge")
    rows(1, name="shop.charge_again")
    rows(1, name="other")
    assert counts(name="charge").all == Count(2)


@pytest.mark.database
def test_more_names_than_are_looked_through_are_counted_by_state(monkeypatch):
    monkeypatch.setattr(results_counts, "MOST_NAMES", 1)
    rows(1, name="shop.charge")
    rows(1, name="shop.charge_again")
    assert counts(name="charge").all == Count(2)


@pytest.mark.database
def test_dates_bound_what_is_counted():
    rows(9, state="FAILURE")
    numbers = counts(since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=3))
    assert (numbers.all, numbers.states["FAILURE"]) == (Count(2), Count(2))


@pytest.mark.database
def test_dates_are_counted_on_a_site_that_stores_them_naive(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    created = row().date_created.astimezone()
    assert counts(since=created, until=created).all == Count(1)


def test_a_whole_id_is_counted_as_one():
    row("4f1c", status="FAILURE")
    assert (counts(text="4f1c").all, counts(text="4f1c").states) == (Count(1), {"FAILURE": Count(1)})


def test_any_other_text_is_not_counted():
    row("4f1c")
    assert counts(text="4f") is None


@pytest.mark.database
def test_what_nothing_can_match_is_none():
    row("4f1c")
    for query in ({"queue": "celery"}, {"worker": "\0"}, {"name": "nowhere"}, {"text": "x" * 100_000}):
        assert counts(**query).all == Count(0)


@pytest.mark.parametrize("query", [{}, {"worker": "w1@host", "since": NOON}])
def test_counts_are_one_query(query):
    rows(3, worker="w1@host", state="SUCCESS")
    with CaptureQueriesContext(connection) as captured:
        counts(**query)
    assert len(captured) == 1


@pytest.fixture
def known(monkeypatch):
    """What two failures and more mean is known when they were read once."""
    known = KnownLooks(many=2)
    monkeypatch.setattr(results_counts, "known_looks", known)
    return known


def looked():
    """Return the numbers of failures and of rejections, and how often rows themselves were read for them."""
    with CaptureQueriesContext(connection) as captured:
        numbers = counts().states
    sql = [query["sql"] for query in captured.captured_queries if " AS look" in query["sql"]]
    reads = sum("traceback" in each for each in sql)
    return numbers["FAILURE"], numbers["REJECTED"], reads


def rejected(id):
    return row(id, status="FAILURE", result=exception("Reject: no"))


def failed(id):
    return row(id, status="FAILURE", result=exception("ValueError: no"), traceback="Traceback")


@pytest.mark.database
def test_what_failures_mean_is_read_once(known):
    failed("one"), rejected("two")
    assert looked() == (Count(1), Count(1), 1)
    assert looked() == (Count(1), Count(1), 0)


def test_what_the_failures_of_one_tenant_mean_says_nothing_of_anothers(known, tenants):
    failed("one"), rejected("two")
    with tenants("first"):
        assert looked() == (Count(1), Count(1), 1)
    TaskResult.objects.update(result=exception("ValueError: no"))  # as the schema of another tenant has them
    with tenants("second"):
        assert looked() == (Count(2), Count(0), 1)


@pytest.mark.database
def test_another_failure_has_them_read_again(known):
    failed("one"), rejected("two")
    looked()
    rejected("three")
    assert looked() == (Count(1), Count(2), 1)


@pytest.mark.skipif("connection.vendor == 'postgresql'", reason="its indexes do not have the keys of their rows")
def test_one_failure_in_place_of_another_has_them_read_again(known):
    gone, _failure = rejected("one"), failed("two")
    looked()
    gone.delete()
    failed("three")
    assert looked() == (Count(2), Count(0), 1)


@pytest.fixture
def keyless(monkeypatch):
    """An index does not have the keys of its rows, as PostgreSQL's do not."""
    monkeypatch.setattr(look_sql, "KEY_IN_INDEX", frozenset())
    look_sql._of_all.cache_clear()
    yield
    look_sql._of_all.cache_clear()


@pytest.mark.database
def test_where_an_index_has_no_keys_as_many_failures_are_the_same_for_some_seconds(known, keyless):
    gone, _failure = rejected("one"), failed("two")
    looked()
    gone.delete()
    failed("three")
    assert looked() == (Count(1), Count(1), 0)
    known.seconds = -1
    assert looked() == (Count(2), Count(0), 1)


def test_few_failures_are_read_each_time(known):
    failed("one")
    assert (looked(), looked()) == ((Count(1), Count(0), 1), (Count(1), Count(0), 1))


def test_what_was_read_is_known_for_some_seconds(known):
    failed("one"), rejected("two")
    looked()
    known.seconds = -1
    assert looked() == (Count(1), Count(1), 1)


@pytest.mark.database
def test_a_count_that_stopped_holds_while_the_row_is_there_at_which_it_did(known):
    rows(6, state="SUCCESS")
    assert (counts().of("SUCCESS"), counts().of("SUCCESS")) == (Count(5, capped=True), Count(5, capped=True))
    TaskResult.objects.order_by("pk")[1].delete()
    TaskResult.objects.order_by("pk")[0].delete()
    assert counts().of("SUCCESS") == Count(4)


def test_what_is_known_of_all_is_not_said_of_some(known):
    failed("one"), rejected("two")
    looked()
    assert counts(name="none").of("REJECTED") == Count(0)
