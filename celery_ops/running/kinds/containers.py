"""Lists, tuples, sets and dicts of other kinds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .any_json import JsonKind, WrittenKind
from .base import Kind, of_type, typed_text
from .limits import load, named


@dataclass(frozen=True, slots=True)
class ManyKind(WrittenKind):
    """Values of one kind, typed as JSON, a line each or with commas between them. ``make`` is list, tuple or a set."""

    item: Kind = field(default_factory=JsonKind)
    make: type[Any] = list

    rows = 3
    words = gettext_lazy("a list, by commas, by lines or as JSON")

    def parse(self, text: str) -> Any:
        text = typed_text(text)
        if text.startswith("["):
            return self.read(load(text))
        return self._made(self._typed, _parts(text))

    def read(self, value: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError(_("Give a JSON list, such as [1, 2]."))
        return self._made(self.item.read, value)

    def plain(self, value: Any) -> list[Any]:
        return [self.item.plain(item) for item in in_order(of_type(value, self.make))]

    def _typed(self, text: str) -> Any:
        return _guessed(text) if type(self.item) is JsonKind else self.item.parse(text)

    def _made(self, read: Callable[[Any], Any], values: list[Any]) -> Any:
        items = [_at(place, read, value) for place, value in enumerate(values, 1)]
        try:
            return self.make(items)
        except TypeError:  # a list or a dict has no hash
            raise ValueError(_("A set has no lists and no objects in it.")) from None


@dataclass(frozen=True, slots=True)
class TupleKind(WrittenKind):
    """A tuple of so many values, each of its own kind."""

    items: tuple[Kind, ...] = ()

    rows = 2

    @property
    def words(self) -> str:
        number = len(self.items)
        text = ngettext("%(n)s value, or as JSON", "%(n)s values, by commas, by lines or as JSON", number)
        return text % {"n": number}

    def parse(self, text: str) -> tuple[Any, ...]:
        text = typed_text(text)
        if text.startswith("["):
            return self.read(load(text))
        parts = _parts(text)
        self._count(parts)
        pairs = zip(self.items, parts, strict=True)
        return tuple(_at(place, kind.parse, part) for place, (kind, part) in enumerate(pairs, 1))

    def read(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(_("Give a JSON list, such as [1, 2]."))
        self._count(value)
        pairs = zip(self.items, value, strict=True)
        return tuple(_at(place, kind.read, item) for place, (kind, item) in enumerate(pairs, 1))

    def plain(self, value: Any) -> list[Any]:
        if not isinstance(value, tuple) or len(value) != len(self.items):
            raise ValueError(_("This value cannot be shown here."))
        return [kind.plain(item) for kind, item in zip(self.items, value, strict=True)]

    def _count(self, values: list[Any]) -> None:
        if len(values) != len(self.items):
            number = len(self.items)
            text = ngettext(
                "Enter %(n)s value; there are %(found)s.", "Enter %(n)s values; there are %(found)s.", number
            )
            raise ValueError(text % {"n": number, "found": len(values)})


@dataclass(frozen=True, slots=True)
class DictKind(WrittenKind):
    """A JSON object; its keys are text that ``key`` reads."""

    key: Kind | None = None
    item: Kind = field(default_factory=JsonKind)

    rows = 4
    words = gettext_lazy("a JSON object")

    def read(self, value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ValueError(_('Give a JSON object, such as {"a": 1}.'))
        items: dict[Any, Any] = {}
        for name, item in value.items():
            key = name if self.key is None else _at(named(name), self.key.parse, name)
            if key in items:
                raise ValueError(_("The key “%(key)s” is there twice.") % {"key": named(name)})
            items[key] = _at(named(name), self.item.read, item)
        return items

    def plain(self, value: Any) -> dict[str, Any]:
        items = of_type(value, dict).items()
        return {key if self.key is None else self.key.text(key): self.item.plain(item) for key, item in items}


def in_order(values: Iterable[Any]) -> list[Any]:
    """Return values as a list; those of a set in an order that is always the same."""
    if not isinstance(values, (set, frozenset)):
        return list(values)
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def _at(place: object, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(_("%(place)s: %(message)s") % {"place": place, "message": error}) from None


def _parts(text: str) -> list[str]:
    """Return the lines that are not blank, or what stands between commas where there is but one line."""
    if "\n" in text:
        return [line.strip() for line in text.splitlines() if line.strip()]
    return [part.strip() for part in text.split(",")] if text else []


def _guessed(text: str) -> Any:
    """What is JSON is that, all else text: for lists that do not say what is in them."""
    try:
        return load(text)
    except ValueError:
        return text
