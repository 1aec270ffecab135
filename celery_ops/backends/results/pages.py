"""Pages over two lists, one behind the other: the tasks that wait, and the rows. Each goes on from a key of its own."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final, Protocol

from ...exceptions import BadCursor
from ...info import TaskInfo
from ...task_query import END, NEWEST_FIRST, Cursor, TaskPage, TaskQuery, key_of

#: What the key of a task that waits begins with: a row's has numbers alone.
MARK: Final = "w"

Key = tuple[Any, ...]
Item = tuple[Key, TaskInfo]


class Segment(Protocol):
    """Items in an order."""

    @property
    def end(self) -> Key:
        """The key after every other."""

    def after(self, key: Key | None, number: int) -> list[Item]:
        """Return the first items after a key, or from the beginning on."""

    def before(self, key: Key | None, number: int) -> list[Item]:
        """Return the last items before a key, or before the end, in the same order."""

    def has(self, key: Key) -> bool:
        """Return whether a key is one of this segment's. Raises BadCursor for what is no key at all."""


class WaitingRows:
    """The tasks that wait, in the order of a query."""

    end: Key = (MARK, *END)

    def __init__(self, tasks: Sequence[TaskInfo], sort: str) -> None:
        key = key_of(sort if sort.lstrip("-") == NEWEST_FIRST.lstrip("-") else NEWEST_FIRST)
        self.items: list[Item] = sorted(((MARK, *key(task)), task) for task in tasks)
        self.keys = [key for key, _task in self.items]

    def after(self, key: Key | None, number: int) -> list[Item]:
        begin = 0 if key is None else bisect_right(self.keys, key)
        return self.items[begin : begin + number]

    def before(self, key: Key | None, number: int) -> list[Item]:
        end = len(self.keys) if key is None else bisect_left(self.keys, key)
        return self.items[max(0, end - number) : end]

    @staticmethod
    def has(key: Key) -> bool:
        if key[0] != MARK:
            return False
        if len(key) != 3 or not isinstance(key[1], (int, float)) or not isinstance(key[2], str):
            raise BadCursor("not a cursor of this list")
        return True


def page_of(query: TaskQuery, waiting: WaitingRows, rows: Segment, place: Cursor | None, size: int) -> TaskPage:
    """Return the page at a place: the newest first, tasks that wait come before the rows, and else after them."""
    segments = (waiting, rows) if query.sort == NEWEST_FIRST else (rows, waiting)
    if place is not None and place.before:
        items = _before(segments, place.key, size + 1)
        if len(items) >= size:
            return _page(items[-size:], segments, has_next=True, has_previous=len(items) > size)
        place = None  # the beginning is nearer than a page
    items = _after(segments, place.key if place else None, size + 1)
    return _page(items[:size], segments, has_next=len(items) > size, has_previous=place is not None)


def _after(segments: tuple[Segment, Segment], key: Key | None, number: int) -> list[Item]:
    first, second = segments
    if key is not None and second.has(key):
        return second.after(key, number)
    items = first.after(key, number)
    return items + second.after(None, number - len(items)) if len(items) < number else items


def _before(segments: tuple[Segment, Segment], key: Key, number: int) -> list[Item]:
    first, second = segments
    if not second.has(key):
        return first.before(key, number)
    items = second.before(key, number)
    return first.before(None, number - len(items)) + items if len(items) < number else items


def _page(items: list[Item], segments: tuple[Segment, Segment], *, has_next: bool, has_previous: bool) -> TaskPage:
    first = items[0][0] if items else segments[1].end
    return TaskPage(
        tuple(task for _key, task in items),
        next=Cursor(items[-1][0]).encoded() if has_next and items else None,
        previous=Cursor(first, before=True).encoded() if has_previous else None,
    )
