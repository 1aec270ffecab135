"""How the later steps of a message are kept: as one JSON text, or why they are not."""

from collections.abc import Iterable
from itertools import chain as chained
from typing import Any

from .. import capture, facts
from ..facts import INEXACT
from ..stamp import encode
from .canvas import CANVASES, CUT, LARGE, MOST_BYTES, Canvas, NotKept, Place, Step


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
        parts: dict[str, Any] = {
            "s": self.steps(canvas.steps),
            "l": self.steps(canvas.links),
            "e": self.steps(canvas.errbacks),
            "p": _place_text(canvas.place),
            "b": [[self.step(body), _place_text(place)] for body, place in canvas.bodies],
            "q": canvas.queue,
        }
        kept = {"n": list(self.names), **{key: value for key, value in parts.items() if value}}
        if canvas.priority is not None:
            kept["r"] = canvas.priority
        text = encode(kept)
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
            text = captured(step.name, args, kwargs, moved)
        self.left -= len(text)
        if self.left < 0:
            raise NotKept(LARGE)
        return text


def _place_text(place: Place | None) -> list[Any]:
    return [facts.short_id(place.group_id), place.at] if place is not None else []


def captured(name: str, args: Any, kwargs: Any, moved: bool | None) -> str:
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
