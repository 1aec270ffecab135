"""The steps that a message says are to come: the rest of a chain, the body of a chord, what is called back.

Only ids, names and what follows what is taken of them, no arguments: their size does not matter here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from .. import facts
from ..stamp import encode
from . import DEEPEST, LONGEST_ID, embedded, options_of

#: Tasks of a workflow that are kept and shown.
MOST: Final = 10_000
#: Joins of one message that are kept, each with so many steps on a side.
MOST_JOINS: Final = 20_000
#: Characters of a task's name.
LONGEST_NAME: Final = 200

#: Where a join begins that is the message's own task; below it are groups: the first is -2.
OWN: Final = -1
FIRST_GROUP: Final = -2

Places = list[int]


@dataclass(frozen=True, slots=True)
class Step:
    """A task that is to come, with the group that it will be in; ``task_id`` is empty where none is foreseen."""

    task_id: str
    name: str
    group_id: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """What comes after what: ids of tasks, and groups whose members all come before."""

    after: tuple[str, ...]
    groups: tuple[str, ...]
    then: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that are to come after one task, and in which order.

    ``links`` are what tasks call back, which has no id yet: the task's id, and the other's name.
    """

    steps: tuple[Step, ...] = ()
    joins: tuple[Join, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    is_partial: bool = False


# -- in a message -----------------------------------------------------------------------------------------------------


class Embedded:
    """What one message says of later steps, to be walked through when there is time."""

    def __init__(self, group_id: Any, embed: Mapping[str, Any]) -> None:
        self.group_id = group_id
        self.chain, self.chord, self.callbacks = embed.get("chain"), embed.get("chord"), embed.get("callbacks")

    @classmethod
    def of(cls, headers: Mapping[str, Any], body: Any) -> "Embedded | None":
        """Return what a message embeds; None for most messages, which embed nothing."""
        embed = embedded(body)
        if not (embed.get("chain") or embed.get("chord") or embed.get("callbacks")):
            return None
        return cls(headers.get("group"), embed)

    def text(self) -> tuple[str, list[str]]:
        """Return the fact that says so, and the ids of the steps and of their groups.

        The former is empty when there is nothing to say.
        """
        walk = _Walk()
        if isinstance(self.chain, (list, tuple)):
            walk.sequence([OWN], reversed(self.chain), 0)
        if self.chord and isinstance(self.group_id, str):
            walk.chord(self.group_id, self.chord, 0)
        walk.link(OWN, self.callbacks, 0)
        return walk.text(), [*walk.places, *walk.groups]


@dataclass
class _Walk:
    """Goes through signatures, each step once, up to a bound."""

    names: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    steps: list[list[Any]] = field(default_factory=list)
    joins: list[tuple[Places, Places]] = field(default_factory=list)
    links: list[tuple[int, int]] = field(default_factory=list)
    joined: set[int] = field(default_factory=set)
    is_partial: bool = False

    def text(self) -> str:
        if not (self.steps or self.links):
            return ""
        parts = {
            "n": list(self.names),
            "g": list(map(facts.short_id, self.groups)),
            "s": self.steps,
            "j": self.joins,
            "l": self.links,
            "p": int(self.is_partial),
        }
        return encode({key: value for key, value in parts.items() if value})

    def part(self, signature: Any, depth: int) -> tuple[Places, Places]:
        """Walk through a signature; return the steps that it begins with, and those that it ends with."""
        if depth > DEEPEST or not isinstance(signature, Mapping):
            self.is_partial = self.is_partial or depth > DEEPEST
            return [], []
        options, parts = options_of(signature), signature.get("kwargs")
        parts = parts if isinstance(parts, Mapping) else {}
        kind = signature.get("task")
        if kind == "celery.chain":
            first, last = self.sequence([], parts.get("tasks"), depth + 1)
        elif kind == "celery.group":
            first, last = self.group(parts.get("tasks"), options.get("task_id"), depth + 1)
        elif kind == "celery.chord":
            first, last = self._whole_chord(parts, options, depth + 1)
        else:
            first = last = self._step(signature, options, depth)
        following = options.get("chain")
        if last and isinstance(following, (list, tuple)) and following:
            _first, last = self.sequence(last, reversed(following), depth + 1)
        return first, last

    def sequence(self, before: Places, signatures: Any, depth: int) -> tuple[Places, Places]:
        first: Places = []
        for signature in signatures if isinstance(signatures, Iterable) else ():
            if self.is_partial:
                break
            begin, end = self.part(signature, depth)
            self.join(before, begin)
            first, before = first or begin, end or before
        return first, before

    def group(self, signatures: Any, group_id: Any, depth: int) -> tuple[Places, Places]:
        first: Places = []
        last: Places = []
        for number, signature in enumerate(signatures if isinstance(signatures, Iterable) else ()):
            if self.is_partial:
                break
            begin, end = self.part(signature, depth)
            self._put_into(group_id, end, number)
            first += begin
            last += end
        return first, last

    def _whole_chord(self, parts: Mapping[str, Any], options: Mapping[str, Any], depth: int) -> tuple[Places, Places]:
        header, group_id = parts.get("header"), options.get("task_id")
        if isinstance(header, Mapping):
            group_id = options_of(header).get("task_id") or group_id
            members = header.get("kwargs")
            header = members.get("tasks") if isinstance(members, Mapping) else ()
        first, last = self.group(header, group_id, depth)
        begin, end = self.part(parts.get("body"), depth)
        group = self._group(group_id)
        if group is not None:
            self.joined.add(group)
        # By both: Celery 5.5 publishes the header of a chord within a chord's body under another group.
        self.join(last if group is None else [*last, FIRST_GROUP - group], begin)
        return first or begin, end

    def chord(self, group_id: str, body: Any, depth: int) -> None:
        """The body of a chord comes after all members of the group that is its header."""
        group = self._group(group_id)
        if group is None or group in self.joined:
            return
        self.joined.add(group)
        begin, _end = self.part(body, depth + 1)
        self.join([FIRST_GROUP - group], begin)

    def link(self, place: int, signatures: Any, depth: int) -> None:
        """What a task calls back has no id before it is published, unless its caller gave it one."""
        for signature in islice(signatures if isinstance(signatures, (list, tuple)) else (), MOST):
            if options_of(signature).get("task_id"):
                self.join([place], self.part(signature, depth + 1)[0])
            elif isinstance(signature, Mapping) and len(self.links) < MOST:
                self.links.append((place, self._name(signature)))

    def join(self, before: Places, then: Places) -> None:
        if not (before and then) or before == then:
            return
        if len(self.joins) >= MOST_JOINS:
            self.is_partial = True
            return
        self.joins.append((before, then))

    def _step(self, signature: Mapping[str, Any], options: Mapping[str, Any], depth: int) -> Places:
        task_id, group_id = options.get("task_id"), options.get("group_id")
        if not isinstance(task_id, str) or not 0 < len(task_id) <= LONGEST_ID:
            return []
        if task_id in self.places:
            return [self.places[task_id]]
        if len(self.steps) >= MOST:
            self.is_partial = True
            return []
        self.places[task_id] = number = len(self.steps)
        self.steps.append([facts.short_id(task_id), self._name(signature)])
        if type(options.get("group_index")) is int:
            self._put_into(group_id, [number], options["group_index"])
        if options.get("chord") and isinstance(group_id, str):
            self.chord(group_id, options["chord"], depth)
        self.link(number, options.get("link"), depth)
        return [number]

    def _put_into(self, group_id: Any, places: Places, index: int) -> None:
        group = self._group(group_id)
        for place in places if group is not None else ():
            if len(self.steps[place]) == 2:
                self.steps[place] += [group, index]

    def _group(self, group_id: Any) -> int | None:
        if not isinstance(group_id, str) or not 0 < len(group_id) <= LONGEST_ID:
            return None
        return self.groups.setdefault(group_id, len(self.groups))

    def _name(self, signature: Mapping[str, Any]) -> int:
        name = str(signature.get("task"))[:LONGEST_NAME]
        return self.names.setdefault(name, len(self.names))


# -- as it is kept ----------------------------------------------------------------------------------------------------


def plan_in(fact: str | None, task_id: str) -> Plan:
    """Return the plan that the message of ``task_id`` told; an empty one for what no process of ours has written."""
    try:
        return _plan(json.loads(fact or "{}"), task_id)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return Plan()


def _plan(kept: Mapping[str, Any], task_id: str) -> Plan:
    names = [str(name)[:LONGEST_NAME] for name in kept.get("n", ())]
    groups = [facts.long_id(short) for short in kept.get("g", ())]
    steps = tuple(_step_of(step, names, groups) for step in islice(kept.get("s", ()), MOST))
    joins = tuple(_join_of(join, task_id, steps, groups) for join in islice(kept.get("j", ()), MOST_JOINS))
    links = tuple((_id(place, task_id, steps), names[name]) for place, name in islice(kept.get("l", ()), MOST))
    return Plan(steps, joins, links, bool(kept.get("p")))


def _step_of(step: Sequence[Any], names: Sequence[str], groups: Sequence[str]) -> Step:
    short, name, group, index = (*step, None, None)[:4]
    number = index if type(index) is int else None
    return Step(facts.long_id(short), names[name], "" if group is None else groups[group], number)


def _join_of(join: Sequence[Any], task_id: str, steps: Sequence[Step], groups: Sequence[str]) -> Join:
    before, then = join
    after = tuple(_id(place, task_id, steps) for place in before if place >= OWN)
    around = tuple(groups[FIRST_GROUP - place] for place in before if place <= FIRST_GROUP)
    return Join(after, around, tuple(_id(place, task_id, steps) for place in then))


def _id(place: int, task_id: str, steps: Sequence[Step]) -> str:
    return task_id if place == OWN else steps[place].task_id
