"""Lists over plain values: paging loses and repeats nothing, whatever the tasks, and no cursor does harm."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.exceptions import BadCursor
from celery_ops.info import TaskInfo
from celery_ops.payload import payload
from celery_ops.task_query import (
    FIRST_FINISHED_FIRST,
    LAST_FINISHED_FIRST,
    NEWEST_FIRST,
    OLDEST_FIRST,
    Cursor,
    TaskQuery,
    counts_of,
    page_of,
)

NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
SORTS = (NEWEST_FIRST, OLDEST_FIRST, LAST_FINISHED_FIRST, FIRST_FINISHED_FIRST)

moments = st.none() | st.integers(-3, 3).map(lambda step: NOON + timedelta(milliseconds=step / 2))
any_moments = st.none() | st.datetimes(timezones=st.just(timezone.utc))
tasks = st.builds(
    TaskInfo,
    id=st.text(max_size=4),
    created_at=moments | any_moments,
    finished_at=moments,
    state=st.sampled_from(["SUCCESS", "FAILURE"]),
)
lists = st.lists(tasks, max_size=30)
unique_lists = st.lists(tasks, max_size=30, unique_by=lambda task: task.id)
sizes = st.integers(1, 8)
sorts = st.sampled_from(SORTS)


EVERYTHING = TaskQuery()


def page(tasks, query=EVERYTHING, **options):
    return page_of(tasks, query, arguments=payload.arguments_text, **options)


def ids(page):
    return [task.id for task in page.tasks]


def forward(tasks, query, size):
    pages = [page(tasks, query, size=size)]
    while pages[-1].next:
        pages.append(page(tasks, query, cursor=pages[-1].next, size=size))
    return pages


def backward(tasks, query, size, last):
    pages = [last]
    while pages[-1].previous:
        pages.append(page(tasks, query, cursor=pages[-1].previous, size=size))
    return pages


def order(tasks, sort):
    return ids(page(tasks, TaskQuery(sort=sort), size=1000))


@given(unique_lists, sizes, sorts)
def test_paging_forward_shows_every_task_once_and_in_order(tasks, size, sort):
    pages = forward(tasks, TaskQuery(sort=sort), size)
    assert [id for page in pages for id in ids(page)] == order(tasks, sort)


@given(unique_lists, sizes, sorts)
def test_no_page_before_the_last_is_short(tasks, size, sort):
    pages = forward(tasks, TaskQuery(sort=sort), size)
    assert all(len(page.tasks) == size for page in pages[:-1])


@given(unique_lists, sizes, sorts)
def test_paging_back_shows_the_same_pages(tasks, size, sort):
    there = forward(tasks, TaskQuery(sort=sort), size)
    back = backward(tasks, TaskQuery(sort=sort), size, there[-1])
    assert [ids(page) for page in back] == [ids(page) for page in there[::-1]]


@given(lists, sizes, sorts)
def test_a_task_that_a_source_gives_twice_is_listed_once(tasks, size, sort):
    shown = [id for page in forward(tasks, TaskQuery(sort=sort), size) for id in ids(page)]
    assert sorted(shown) == sorted({task.id for task in tasks})


@given(unique_lists, sizes, sorts, st.data())
def test_a_page_goes_on_where_the_one_before_ended_although_tasks_came_and_went(tasks, size, sort, data):
    first = page(tasks, TaskQuery(sort=sort), size=size)
    later = data.draw(st.lists(st.sampled_from(tasks), unique_by=lambda task: task.id)) if tasks else []
    after = order(tasks, sort)[size:]
    if first.next:
        following = page(later, TaskQuery(sort=sort), cursor=first.next, size=1000)
        assert ids(following) == [id for id in after if id in {task.id for task in later}]


def hourly(ids):
    return [TaskInfo(id, created_at=NOON - timedelta(hours=hour)) for hour, id in enumerate(ids)]


def test_a_page_whose_tasks_are_gone_leads_back_to_the_last_ones():
    cursor = page(hourly("abcd"), size=3).next
    gone = page(hourly("abc"), cursor=cursor, size=2)
    assert ids(page(hourly("abc"), cursor=gone.previous, size=2)) == ["b", "c"]


def test_a_page_whose_tasks_are_gone_is_empty_and_says_so():
    gone = page(hourly("a"), cursor=page(hourly("ab"), size=1).next)
    assert (gone.tasks, gone.next) == ((), None)


def test_nothing_before_the_first_page_shows_the_first_page():
    one, two = hourly("ab")
    second = page([one, two], cursor=page([one, two], size=1).next)
    assert ids(page([two], cursor=second.previous)) == ["b"]


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_as_a_cursor_is_refused_or_gives_a_page(text):
    with suppress(BadCursor):
        page([TaskInfo("1", created_at=NOON)], cursor=text)


json_values = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.lists(json_values, min_size=1))
def test_any_key_in_a_cursor_is_refused_or_gives_a_page(key):
    with suppress(BadCursor):
        page([TaskInfo("1", created_at=NOON), TaskInfo("2")], cursor=Cursor(tuple(key)).encoded())


@given(st.lists(st.text() | st.integers(), min_size=1), st.booleans())
def test_a_cursor_is_read_as_it_was_written(key, before):
    cursor = Cursor(tuple(key), before)
    assert Cursor.decoded(cursor.encoded()) == cursor


@given(st.lists(st.text() | st.integers(), min_size=1))
def test_a_cursor_needs_no_escaping_in_a_url(key):
    assert set(Cursor(tuple(key)).encoded()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("sort", SORTS)
def test_an_unknown_time_comes_last_in_every_order(sort):
    known = TaskInfo("z", created_at=NOON, finished_at=NOON)
    assert order([TaskInfo("a"), known], sort) == ["z", "a"]


def test_tasks_of_one_moment_keep_one_order():
    tasks = [TaskInfo(id, created_at=NOON) for id in "cab"]
    assert order(tasks, NEWEST_FIRST) == order(tasks[::-1], NEWEST_FIRST)


def test_an_unknown_time_is_within_no_bound():
    assert ids(page([TaskInfo("1")], TaskQuery(since=NOON))) == []
    assert ids(page([TaskInfo("1")], TaskQuery(until=NOON))) == []


def test_a_whole_id_means_that_task_alone():
    tasks = [TaskInfo("1"), TaskInfo("12"), TaskInfo("x", name="1")]
    assert ids(page(tasks, TaskQuery(text="1"))) == ["1"]


def test_a_whole_id_is_shown_whatever_the_other_filters_say():
    tasks = [TaskInfo("1", state="SUCCESS"), TaskInfo("12", state="FAILURE")]
    assert ids(page(tasks, TaskQuery(text="1", states=("FAILURE",)))) == ["1"]


def test_a_whole_id_is_counted_alone():
    assert counts_of([TaskInfo("1"), TaskInfo("12")], TaskQuery(text="1"), arguments=str).all.number == 1


def test_the_letters_of_ids_and_names_have_no_case():
    assert ids(page([TaskInfo("ABC", name="Shop")], TaskQuery(text="aBc", name="SHOP"))) == ["ABC"]


@given(unique_lists)
def test_counts_sum_to_all(tasks):
    counts = counts_of(tasks, TaskQuery(states=("FAILURE",)), arguments=payload.arguments_text)
    assert sum(count.number for count in counts.states.values()) == counts.all.number == len(tasks)


def test_a_query_that_only_sorts_is_not_filtered():
    assert not TaskQuery(sort=OLDEST_FIRST, searches_arguments=True).is_filtered


@pytest.mark.parametrize(
    "query",
    [
        TaskQuery(text="x"),
        TaskQuery(states=("SUCCESS",)),
        TaskQuery(name="x"),
        TaskQuery(worker="x"),
        TaskQuery(queue="x"),
        TaskQuery(since=NOON),
        TaskQuery(until=NOON),
    ],
    ids=repr,
)
def test_a_query_that_narrows_is_filtered(query):
    assert replace(query, sort=OLDEST_FIRST).is_filtered
