"""What beat knows of its entries, and what it sent for them: changes are gathered for the store, so many at once."""

import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from ..formatting import clean
from ..logs import get_logger, is_new
from . import board
from .board import LONGEST_ID, MOST_ENTRIES, Facts, Sending, Told
from .due import due_after

logger = get_logger("celery_ops.schedules")

#: Seconds between two looks at the heap while nothing is sent.
LOOK_EVERY: Final = 5.0
#: Entries whose next time is worked out in one look; entries and occurrences that are written at once: the store must
#: answer in a tenth of a second.
MOST_WORKED_OUT: Final = 200
MOST_WRITTEN: Final = 300
#: Occurrences that wait for the store; of more the oldest are lost.
MOST_WAITING: Final = 5000
#: Seconds of work that a schedule may cost this process: of a dearer one beat's own estimate is taken.
DEAR: Final = 0.05
#: An entry that was due before that was never counted from a run: django-celery-beat begins 30 years ago.
LONG_AGO: Final = timedelta(days=3660)


class Note(NamedTuple):
    """One publish of beat's: of which entry as it was before, when, and as which task."""

    entry: Any
    name: str
    ran: datetime | None
    sent: float
    task_id: str
    task: str

    @classmethod
    def of(cls, headers: Any, body: Any, entry: Any) -> "Note":
        """Make a note of what a signal says. It is beat's loop that waits meanwhile."""
        headers = headers if isinstance(headers, dict) else {}
        task_id = headers.get("id") or (body.get("id") if isinstance(body, dict) else "")
        name = entry.name if entry is not None else headers.get("periodic_task_name")
        ran = entry.last_run_at if entry is not None else None
        return cls(entry, str(name or ""), ran, time.time(), str(task_id), str(headers.get("task") or ""))


@dataclass(slots=True)
class _Known:
    """An entry as it was seen last: beat's event in the heap, and what was worked out of it."""

    event: Any
    ran: datetime | None
    count: Any
    due: datetime | None


class Notes:
    """What one beat has done and the store does not know."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        #: Filled by beat's thread.
        self.sent: deque[Note] = deque(maxlen=MOST_WAITING)
        self._known: dict[str, _Known] = {}
        self._numbers: dict[str, int] | None = None  # of the newest occurrence, as the store had it at first
        self._lasts: dict[str, Sending] = {}
        self._sendings: dict[str, dict[int, Sending]] = {}
        self._written: dict[str, Facts] = {}
        self._changed: dict[str, None] = {}  # entries of which the store may know something else
        self._uncounted: Counter[str] = Counter()  # sent since the entry was seen last
        self._dear: set[str] = set()
        self._row = ""
        self._looked = float("-inf")

    @property
    def entries(self) -> int:
        """Of how many entries it is known that they have occurred."""
        return len(self._lasts)

    def write(self, slot: int | None) -> None:
        """Write what is new, where it is time. One round trip, the first time another. Raises StoreUnavailable."""
        if slot is None:
            return
        if not (self.sent or self._sendings) and time.monotonic() - self._looked < LOOK_EVERY:
            return
        if self._numbers is None:
            self._learn(board.read_board(time.time()))
        self._looked = time.monotonic()
        heap = list(getattr(self._scheduler, "_heap", None) or ())  # first: what it says was sent is in the queue
        self._take()
        self._look(heap)
        self._give(slot)

    def _learn(self, told: Told) -> None:
        """Go on where the beats before ended."""
        self._numbers = {name: facts.number for name, facts in told.facts.items()}
        self._lasts = {name: facts.last for name, facts in told.facts.items() if facts.last is not None}

    # -- what was sent ------------------------------------------------------------------------------------------------

    def _take(self) -> None:
        for _ in range(len(self.sent)):
            note = self.sent.popleft()
            name = note.name or self._only_entry_of(note.task)
            if not name:
                continue
            sent = datetime.fromtimestamp(note.sent, timezone.utc)
            due = self._due_of(name, note.entry, note.ran) if note.entry is not None else None
            due = sent if due is None or due > sent or sent - due > LONG_AGO else due
            self._uncounted[name] += 1
            self._occurred(name, Sending(_ms(due), _ms(sent), clean(note.task_id, LONGEST_ID) or None))

    def _only_entry_of(self, task: str) -> str:
        names = [name for name, known in self._known.items() if known.event[2].task == task]
        return names[0] if len(names) == 1 else ""

    def _occurred(self, name: str, sending: Sending) -> None:
        key = board.key_of(name)
        numbers = self._numbers if self._numbers is not None else {}
        numbers[key] = number = numbers.get(key, 0) + 1
        self._lasts[key] = sending
        self._changed[name] = None
        waiting = self._sendings.setdefault(name, {})
        waiting[number] = sending
        while len(waiting) > board.RING:
            del waiting[next(iter(waiting))]
        if sum(map(len, self._sendings.values())) > MOST_WAITING:
            del self._sendings[next(iter(self._sendings))]

    # -- what is known ------------------------------------------------------------------------------------------------

    def _look(self, heap: list[Any]) -> None:
        """See what is new in the heap."""
        left = MOST_WORKED_OUT
        for event in heap:
            entry = event[2]
            known = self._known.get(entry.name)
            if known is not None and known.event is event:
                continue
            if left == 0 or len(self._known) > MOST_ENTRIES:
                break
            left -= 1
            self._see(event, entry, known)

    def _see(self, event: Any, entry: Any, known: _Known | None) -> None:
        name, ran, count = entry.name, entry.last_run_at, entry.total_run_count
        sent = self._uncounted.pop(name, 0)
        if known is not None and known.due is not None and _runs(known.count, count) > sent:
            self._occurred(name, Sending(_ms(known.due)))  # beat counts a run, and nothing was sent
        same = known is not None and known.ran == ran and known.event[2].schedule is entry.schedule
        due = known.due if known is not None and same else self._due_of(name, entry, ran)
        self._known[name] = _Known(event, ran, count, due)
        self._changed[name] = None

    def _due_of(self, name: str, entry: Any, ran: datetime | None) -> datetime | None:
        """Return when an entry that ran then is due, by its own schedule: None when it cannot be told."""
        known = self._known.get(name)
        if known is not None and known.ran == ran and known.due is not None and known.event[2] is entry:
            return known.due
        model = getattr(entry, "model", None)
        if getattr(model, "one_off", False) and entry.total_run_count > 0:
            return None  # it has run, and is about to be disabled
        if ran is None or name in self._dear:
            return _by_heap(known)
        begin = time.thread_time()
        try:
            due = due_after(entry.schedule, _aware(ran))
        except Exception as error:  # a schedule of the site's own, or one that never comes
            if is_new("the next time of an entry", name, type(error)):
                logger.debug("It cannot be told when an entry is due", exc_info=True)
            due = _by_heap(known)
        if time.thread_time() - begin > DEAR:
            self._dear.add(name)
        start = getattr(model, "start_time", None)
        return max(due, start) if due is not None and start is not None else due

    # -- what is written ----------------------------------------------------------------------------------------------

    def _give(self, slot: int) -> None:
        now = time.time()
        if (row := board.facts_row(now)) != self._row:  # what is to be found in days is in the new row
            self._row, self._written = row, {}
            self._changed = dict.fromkeys((*self._changed, *self._known))
        names = [*self._changed][:MOST_WRITTEN]
        facts = {name: self._facts(name) for name in names}
        facts = {name: told for name, told in facts.items() if self._written.get(name) != told}
        sendings = self._some_sendings()
        if facts or sendings:
            board.add(facts, sendings, slot, now)
        self._written.update(facts)
        for name in names:
            del self._changed[name]
        for name, numbered in sendings.items():
            waiting = self._sendings[name]
            for number in numbered:
                del waiting[number]
            if not waiting:
                del self._sendings[name]

    def _some_sendings(self) -> dict[str, dict[int, Sending]]:
        """Return the occurrences of so many entries as are written at once."""
        some, number = {}, 0
        for name, numbered in self._sendings.items():
            if number >= MOST_WRITTEN:
                break
            some[name] = dict(numbered)
            number += len(numbered)
        return some

    def _facts(self, name: str) -> Facts:
        known, key = self._known.get(name), board.key_of(name)
        due, ran = (known.due, known.ran) if known is not None else (None, None)
        number = (self._numbers or {}).get(key, 0)
        return Facts(_ms(due) if due else None, _ms(_aware(ran)) if ran else None, number, self._lasts.get(key))


def _runs(before: Any, after: Any) -> int:
    """Return how many runs were counted between two looks: a counter that was set is none."""
    is_counted = type(before) is int and type(after) is int
    return after - before if is_counted and 0 < after - before < 10 else 0


def _by_heap(known: _Known | None) -> datetime | None:
    """Return when beat itself means to look at an entry."""
    try:
        return None if known is None else datetime.fromtimestamp(known.event[0], timezone.utc)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _ms(moment: datetime) -> int:
    return max(0, int(moment.timestamp() * 1000))
