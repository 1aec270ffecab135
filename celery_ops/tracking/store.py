"""The contract of a store: where the facts about tracked tasks live."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..conf import conf
from ..exceptions import StoreUnavailable
from .refs import ObjectRef
from .signs import Sign
from .tallies import Added, Row, Tallies, Wanted

#: What one event knows, for each object that the task belongs to.
Batch = Sequence[tuple[ObjectRef, Mapping[str, str]]]


class IfAbsent(str):
    """The value of a field that keeps what it has: another event's, which says the same and more."""

    __slots__ = ()


#: What a text begins with that is a number: no time has more digits.
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?![0-9])")


class IfLater(str):
    """A text that begins with a number, such as a time: one that begins with a higher number is kept."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """What it begins with, 0 where that is no number."""
        match = _NUMBER.match(self)
        return int(match[0]) if match else 0


def add_fields(kept: dict[str, str], fields: Mapping[str, str]) -> None:
    """Add fields to those that are ``kept``, as a store does."""
    for name, value in fields.items():
        is_kept = isinstance(value, IfAbsent) or (
            isinstance(value, IfLater) and IfLater(kept.get(name, "")).number > value.number
        )
        if not (is_kept and name in kept):
            kept[name] = value


#: The label of what is no object but an index: it is never trimmed.
INDEX: Final = "~index"
#: The label of a task that failed: what it takes to run it again is kept like an object of its own, by its id.
TASK: Final = "~task"
#: The label of a task that belongs to no object and was asked to be revoked.
REVOKE: Final = "~revoke"
#: The label of what a task has logged, by its id.
LOG: Final = "~log"

#: The label of a workflow: what is kept of all its tasks, beside what their objects have of them.
WORKFLOW: Final = "~flow"
#: Labels of what has more tasks than an object: it is never trimmed.
UNTRIMMED: Final = (INDEX, WORKFLOW)

#: Bytes of a value that is kept with others of its object, a longer one apart. It is Redis's hash-max-listpack-value:
#: one longer value turns the whole hash into a table five times its size.
SHORT: Final = 64

#: How many tasks of one object are kept at least; the oldest go first.
TASKS_KEPT: Final = 200

#: Seconds between two signs of life of a worker, and for how long one counts.
BEAT_EVERY: Final = 15
BEAT_COUNTS: Final = 60


#: For how many seconds a sign is kept of a worker that gives none any more.
SIGNS_KEPT: Final = 86_400


class Note(NamedTuple):
    """What is kept for all processes of the site. ``left`` are the seconds until it is forgotten, None when unknown."""

    value: bytes
    left: float | None = None


def lifetime(ref: ObjectRef) -> int:
    """Return for how many seconds after its last write a store keeps this."""
    return conf.rerun_seconds if ref.label == TASK else conf.retention_seconds


class Store(ABC):
    """Keeps fields of text by object, for ``lifetime`` seconds after the object's last write.

    Each method makes one bounded round trip and raises StoreUnavailable when that fails. None retries: whoever calls
    decides. A store may be called from several threads.
    """

    #: Whether a write takes so little that it is made where the event happens, and not soon after in a thread.
    is_at_hand = False

    @abstractmethod
    def write(self, batch: Batch) -> int:
        """Set the fields of each object, but those that it has and that are to be set only ``IfAbsent``.

        Return how many objects were refused for good (their key is not ours). A store of several servers raises
        StorePartlyUnavailable with what could not be written, when it has written the rest.
        """

    @abstractmethod
    def read(self, refs: Sequence[ObjectRef]) -> list[dict[str, str | None]]:
        """Return every field of each object, in the order asked. None stands for a long value: use ``look_up``."""

    def read_fields(self, wanted: Sequence[tuple[ObjectRef, Collection[str]]]) -> list[dict[str, str | None]]:
        """Return the named fields of each object, those of them that it has; all where none is named.

        A store that can do without sending the others should: an object of the index may have thousands.
        """
        kept = zip(self.read([ref for ref, _names in wanted]), wanted, strict=True)
        return [_those(stored, names) if names else stored for stored, (_ref, names) in kept]

    def read_begun(self, wanted: Sequence[tuple[ObjectRef, Collection[str]]]) -> list[dict[str, str | None]]:
        """Return the fields of each object whose names begin with one of these texts, of which none is empty and none
        has more than letters, digits and ``_.-~%=:``; or some more.

        A store that can do without sending the others should: an object may have hundreds of tasks.
        """
        return self.read([ref for ref, _texts in wanted])

    def read_between(self, wanted: Sequence[tuple[ObjectRef, int, int]]) -> list[dict[str, str | None]]:
        """Return the fields of each object that end in a comma and a hexadecimal number from so much to so much, and
        those that end in none; or some more.

        A store that can do without sending the others should: an object of the index may have thousands, and few are
        new.
        """
        return self.read([ref for ref, _least, _most in wanted])

    def sizes(self, refs: Sequence[ObjectRef]) -> list[int]:
        """Return how many fields each object has, or some more. A store that can count without sending them should."""
        return [len(stored) for stored in self.read(refs)]

    def read_unless(self, ref: ObjectRef, version: str) -> tuple[str, dict[str, str | None] | None]:
        """Return what stands for the fields of one object, and the fields: None while they are still ``version``.

        Two versions are equal only when every field is, long values left aside. A store that can tell without sending
        the fields should.
        """
        (stored,) = self.read([ref])
        digest = hashlib.sha256(repr(stored).encode("utf-8", "surrogatepass")).hexdigest()
        return digest, None if digest == version else stored

    @abstractmethod
    def look_up(
        self, fields: Sequence[tuple[ObjectRef, str]], hostnames: Sequence[str] = ()
    ) -> tuple[list[str | None], dict[str, int]]:
        """Return the long values of ``fields`` in order, and ``{hostname: ms since the epoch of its start}``.

        A worker that has not beaten for ``BEAT_COUNTS`` seconds is missing.
        """

    @abstractmethod
    def beat(self, hostname: str, started: int) -> None:
        """Note that a worker, started at ``started`` (ms since the epoch), is alive."""

    def sign(self, sign: Sign) -> bool:
        """Keep a worker's newest sign of life for a day, by ``sign.key``. Return whether it did: it need not."""
        return False

    def signs(self) -> tuple[Sequence[Sign], int]:
        """Return the newest sign of each worker process, and what time it is by the clock that dated them.

        That is in ms since the epoch. Without any this returns none, and 0.
        """
        return (), 0

    def connected(self, signs: Sequence[Sign]) -> Collection[str] | None:
        """Return the keys of those whose process still holds its connection open; None where that cannot be said."""
        return None

    def read_notes(self, names: Sequence[str]) -> list[Note | None] | None:
        """Return what the site's processes keep for each other by these names; None by a store that keeps no notes."""
        return None

    def write_notes(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        """Keep each value for so many seconds, whichever tenant's request this is; one of 0 seconds is forgotten.

        Return whether the store did: it need not.
        """
        return False

    def add_note(self, name: str, value: bytes, seconds: float) -> bool:
        """Keep this one unless there is one of its name. Return whether there was none, as far as can be told."""
        return True

    def add(self, rows: Sequence[Row], once: str) -> list[Added] | None:
        """Add to these rows, but not when that was done before under the same ``once``: who got no answer asks again.

        Return what there is to say of each row, nothing where it was done before; None by a store that counts
        nothing.
        """
        return None

    def tallies(self, wanted: Wanted) -> Tallies:
        """Return these rows as they are now."""
        return Tallies(
            cells=[b""] * len(wanted.cells),
            fields=[{}] * len(wanted.fields),
            names=[()] * len(wanted.names),
            members=[0] * len(wanted.members),
        )

    @abstractmethod
    def ping(self) -> None:
        """Return when the store answers."""

    @abstractmethod
    def close(self) -> None:
        """Let connections go; the next call opens them again."""


def _those(stored: Mapping[str, str | None], names: Collection[str]) -> dict[str, str | None]:
    return {name: stored[name] for name in names if name in stored}


class NoStore(Store):
    """Stands in for a store that the settings do not give: a site with a wrong setting goes on, untracked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def _absent(self, *args: object) -> Any:
        raise StoreUnavailable(f"there is none: {self.error}") from self.error

    # whatever each is given, it raises
    write = read = look_up = beat = sign = signs = connected = add = tallies = ping = _absent  # type: ignore[assignment]

    def close(self) -> None:
        """Nothing to let go."""
