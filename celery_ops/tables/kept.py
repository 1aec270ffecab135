"""HTML that was written before, by all that it shows: a list that is looked at again is mostly the same."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Final, Protocol

from django.utils.safestring import SafeString

#: Characters that a process keeps in all, keys included.
MOST_KEPT: Final = 4_000_000
#: What an entry and the parts of its key take beside their texts.
ENTRY: Final = 1000


class Keepable(Protocol):
    """What is written once for each ``key``: all that is shown and what it depends on, None where nobody can tell.

    That is also the ``reader`` of its words and times.

    ``is_whole`` is asked after it was written: whether it says all that the key does.
    """

    @property
    def key(self) -> tuple[Hashable, ...] | None: ...

    @property
    def is_whole(self) -> bool: ...


class Kept:
    """The HTML that a process keeps; what was not asked for longest goes first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._html: OrderedDict[Hashable, SafeString] = OrderedDict()
        self.size = 0

    def get(self, key: Hashable) -> SafeString | None:
        """Return what was kept under a key, None for one that cannot be looked up as well."""
        return self.get_each([key])[0]

    def get_each(self, keys: Iterable[Hashable]) -> list[SafeString | None]:
        """Return what was kept under each key."""
        with self._lock:
            return [self._get(key) for key in keys]

    def _get(self, key: Hashable) -> SafeString | None:
        try:
            html = self._html.get(key)
        except TypeError:  # a source may say of a task what is no key
            return None
        if html is not None:
            self._html.move_to_end(key)
        return html

    def keep(self, key: tuple[Hashable, ...], html: SafeString) -> None:
        with self._lock:
            try:
                is_new = key not in self._html
            except TypeError:
                return
            if is_new:
                self._html[key] = html
                self.size += _length(key, html)
            while self.size > self._most:
                self.size -= _length(*self._html.popitem(last=False))

    def forget(self) -> None:
        with self._lock:
            self._html.clear()
            self.size = 0


def _length(key: Hashable, html: str) -> int:
    return ENTRY + len(html) + _characters(key)


def _characters(key: Hashable) -> int:
    if isinstance(key, str):
        return len(key)
    return sum(map(_characters, key)) if isinstance(key, tuple) else 0


kept: Final = Kept()
