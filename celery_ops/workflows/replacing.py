"""What comes before what where ``Task.replace`` has put several tasks into one's place: they run, then that one ends.

The task publishes them, and goes on under its id as the last of them. It stands after them, and they after what came
before it: both at once would be a circle.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Final

#: Tasks that are walked past on the way from what tasks published to themselves; only broken data has more.
MOST_WALKED: Final = 100_000

Pair = tuple[str, str]
#: What comes directly after each task, or before it.
Neighbours = Mapping[str, Sequence[str]]
#: Tasks, and those that come after all of them.
Joined = tuple[Sequence[str], Sequence[str]]


def straightened(joined: Sequence[Joined], pairs: Sequence[Pair], launched: Sequence[Pair]) -> Iterator[Pair]:
    """Yield what comes directly before what, by ids.

    ``joined`` is what messages say of the order of steps, with its single ``pairs``. ``launched`` says of a task which
    other one published it, which does not matter of one that comes after others.
    """
    course = _Course(joined, pairs, launched)
    for one, other in pairs:
        if one in course.inside.get(other, (one,)):
            yield one, other
    for parent, child in launched:
        if child in course.before:
            continue
        if course.around.get(child) == parent:
            for earlier in course.before_all_of(parent):
                yield earlier, child
        else:
            yield parent, child


class _Course:
    """What comes before each task, and which tasks are in the place of another one: ``around`` has it for each."""

    def __init__(self, joined: Sequence[Joined], pairs: Sequence[Pair], launched: Sequence[Pair]) -> None:
        steps = set(pairs)
        self.after, self.before = neighbours(pairs), neighbours((other, one) for one, other in pairs)
        self.parents = {child: parent for parent, child in launched}
        children = neighbours(pair for pair in launched if pair not in steps)
        self.inside: dict[str, Set[str]] = {}
        self._walked = 0
        for task in children:
            if task in self.before and (some := self._on_the_way(children[task], task)):
                self.inside[task] = some
        for together, then in joined if self.inside else ():
            for task in then:
                if task in self.inside and not self.inside[task].isdisjoint(together):
                    self.inside[task] |= {*together}  # one of them may be in another's place, too
        self.around: dict[str, str] = {}
        for task in sorted(self.inside, key=lambda task: len(self.inside[task])):
            for replacing in self.inside[task]:
                self.around.setdefault(replacing, task)

    def _on_the_way(self, begin: Iterable[str], end: str) -> Set[str]:
        """Return the tasks from ``begin`` on that come before ``end``."""
        if self._walked > MOST_WALKED:
            return set()
        ahead = reached(begin, self.after, end)
        self._walked += len(ahead)
        if end not in ahead:
            return set()
        back = {task: [earlier for earlier in self.before.get(task, ()) if earlier in ahead] for task in ahead}
        return reached(back[end], back, end) - {end}

    def before_all_of(self, task: str) -> Sequence[str]:
        """Return what came before a task and all that is in its place; of one in another's, what came before that."""
        seen: set[str] = set()
        while task not in seen:
            seen.add(task)
            inside = self.inside.get(task, frozenset())
            if own := [earlier for earlier in self.before.get(task, ()) if earlier not in inside]:
                return own
            if task in self.around:
                task = self.around[task]
            elif (parent := self.parents.get(task)) is not None and parent not in inside:
                return [parent]
        return []


def reached(begin: Iterable[str], beside: Neighbours, end: str | None = None) -> set[str]:
    """Return all that is reached, ``begin`` included, and beyond ``end`` nothing."""
    tasks: set[str] = set()
    waiting = [*begin]
    while waiting:
        task = waiting.pop()
        if task not in tasks:
            tasks.add(task)
            waiting += () if task == end else beside.get(task, ())
    return tasks


def neighbours(pairs: Iterable[Pair]) -> Neighbours:
    """Return the second ones of the pairs by their first."""
    beside: dict[str, list[str]] = {}
    for one, other in pairs:
        beside.setdefault(one, []).append(other)
    return beside
