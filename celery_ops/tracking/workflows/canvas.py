"""The later steps that a message has with it, and what each of them is given: so that the whole can be sent once more.

They are kept as the arguments of one task are (``capture``): redacted, bounded, or not at all. Where one of them may
not be kept, none is, and the fact says why.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain as chained
from typing import Any, Final, NamedTuple

from .. import facts
from .steps import LONGEST_NAME

#: Bytes that are kept of all later steps of one message.
MOST_BYTES: Final = 64 * 1024

#: Why later steps are not kept: the arguments of one were redacted or cut, all are too many or too long, or one is
#: nothing that could be sent again, as Celery's own ``celery.map``.
CUT: Final = "cut"
LARGE: Final = "large"
ODD: Final = "odd"

CHAIN, GROUP, CHORD = "celery.chain", "celery.group", "celery.chord"
CANVASES: Final = {CHAIN: "c", GROUP: "g", CHORD: "h"}


class NotKept(Exception):
    """Later steps are not kept: ``why``, and the ``name`` of the step that is to blame, empty for none."""

    def __init__(self, why: str, name: str = "") -> None:
        super().__init__(why)
        self.why, self.name = why, name


@dataclass(frozen=True, slots=True)
class Step:
    """One later step, or a canvas of several.

    ``kind`` is empty for a task, whose ``name`` it has, else ``celery.chain``, ``celery.group`` or ``celery.chord``
    with its ``parts``; only a chord has a ``body``. ``arguments`` are as they are kept; before that, themselves.
    """

    kind: str = ""
    name: str = ""
    arguments: Any = None
    parts: tuple["Step", ...] = ()
    body: "Step | None" = None
    is_immutable: bool = False
    queue: str = ""
    priority: int | None = None
    links: tuple["Step", ...] = ()
    errbacks: tuple["Step", ...] = ()

    def walk(self) -> Iterator["Step"]:
        """Yield this step and all that is in it and called back by it."""
        yield self
        for step in chained(self.parts, (self.body,) if self.body else (), self.links, self.errbacks):
            yield from step.walk()


class Place(NamedTuple):
    """A place in a group: which, and the how many-th, None where Celery says none."""

    group_id: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the message of a task has with it: the rest of its chain, what is called back, and the place in a group that
    the last step of the chain has. ``bodies`` are those of the chord that it is in, of the chord which that body is in,
    and so on, each with its own place. ``queue`` and ``priority`` are the message's own, empty and None where it has
    gone where all go."""

    steps: tuple[Step, ...] = ()
    links: tuple[Step, ...] = ()
    errbacks: tuple[Step, ...] = ()
    place: Place | None = None
    bodies: tuple[tuple[Step, Place | None], ...] = ()
    queue: str = ""
    priority: int | None = None

    def walk(self) -> Iterator[Step]:
        for step in (*self.steps, *self.links, *self.errbacks, *(body for body, _place in self.bodies)):
            yield from step.walk()


def canvas_in(fact: str) -> Canvas:
    """Return what ``text_of`` wrote. Raises NotKept, and ValueError for what no process of ours has written."""
    try:
        kept = json.loads(fact)
        if "x" in kept:
            why, name = kept["x"]
            raise NotKept(str(why), str(name)[:LONGEST_NAME])
        return _Reading([str(name) for name in kept["n"]]).canvas(kept)
    except (TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError("not a canvas") from error


class _Reading:
    def __init__(self, names: list[str]) -> None:
        self.names = names

    def canvas(self, kept: Mapping[str, Any]) -> Canvas:
        bodies = tuple((self.step(body), _place_in(place)) for body, place in kept.get("b", ()))
        steps, links, errbacks = (self.steps(kept.get(key, ())) for key in "sle")
        place, queue = _place_in(kept.get("p")), str(kept.get("q", ""))
        return Canvas(steps, links, errbacks, place, bodies, queue, kept.get("r"))

    def steps(self, kept: Iterable[Any]) -> tuple[Step, ...]:
        return tuple(map(self.step, kept))

    def step(self, kept: list[Any]) -> Step:
        more = kept[-1] if isinstance(kept[-1], dict) else {}
        kind = next((kind for kind, short in CANVASES.items() if short == kept[0]), "")
        rest: dict[str, Any] = {
            "is_immutable": bool(more.get("i")),
            "queue": str(more.get("q", "")),
            "priority": more.get("p"),
            "links": self.steps(more.get("l", ())),
            "errbacks": self.steps(more.get("e", ())),
        }
        if kind:
            body = self.step(kept[2]) if kind == CHORD else None
            return Step(kind=kind, parts=self.steps(kept[1]), body=body, **rest)
        return Step(name=self.names[kept[0]], arguments=str(kept[1]), **rest)


def _place_in(kept: Any) -> Place | None:
    return Place(facts.long_id(kept[0]), kept[1]) if kept else None
