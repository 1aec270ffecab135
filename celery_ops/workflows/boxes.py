"""A workflow as it is drawn: tasks of one name that come after and before the same are one box.

So a group of two hundred is a box with how many are in which state, and so is the middle of a long chain.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from ..charts.graph import Edge
from ..tracking.workflows.members import Member
from .workflow import Workflow

#: So many alike are one box.
MANY: Final = 6
#: How far around a task is looked to tell whether it is like another one.
AROUND: Final = 4
#: Keys that boxes may have.
KEYS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Box:
    """One task, or many alike. ``number`` is the place of the first one in the workflow, ``key`` stays the same for the
    same tasks, whatever else is published meanwhile."""

    number: int
    key: int
    tasks: tuple[Member, ...]
    is_many: bool = False

    @property
    def name(self) -> str:
        return self.tasks[0].name

    @property
    def states(self) -> Mapping[tuple[str, bool], int]:
        """How many there are in each state, published or to come."""
        return Counter((task.state, task.published) for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of a workflow, and which comes before which, by their places."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def boxes_of(workflow: Workflow, opened: Collection[int] = ()) -> Boxes:
    """Return the boxes of a workflow; of those whose key is ``opened`` each task has its own."""
    edges = list(_edges(workflow))
    alike: dict[int, list[int]] = {}
    for number, kind in enumerate(_kinds(workflow.tasks, edges)):
        alike.setdefault(kind, []).append(number)
    boxes = sorted(_boxes(workflow.tasks, alike.values(), opened), key=_number)
    places = {number: place for place, (box, numbers) in enumerate(boxes) for number in numbers}
    between = dict.fromkeys((places[one], places[other]) for one, other in edges)
    return Boxes(tuple(box for box, _numbers in boxes), tuple(edge for edge in between if edge[0] != edge[1]))


def _number(box: tuple[Box, Sequence[int]]) -> int:
    return box[0].number


def _boxes(
    tasks: Sequence[Member], alike: Collection[Sequence[int]], opened: Collection[int]
) -> Iterator[tuple[Box, Sequence[int]]]:
    for numbers in alike:
        some = tuple(tasks[number] for number in numbers)
        key = _key(some)
        if len(numbers) >= MANY and key not in opened:
            yield Box(numbers[0], key, some, is_many=True), numbers
        else:
            yield from ((Box(number, key, (tasks[number],)), [number]) for number in numbers)


def _key(tasks: Sequence[Member]) -> int:
    first = min(task.task_id or task.name for task in tasks)
    return crc32(first.encode("utf-8", "surrogatepass")) % KEYS


def _edges(workflow: Workflow) -> Iterator[Edge]:
    places = {task.task_id: place for place, task in enumerate(workflow.tasks) if task.task_id}
    for one, other in workflow.edges:
        yield places[one], places[other]
    for place, task in enumerate(workflow.tasks):
        if not task.task_id and task.parent_id in places:  # what is to be called back
            yield places[task.parent_id], place


def _kinds(tasks: Sequence[Member], edges: Sequence[Edge]) -> list[int]:
    """A number for each task, the same for those that look alike from ``AROUND`` steps away."""
    before: list[list[int]] = [[] for _task in tasks]
    after: list[list[int]] = [[] for _task in tasks]
    for one, other in edges:
        before[other].append(one)
        after[one].append(other)
    kinds = _numbered([task.name for task in tasks])
    for _step in range(AROUND):
        kinds = _numbered(
            [
                (kind, frozenset(kinds[one] for one in before[place]), frozenset(kinds[one] for one in after[place]))
                for place, kind in enumerate(kinds)
            ]
        )
    return kinds


def _numbered(values: Sequence[object]) -> list[int]:
    numbers: dict[object, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]
