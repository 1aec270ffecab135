"""From an object's fields to its tasks: of each id the newest life, and of each attempt the execution that counts.

Each publish of a task by somebody begins a life: an id may be used again, and the newest life is what is told. Within
an attempt each delivery of its message is an execution: a message may be delivered twice. Both are tags in a field's
name, so no life and no execution writes over another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .. import states
from . import folding
from .facts import (
    ARGUMENTS,
    CANVAS,
    DJANGO_RESULT,
    DUE,
    ENDED,
    FIELD,
    FINAL_KINDS,
    NAME,
    NESTING,
    OBJECTS,
    PARENT,
    POSITION,
    PUBLISHED,
    RETRY_OF,
    REVOKE_REQUESTED,
    SCHEDULE,
    STARTED,
    STARTED_BY,
    STEPS,
    Key,
    number_in,
    publish_in,
)

Tagged = tuple[str, int, str, str]  # kind, attempt, tag of the life, tag of the execution

_OF_LIVES = frozenset(
    (
        PUBLISHED,
        NAME,
        ARGUMENTS,
        PARENT,
        RETRY_OF,
        REVOKE_REQUESTED,
        OBJECTS,
        STARTED_BY,
        SCHEDULE,
        POSITION,
        STEPS,
        CANVAS,
        DUE,
        DJANGO_RESULT,
    )
)
_REVOKED: Final[Tagged] = (REVOKE_REQUESTED, 0, "", "")


@dataclass(frozen=True, slots=True)
class Life:
    """What is told of a task since it was last published; of an attempt, by the execution that counts.

    ``tags`` says where each fact is stored, ``executions`` how often the task was begun, but for its retries: 2 where
    its message was delivered twice. ``tagged`` has the facts of all executions. Of what ``Task.replace`` has put into
    each other's place there are those of the last alone.
    """

    facts: dict[Key, str | None]
    tags: dict[Key, str]
    executions: int = 0
    tagged: Mapping[Tagged, str | None] = field(default_factory=dict)

    def field(self, short: str, key: Key) -> str:
        kind, attempt = key
        return f"{short}{kind}{attempt or ''}{self.tags[key]}"


def by_task(stored: Iterable[tuple[str, str | None]]) -> dict[str, Life]:
    """Return an object's stored fields as ``{short id: its newest life}``; unreadable ones are left out."""
    tasks: dict[str, dict[Tagged, str | None]] = {}
    for name, value in stored:
        if match := FIELD.fullmatch(name):
            short, kind, attempt, life, execution = match.groups()
            place = int(attempt or 0), life or "", execution or ""
            mine = tasks.setdefault(short, {})
            if folding.is_folded(kind):
                mine.update(((part, *place), text) for part, text in folding.unfold(kind, value))
            else:  # one that stands alone may know less: somebody's who told it without the rest
                mine.setdefault((kind, *place), value)
    return {short: _newest(values) for short, values in tasks.items()}


def by_life(stored: Mapping[str, str | None]) -> dict[tuple[str, str], tuple[Life, list[str]]]:
    """Return ``{(short id, tag): a life, the names of its fields}`` of an object's stored fields."""
    names: dict[tuple[str, str], list[str]] = {}
    for name in stored:
        if match := FIELD.fullmatch(name):
            names.setdefault((match[1], match[4] or ""), []).append(name)
    lives: dict[tuple[str, str], tuple[Life, list[str]]] = {}
    for (short, life), mine in names.items():
        lives[short, life] = by_task((name, stored[name]) for name in mine)[short], mine
    return lives


def _newest(facts: Mapping[Tagged, str | None]) -> Life:
    """The life that was published last, with all that is told under another tag of the same publish."""
    begun = {key[2]: _begun(facts, key[2]) for key in facts if key[:2] == (PUBLISHED, 0)}
    if not begun:
        return _life(facts)
    last = max(begun.values())
    lives = {life for life, at in begun.items() if at == last}
    if len(begun) == 1 or (number_in(facts.get(_REVOKED)) or 0) >= last:  # whoever asks for it knows of no lives
        lives.add(_REVOKED[2])
    newest = {key: value for key, value in facts.items() if key[2] in lives}
    if len(begun) > 1 and any(key[0] == NESTING for key in newest):
        newest = _placed(newest, facts, min(begun, key=begun.__getitem__))
    return _life(newest)


def _placed(
    newest: Mapping[Tagged, str | None], facts: Mapping[Tagged, str | None], first: str
) -> dict[Tagged, str | None]:
    """The last of those that ``Task.replace`` put into a task's place stands in its workflow where that one did."""
    placed = {key: value for key, value in newest.items() if key[0] != POSITION}
    return placed | {key: value for key, value in facts.items() if key[0] == POSITION and key[2] == first}


def _begun(facts: Mapping[Tagged, str | None], life: str) -> int:
    """When a life began; one whose publish nobody timed, with its last start."""
    at, _name = publish_in(facts.get((PUBLISHED, 0, life, "")), life)
    if at is not None:
        return at
    starts = [number_in(value) or 0 for key, value in facts.items() if (key[0], key[2]) == (STARTED, life)]
    return max(starts, default=0)


def _life(tagged: Mapping[Tagged, str | None]) -> Life:
    """What one life's facts tell: of each attempt those of the execution that counts."""
    tagged = _of_last_nesting(tagged)
    attempts: dict[int, dict[str, dict[str, str | None]]] = {}
    for (kind, attempt, _tag, execution), value in tagged.items():
        attempts.setdefault(attempt, {}).setdefault(execution, {})[kind] = value
    counting = {attempt: max(tags, key=lambda tag: _counts(tags[tag], tag)) for attempt, tags in attempts.items()}
    facts: dict[Key, str | None] = {}
    places: dict[Key, str] = {}
    for (kind, attempt, tag, execution), value in tagged.items():
        if execution == counting[attempt] or kind in _OF_LIVES:
            facts[kind, attempt], places[kind, attempt] = value, tag + execution
    begun = [attempt for kind, attempt, _tag, _execution in tagged if kind == STARTED]
    return Life(facts, places, len(begun) - max(0, len(set(begun)) - 1), tagged)


def _of_last_nesting(tagged: Mapping[Tagged, str | None]) -> Mapping[Tagged, str | None]:
    """The facts without those of executions in whose place others were put that are heard of: these begin anew."""
    nestings = {key[1:]: number_in(value) or 0 for key, value in tagged.items() if key[0] == NESTING}
    if not nestings:
        return tagged
    last = max(nestings.values())
    return {key: value for key, value in tagged.items() if key[0] in _OF_LIVES or nestings.get(key[1:], 0) == last}


def _counts(execution: Mapping[str, str | None], tag: str) -> tuple[bool, bool, bool, int, str]:
    """Of several executions of an attempt one that succeeded counts, else an end without a start, else the last begun.

    Only their starts say which of two deliveries came later; one by a clock behind the publisher's is below 0.
    """
    begun = STARTED in execution
    is_end = not begun and any(kind in execution for kind in FINAL_KINDS)
    return ENDED[states.SUCCESS] in execution, is_end, begun, number_in(execution.get(STARTED)) or 0, tag
