"""What one look at the workers has found, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Standing:
    """How a worker is that does not answer: its state, and when it was there for certain."""

    state: str
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """Who was asked and who answered what: ``replies[hostname][method]`` is raw, and None where it was too large.

    ``twice`` are the names under which one question was answered twice: two workers have each of them.
    """

    asked: tuple[str, ...]
    replies: Mapping[str, Mapping[str, Any]]
    collected_at: datetime
    twice: frozenset[str] = frozenset()

    @property
    def silent(self) -> tuple[str, ...]:
        """Those asked who answered nothing."""
        return tuple(host for host in self.asked if host not in self.replies)

    def to(self, method: str) -> dict[str, Any]:
        """Return the replies to one of the questions, by hostname."""
        return {host: parts[method] for host, parts in self.replies.items() if method in parts}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All workers at one moment.

    ``last_words`` are each listed worker's replies of the last time it was heard. ``trouble`` says why there is
    nothing newer, and is empty when this is the newest. ``silent`` are those that should have answered and ``absent``
    those of which it is known that they are not there; ``twice`` are the names that two workers have. One that is not
    ``is_whole`` came from another process, which had no room for the tasks that workers hold: they are only counted.
    """

    answers: Answers
    last_words: Mapping[str, Mapping[str, Any]]
    trouble: str = ""
    silent: Mapping[str, Standing] = field(default_factory=dict)
    absent: Mapping[str, Standing] = field(default_factory=dict)
    twice: frozenset[str] = frozenset()
    is_whole: bool = True

    @property
    def collected_at(self) -> datetime:
        return self.answers.collected_at
