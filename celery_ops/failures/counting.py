"""Counting failures in this process: a failure costs its task an append, and is grouped by whoever has the time."""

import threading
from collections import Counter, deque
from contextlib import nullcontext, suppress
from typing import Final, NamedTuple

from .. import redaction
from ..databases import own_connections
from ..exceptions import StoreUnavailable
from ..logs import get_logger, is_new
from ..metrics.flushing import register
from ..signals import failure_seen
from ..tracking import counters, prefix
from ..tracking.recorder import recorder
from ..tracking.recording.writer import NAME as WRITER
from ..tracking.tallies import Added, Row, Wanted
from .fingerprint import Fingerprint
from .normalising import normalised
from .rows import FIRST, GROUPS_KEPT, LAST, RESOLVED, GroupRows, key_of, newest, number_of
from .tally import MINUTE, Failure, GroupTally, Sample

logger = get_logger("celery_ops.failures")

#: Failures that wait to be grouped before the one who brings another does it.
FOLDED_AT: Final = 50
#: Groups that a process holds until its next flush, and minutes in them: what comes after is in no group of its own.
GROUPS_HELD: Final = 2 * GROUPS_KEPT
MINUTES_HELD: Final = 20_000
#: What nobody has been told of yet: more is forgotten.
UNTOLD: Final = 1000


class Seen(NamedTuple):
    """A group that a flush brought to the store. ``sample`` is the newest of its tasks."""

    whose: str
    key: str
    sample: Sample
    is_new: bool
    is_regressed: bool


class FailureCounting:
    """The groups that this process has seen and the store has not."""

    def __init__(self) -> None:
        self._failures: deque[Failure] = deque()
        self._folding = threading.Lock()
        self._tallies: dict[tuple[str, str], GroupTally] = {}  # by prefix and key
        self._unnamed: dict[str, Counter[int]] = {}  # by prefix: minutes
        self._minutes = 0
        self._rows: dict[str, GroupRows] = {}  # by prefix
        self._full: set[tuple[str, str]] = set()  # prefixes and rows of groups that take no more
        self._untold: deque[Seen] = deque(maxlen=UNTOLD)

    def __len__(self) -> int:
        return len(self._failures) + len(self._tallies) + len(self._unnamed)

    def add(self, failure: Failure) -> None:
        """Count one."""
        self._failures.append(failure)
        if len(self._failures) > FOLDED_AT:
            self.fold()

    def fold(self, patience: float = 0.0) -> None:
        """Group what waits, unless somebody else does. A signal's handler may come here while its thread does."""
        if not (self._folding.acquire(timeout=patience) if patience else self._folding.acquire(blocking=False)):
            return
        try:
            for _ in range(len(self._failures)):
                self._fold(self._failures.popleft())
        except IndexError:
            return
        finally:
            self._folding.release()

    def _fold(self, failure: Failure) -> None:
        message = redaction.capture_text(failure.message, secrets=failure.secrets).text if failure.message else ""
        fingerprint = Fingerprint(failure.exception, normalised(message), failure.frame)
        place = failure.whose, fingerprint.key
        minute = int(failure.at) // MINUTE
        tally = self._tallies.get(place)
        if self._minutes >= MINUTES_HELD and (tally is None or minute not in tally.minutes):
            counters.add("uncounted")
            return
        if tally is None:
            if len(self._tallies) >= GROUPS_HELD:
                self._unnamed.setdefault(failure.whose, Counter())[minute] += 1
                return
            tally = self._tallies[place] = GroupTally(fingerprint)
            if failure.traceback:
                tally.traceback = redaction.capture_text(failure.traceback, secrets=failure.secrets, tail=True).text
        self._minutes += minute not in tally.minutes
        tally.add(failure)

    def take(self) -> dict[str, list[Row]]:
        """Return what is to be added to the store, by prefix; it is not here any more."""
        self.fold(1.0)
        tallies, self._tallies = self._tallies, {}
        unnamed, self._unnamed, self._minutes = self._unnamed, {}, 0
        by_prefix: dict[str, dict[str, GroupTally]] = {}
        for (whose, key), tally in tallies.items():
            by_prefix.setdefault(whose, {})[key] = tally
        rows: dict[str, list[Row]] = {}
        for whose in {**by_prefix, **unnamed}:
            named = whose or prefix.current()
            rows[named] = self._rows_of(named).of(by_prefix.get(whose, {}), unnamed.get(whose, Counter()))
        return rows

    def learn(self, whose: str, row: Row, added: Added) -> None:
        """Note which groups are new, which are back, and when there are as many as are kept."""
        if row.asked and added.before is not None:
            before = added.before
            last, resolved = (number_of(before.get(name)) for name in (LAST, RESOLVED))
            is_back = 0 < resolved < number_of(row.texts[LAST]) and last <= resolved
            key = key_of(row)
            self._untold.append(Seen(whose, key, newest(row), FIRST not in before, is_back))
        elif row.counts and added.names:
            self._learn_names(whose, row, added.names)

    def _learn_names(self, whose: str, row: Row, length: int) -> None:
        names = self._rows_of(whose).names
        names.learn(row.name, length)
        if length < GROUPS_KEPT or (whose, row.name) in self._full:
            return
        self._full.add((whose, row.name))
        try:  # what others have begun is counted on from here, too
            with prefix.using(whose):
                (kept,) = recorder().ask(lambda store: store.tallies(Wanted(fields=[row.name]))).fields
        except StoreUnavailable:
            self._full.discard((whose, row.name))
        else:
            names.know(row.name, kept)

    def tell(self) -> None:
        """Send ``failure_seen`` for each group that came to the store since."""
        if not self._untold:
            return
        if not failure_seen.has_listeners():
            self._untold.clear()
            return
        is_ours = threading.current_thread().name == WRITER  # no request ends there
        with own_connections() if is_ours else nullcontext():
            while self._untold:
                with suppress(IndexError):  # another flush tells, too
                    tell(self._untold.popleft())

    def _rows_of(self, whose: str) -> GroupRows:
        return self._rows.setdefault(whose, GroupRows())


def tell(seen: Seen) -> None:
    """Tell the site of one group, under whose prefix it is; what a receiver raises is logged."""
    with prefix.using(seen.whose):
        replies = failure_seen.send_robust(
            FailureCounting,
            key=seen.key,
            is_new=seen.is_new,
            is_regressed=seen.is_regressed,
            task_id=seen.sample.task_id,
            task_name=seen.sample.task,
        )
    for receiver, reply in replies:
        if isinstance(reply, Exception) and is_new("failure_seen", repr(receiver), type(reply)):
            logger.error("A receiver of failure_seen failed. Said once.", exc_info=reply)


register(FailureCounting)
