"""The later steps that a message has with it, taken as they are when it is published."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ... import redaction
from ...conf import conf
from .. import initial_arguments
from . import DEEPEST, LONGEST_ID, embedded, end_of, options_of
from .canvas import CANVASES, CHAIN, CHORD, CUT, LARGE, MOST_BYTES, ODD, Canvas, NotKept, Place, Step
from .canvas_writing import captured
from .steps import LONGEST_NAME

#: Steps that are looked at: fewer fit into what is kept.
MOST_STEPS: Final = 5000
#: Bytes that the text of a step has at least.
FEWEST_BYTES: Final = 10

_CELERYS: Final = "celery."


def taken(
    headers: Mapping[str, Any], body: Any, told: set[str], queue: str = "", priority: int | None = None
) -> "Canvas | NotKept | None":
    """Return what a message has with it, to be written by whoever has the time; None when that is nothing.

    ``told`` are the groups whose bodies other messages have told, and then this one's, too. ``queue`` and ``priority``
    are as ``Canvas`` has them.
    """
    embed = embedded(body)
    if conf.ARGS_CAPTURE == "none":
        return None
    own = Canvas(queue=queue if len(queue) <= LONGEST_ID else "", priority=priority)
    try:
        if any(map(embed.get, ("chain", "chord", "callbacks", "errbacks"))):
            own = _Taking(told).canvas(headers, embed, own)
        return own if own != Canvas() else None
    except NotKept as error:
        return error


class _Taking:
    """Takes signatures as they are now, up to a bound: whoever published them may change what they hold."""

    def __init__(self, told: set[str]) -> None:
        self.told = told
        self.left = MOST_STEPS
        self.room = MOST_BYTES

    def canvas(self, headers: Mapping[str, Any], embed: Mapping[str, Any], own: Canvas) -> Canvas:
        chain, chord = embed.get("chain") or (), embed.get("chord")
        if len(chain) > MOST_STEPS:
            raise NotKept(LARGE)
        group, place = headers.get("group"), None
        if chain:
            last = end_of(chain[0])
            group, chord = last.get("group_id"), last.get("chord") or chord
            place = _place(last)
        return replace(
            own,
            steps=tuple(self.step(signature) for signature in reversed(chain)),
            links=self.steps(embed.get("callbacks")),
            errbacks=self.steps(embed.get("errbacks"), is_errback=True),
            place=place,
            bodies=tuple(self.bodies(group, chord)),
        )

    def bodies(self, group: Any, chord: Any) -> Iterator[tuple[Step, Place | None]]:
        """A chord's body may be in the header of another chord, or in a group."""
        for _level in range(DEEPEST):
            if not chord or group in self.told:
                return
            self.told.add(group)
            end = end_of(chord)
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
        """Take a signature, and what follows it: Celery makes the rest of a chain an option of its first step."""
        first = self.alone(signature, is_errback=is_errback, depth=depth)
        following = options_of(signature).get("chain")
        if not following:
            return first
        if not isinstance(following, (list, tuple)):
            raise NotKept(ODD, first.name)
        return Step(kind=CHAIN, parts=(first, *self.steps(reversed(following), depth=depth + 1)))

    def alone(self, signature: Any, *, is_errback: bool, depth: int) -> Step:
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
        frozen = initial_arguments.frozen(args, kwargs)
        if frozen is not None:
            return frozen, moved
        text = captured(name, args, kwargs, moved)
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
