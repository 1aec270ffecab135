"""From an annotation to the kind of value that it asks for."""

import collections
import collections.abc
import dataclasses
import sys
import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db.models import CompositePrimaryKey, Model

from .any_json import JsonKind
from .base import Kind, short
from .choices import EnumKind, FlagKind, LiteralKind
from .containers import DictKind, ManyKind, TupleKind
from .objects import DataclassKind, FieldsKind, ModelKind, PydanticKind, Sees, TypedDictKind, sees_all
from .optional import OptionalKind
from .simple import BoolKind, DecimalKind, FloatKind, IntKind, StrKind, UUIDKind
from .times import DateKind, DatetimeKind, TimedeltaKind, TimeKind

#: Annotations inside one another: an alias may hold itself.
DEEPEST: Final = 20
JSON: Final = JsonKind()
SIMPLE: Final[dict[Any, Kind]] = {
    str: StrKind(),
    int: IntKind(),
    float: FloatKind(),
    Decimal: DecimalKind(),
    bool: BoolKind(),
    date: DateKind(),
    datetime: DatetimeKind(),
    time: TimeKind(),
    timedelta: TimedeltaKind(),
    UUID: UUIDKind(),
}
_abc = collections.abc
MADE: Final[dict[Any, Any]] = {
    **dict.fromkeys((list, _abc.Sequence, _abc.MutableSequence, _abc.Iterable, _abc.Collection), list),
    **dict.fromkeys((set, _abc.Set, _abc.MutableSet), set),
    frozenset: frozenset,
    tuple: tuple,
}
MAPPINGS: Final = frozenset({dict, _abc.Mapping, _abc.MutableMapping, collections.OrderedDict, collections.defaultdict})


def kind_of(annotation: Any, sees: Sees = sees_all) -> Kind:
    """Return the kind of value that an annotation asks for: JSON for one that says nothing this page can check.

    ``sees`` says whether the person who gives a value may know of an object.
    """
    return _kind(annotation, sees, 0)


def _kind(annotation: Any, sees: Sees, depth: int) -> Kind:
    if depth > DEEPEST:
        return JSON
    inner = partial(_kind, sees=sees, depth=depth + 1)
    if aliased := _aliased(annotation):
        return inner(aliased[0])
    is_class = isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias)
    origin = annotation if is_class else typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, inner)
    if origin is typing.Literal:
        return _literal(arguments)
    if is_class and annotation in SIMPLE:
        return SIMPLE[annotation]
    if origin in MADE:
        return _many(MADE[origin], arguments, inner)
    if origin in MAPPINGS:
        return _mapping(arguments, inner)
    return _class(annotation, sees) if is_class else JSON


def _aliased(annotation: Any) -> tuple[Any, ...]:
    """Return what another name or ``Annotated`` stands for, in a tuple, or nothing."""
    if isinstance(annotation, typing.NewType):
        return (annotation.__supertype__,)
    if typing.get_origin(annotation) is typing.Annotated:
        return (annotation.__origin__,)
    alias = getattr(typing, "TypeAliasType", None)
    if alias is not None and isinstance(annotation, alias):
        try:
            return (annotation.__value__,)
        except Exception:  # evaluated only now
            return (Any,)
    return ()


def _union(arguments: tuple[Any, ...], inner: Any) -> Kind:
    others = [argument for argument in arguments if argument is not types.NoneType]
    if len(others) == len(arguments):
        return JSON
    return OptionalKind.of(inner(others[0]) if len(others) == 1 else JSON)


def _literal(values: tuple[Any, ...]) -> Kind:
    if not all(isinstance(value, (str, int, bool, Enum, types.NoneType)) for value in values):
        return JSON
    label = ", ".join(value.name if isinstance(value, Enum) else ascii(value) for value in values)
    return LiteralKind(short(f"Literal[{label}]"), values)


def _many(make: Any, arguments: tuple[Any, ...], inner: Any) -> Kind:
    name = make.__name__
    if make is not tuple:
        item = inner(arguments[0]) if arguments else JSON
        return ManyKind(short(f"{name}[{item.label}]") if arguments else name, item, make)
    if not arguments:
        return ManyKind(name, JSON, tuple)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        item = inner(arguments[0])
        return ManyKind(short(f"{name}[{item.label}, ...]"), item, tuple)
    items = tuple(inner(argument) for argument in arguments)
    return TupleKind(short(f"{name}[{', '.join(item.label for item in items)}]"), items)


def _mapping(arguments: tuple[Any, ...], inner: Any) -> Kind:
    if len(arguments) != 2:
        return DictKind("dict")
    key, item = map(inner, arguments)
    label = short(f"dict[{key.label}, {item.label}]")
    if isinstance(key, (JsonKind, StrKind)):
        return DictKind(label, None, item)
    is_hashable = not isinstance(key, (ManyKind, TupleKind, DictKind, FieldsKind, PydanticKind))
    return DictKind(label, key, item) if is_hashable else JSON


def _class(annotation: type, sees: Sees) -> Kind:
    if issubclass(annotation, Enum):
        kind = FlagKind if issubclass(annotation, Flag) else EnumKind
        return kind(annotation.__name__, annotation) if annotation.__members__ else JSON
    if issubclass(annotation, Model):
        return _model(annotation, sees)
    if _is_typed_dict(annotation):
        return TypedDictKind(annotation.__name__, annotation, partial(kind_of, sees=sees))
    if _is_pydantic(annotation):
        return PydanticKind(annotation.__name__, annotation)
    if dataclasses.is_dataclass(annotation):
        return DataclassKind(annotation.__name__, annotation, partial(kind_of, sees=sees))
    return JSON


def _model(model: type[Model], sees: Sees) -> Kind:
    if model._meta.abstract or model._meta.pk is None or isinstance(model._meta.pk, CompositePrimaryKey):
        return JSON
    return ModelKind(model.__name__, model, sees)


def _is_typed_dict(annotation: type) -> bool:
    """Whether it is one of the standard library's, or of the one that brings what later versions of that have."""
    others = getattr(sys.modules.get("typing_extensions"), "is_typeddict", typing.is_typeddict)
    return typing.is_typeddict(annotation) or others(annotation)


def _is_pydantic(annotation: type) -> bool:
    """Whether it is a pydantic model: then pydantic has been imported by whoever wrote it."""
    base = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    return base is not None and issubclass(annotation, base) and hasattr(annotation, "model_validate_json")
