"""What every task backend does."""

# ruff: noqa: S101 - asserting is what this module is for

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timezone
from typing import Any

from .. import states
from ..backends.base import TaskBackend
from ..exceptions import BadCursor
from ..info import TaskInfo
from ..payload import payload
from ..task_query import NEWEST_FIRST, TaskPage, TaskQuery
from .base import HOSTILE, BackendContract, planted_task

#: More pages than any list here has.
MOST_PAGES = 100
#: What orders sort by that are not called by a time.
_ORDERED_BY = {"cpu": "cpu_seconds", "memory": "peak_memory"}


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class TaskBackendContract(BackendContract):
    """The suite of task backends: implement ``make_backend``, and set ``states`` to what the source knows."""

    #: At least two states that the source can hold.
    states: Sequence[str] = (states.SUCCESS, states.FAILURE, states.STARTED)
    #: Ids that the source can hold, none of them ordinary.
    odd_ids: Sequence[str] = ("a/b", "a b", "é-😀", "100%", "a?b=c&d#e", "<b>x</b>", "'\"", "\\", "*", "[1]", "..", "0")
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

    def make_backend(self, tasks: Sequence[TaskInfo]) -> TaskBackend:
        """Return the backend over a source that holds exactly these tasks; they come oldest first."""
        raise NotImplementedError

    def tasks(self) -> list[TaskInfo]:
        """Return what is planted: 24 tasks of every state, worker, queue and name, two of them created at once."""
        return [planted_task(number, self.states[number % len(self.states)]) for number in range(24)]

    def planted(self) -> tuple[TaskBackend, list[TaskInfo]]:
        tasks = self.tasks()
        return self.make_backend(tasks), tasks

    # pages

    def test_an_empty_source_has_one_empty_page(self) -> None:
        backend = self.make_backend(())
        assert backend.page(_all(backend)) == TaskPage(())

    def test_one_page_holds_everything_when_it_is_large_enough(self) -> None:
        backend, tasks = self.planted()
        page = backend.page(_all(backend), size=100)
        assert (_ids(page.tasks), page.next, page.previous) == (_ids(tasks), None, None)

    def test_a_page_of_exactly_everything_has_none_after_it(self) -> None:
        backend, tasks = self.planted()
        assert backend.page(_all(backend), size=len(tasks)).next is None

    def test_a_page_has_as_many_tasks_as_were_asked_for(self) -> None:
        backend, _tasks = self.planted()
        assert len(backend.page(_all(backend), size=7).tasks) == 7

    def test_the_first_page_has_none_before_it(self) -> None:
        backend, _tasks = self.planted()
        assert backend.page(_all(backend), size=7).previous is None

    def test_paging_forward_loses_and_repeats_nothing(self) -> None:
        backend, tasks = self.planted()
        for sort in backend.sorts or (NEWEST_FIRST,):
            for size in (1, 7, 8, 23):
                ids = _walk(backend, TaskQuery(sort=sort), size)
                assert (len(ids), set(ids)) == (len(tasks), _ids(tasks)), (sort, size)

    def test_paging_back_shows_the_same_pages(self) -> None:
        backend, _tasks = self.planted()
        for sort in backend.sorts or (NEWEST_FIRST,):
            for size in (1, 7, 8, 23):
                query = TaskQuery(sort=sort)
                there = [_list(page) for page in _forward(backend, query, size)]
                back = [_list(page) for page in _backward(backend, query, size)]
                assert back == there[::-1], (sort, size)

    def test_a_page_gone_back_to_leads_forward_again(self) -> None:
        backend, _tasks = self.planted()
        query = _all(backend)
        first = backend.page(query, size=5)
        second = backend.page(query, cursor=str(first.next), size=5)
        again = backend.page(query, cursor=str(second.previous), size=5)
        assert _list(backend.page(query, cursor=str(again.next), size=5)) == _list(second)

    def test_paging_keeps_the_filters(self) -> None:
        backend, tasks = self.planted()
        query = replace(_all(backend), states=(self.states[0],))
        ids = _walk(backend, query, 3)
        assert sorted(ids) == sorted(task.id for task in tasks if task.state == self.states[0])

    def test_a_cursor_of_rubbish_is_refused(self) -> None:
        backend, _tasks = self.planted()
        for cursor in self.bad_cursors:
            assert _page_or_refusal(backend, cursor) is None, cursor[:80]

    def test_a_cursor_of_another_list_is_refused_or_gives_a_page(self) -> None:
        backend, _tasks = self.planted()
        for cursor in self.foreign_cursors:
            page = _page_or_refusal(backend, cursor)
            assert page is None or isinstance(page, TaskPage), cursor[:80]

    # order

    def test_the_newest_come_first(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_created and NEWEST_FIRST in backend.sorts:
            moments = [_created(_by_id(tasks)[id]) for id in _walk(backend, TaskQuery())]
            assert moments == sorted(moments, reverse=True)

    def test_every_order_offered_is_kept(self) -> None:
        backend, tasks = self.planted()
        for sort in backend.sorts:
            name = _ORDERED_BY.get(sort.lstrip("-"), f"{sort.lstrip('-')}_at")
            values = [getattr(_by_id(tasks)[id], name) for id in _walk(backend, TaskQuery(sort=sort))]
            known_values = [value for value in values if value is not None]
            assert known_values == sorted(known_values, reverse=sort.startswith("-")), sort

    # filters

    def test_a_state_finds_its_tasks(self) -> None:
        backend, tasks = self.planted()
        for state in self.states:
            assert _ids_of(backend, states=(state,)) == _ids(task for task in tasks if task.state == state)

    def test_two_states_find_the_tasks_of_both(self) -> None:
        self._finds(lambda task: task.state in self.states[:2], states=tuple(self.states[:2]))

    def test_a_state_that_no_task_has_finds_nothing(self) -> None:
        self._finds(lambda task: False, states=("NO SUCH STATE",))

    def test_a_part_of_a_name_finds_its_tasks(self) -> None:
        self._finds(lambda task: "tasks.charge" in task.name, name="tasks.charge")

    def test_a_name_is_found_without_regard_to_case(self) -> None:
        self._finds(lambda task: "tasks.charge" in task.name, name="TASKS.CHARGE")

    def test_a_sign_in_a_name_is_a_letter_like_any_other(self) -> None:
        backend, tasks = self.planted()
        assert _ids_of(backend, name="charge_card") == _ids(task for task in tasks if "charge_card" in task.name)
        for name in ("shop_tasks", "charge%card", "%", ".*", "charge?card"):
            assert _ids_of(backend, name=name) == set(), name

    def test_a_worker_is_found_by_its_whole_name(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_worker:
            assert _ids_of(backend, worker="w1@host") == _ids(task for task in tasks if task.worker == "w1@host")
            assert _ids_of(backend, worker="w1") == set()

    def test_a_queue_is_found_by_its_whole_name(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_queue:
            assert _ids_of(backend, queue="mail") == _ids(task for task in tasks if task.queue == "mail")
            assert _ids_of(backend, queue="mai") == set()

    def test_only_the_tasks_among_which_it_asks_are_found(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_started_by:
            assert _ids_of(backend, among=(tasks[0].id, tasks[3].id, "nobody")) == {tasks[0].id, tasks[3].id}
            assert _ids_of(backend, among=()) == set()

    def test_since_includes_its_moment(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_created:
            moment = _created(tasks[9])
            assert _ids_of(backend, since=moment) == _ids(task for task in tasks if _created(task) >= moment)

    def test_until_includes_its_moment(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_created:
            moment = _created(tasks[9])
            assert _ids_of(backend, until=moment) == _ids(task for task in tasks if _created(task) <= moment)

    def test_filters_narrow_each_other(self) -> None:
        state = self.states[0]
        self._finds(lambda task: task.state == state and "charge" in task.name, states=(state,), name="charge")

    def test_a_whole_id_finds_that_task_alone(self) -> None:
        backend, tasks = self.planted()
        for task in tasks:
            assert _walk(backend, replace(_all(backend), text=task.id)) == [task.id]

    def test_a_whole_id_finds_its_task_whatever_the_other_filters_say(self) -> None:
        backend, tasks = self.planted()
        query = replace(_all(backend), text=tasks[0].id, name="nowhere at all", states=(states.IGNORED,))
        assert _walk(backend, query) == [tasks[0].id]

    def test_a_whole_id_is_found_although_it_is_a_part_of_another(self) -> None:
        older, newer = self.tasks()[:2]
        newer = replace(newer, id=older.id + "-1")
        backend = self.make_backend([older, newer])
        assert _walk(backend, replace(_all(backend), text=older.id)) == [older.id]

    def test_a_part_of_an_id_finds_its_task(self) -> None:
        backend, tasks = self.planted()
        for part in (slice(8), slice(9, 23), slice(24, None)):
            wanted = tasks[3].id[part]
            assert _ids_of(backend, text=wanted) == _ids(task for task in tasks if wanted in task.id), wanted

    def test_a_part_of_a_name_is_found_as_text(self) -> None:
        self._finds(lambda task: "charge" in task.name, text="Charge")

    def test_text_that_is_nowhere_finds_nothing(self) -> None:
        self._finds(lambda task: False, text="nowhere at all")

    def test_arguments_are_searched_when_asked(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_arguments:
            wanted = _ids(task for task in tasks if "Lovelace" in str(task.kwargs))
            assert _ids_of(backend, text="lovelace", searches_arguments=True) == wanted

    def test_arguments_are_not_searched_unless_asked(self) -> None:
        self._finds(lambda task: False, text="lovelace")

    def test_what_the_page_hides_of_arguments_is_not_found_either(self) -> None:
        self._finds(lambda task: False, text="xyzzy-secret", searches_arguments=True)

    def test_only_the_payload_that_is_shown_is_searched(self) -> None:
        backend, tasks = self.planted()
        if not (backend.supports_arguments and backend.asks_for_each_name):
            return
        shown = tasks[0].name
        wanted = _ids(task for task in tasks if task.name == shown and "Lovelace" in str(task.kwargs))
        filters = {"searches_arguments": True, "shows_payload": lambda name: name == shown}
        assert _ids_of(backend, text="lovelace", **filters) == wanted

    def test_what_the_text_means_beside_is_found(self) -> None:
        backend, tasks = self.planted()
        if not backend.asks_for_each_name:
            return
        names, ids = (tasks[0].name,), (tasks[1].id, tasks[5].id)
        wanted = _ids(task for task in tasks if task.name in names or task.id in ids)
        assert _ids_of(backend, text="nowhere at all", names=names, ids=ids) == wanted

    def test_hostile_filters_are_only_filters(self) -> None:
        backend, _tasks = self.planted()
        for text in HOSTILE:
            for field in ("text", "name", "worker", "queue"):
                filters: dict[str, Any] = {field: text}
                query = replace(_all(backend), **filters, searches_arguments=True)
                assert isinstance(backend.page(query), TaskPage), (field, text[:80])
                backend.counts(query)
            assert backend.page(replace(_all(backend), states=(text,))).tasks == (), text[:80]

    def test_any_dates_are_only_dates(self) -> None:
        backend, _tasks = self.planted()
        for moment in (datetime.min, datetime.max):
            aware = moment.replace(tzinfo=timezone.utc)
            assert isinstance(backend.page(replace(_all(backend), since=aware, until=aware)), TaskPage)

    # counts, iterating

    def test_counts_are_of_each_state_and_of_all(self) -> None:
        self._counts(lambda task: True)

    def test_counts_respect_the_other_filters(self) -> None:
        self._counts(lambda task: "charge" in task.name, name="charge")

    def test_counts_leave_the_states_asked_for_aside(self) -> None:
        self._counts(lambda task: True, states=(self.states[0],))

    def test_iterating_yields_every_task_in_the_order_of_the_pages(self) -> None:
        backend, _tasks = self.planted()
        query = _all(backend)
        assert [task.id for task in backend.iterate(query)] == _walk(backend, query)

    def test_iterating_keeps_the_filters(self) -> None:
        backend, tasks = self.planted()
        iterated = backend.iterate(replace(_all(backend), name="charge"))
        assert {task.id for task in iterated} == {task.id for task in tasks if "charge" in task.name}

    # one task

    def test_a_task_is_found_by_its_id(self) -> None:
        backend, tasks = self.planted()
        task = backend.get(tasks[3].id)
        assert task is not None
        assert _id_name_state(task) == _id_name_state(tasks[3])

    def test_a_task_of_an_odd_id_is_found_and_no_other(self) -> None:
        tasks = [replace(task, id=id) for task, id in zip(self.tasks(), self.odd_ids, strict=False)]
        backend = self.make_backend(tasks)
        for task in tasks:
            answer = backend.get(task.id)
            assert answer is not None, task.id
            assert _id_name_state(answer) == _id_name_state(task)

    def test_an_unknown_task_is_none(self) -> None:
        backend, tasks = self.planted()
        for id in ("", tasks[0].id[:8], tasks[0].id + "x", *HOSTILE):
            assert backend.get(id) is None, id[:80]

    def test_many_tasks_are_found_by_their_ids(self) -> None:
        backend, tasks = self.planted()
        by_id = backend.get_many([*(task.id for task in tasks[:3]), "no-such-task", *HOSTILE])
        assert {id: task.state for id, task in by_id.items()} == {task.id: task.state for task in tasks[:3]}

    def test_none_are_found_when_none_are_asked_for(self) -> None:
        backend, _tasks = self.planted()
        assert backend.get_many([]) == {}

    def test_what_the_source_holds_is_read_as_it_was_written(self) -> None:
        backend, tasks = self.planted()
        listed = _by_id(backend.page(_all(backend), size=100).tasks)
        for name, supported in _fields(backend):
            for task in tasks:
                wanted = getattr(task, name) if supported else None
                for answer in (listed[task.id], backend.get(task.id)):
                    assert getattr(answer, name) == wanted, (name, supported, task.state)

    def test_arguments_are_known_where_they_are_searched(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_arguments:
            task = backend.get(tasks[0].id)
            assert task is not None
            assert "Lovelace" in payload.arguments_text(task)

    def test_what_it_hands_out_cannot_be_changed(self) -> None:
        backend, _tasks = self.planted()
        task = backend.page(_all(backend)).tasks[0]
        try:
            task.name = "changed"  # type: ignore[misc]  # that it cannot be is the point
        except FrozenInstanceError:
            return
        raise AssertionError("a task is not frozen")

    def _finds(self, condition: Callable[[TaskInfo], bool], **filters: Any) -> None:
        """The filters find the planted tasks for which ``condition`` holds, and no others."""
        backend, tasks = self.planted()
        assert _ids_of(backend, **filters) == _ids(task for task in tasks if condition(task))

    def _counts(self, condition: Callable[[TaskInfo], bool], **filters: Any) -> None:
        backend, tasks = self.planted()
        counts = backend.counts(replace(_all(backend), **filters))
        if counts is None:
            return
        wanted = [task.state for task in tasks if condition(task)]
        numbers = {state: count.number for state, count in counts.states.items() if count.number}
        assert numbers == {state: wanted.count(state) for state in set(wanted)}
        assert (counts.all.number, counts.all.capped) == (len(wanted), False)


def _all(backend: TaskBackend) -> TaskQuery:
    """Everything, in the order that the backend's list begins with."""
    return TaskQuery(sort=backend.sorts[0]) if backend.sorts else TaskQuery()


def _forward(backend: TaskBackend, query: TaskQuery, size: int) -> Iterator[TaskPage]:
    page = backend.page(query, size=size)
    yield page
    yield from _following(backend, query, size, page, "next")


def _backward(backend: TaskBackend, query: TaskQuery, size: int) -> Iterator[TaskPage]:
    *_, page = _forward(backend, query, size)
    yield page
    yield from _following(backend, query, size, page, "previous")


def _following(backend: TaskBackend, query: TaskQuery, size: int, page: TaskPage, cursor: str) -> Iterator[TaskPage]:
    """Yield the pages after this one, by their ``next`` or their ``previous``."""
    for _ in range(MOST_PAGES):
        if getattr(page, cursor) is None:
            return
        page = backend.page(query, cursor=getattr(page, cursor), size=size)
        assert page.tasks, f"a page that another one promised by its {cursor} is empty"
        yield page
    raise AssertionError(f"paging by {cursor} does not end")


def _walk(backend: TaskBackend, query: TaskQuery, size: int = 10) -> list[str]:
    ids: list[str] = []
    for page in _forward(backend, query, size):
        ids += _list(page)
    return ids


def _ids_of(backend: TaskBackend, **filters: Any) -> set[str]:
    return set(_walk(backend, replace(_all(backend), **filters)))


def _id_name_state(task: TaskInfo) -> tuple[str, str, str]:
    return task.id, task.name, task.state


def _page_or_refusal(backend: TaskBackend, cursor: str) -> TaskPage | None:
    try:
        return backend.page(_all(backend), cursor=cursor)
    except BadCursor:
        return None


def _fields(backend: TaskBackend) -> tuple[tuple[str, bool], ...]:
    return (
        ("worker", backend.supports_worker),
        ("queue", backend.supports_queue),
        ("created_at", backend.supports_created),
        ("started_at", backend.supports_started),
        ("finished_at", backend.supports_finished),
    )


def _list(page: TaskPage) -> list[str]:
    return [task.id for task in page.tasks]


def _ids(tasks: Iterable[TaskInfo]) -> set[str]:
    return {task.id for task in tasks}


def _by_id(tasks: Iterable[TaskInfo]) -> dict[str, TaskInfo]:
    return {task.id: task for task in tasks}


def _created(task: TaskInfo) -> datetime:
    assert task.created_at is not None
    return task.created_at
