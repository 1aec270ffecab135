"""What redaction hides in arguments: the texts that results, messages and other arguments may repeat."""

from collections.abc import Collection, Iterator, Sequence
from enum import Enum
from itertools import chain, islice
from types import NoneType
from typing import Any, Final

from .budget import Budget
from .commands import places
from .describing import described
from .fitting import MAX_BYTES, ROOM, texts_of
from .keys import NAME
from .named_values import PAIR, SECOND, VALUE_NAMES, is_hidden_name, names_hidden
from .repeats import Secrets
from .site import site
from .text import OVERSCAN, REDACTED, scrub, secret_at, spans_of
from .walk import BREADTH, FAILED, HARMLESS, SEQUENCES, Name, Walk, first_items

#: Values that are looked at.
NODES: Final = 2000
#: What a list or a dict counts, beside what is in it.
CONTAINER_NODES: Final = 3
CONTAINERS: Final = (dict, *SEQUENCES)
#: Of these only a name tells that they are hidden.
ATOMS: Final = frozenset((int, float, bool, NoneType))


def hidden_texts(
    args: Any, kwargs: Any, parameters: Sequence[Name], sensitive: Collection[str], budget: Budget | None = None
) -> Iterator[str]:
    """Yield the texts inside what capturing these arguments hides, shallow ones first."""
    walk = Walk.in_mode("redacted", sensitive=sensitive, budget=budget)
    search = _Search(walk)
    for name, value in (*_arguments(args, parameters), *_arguments(kwargs)):
        names = name if isinstance(name, tuple) else (name,)
        is_hidden = any(map(walk.is_hidden, names))
        if walk.redactor is not None:
            walk.room = ROOM
            shown = walk.argument(value, name)
            is_hidden = is_hidden or shown == FAILED or (type(value) in (str, int) and shown != value)
        search.add(value, is_hidden)
    return chain(walk.replaced, search.texts())


def _arguments(values: Any, parameters: Sequence[Name] = ()) -> Iterator[tuple[Name, Any]]:
    kind = type(values)
    if issubclass(kind, dict):
        return ((_name(key), item) for key, item in islice(dict.items(values), NAME))
    if not issubclass(kind, SEQUENCES):
        return iter(())
    items = first_items(values, NAME)[0]
    names = parameters or getattr(kind, "_fields", ())
    return ((names[position] if position < len(names) else "", item) for position, item in enumerate(items))


class _Search:
    """Goes through values level by level; ``texts`` yields what is hidden in them."""

    def __init__(self, walk: Walk) -> None:
        self._rules, self._budget = walk.rules or site()[0], walk.budget
        self._passed = ATOMS | {str} if walk.budget.is_spent else ATOMS
        self._queue: list[tuple[Any, bool]] = []
        self._left = NODES

    def add(self, value: Any, is_hidden: bool) -> None:
        self._queue.append((value, is_hidden))

    def texts(self) -> Iterator[str]:
        for value, is_hidden in self._queue:  # which grows meanwhile
            kind = type(value)
            if issubclass(kind, CONTAINERS):
                if self._left > 0 and not (kind in (list, dict) and not value):
                    self._queue += self._children(value, kind, is_hidden)
            elif is_hidden:
                if value is not None and kind is not bool:
                    yield _raw(value, kind)
            elif issubclass(kind, str) and not self._budget.is_spent:
                yield from self._parts(str.__getitem__(value, slice(OVERSCAN)))

    def _children(self, value: Any, kind: type, is_hidden: bool) -> list[tuple[Any, bool]]:
        if issubclass(kind, dict):
            return self._values(value, is_hidden)
        items, size = first_items(value, NAME)
        self._left -= CONTAINER_NODES + len(items)
        if is_hidden:
            return [(item, True) for item in items]
        hidden = self._hidden_places(items, size, kind)
        if not hidden:
            return [(item, False) for item in items if type(item) not in self._passed]
        return [(item, position in hidden) for position, item in enumerate(items)]

    def _values(self, value: dict[Any, Any], is_hidden: bool) -> list[tuple[Any, bool]]:
        self._left -= CONTAINER_NODES + min(dict.__len__(value), NAME)
        hides, values = self._rules.hides, []
        hides_value = names_hidden(value, self._rules)
        for key, item in islice(dict.items(value), NAME):
            is_named = is_hidden or hides(key if type(key) is str and len(key) <= NAME else _name(key))
            is_named = is_named or (hides_value and type(key) is str and key in VALUE_NAMES)
            if is_named or type(item) not in self._passed:
                values.append((item, is_named))
        return values

    def _hidden_places(self, items: Sequence[Any], size: int, kind: type) -> Collection[int]:
        hidden: frozenset[int] = frozenset()
        if issubclass(kind, (list, tuple)):
            is_pair = size == PAIR and is_hidden_name(items[0], self._rules)
            hidden = SECOND if is_pair else places(items[:BREADTH], self._rules)
        if kind is list or kind is tuple:
            return hidden
        names = getattr(kind, "_fields", ())
        return hidden.union(position for position, name in enumerate(names) if self._rules.hides(name))

    def _parts(self, text: str) -> Iterator[str]:
        if self._budget.read(len(text)):
            for start, end in spans_of(text, self._rules, (), budget=self._budget):
                yield secret_at(text, start, end)


def without(plain: Any, secrets: Secrets, budget: Budget) -> Any:
    """Return what a walk has made without secrets that it hid elsewhere; no text may have been cut."""
    text = "\n".join(texts_of(plain))
    if budget.read(len(text) * secrets.readings) and not secrets.have_number and not secrets.are_in(text):
        return plain
    return _without(plain, secrets, budget)


def _without(plain: Any, secrets: Secrets, budget: Budget) -> Any:
    kind = type(plain)
    if kind is str:
        is_clean = not budget.is_spent and not secrets.are_in(plain)
        return plain if is_clean else scrub(plain, MAX_BYTES, None, secrets, budget=budget)[0]
    if kind is list:
        return [_without(item, secrets, budget) for item in plain]
    if kind is dict:
        return {_without(name, secrets, budget): _without(item, secrets, budget) for name, item in plain.items()}
    is_number = kind is int or kind is float
    return REDACTED if is_number and secrets.have_number and str(plain) in secrets.whole else plain


def _name(key: Any) -> str:
    is_plain = type(key) is int and -HARMLESS < key < HARMLESS
    return str(key) if is_plain else Walk(None).key(key)[0]


def _raw(value: Any, kind: type) -> str:
    if issubclass(kind, str):
        return str.__getitem__(value, slice(None))
    if issubclass(kind, bytes):
        return bytes.decode(value, errors="backslashreplace")
    if issubclass(kind, Enum):
        return _raw(value._value_, type(value._value_))
    return str(value) if kind in (int, float) else described(value, kind, Walk(None).model_key)
