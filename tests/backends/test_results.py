"""Results in the site's database as a list: the suite of every task backend, and what a table of millions asks."""

import base64
import itertools
import json
import re
import tracemalloc
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_results.models import TaskResult

from celery_ops.backends.results import lists
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.exceptions import BadCursor
from celery_ops.info import TaskInfo
from celery_ops.task_query import Cursor, TaskQuery
from celery_ops.testing import TaskBackendContract
from tests.backends.result_rows import EVERY, NOON, exception, many, plant, row, walk
from tests.servers import IN_CI

pytestmark = pytest.mark.django_db

STATES = ("SUCCESS", "FAILURE", "RETRY", "STARTED", "SUCCESS")
NAMES = ("shop.tasks.charge", "shop.tasks.send", None)
WORKERS = ("w1@host", "w2@host")


@pytest.mark.database
class TestResults(TaskBackendContract):
    def make_backend(self, tasks):
        TaskResult.objects.all().delete()
        plant(*tasks)
        return ResultsTaskBackend()


@pytest.fixture
def short_stretch(monkeypatch):
    """What is near is so few rows that almost every filtered page has to look farther."""
    monkeypatch.setattr(lists, "STRETCH", 1)
    monkeypatch.setattr(lists, "FEW", 1)


def page(query=EVERY, **options):
    return ResultsTaskBackend().page(query, **options)


def listed(query=EVERY, **options):
    return [task.id for task in page(query, **options).tasks]


def queries_of(*calls):
    with CaptureQueriesContext(connection) as captured:
        for call in calls:
            call()
    return [query["sql"] for query in captured]


# -- what is found -----------------------------------------------------------------------------------------------------


def test_a_whole_id_is_found_whatever_the_other_filters_say():
    row("4f1c", status="FAILURE", worker="w1@host")
    assert listed(TaskQuery(text="4f1c", states=("SUCCESS",), worker="w2@host", since=NOON)) == ["4f1c"]


def test_a_queue_is_not_known_so_a_query_with_one_finds_nothing():
    row("4f1c")
    assert listed(TaskQuery(queue="celery")) == listed(TaskQuery(queue="celery", text="4f1c")) == []


STRETCHES = (1, 3, 200)


@pytest.mark.database
@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize("sort", ResultsTaskBackend.sorts)
def test_any_filters_find_their_tasks_wherever_these_are(monkeypatch, sort, stretch):
    monkeypatch.setattr(lists, "STRETCH", stretch)
    monkeypatch.setattr(lists, "FEW", 3)
    tasks = _mixed()
    plant(*tasks)
    for query in _queries(sort, stretch):
        assert walk(query, size=3) == _expected(tasks, query), query


def _queries(sort, stretch):
    """Filters of every kind with each other: in CI all, else each once in every order and with every stretch."""
    states, names = [(), ("FAILURE",), ("RETRY", "STARTED"), ("REVOKED",)], ["", "charge", "tasks"]
    dates = [(None, None), (NOON + timedelta(minutes=7), NOON + timedelta(minutes=20)), (None, NOON)]
    filters = itertools.product(states, names, ["", "w1@host"], dates)
    turn = ResultsTaskBackend.sorts.index(sort) + STRETCHES.index(stretch)
    for number, (some_states, name, worker, (since, until)) in enumerate(filters):
        if IN_CI or (number // 3 + number + turn) % len(STRETCHES) == 0:
            yield TaskQuery(states=some_states, name=name, worker=worker, since=since, until=until, sort=sort)


def _mixed():
    """Tasks of many kinds; some were created at once, and each ended long after others that began later."""
    return [
        TaskInfo(
            id=f"task-{index:02}",
            name=NAMES[index % 3] or "",
            state=STATES[index % 5],
            worker=WORKERS[index // 2 % 2],
            created_at=NOON + timedelta(minutes=index // 2 * 2),
            finished_at=NOON + timedelta(hours=1, minutes=index * 7 % 30),
        )
        for index in range(30)
    ]


def _expected(tasks, query):
    keys = [
        (task.finished_at if query.sort.endswith("finished") else task.created_at, number, task.id)
        for number, task in enumerate(tasks)
        if (not query.states or task.state in query.states)
        and query.name in task.name
        and query.worker in ("", task.worker)
        and (query.since is None or task.created_at >= query.since)
        and (query.until is None or task.created_at <= query.until)
    ]
    return [id for *_key, id in sorted(keys, reverse=query.sort.startswith("-"))]


@pytest.mark.database
def test_an_unnamed_task_has_no_name_that_a_filter_could_find():
    row("4f1c", task_name=None)
    assert [task.name for task in page().tasks] == [""]
    assert listed(TaskQuery(name="n")) == []


@pytest.mark.database
@pytest.mark.parametrize("error", ["ValueError: no", "ValueError"])
@pytest.mark.parametrize("state", ["FAILURE", "RETRY", "REVOKED"])
def test_the_list_says_why_a_task_failed(state, error):
    row(status=state, result=exception(error))
    assert page().tasks[0].error == error


@pytest.mark.database
def test_a_message_that_is_longer_than_a_list_reads_leaves_the_class():
    row(status="FAILURE", result=exception("ValueError: " + "x" * 10_000))
    assert page().tasks[0].error == "ValueError"


def test_a_result_that_reads_like_an_error_is_none():
    row(status="SUCCESS", result=exception("ValueError: no"))
    assert page().tasks[0].error is None


def test_a_task_that_has_not_ended_has_no_end():
    row(status="STARTED")
    assert page().tasks[0].finished_at is None


@pytest.mark.database
def test_times_are_aware_on_a_site_that_stores_them_naive(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    row()
    assert page().tasks[0].stored_at.tzinfo is not None


@pytest.mark.database
def test_dates_are_compared_on_a_site_that_stores_them_naive(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    created = row().date_created.astimezone(timezone.utc)
    second = timedelta(seconds=1)
    assert listed(TaskQuery(since=created - second, until=created + second)) == ["4f1c"]
    assert listed(TaskQuery(since=created + second)) == listed(TaskQuery(until=created - second)) == []


@pytest.mark.database
def test_pages_by_date_follow_each_other_on_a_site_that_stores_them_naive(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    rows = [row(str(number)) for number in range(3)]
    since = rows[0].date_created.astimezone(timezone.utc)
    assert walk(TaskQuery(since=since), size=1) == ["2", "1", "0"]


# -- pages -------------------------------------------------------------------------------------------------------------


def test_a_task_that_comes_in_does_not_move_the_next_page():
    many(6)
    first = page(size=3)
    row("new")
    assert listed(cursor=first.next, size=3) == ["2", "1", "0"]


def test_the_way_back_from_the_middle_fills_the_first_page():
    many(5)
    second = page(size=2, cursor=page(size=2).next)
    row("new")
    back = page(size=2, cursor=second.previous)
    assert [task.id for task in page(size=2, cursor=back.previous).tasks] == ["new", "4"]


def test_a_page_whose_rows_are_gone_leads_back_to_the_end():
    many(4)
    first = page(size=2)
    TaskResult.objects.filter(task_id__in=["0", "1"]).delete()
    gone = page(size=2, cursor=first.next)
    assert (gone.tasks, gone.next) == ((), None)
    assert listed(size=2, cursor=gone.previous) == ["3", "2"]


@pytest.mark.parametrize(
    "key",
    [(), ("1",), (1.0,), (True,), (-1,), (2**63,), (1, 1), (None,), ([1],)],
    ids=repr,
)
def test_a_cursor_that_can_be_none_of_the_list_is_refused(key):
    text = base64.urlsafe_b64encode(json.dumps([0, *key]).encode()).decode().rstrip("=")
    with pytest.raises(BadCursor):
        page(cursor=text)


@pytest.mark.parametrize("key", [(1,), (1, -1), (10**18, 1), (-(10**18), 1), (1, 2**63), ("1", 1), (True, 1)], ids=repr)
def test_a_cursor_that_can_be_none_of_a_list_by_date_is_refused(key):
    with pytest.raises(BadCursor):
        page(TaskQuery(sort="-finished"), cursor=Cursor(key).encoded())


@pytest.mark.database
@pytest.mark.parametrize("key", [(0,), (2**31,), (2**63 - 1,)])
@pytest.mark.parametrize("sort", ["created", "-created"])
@pytest.mark.parametrize("states", [(), ("SUCCESS",)])
def test_a_cursor_beyond_all_rows_is_a_place_too(key, sort, states):
    row()
    query = TaskQuery(sort=sort, states=states)
    assert {*listed(query, cursor=Cursor(key).encoded())} <= {"4f1c"}


def test_iterating_goes_on_beyond_one_chunk():
    rows = [
        TaskResult(task_id=str(number), content_type="application/json", content_encoding="utf-8")
        for number in range(2_001)
    ]
    TaskResult.objects.bulk_create(rows)
    assert [task.id for task in ResultsTaskBackend().iterate(TaskQuery(sort="created"))] == [r.task_id for r in rows]


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_page_and_its_counts_are_two_queries():
    many(5, state="SUCCESS")
    backend = ResultsTaskBackend()
    assert len(queries_of(lambda: backend.page(TaskQuery()), lambda: backend.counts(TaskQuery()))) == 2


def test_tasks_that_have_not_ended_cost_one_query_more():
    many(5, state="STARTED")
    backend = ResultsTaskBackend()
    assert len(queries_of(lambda: backend.page(TaskQuery()), lambda: backend.counts(TaskQuery()))) == 3


@pytest.mark.parametrize("query", [TaskQuery(states=("FAILURE",)), TaskQuery(worker="w1@host", since=NOON)])
def test_a_filtered_page_and_its_counts_are_two_queries_where_its_rows_are_near(query):
    many(5, state="FAILURE", worker="w1@host")
    backend = ResultsTaskBackend()
    assert len(queries_of(lambda: backend.page(query), lambda: backend.counts(query))) == 2


def test_a_stretch_of_time_alone_is_walked_like_the_whole_list():
    (sql,) = queries_of(lambda: page(TaskQuery(since=NOON)))
    assert "hit" not in sql


def test_a_filtered_page_and_its_counts_are_three_queries_where_its_rows_are_far(short_stretch):
    many(1, state="SUCCESS", worker="w1@host")
    row("new")
    backend, query = ResultsTaskBackend(), TaskQuery(worker="w1@host")
    assert len(queries_of(lambda: backend.page(query, size=1), lambda: backend.counts(query))) == 3


@pytest.mark.database
def test_a_page_of_a_rare_state_is_read_through_an_index_and_walks_nothing(short_stretch):
    many(1, state="FAILURE", worker="w1@host")
    row("new")
    backend, query = ResultsTaskBackend(), TaskQuery(states=("FAILURE",), worker="w1@host")
    _counts, sql = queries_of(lambda: backend.page(query, size=1), lambda: backend.counts(query))
    assert "walked" not in sql


def test_a_whole_id_is_one_query_with_its_count():
    row("4f1c")
    backend, query = ResultsTaskBackend(), TaskQuery(text="4f1c", searches_arguments=True)
    assert len(queries_of(lambda: backend.page(query), lambda: backend.counts(query))) == 1


def test_no_query_skips_rows(short_stretch):
    many(9, state="FAILURE")
    for query in (TaskQuery(), TaskQuery(states=("FAILURE",)), TaskQuery(text="x"), TaskQuery(since=NOON)):
        queries = queries_of(
            lambda query=query: walk(query, size=2), lambda query=query: ResultsTaskBackend().counts(query)
        )
        assert queries
        assert not [sql for sql in queries if "OFFSET" in sql.upper()]


def test_every_count_of_the_counts_is_bounded():
    (sql,) = queries_of(lambda: ResultsTaskBackend().counts(TaskQuery(states=("FAILURE",))))
    assert sql.upper().count("COUNT(*)") == sql.upper().count("LIMIT")


def test_large_columns_are_not_in_a_list():
    """What a state goes by is the beginning of two of them, and whether there is a third."""
    queries = queries_of(page, lambda: page(TaskQuery(states=("FAILURE",))))
    for column in ("result", "traceback", "meta", "task_args", "task_kwargs"):
        assert not [sql for sql in queries if re.search(rf"AS .{column}\W", sql)]


@pytest.mark.database
def test_a_page_of_large_rows_costs_little_memory():
    row_of = {"result": "x" * 2_000_000, "traceback": "y" * 500_000}
    for number in range(20):
        row(str(number), status=("SUCCESS", "FAILURE")[number % 2], **row_of)
    page(size=20)
    tracemalloc.start()
    page(size=20)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_the_database_that_results_are_read_from_is_asked(monkeypatch):
    from django.db import router

    models = []
    monkeypatch.setattr(router, "db_for_read", lambda model, **hints: models.append(model) or "default")
    ResultsTaskBackend().get("4f1c")
    assert models == [TaskResult]


# -- the payload of a page ---------------------------------------------------------------------------------------------


def test_the_tasks_of_a_page_are_completed_in_one_query():
    plant(*(replace(task, args=[1], kwargs={"customer": "Ada"}, result="done") for task in _mixed()))
    backend = ResultsTaskBackend()
    tasks = backend.page(TaskQuery(), size=30).tasks
    assert len(queries_of(lambda: backend.complete(tasks))) == 1


@pytest.mark.database
def test_a_completed_task_has_its_payload():
    plant(TaskInfo("4f1c", args=[1], result="done"))
    backend = ResultsTaskBackend()
    (task,) = backend.complete(backend.page(TaskQuery()).tasks)
    assert (task.id, task.args, task.result) == ("4f1c", '"[1]"', '"done"')


def test_tasks_that_are_gone_stay_as_they_were():
    task = TaskInfo("gone", "shop.tasks.charge", "SUCCESS")
    assert ResultsTaskBackend().complete([task]) == [task]
