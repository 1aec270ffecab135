"""What the truth comes to: of each task its state, its executions and its lines, and what documented losses allow.

A process that is killed loses what it had not written yet, and so does one that ends while the store is away:
docs/store.md, docs/logs.md and docs/insight.md say how much. What that explains is told apart, nothing else excused.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from .truth import Note

#: Seconds before its end of which a killed process loses facts, log lines, numbers and what beat sent: as documented.
FACTS, LINES, NUMBERS, SENT = 0.02, 1.0, 5.0, 2.0
#: Seconds that a thread waits for a processor, on a machine that has others to run: told apart.
BUSY = 1.0
#: Seconds that an outage is noticed after it began, and a try takes.
NOTICED = 3.0
#: Seconds within which a child of a pool ends whose main process is killed, as abruptly as that.
WITH_ITS_PARENT = 1.0
#: Pauses between two tries double up to so many seconds.
LONGEST_PAUSE = 30.0

#: What ends an attempt, the strongest last: docs/reference/states.md.
ENDS = {
    "retried": "RETRY",
    "rejected": "REJECTED",
    "revoked": "REVOKED",
    "failed": "FAILURE",
    "internal error": "FAILURE",
    "succeeded": "SUCCESS",
}
STRENGTH = list(ENDS.values())
FAILURES = ("failed", "internal error")
#: Failures that a process itself cannot tell of: of all others a worker's main process only says again what it heard,
#: and that may be when the task's next attempt has begun.
UNTOLD = ("WorkerLostError", "TimeLimitExceeded", "DecodeError")
#: What a child of the pool is ended for.
CHILD_ENDING = (("failed", "TimeLimitExceeded"), ("revoked", "terminated"), ("raised", "SystemExit"))
COUNTED = {
    "sent": "SENT",
    "started": "STARTED",
    "succeeded": "SUCCESS",
    "failed": "FAILURE",
    "retried": "RETRY",
    "rejected": "REJECTED",
}


@dataclass(frozen=True, slots=True)
class Death:
    """When a process ended. One that was not killed had a second to bring what it had to the store."""

    at: float
    began: float
    is_kill: bool


@dataclass
class Truth:
    """All that was told."""

    notes: Sequence[Note]
    deaths: dict[int, list[Death]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[int, int] = field(default_factory=dict)
    mains: dict[int, str] = field(default_factory=dict)
    freezes: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    of_tasks: dict[str, list[Note]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, str] = field(default_factory=dict)
    outages: list[tuple[float, float]] = field(default_factory=list)
    #: When the store lost all that it had, last; and when site and database were away.
    emptied: float = 0.0
    unable_to_journal: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def of(cls, notes: Iterable[Note]) -> "Truth":
        truth = cls(sorted(notes, key=lambda note: note.at))
        for note in truth.notes:
            if note.what in ("killed", "ended"):
                began = note.until or note.at
                truth.deaths[int(note.text)].append(Death(note.at, began, note.what == "killed"))
            elif note.what == "began":
                truth.mains[int(note.text)] = note.name
            elif note.what == "forked":
                truth.parents[note.pid] = int(note.text)
            elif note.id and not is_repeated(note):
                truth.of_tasks[note.id].append(note)
                if note.name:
                    truth.names.setdefault(note.id, note.name)
            if (note.what, note.text) == ("fault", "frozen"):
                truth.freezes[note.name].append((note.until, note.at))
            if note.what == "emptied":
                truth.emptied = note.at
            elif note.what == "fault" and note.name in ("web", "database"):
                truth.unable_to_journal.append((note.until, note.at))
        truth._killed_by_celery()
        truth.outages = merged(
            (note.until, note.at) for note in truth.notes if (note.what, note.name) == ("fault", "store")
        )
        return truth

    def about(self, words: str) -> Iterator[str]:
        """Yield what happened to the tasks that are meant, and how their processes ended.

        They are those whose ids are among these words; and, of a task that is named, those that were said to have
        failed more than once.
        """
        meant = {word.strip(":,") for word in words.split()}
        task_ids = [task_id for task_id in self.of_tasks if task_id in meant] or [
            task_id
            for task_id, notes in self.of_tasks.items()
            if self.names.get(task_id) in meant and sum(note.what in FAILURES for note in notes) > 1
        ]
        for note in (note for task_id in task_ids for note in self.of_tasks[task_id]):
            what, death = " ".join(filter(None, (note.what, note.text))), self.death(note)
            ended = f", which {'was killed' if death.is_kill else 'ended'} at {death.at:.3f}" if death else ""
            yield f"{note.at:.3f} {note.id} {what} of attempt {note.attempt} by process {note.pid}{ended}"
        for since, until in self.outages if task_ids else ():
            yield f"the store was away from {since:.3f} to {until:.3f}"

    def has_living_worker(self, note: Note) -> bool:
        """Whether the worker of the process that a note is of was never ended."""
        main = self.parents.get(note.pid)
        return main is not None and not self.deaths.get(main)

    def possible_states(self, notes: Sequence[Note], bound: float) -> set[str]:
        """Return the states that are right when any of what documented losses explain did not come to the store.

        Of a start without an end nobody can tell that it is over, as long as its worker lives.
        """
        states = possible_states(notes, [self.may_be_lost(note, bound) for note in notes])
        starts = [note for note in notes if note.what == "started"]
        if "LOST" in states and starts and self.has_living_worker(starts[-1]):
            states.add("STARTED")
        return states

    def _killed_by_celery(self) -> None:
        """A child is killed for its time limit, or because its task is to be ended."""
        for notes in self.of_tasks.values():
            for note in notes:
                if (note.what, note.text) in CHILD_ENDING:
                    for child in {one.pid for one in notes if one.what == "started" and one.at < note.at}:
                        self.deaths[child].append(Death(note.at, note.at, True))

    def death(self, note: Note) -> Death | None:
        """Return how the process ended that told this, if it did: ids of processes are used again."""
        deaths = sorted(self.deaths.get(note.pid, ()), key=lambda one: one.at)
        death = next((one for one in deaths if one.at >= note.at), None)
        if death is None or death.is_kill:
            return death
        is_kill = any(
            one.is_kill and abs(one.at - death.at) < WITH_ITS_PARENT
            for one in self.deaths.get(self.parents.get(note.pid, 0), ())
        )
        return replace(death, is_kill=is_kill)

    def may_be_lost(self, note: Note, bound: float) -> bool:
        """Whether documented losses explain that what a process knew of this did not come to the store."""
        if note.at <= self.emptied:
            return True
        death = self.death(note)
        if death is None:
            return False
        if death.is_kill and self._ran(note.pid, note.at, death.began) <= bound:
            return True
        return any(
            self._ran(note.pid, note.at, since) <= bound
            and note.at <= until
            and since <= death.at + NOTICED
            and death.began <= until
            for since, until in self.outages
        )

    def _ran(self, pid: int, since: float, until: float) -> float:
        """Return for how many of these seconds a process was not frozen; below 0 for a moment that came before."""
        name = self.mains.get(pid) or self.mains.get(self.parents.get(pid, 0), "")
        stood = sum(max(0.0, min(until, over) - max(since, begun)) for begun, over in self.freezes.get(name, ()))
        return until - since - stood

    def counted(self) -> Iterator[Note]:
        """Yield what numbers count: of an execution one failure, however often and by whom it is told."""
        for notes in self.of_tasks.values():
            failures = {}
            for note in notes:
                if note.what in FAILURES:
                    started = [one for one in notes if one.what == "started" and one.at <= note.at]
                    own = [one for one in started if one.pid == note.pid]
                    its = (own or started or [note])[-1]
                    failures.setdefault((its.at, its.pid), replace(note, what="failed"))
                elif note.what in COUNTED:
                    yield note
            yield from failures.values()


def is_repeated(note: Note) -> bool:
    return note.what == "failed" and not note.attempt and note.text not in UNTOLD


def merged(outages: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the outages of a store, each up to when every process has asked it again, as one where they meet."""
    found: list[list[float]] = []
    for begun, over in sorted(outages):
        if found and begun <= found[-1][1]:
            found[-1][1] = max(found[-1][1], _asked_again(found[-1][0], over))
        else:
            found.append([begun, _asked_again(begun, over)])
    return [(begun, over) for begun, over in found]


def _asked_again(begun: float, over: float) -> float:
    """A pause is no longer than all of the outage before it, and a second; and each try takes its time."""
    return over + min(LONGEST_PAUSE, over - begun + 1) + NOTICED


def state_of(notes: Sequence[Note]) -> str:
    """Return the state that a task with these notes is in, as docs/reference/states.md says."""
    notes = with_attempts(notes)
    if not any(note.what == "started" or note.what in ENDS for note in notes):
        return "PENDING"
    newest = max(note.attempt for note in notes if note.what == "started" or note.what in ENDS)
    mine = [note for note in notes if note.attempt == newest]
    starts = [note for note in mine if note.what == "started"]
    outcomes = [[note for note in mine if note.what in ENDS and note.pid == start.pid] for start in starts]
    others = [note for note in mine if note.what in ENDS and note.pid not in {start.pid for start in starts}]
    if any(note.what == "succeeded" for note in mine):
        return "SUCCESS"
    last = [*(outcomes[-1] if outcomes else ()), *(note for note in others if not starts or note.at > starts[-1].at)]
    if not last:
        return "LOST" if starts else ENDS[others[-1].what]
    return max((ENDS[note.what] for note in last), key=STRENGTH.index)


def with_attempts(notes: Sequence[Note]) -> list[Note]:
    """Give what the main process told the attempt that it was about: the one that had begun last."""
    known, attempt = [], 1
    for note in notes:
        if note.what in ("started", "sent") and note.attempt > attempt and note.what == "started":
            attempt = note.attempt
        known.append(replace(note, attempt=attempt) if note.what in ENDS and not note.attempt else note)
    return known


def possible_states(notes: Sequence[Note], may_be_lost: Sequence[bool]) -> set[str]:
    """Return the states that are right when any of what may be lost is."""
    told = [note for note in notes if note.what == "started" or note.what in ENDS or note.what == "sent"]
    doubtful = [
        number for number, (note, lost) in enumerate(zip(notes, may_be_lost, strict=True)) if lost and note in told
    ]
    states = set()
    for many in range(1, len(doubtful) + 1):
        for gone in combinations(doubtful, many):
            states.add(state_of([note for number, note in enumerate(notes) if number not in gone]))
    return states


def executions_of(notes: Sequence[Note]) -> int:
    """Return how often it was begun, but for retries."""
    begun = [note.attempt for note in notes if note.what == "started"]
    return len(begun) - max(0, len(set(begun)) - 1)


def lines_of(notes: Sequence[Note]) -> Mapping[tuple[int, str], Note]:
    return {(note.attempt, note.text): note for note in notes if note.what == "line"}
