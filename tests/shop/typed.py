"""A task for each annotation: it returns the name of the type and the repr of what it received."""

import contextlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from typing import Annotated, Any, List, Literal, NewType, Optional, TypedDict, Union  # noqa: UP035 - old ones too
from uuid import UUID

from celery import shared_task

from celery_ops.tracking.signatures import Sensitive

from .models import Item, Order, Page, Seat

PREFIX = "tests.shop.typed."


class Colour(Enum):
    RED = "red"
    BLUE = "blue"
    DEEP = (0, 0, 9)


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Parcel:
    """One thing to send."""

    weight: Decimal
    due: date | None = None
    colour: Colour = Colour.RED
    parts: "list[Parcel]" = field(default_factory=list)

    def __post_init__(self):
        if self.weight < 0:
            raise ValueError("the weight is below 0")


class Right(Flag):
    READ = 1
    WRITE = 2
    ADMIN = 4
    ALL = 7


class Titled(TypedDict):
    name: str


class Movie(Titled, total=False):
    year: int
    seen: "list[date]"
    sequels: "list[Movie]"


Number = NewType("Number", int)

#: Annotation by the name of the task that has one parameter of it, ``value``.
ANNOTATIONS = {
    "text": str,
    "whole": int,
    "broken": float,
    "exact": Decimal,
    "yes": bool,
    "day": date,
    "moment": datetime,
    "clock": time,
    "length": timedelta,
    "uuid": UUID,
    "colour": Colour,
    "level": Level,
    "right": Right,
    "maybe_right": Right | None,
    "literal": Literal["a", 1, True],
    "numbers": list[int],
    "days": list[date],
    "old_list": List[float],  # noqa: UP006 - as old code has it
    "bare_list": list,
    "sequence": Sequence[Decimal],
    "pair": tuple[int, str],
    "run": tuple[time, ...],
    "words": set[str],
    "frozen": frozenset[int],
    "counts": dict[str, int],
    "by_day": dict[date, Decimal],
    "bare_dict": dict,
    "mapping": Mapping[str, date],
    "maybe": Optional[int],  # noqa: UP045 - as old code has it
    "maybe_text": str | None,
    "either": Union[int, str],  # noqa: UP007 - as old code has it
    "secret": Annotated[str, Sensitive()],
    "noted": Annotated[int, ["no hash"]],
    "order": Order,
    "item": Item,
    "page": Page | None,
    "orders": list[Order],
    "seat": Seat,
    "parcel": Parcel,
    "parcels": list[Parcel],
    "movie": Movie,
    "number": Number,
    "anything": Any,
    "by_name": "list[Colour] | None",
    "nowhere": "NoSuchName",
}

with contextlib.suppress(ImportError):  # a site may have pydantic
    from pydantic import BaseModel

    class Invoice(BaseModel):
        number: int
        due: date

    ANNOTATIONS["invoice"] = Invoice


def received(value):
    return [type(value).__name__, repr(value)]


def _task(name, annotation):
    def run(value):
        return received(value)

    run.__annotations__["value"] = annotation
    return shared_task(name=PREFIX + name)(run)


for _name, _annotation in ANNOTATIONS.items():
    _task(_name, _annotation)


def _everything(**values):
    return {name: received(value) for name, value in values.items()}


_everything.__signature__ = inspect.Signature(
    [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=each) for name, each in ANNOTATIONS.items()]
)
everything = shared_task(name=PREFIX + "everything")(_everything)


@shared_task
def untold(value):
    return received(value)


@shared_task
def defaults(text="x", number: int = 3, flag: bool = True, colour: Colour = Colour.BLUE, nothing: int = None):  # noqa: RUF013 - as people write it
    return received([text, number, flag, colour, nothing])


@shared_task(bind=True)
def every_form(self, first: int, /, second: date, *rest, named: bool = False, task: int = 0, **others):
    return received([first, second, rest, named, task, others])


@shared_task
def secrets(card: Annotated[str, Sensitive()], pin: Annotated[int, Sensitive()] = 1234, note: str = ""):
    return received(note)


@shared_task(serializer="pickle")
def pickled(value: Parcel):
    return received(value)


@shared_task
def dated(day: date, amounts: list[Decimal] = ()):
    return received(day)
