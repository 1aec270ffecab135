"""From the first tasks of a workflow, and what their messages had with them, to the canvas that it was."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain as chained
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from ..conf import conf
from ..exceptions import RerunRefused
from ..formatting import clean
from ..running.arguments import check
from ..running.wire import plain
from ..task_detail.original import Original
from ..tracking import capture
from ..tracking.workflows import canvas
from ..tracking.workflows.canvas import CHAIN, CHORD, GROUP, Canvas, Place, Step


class First(NamedTuple):
    """A task that no other one published: what it was given, what its message had with it, and its place in a group."""

    original: Original
    canvas: Canvas
    place: Place | None


class _Part(NamedTuple):
    step: Step
    place: Place | None


def canvas_of(fact: str, name: str) -> Canvas:
    """Return what the message of a task of this name had with it. Raises RerunRefused with the reason."""
    try:
        return canvas.canvas_in(fact)
    except canvas.NotKept as error:
        raise RerunRefused(_why_not_kept(error, name)) from error
    except ValueError as error:
        raise RerunRefused(_("What was kept of its later steps cannot be read.")) from error


def _why_not_kept(error: canvas.NotKept, name: str) -> str:
    names = {"name": clean(error.name or name)}
    if error.why == canvas.LARGE:
        return _("Its later steps are more than is kept of them: 64 KiB with all that they are given.")
    if error.why == canvas.ODD:
        return _("One of its later steps cannot be run by hand: %(name)s.") % names
    return _("The arguments of a later step were redacted or cut when they were kept: %(name)s.") % names


def reason_not_kept() -> str:
    """Return why nothing is kept of later steps that there were."""
    if conf.ARGS_CAPTURE == "none":
        return _("This site keeps no arguments (ARGS_CAPTURE).")
    return _("The arguments of its later steps were not kept.")


def whole_of(firsts: Sequence[First], joined: Collection[str] = ()) -> Step:
    """Return the canvas that begins with these tasks; a step of it that is one of them has its original as arguments.

    The groups ``joined`` are headers of chords. Raises RerunRefused where they do not make one.
    """
    bodies: dict[str, tuple[Step, Place | None]] = {}
    for first in firsts:
        group = first.place.group_id if first.place else ""
        for body, around in first.canvas.bodies:
            bodies.setdefault(group, (body, around))
            group = around.group_id if around else ""
    if any(first.place and first.place.group_id in joined and first.place.group_id not in bodies for first in firsts):
        raise RerunRefused(reason_not_kept())
    parts = [_Part(_led_by(first), first.place) for first in firsts]
    while any(part.place for part in parts):
        parts = _joined(parts, bodies)
    if len(parts) != 1:
        raise RerunRefused(_("It has several first tasks, and nothing says how they belong together."))
    return parts[0].step


def _led_by(first: First) -> Step:
    canvas = first.canvas
    step = Step(
        name=first.original.name,
        arguments=first.original,
        queue=canvas.queue,
        priority=canvas.priority,
        links=canvas.links,
        errbacks=canvas.errbacks,
    )
    return Step(kind=CHAIN, parts=(step, *canvas.steps)) if canvas.steps else step


def _joined(parts: Iterable[_Part], bodies: Mapping[str, tuple[Step, Place | None]]) -> list[_Part]:
    """Put together the innermost groups, whose members are all there."""
    outside: list[_Part] = []
    groups: dict[str, list[_Part]] = {}
    for part in parts:
        if part.place is None:
            outside.append(part)
        else:
            groups.setdefault(part.place.group_id, []).append(part)
    inner = groups.keys() - set(chained.from_iterable(_around(group, bodies) for group in groups))
    if not inner:
        raise RerunRefused(_incomplete())
    for group, members in groups.items():
        outside += [_group(members, bodies.get(group))] if group in inner else members
    return outside


def _around(group: str, bodies: Mapping[str, tuple[Step, Place | None]]) -> list[str]:
    """Return the groups in which a chord's body is, and so on: no task may be in one of them yet."""
    around: list[str] = []
    while group in bodies and (place := bodies[group][1]) and place.group_id not in around:
        group = place.group_id
        around.append(group)
    return around


def _group(members: Sequence[_Part], body: tuple[Step, Place | None] | None) -> _Part:
    places = [part.place.at for part in members if part.place]
    indexes = [index for index in places if index is not None]
    if len(indexes) != len(members) or set(indexes) != set(range(max(indexes) + 1)):
        raise RerunRefused(_incomplete())
    ordered = sorted(zip(indexes, members, strict=True), key=lambda pair: pair[0])
    if len(set(indexes)) < len(
        indexes
    ):  # of groups within it Celery counts each anew, and publishes one after the other
        ordered = list(zip(indexes, members, strict=True))
    steps = tuple(part.step for _index, part in ordered)
    if body is None:
        return _Part(Step(kind=GROUP, parts=steps), None)
    return _Part(Step(kind=CHORD, parts=steps, body=body[0]), body[1])


def _incomplete() -> str:
    return _("Not all tasks of its group are known: some are not tracked, or no longer kept.")


def with_arguments(step: Step) -> Step:
    """Return a canvas with what its later steps are given in place of how that is kept. Raises RerunRefused."""
    return replace(
        step,
        arguments=step.arguments if step.kind or isinstance(step.arguments, Original) else _given(step),
        parts=tuple(map(with_arguments, step.parts)),
        body=with_arguments(step.body) if step.body else None,
        links=tuple(map(with_arguments, step.links)),
        errbacks=tuple(map(with_arguments, step.errbacks)),
    )


def _given(step: Step) -> tuple[list[Any], dict[str, Any]]:
    try:
        kept = capture.kept_arguments(step.arguments)
        if kept is None:
            raise ValueError(_("Its arguments were redacted or cut when they were kept, so they cannot be sent again."))
        check(plain([*kept[0], kept[1]]))
    except ValueError as error:  # BadInput, too
        raise RerunRefused(f"{clean(step.name)}: {error}") from error
    return kept
