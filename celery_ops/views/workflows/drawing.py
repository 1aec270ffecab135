"""A workflow as a viewer of the operations pages may see it: boxes in layers, and the same as a nested list."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from ... import states
from ...charts import words
from ...charts.graph import HEIGHT, WIDTH, Graph, Place, graph, layers_of
from ...formatting import SHORT_ID, clean, duration
from ...info import between
from ...links import task_url
from ...tracking.registry import registry
from ...tracking.workflows.members import Member
from ...workflows.boxes import Box, Boxes, boxes_of
from ...workflows.workflow import Workflow

#: Boxes that are drawn, tasks of one box that are listed, and those that are listed in all.
MOST_DRAWN: Final = 240
MOST_OF_BOX: Final = 100
MOST_LISTED: Final = 1000
#: Characters of a name in a box, and of what came of its tasks.
NAME_WIDTH: Final = 24
WORDS_WIDTH: Final = 30
#: Others that a box says it comes after.
MOST_AFTER: Final = 3
#: Pixels that are left beside the bar of a box with many tasks.
INSET: Final = 12

#: What is not published yet has no state.
TO_COME: Final = "to_come"

#: What of a box is said first: what went wrong, then what runs.
ORDER: Final = (*sorted(states.ALL, key=lambda state: state not in (states.FAILURE, states.LOST)),)

#: In a square of 12 pixels; what a badge has beside its word.
SHAPES: Final = {
    "pending": "M6 1a5 5 0 1 0 .01 0Z",
    "received": "M6 1a5 5 0 1 0 .01 0ZM6 4a2 2 0 1 0 .01 0Z",
    "started": "M1.5 0L12 6L1.5 12Z",
    "retry": "M10.3 3.5A5 5 0 1 0 11 6",
    "success": "M0 6.6L1.8 4.6L4.6 7.4L10.1 1L12 2.9L4.7 11.4Z",
    "failure": "M0 2L2 0L6 4L10 0L12 2L8 6L12 10L10 12L6 8L2 12L0 10L4 6Z",
    "revoked": "M1 1H11V11H1Z",
    "rejected": "M0 4.3H12V7.7H0Z",
    "ignored": "M6 1L11 6L6 11L1 6Z",
    "lost": "M6 0L12 11.4H0Z",
    TO_COME: "M6 1a5 5 0 1 0 .01 0Z",
    "unknown": "M1 6H11",
}


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many tasks of a box are in one state; ``x`` and ``width`` are its part of the bar, in pixels."""

    word: str
    tone: str
    number: int
    x: float = 0.0
    width: float = 0.0

    @property
    def shape(self) -> str:
        return SHAPES.get(self.tone, SHAPES["unknown"])

    def __str__(self) -> str:
        return f"{self.number} {self.word}"


@dataclass(frozen=True, slots=True)
class ListedTask:
    """One task in the list; ``is_asked`` says that the page was asked for by its id."""

    id: str
    short: str
    url: str
    state: StateCount
    run_time: str
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class ViewedBox:
    """A box with its words. ``url`` leads to its task, or opens it where there are many."""

    key: str
    label: str
    name: str
    number: int
    is_many: bool
    counts: tuple[StateCount, ...]
    tasks: tuple[ListedTask, ...]
    more: int
    url: str
    after: tuple[str, ...]
    after_more: int
    place: Place | None = None
    is_asked: bool = False

    @property
    def short_label(self) -> str:
        return _cut(self.label, NAME_WIDTH - len(self.times))

    @property
    def times(self) -> str:
        return f" \N{MULTIPLICATION SIGN} {self.number}" if self.is_many else ""

    @property
    def words(self) -> str:
        """What came of its tasks, in so many words as fit."""
        return _cut(self.all_words, WORDS_WIDTH)

    @property
    def all_words(self) -> str:
        return ", ".join(map(str, self.counts)) if self.is_many else self.counts[0].word

    @property
    def tone(self) -> str:
        return self.counts[0].tone

    @property
    def shape(self) -> str:
        return self.counts[0].shape


@dataclass(frozen=True, slots=True)
class Drawing:
    """The boxes of a workflow where they lie, and in stages; ``more`` are boxes for which there is no room."""

    graph: Graph
    stages: tuple[tuple[ViewedBox, ...], ...]
    more: int = 0
    box_width: int = WIDTH
    box_height: int = HEIGHT

    @property
    def boxes(self) -> Iterator[ViewedBox]:
        for stage in self.stages:
            yield from stage


def drawing_of(workflow: Workflow, asked: str, opened: Collection[int], links: "Links") -> Drawing:
    """Return the drawing of a workflow that was asked for by an id; boxes of these keys are ``opened``."""
    boxes = boxes_of(workflow, opened)
    shown = Boxes(boxes.boxes[:MOST_DRAWN], tuple(edge for edge in boxes.edges if max(edge) < MOST_DRAWN))
    layers = layers_of(len(shown.boxes), shown.edges)
    places = graph(layers, shown.edges)
    viewer = _Viewer(shown, places.places, asked, links)
    stages = tuple(tuple(viewer.box(place) for place in layer) for layer in layers)
    return Drawing(places, stages, len(boxes.boxes) - len(shown.boxes))


@dataclass(frozen=True, slots=True)
class Links:
    """Where boxes lead: a box of many opens under ``open``, a query string that ends with the box's key."""

    open: str

    def of(self, box: Box) -> str:
        return f"{self.open}{box.key}" if box.is_many else task_url(box.tasks[0].task_id)


class _Viewer:
    """Says of each box what a viewer sees."""

    def __init__(self, shown: Boxes, places: Sequence[Place], asked: str, links: Links) -> None:
        self.boxes, self.places, self.asked, self.links = shown.boxes, places, asked, links
        self.left = MOST_LISTED
        self.labels: dict[str, str] = {}
        self.before: dict[int, list[int]] = {}
        for one, other in shown.edges:
            self.before.setdefault(other, []).append(one)

    def box(self, place: int) -> ViewedBox:
        box, before = self.boxes[place], self.before.get(place, [])
        listed = box.tasks[: min(MOST_OF_BOX, max(1, self.left))]
        self.left -= len(listed)
        tasks = tuple(_listed(task, self.asked) for task in listed)
        return ViewedBox(
            key=f"box-{box.key}",
            label=self.label(box.name),
            name=clean(box.name),
            number=len(box.tasks),
            is_many=box.is_many,
            counts=tuple(_counts(box)),
            tasks=tasks,
            more=len(box.tasks) - len(listed),
            url=self.links.of(box),
            after=tuple(self.label(self.boxes[earlier].name) for earlier in before[:MOST_AFTER]),
            after_more=max(0, len(before) - MOST_AFTER),
            place=self.places[place],
            is_asked=any(task.task_id == self.asked for task in box.tasks),
        )

    def label(self, name: str) -> str:
        """What a task is called: by its label, else by the last word of its name."""
        if name not in self.labels:
            self.labels[name] = clean(registry.label(name)) if name else _("not tracked")
        return self.labels[name]


def _listed(task: Member, asked: str) -> ListedTask:
    task_id = clean(task.task_id)
    return ListedTask(
        id=task_id,
        short=task_id[:SHORT_ID],
        url=task_url(task.task_id) if task.published else "",
        state=_state_count(task.state, 1, published=task.published),
        run_time=duration(between(task.started_at, task.finished_at)),
        is_asked=bool(task.task_id) and task.task_id == asked,
    )


def _counts(box: Box) -> Iterator[StateCount]:
    """What its tasks came to, what needs attention first."""
    left, room, total = 0.0, WIDTH - 2 * INSET, len(box.tasks)
    for (state, published), number in sorted(box.states.items(), key=_importance):
        width = round(room * number / total, 1)
        yield _state_count(state, number, published=published, x=round(left, 1), width=width)
        left += width


_IMPORTANCE: Final = (states.FAILURE, states.LOST, states.REJECTED, states.STARTED, states.RETRY, states.SUCCESS)


def _importance(item: tuple[tuple[str, bool], int]) -> tuple[int, str]:
    (state, published), _number = item
    if not published:
        return len(_IMPORTANCE) + 1, state
    return (_IMPORTANCE.index(state) if state in _IMPORTANCE else len(_IMPORTANCE)), state


def _state_count(state: str, number: int, *, published: bool, x: float = 0.0, width: float = 0.0) -> StateCount:
    if not published:
        return StateCount(_("to come"), TO_COME, number, x, width)
    word = words.state(state) or clean(state, 30) or _("unknown")
    return StateCount(word, states.tone(state), number, x, width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
