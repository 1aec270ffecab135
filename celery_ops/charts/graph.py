"""Where the boxes of a graph lie: in layers from above to below, each below everything that comes before it.

What comes before itself in a circle, as only broken data says, is put where it is met.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Pixels of a box, between boxes beside each other, between rows of one layer and between layers.
WIDTH: Final = 196
HEIGHT: Final = 60
BESIDE: Final = 20
WITHIN: Final = 14
BETWEEN: Final = 40
MARGIN: Final = 8
#: Pixels within which a path turns.
TURN: Final = 8
#: Boxes in a row.
COLUMNS: Final = 4

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner of a box, in pixels."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Where each box is, by its number, and the paths between them; the size is in pixels."""

    width: int
    height: int
    places: Sequence[Place]
    paths: Sequence[str]


def layers_of(count: int, edges: Iterable[Edge]) -> list[list[int]]:
    """Return the numbers of ``count`` boxes by layer, in each in the order in which what comes before them stands."""
    before, after = _neighbours(count, edges)
    layers = _placed(_depths(before, after))
    position: dict[int, float] = {}
    for layer in layers:
        layer.sort(key=lambda box: _middle(box, before, position))
        position.update((box, place / len(layer)) for place, box in enumerate(layer))
    return layers


def graph(layers: Sequence[Sequence[int]], edges: Iterable[Edge]) -> Graph:
    """Return where the boxes of these layers lie."""
    columns = min(COLUMNS, max(map(len, layers), default=0))
    width = 2 * MARGIN + columns * (WIDTH + BESIDE) - BESIDE
    places: dict[int, Place] = {}
    y = MARGIN
    for layer in layers:
        for row in _rows(layer):
            places.update(zip(row, _row(len(row), width, y), strict=True))
            y += HEIGHT + WITHIN
        y += BETWEEN - WITHIN
    paths = [_path(places[one], places[other]) for one, other in edges]
    return Graph(max(0, width), max(0, y - BETWEEN + MARGIN), [places[box] for box in sorted(places)], paths)


def _neighbours(count: int, edges: Iterable[Edge]) -> tuple[list[set[int]], list[set[int]]]:
    before: list[set[int]] = [set() for _box in range(count)]
    after: list[set[int]] = [set() for _box in range(count)]
    for one, other in edges:
        if one != other:
            before[other].add(one)
            after[one].add(other)
    return before, after


def _depths(before: Sequence[set[int]], after: Sequence[set[int]]) -> list[int]:
    """The longest way to each box; in a circle, the first one goes on as if nothing were missing."""
    missing = [len(boxes) for boxes in before]
    depths = [0] * len(before)
    done: set[int] = set()
    ready = deque(box for box, number in enumerate(missing) if not number)
    circular = iter(range(len(before)))
    while len(done) < len(before):
        if not ready:
            ready.append(next(box for box in circular if box not in done))
        box = ready.popleft()
        if box in done:
            continue
        done.add(box)
        for other in after[box] - done:
            depths[other] = max(depths[other], depths[box] + 1)
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return depths


def _placed(depths: Sequence[int]) -> list[list[int]]:
    layers: dict[int, list[int]] = {}
    for box, depth in enumerate(depths):
        layers.setdefault(depth, []).append(box)
    return [layers[depth] for depth in sorted(layers)]


def _middle(box: int, before: Sequence[set[int]], position: Mapping[int, float]) -> tuple[float, int]:
    places = [position[other] for other in before[box] if other in position]
    return (sum(places) / len(places) if places else 0.0), box


def _rows(layer: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(layer), COLUMNS):
        yield layer[begin : begin + COLUMNS]


def _row(count: int, width: int, y: int) -> Iterator[Place]:
    left = (width - count * (WIDTH + BESIDE) + BESIDE) // 2
    for number in range(count):
        yield Place(left + number * (WIDTH + BESIDE), y)


def _path(one: Place, other: Place) -> str:
    """From below the first box to above the second."""
    x1, y1, x2, y2 = one.x + WIDTH // 2, one.y + HEIGHT, other.x + WIDTH // 2, other.y
    if x1 == x2:
        return f"M{x1} {y1}V{y2}"
    middle = y2 - BETWEEN // 2
    down = f"M{x1} {y1}V{middle - TURN}Q{x1} {middle} {_towards(x1, x2)} {middle}"
    return f"{down}H{_towards(x2, x1)}Q{x2} {middle} {x2} {middle + TURN}V{y2}"


def _towards(x: int, other: int) -> int:
    return x + (TURN if other > x else -TURN)
