"""The later steps that a message has with it, and what each of them is given: so that the whole can be sent once more.

They are kept as the arguments of one task are (``capture``): redacted, bounded, or not at all. Where one of them may
not be kept, none is, and the fact says why.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain as chained
from typing import Any, Final, NamedTuple

from .. import redaction
from ..conf import conf
from . import capture, facts, given
from .facts import INEXACT
from .stamp import encode
from .steps import LONGEST_NAME
from .workflows import DEEPEST, LONGEST_ID, embedded, last_step, options_of

#: Bytes that are kept of all later steps of one message, and steps that are looked at: fewer fit.
MOST_BYTES: Final = 64 * 1024
MOST_STEPS: Final = 5000
#: Bytes that the text of a step has at least.
FEWEST_BYTES: Final = 10

#: Why later steps are not kept: the arguments of one were redacted or cut, all are too many or too long, or one is
#: nothing that could be sent again, as Celery's own ``celery.map``.
CUT: Final = "cut"
LARGE: Final = "large"
ODD: Final = "odd"

CHAIN, GROUP, CHORD = "celery.chain", "celery.group", "celery.chord"
CANVASES: Final = {CHAIN: "c", GROUP: "g", CHORD: "h"}
_CELERYS: Final = "celery."


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
    and so on, each with its own place."""

    steps: tuple[Step, ...] = ()
    links: tuple[Step, ...] = ()
    errbacks: tuple[Step, ...] = ()
    place: Place | None = None
    bodies: tuple[tuple[Step, Place | None], ...] = ()

    def walk(self) -> Iterator[Step]:
        for step in (*self.steps, *self.links, *self.errbacks, *(body for body, _place in self.bodies)):
            yield from step.walk()


# -- from a message ---------------------------------------------------------------------------------------------------


def taken(headers: Mapping[str, Any], body: Any, told: set[str]) -> "Canvas | NotKept | None":
    """Return what a message has with it, to be written by whoever has the time; None when that is nothing.

    ``told`` are the groups whose bodies other messages have told, and then this one's, too.
    """
    embed = embedded(body)
    if conf.ARGS_CAPTURE == "none" or not any(map(embed.get, ("chain", "chord", "callbacks", "errbacks"))):
        return None
    try:
        return _Taking(told).canvas(headers, embed)
    except NotKept as error:
        return error


class _Taking:
    """Takes signatures as they are now, up to a bound: whoever published them may change what they hold."""

    def __init__(self, told: set[str]) -> None:
        self.told = told
        self.left = MOST_STEPS
        self.room = MOST_BYTES

    def canvas(self, headers: Mapping[str, Any], embed: Mapping[str, Any]) -> Canvas | None:
        chain, chord = embed.get("chain") or (), embed.get("chord")
        if len(chain) > MOST_STEPS:
            raise NotKept(LARGE)
        group, place = headers.get("group"), None
        if chain:
            last = options_of(last_step(chain[0]))
            group, chord = last.get("group_id"), last.get("chord") or chord
            place = _place(last)
        canvas = Canvas(
            tuple(self.step(signature) for signature in reversed(chain)),
            self.steps(embed.get("callbacks")),
            self.steps(embed.get("errbacks"), is_errback=True),
            place,
            tuple(self.bodies(group, chord)),
        )
        return canvas if canvas != Canvas() else None

    def bodies(self, group: Any, chord: Any) -> Iterator[tuple[Step, Place | None]]:
        """A chord's body may be in the header of another chord, or in a group."""
        for _level in range(DEEPEST):
            if not chord or group in self.told:
                return
            self.told.add(group)
            end = options_of(last_step(chord))
            place = _place(end)
            if place is not None and (place.group_id == group or place.at is None):
                place = None  # Celery has a body in the group that is its header
            yield self.step(chord), place
            if place is None:
                return
            group, chord = place.group_id, end.get("chord")
        raise NotKept(LARGE)

    def steps(self, signatures: Any, *, is_errback: bool = False, depth: int = 0) -> tuple[Step, ...]:
        if isinstance(signatures, Mapping):
            signatures = (signatures,)
        if not isinstance(signatures, Iterable) or isinstance(signatures, str):
            return ()
        return tuple(self.step(signature, is_errback=is_errback, depth=depth) for signature in signatures)

    def step(self, signature: Any, *, is_errback: bool = False, depth: int = 0) -> Step:
        self.left -= 1
        if self.left < 0 or depth > DEEPEST:
            raise NotKept(LARGE)
        name = signature.get("task") if isinstance(signature, Mapping) else None
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            raise NotKept(ODD)
        options, parts = options_of(signature), signature.get("kwargs")
        if name not in CANVASES:
            arguments = self.arguments(name, signature, is_errback=is_errback)
            return Step(name=name, arguments=arguments, **self.rest(signature, options, depth))
        parts = parts if isinstance(parts, Mapping) else {}
        members, body = parts.get("tasks"), None
        if name == CHORD:
            members, body = _members(parts.get("header")), self.step(parts.get("body"), depth=depth + 1)
        steps = self.steps(members, depth=depth + 1)
        return Step(kind=name, parts=steps, body=body, **self.rest(signature, options, depth))

    def rest(self, signature: Mapping[str, Any], options: Mapping[str, Any], depth: int) -> dict[str, Any]:
        queue, priority = options.get("queue"), options.get("priority")
        return {
            "is_immutable": bool(signature.get("immutable")),
            "queue": queue if isinstance(queue, str) and len(queue) <= LONGEST_ID else "",
            "priority": priority if type(priority) is int else None,
            "links": self.steps(options.get("link"), depth=depth + 1),
            "errbacks": self.steps(options.get("link_error"), is_errback=True, depth=depth + 1),
        }

    def arguments(self, name: str, signature: Mapping[str, Any], *, is_errback: bool) -> Any:
        if name.startswith(_CELERYS):
            raise NotKept(ODD, name)
        args, kwargs = signature.get("args") or (), signature.get("kwargs") or {}
        if not isinstance(args, (list, tuple)) or not isinstance(kwargs, Mapping):
            raise NotKept(ODD, name)
        length = sum([_fewest_bytes(value) for value in (*args, *kwargs.values())])
        if length > redaction.MAX_BYTES:
            raise NotKept(CUT, name)
        self.spend(length + FEWEST_BYTES)
        moved = None if signature.get("immutable") else is_errback
        frozen = given.frozen(args, kwargs)
        if frozen is not None:
            return frozen, moved
        text = _captured(name, args, kwargs, moved)
        self.spend(max(0, len(text) - length))
        return text

    def spend(self, length: int) -> None:
        """Stop as soon as it is known that not all fit."""
        self.room -= length
        if self.room < 0:
            raise NotKept(LARGE)


def _fewest_bytes(value: Any) -> int:
    """Return how long the JSON of a value is at least."""
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value)
    return 2 * len(value) if kind is list or kind is tuple or kind is dict else 1


def _members(header: Any) -> Any:
    if not isinstance(header, Mapping):
        return header
    parts = header.get("kwargs")
    return parts.get("tasks") if isinstance(parts, Mapping) else None


def _place(options: Mapping[str, Any]) -> Place | None:
    group, index = options.get("group_id"), options.get("group_index")
    if not isinstance(group, str) or not 0 < len(group) <= LONGEST_ID:
        return None
    return Place(group, index if type(index) is int and index >= 0 else None)


def _captured(name: str, args: Any, kwargs: Any, moved: bool | None) -> str:
    """Return how a step's arguments are kept. Raises NotKept when they are not, or not whole.

    Before the arguments of a step that is not immutable comes the result of the one before it; of an errback nobody
    knows what comes (``moved`` is True): each of its arguments may be any.
    """
    names = capture.parameters(name)
    if moved:
        every = tuple(dict.fromkeys(chained.from_iterable((n,) if isinstance(n, str) else n for n in names)))
        names = (every,) * len(args) if every else ()
    elif moved is not None:
        names = names[1:]
    text = capture.arguments(name, args, kwargs, names)
    if text is None or text.startswith(INEXACT):
        raise NotKept(CUT, name)
    return text


# -- as it is kept ----------------------------------------------------------------------------------------------------


def text_of(canvas: Canvas | NotKept) -> str:
    """Return the fact that keeps what ``taken`` took: at most ``MOST_BYTES``, and why not where that is not enough."""
    try:
        if isinstance(canvas, NotKept):
            raise canvas
        return _Writing().text(canvas)
    except NotKept as error:
        return encode({"x": [error.why, error.name]})


class _Writing:
    """Writes steps as JSON, names once, and stops at the bound."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.left = MOST_BYTES

    def text(self, canvas: Canvas) -> str:
        parts = {
            "s": self.steps(canvas.steps),
            "l": self.steps(canvas.links),
            "e": self.steps(canvas.errbacks),
            "p": _place_text(canvas.place),
            "b": [[self.step(body), _place_text(place)] for body, place in canvas.bodies],
        }
        text = encode({"n": list(self.names), **{key: value for key, value in parts.items() if value}})
        if len(text) > MOST_BYTES:
            raise NotKept(LARGE)
        return text

    def steps(self, steps: Iterable[Step]) -> list[Any]:
        return [self.step(step) for step in steps]

    def step(self, step: Step) -> list[Any]:
        rest = {
            "i": int(step.is_immutable),
            "q": step.queue,
            "l": self.steps(step.links),
            "e": self.steps(step.errbacks),
        }
        more = {key: value for key, value in rest.items() if value}
        if step.priority is not None:
            more["p"] = step.priority
        kept: list[Any]
        if step.kind:
            body = [self.step(step.body)] if step.body else []
            kept = [CANVASES[step.kind], self.steps(step.parts), *body]
        else:
            kept = [self.names.setdefault(step.name, len(self.names)), self.arguments(step)]
        return [*kept, more] if more else kept

    def arguments(self, step: Step) -> str:
        text = step.arguments
        if not isinstance(text, str):
            (args, kwargs), moved = text
            text = _captured(step.name, args, kwargs, moved)
        self.left -= len(text)
        if self.left < 0:
            raise NotKept(LARGE)
        return text


def _place_text(place: Place | None) -> list[Any]:
    return [facts.short_id(place.group_id), place.at] if place is not None else []


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
        return Canvas(steps, links, errbacks, _place_in(kept.get("p")), bodies)

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
