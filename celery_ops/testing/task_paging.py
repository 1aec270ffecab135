"""What every task backend does with pages and orders."""

# ruff: noqa: S101 - asserting is what this module is for

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..backends.base import TaskBackend
from ..exceptions import BadCursor
from ..task_query import NEWEST_FIRST, TaskPage, TaskQuery
from .task_suite import TaskSuite, by_id, created, everything, following, forward, ids, page_ids, walk

#: What orders sort by that are not called by a time.
_ORDERED_BY = {"cpu": "cpu_seconds", "memory": "peak_memory"}


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class PagingSuite(TaskSuite):
    """Pages lose and repeat nothing, in every order, forward and back; no cursor is more than a cursor."""

    #: Cursors that no page gives out.
    bad_cursors: Sequence[str] = (
        "not a cursor",
        "%%%",
        "é",
        "\x00",
        "\ud800",
        "x" * 100_000,
        _encoded("null"),
        _encoded("[]"),
        _encoded("{}"),
        _encoded("[[]]"),
        _encoded("[2, 1]"),
        _encoded("[0, {}]"),
        _encoded("[" * 50_000),
    )
    #: Cursors that another list may have given out: a page or BadCursor, and nothing else.
    foreign_cursors: Sequence[str] = (
        "0",
        "-1",
        "1",
        "9" * 5_000,
        *(
            _encoded(text)
            for text in (
                "[0, 1]",
                "[0, -1]",
                "[1, 0]",
                "[0, true]",
                "[0, 1e999]",
                "[0, NaN]",
                "[0, 0.5]",
                '[0, "x"]',
                '[0, "\\u0000"]',
                '[0, "\\ud800"]',
                '[0, 1, "x"]',
                '[0, "x", 1]',
                '[0, 1e999, "x"]',
                '[1, NaN, "x"]',
                '[0, 1, "\\u0000"]',
                '[0, 1, "\\ud800"]',
                "[0, 1, 2, 3]",
                json.dumps([0, 10**4000]),
                json.dumps([0, 10**4000, "x"]),
                json.dumps([1, -(10**4000), "x"]),
            )
        ),
    )

    def test_an_empty_source_has_one_empty_page(self) -> None:
        backend = self.make_backend(())
        assert backend.page(everything(backend)) == TaskPage(())

    def test_one_page_holds_everything_when_it_is_large_enough(self) -> None:
        backend, tasks = self.planted()
        page = backend.page(everything(backend), size=100)
        assert (ids(page.tasks), page.next, page.previous) == (ids(tasks), None, None)

    def test_a_page_of_exactly_everything_has_none_after_it(self) -> None:
        backend, tasks = self.planted()
        assert backend.page(everything(backend), size=len(tasks)).next is None

    def test_a_page_has_as_many_tasks_as_were_asked_for(self) -> None:
        backend, _tasks = self.planted()
        assert len(backend.page(everything(backend), size=7).tasks) == 7

    def test_the_first_page_has_none_before_it(self) -> None:
        backend, _tasks = self.planted()
        assert backend.page(everything(backend), size=7).previous is None

    def test_paging_forward_loses_and_repeats_nothing(self) -> None:
        backend, tasks = self.planted()
        for sort in backend.sorts or (NEWEST_FIRST,):
            for size in (1, 7, 8, 23):
                walked = walk(backend, TaskQuery(sort=sort), size)
                assert (len(walked), set(walked)) == (len(tasks), ids(tasks)), (sort, size)

    def test_paging_back_shows_the_same_pages(self) -> None:
        backend, _tasks = self.planted()
        for sort in backend.sorts or (NEWEST_FIRST,):
            for size in (1, 7, 8, 23):
                query = TaskQuery(sort=sort)
                there = [page_ids(page) for page in forward(backend, query, size)]
                back = [page_ids(page) for page in _backward(backend, query, size)]
                assert back == there[::-1], (sort, size)

    def test_a_page_gone_back_to_leads_forward_again(self) -> None:
        backend, _tasks = self.planted()
        query = everything(backend)
        first = backend.page(query, size=5)
        second = backend.page(query, cursor=str(first.next), size=5)
        again = backend.page(query, cursor=str(second.previous), size=5)
        assert page_ids(backend.page(query, cursor=str(again.next), size=5)) == page_ids(second)

    def test_paging_keeps_the_filters(self) -> None:
        backend, tasks = self.planted()
        query = replace(everything(backend), states=(self.states[0],))
        walked = walk(backend, query, 3)
        assert sorted(walked) == sorted(task.id for task in tasks if task.state == self.states[0])

    def test_a_cursor_of_rubbish_is_refused(self) -> None:
        backend, _tasks = self.planted()
        for cursor in self.bad_cursors:
            assert _page_or_refusal(backend, cursor) is None, cursor[:80]

    def test_a_cursor_of_another_list_is_refused_or_gives_a_page(self) -> None:
        backend, _tasks = self.planted()
        for cursor in self.foreign_cursors:
            page = _page_or_refusal(backend, cursor)
            assert page is None or isinstance(page, TaskPage), cursor[:80]

    def test_the_newest_come_first(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_created and NEWEST_FIRST in backend.sorts:
            moments = [created(by_id(tasks)[id]) for id in walk(backend, TaskQuery())]
            assert moments == sorted(moments, reverse=True)

    def test_every_order_offered_is_kept(self) -> None:
        backend, tasks = self.planted()
        for sort in backend.sorts:
            name = _ORDERED_BY.get(sort.lstrip("-"), f"{sort.lstrip('-')}_at")
            values = [getattr(by_id(tasks)[id], name) for id in walk(backend, TaskQuery(sort=sort))]
            known_values = [value for value in values if value is not None]
            assert known_values == sorted(known_values, reverse=sort.startswith("-")), sort


def _backward(backend: TaskBackend, query: TaskQuery, size: int) -> Iterator[TaskPage]:
    *_, page = forward(backend, query, size)
    yield page
    yield from following(backend, query, size, page, "previous")


def _page_or_refusal(backend: TaskBackend, cursor: str) -> TaskPage | None:
    try:
        return backend.page(everything(backend), cursor=cursor)
    except BadCursor:
        return None
