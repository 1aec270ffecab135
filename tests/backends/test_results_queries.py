"""A list that is looked at again asks by the same SQL, and shows what the database says now."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.results import queries as module
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.conditions import Conditions
from celery_ops.backends.results.counts import counted
from celery_ops.backends.results.queries import ListQuery, Queries, RowsBefore
from celery_ops.backends.results.rows import for_list, listed
from celery_ops.task_query import FIRST_FINISHED_FIRST, TaskQuery
from tests.backends.result_rows import row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory_store")]
ERROR = '{"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}'


@pytest.fixture
def compiled(monkeypatch):
    """The queries that had to be compiled."""
    compiled, of = [], ListQuery.of
    monkeypatch.setattr(ListQuery, "of", lambda rows: compiled.append(rows) or of(rows))
    return compiled


@pytest.fixture
def made(monkeypatch):
    """The rows that had to be made."""
    made, answered = [], ListQuery.made
    monkeypatch.setattr(ListQuery, "made", lambda query, answers: made.extend(answers) or answered(query, answers))
    return made


def ids(**query):
    return [task.id for task in ResultsTaskBackend().page(TaskQuery(**query), size=2).tasks]


@pytest.mark.database
@pytest.mark.parametrize("query", [{}, {"states": ("FAILURE",)}, {"worker": "w@host"}, {"sort": FIRST_FINISHED_FIRST}])
def test_a_list_that_is_looked_at_again_is_neither_compiled_nor_made_anew(query, compiled, made):
    for number in range(3):
        row(f"{number}", status="FAILURE", result=ERROR, worker="w@host")
    first = ResultsTaskBackend().page(TaskQuery(**query))
    assert (len(first.tasks), len(compiled) > 0, len(made)) == (3, True, 3)
    compiled.clear(), made.clear()
    assert ResultsTaskBackend().page(TaskQuery(**query)) == first
    assert (compiled, made) == ([], [])


@pytest.mark.database
@pytest.mark.parametrize(
    "change",
    [
        {"status": "STARTED"},
        {"task_name": "another"},
        {"worker": "other@host"},
        {"result": ERROR.replace("no", "yes")},
        {"result": ERROR.replace('["no"]', "[]"), "traceback": "ValueError: said at the end"},
        {"meta": '{"celery_ops": [1700000000000, 1700000001000]}'},
        {"date_started": F("date_created")},
        {"date_done": timezone.now() - timedelta(days=1)},
    ],
)
def test_a_row_that_was_changed_past_its_save_is_shown_as_it_is(change):
    row("one", status="FAILURE", result=ERROR, worker="w@host")
    before = ResultsTaskBackend().page(TaskQuery()).tasks
    TaskResult.objects.update(**change)
    after = ResultsTaskBackend().page(TaskQuery()).tasks
    module.rows_before.forget(), module.queries.forget()
    assert before != after == ResultsTaskBackend().page(TaskQuery()).tasks


@pytest.mark.database
def test_what_comes_and_goes_is_seen_at_once():
    row("one"), row("two")
    assert ids() == ["two", "one"]
    row("three")
    assert ids() == ["three", "two"]
    TaskResult.objects.filter(task_id="three").delete()
    assert ids() == ["two", "one"]


@pytest.mark.database
def test_each_place_and_each_filter_has_its_own_rows():
    for number in range(6):
        row(f"{number}", worker=f"w{number % 2}@host", status="FAILURE" if number < 3 else "SUCCESS", result=ERROR)
    for _again in range(2):
        page = ResultsTaskBackend().page(TaskQuery(), size=2)
        following = ResultsTaskBackend().page(TaskQuery(), cursor=page.next, size=2)
        assert [[task.id for task in tasks] for tasks in (page.tasks, following.tasks)] == [["5", "4"], ["3", "2"]]
        assert [ids(worker="w0@host"), ids(worker="w1@host"), ids(states=("FAILURE",))] == [
            ["4", "2"],
            ["5", "3"],
            ["2", "1"],
        ]
        assert [ids(since=timezone.now() + timedelta(days=1)), ids(sort=FIRST_FINISHED_FIRST)] == [[], ["0", "1"]]
        assert ids(states=("FAILURE",), worker="w1@host") == ["1"]


@pytest.mark.database
def test_how_many_rows_have_a_status_is_told_by_the_look_at_them():
    for number, status in enumerate(("FAILURE", "FAILURE", "RETRY", "SUCCESS", "MINE")):
        row(f"{number}", status=status)
    table = TaskResult.objects.order_by()
    rows = [counted(table, Conditions(statuses=statuses)).rows for statuses in (("FAILURE", "RETRY"), ("MINE",), ())]
    assert rows == [{"status": 3}, {"status": 1}, {}]


def test_what_a_row_means_goes_by_the_zone_of_the_site(settings):
    row("one")
    rows = for_list(TaskResult.objects.order_by(), Q())
    before = module.place_of(rows)
    settings.TIME_ZONE = "Asia/Kolkata"
    assert module.place_of(rows) != before


def test_no_row_is_asked_for_where_none_can_match(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ListQuery.of(for_list(TaskResult.objects.order_by(), Q(pk__in=[]))).fetch() == []


def test_a_row_that_says_no_end_is_read_by_the_clock_each_time():
    rows = ListQuery.of(for_list(TaskResult.objects.order_by(), Q()))
    row("one")
    (known,) = rows.fetch()
    assert listed(known) is listed(known)
    endless = type(known)(known, date_done=None)
    assert listed(endless) is not listed(endless)


def test_what_is_kept_has_a_bound():
    few, rows = Queries(most=2), for_list(TaskResult.objects.order_by(), Q())
    for number in range(5):
        few.get((number,), lambda: rows)
    assert len(few._queries) == 2
    for number in range(3):
        row(f"{number}")
    query, before = ListQuery.of(rows), RowsBefore(most=1)
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.values)
        answers = cursor.fetchall()
    assert len(before.read(query, answers)) == 3
    assert len(before._rows) == 1
