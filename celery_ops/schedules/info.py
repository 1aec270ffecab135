"""Values of schedules: an entry of beat, one occurrence of it, and a beat process. Times are aware, None is unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ..formatting import clean, duration

#: Where an entry is kept.
SETTINGS: Final = "settings"
DATABASE: Final = "database"
REDBEAT: Final = "redbeat"

#: Seconds after its due time that an entry counts as overdue when it was not sent.
OVERDUE_AFTER: Final = 30
#: Seconds after its due time from which an entry is late; what beat sent by then, the store may not know yet.
LATE_AFTER: Final = 5
#: Seconds by which a row of django-celery-beat may know less than its beat, which writes a last run so seldom.
WRITTEN_AFTER: Final = 180
#: Seconds without a sign of life, or with a loop that stands still, after which a beat is silent.
SILENT_AFTER: Final = 60

#: The code of all problems by which nothing is sent.
BEAT_SILENT: Final = "beat_silent"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that an entry was due. What is None has not happened, or nobody has told."""

    due: datetime
    sent: datetime | None = None
    task_id: str | None = None
    #: How the task is or ended, as lists show states.
    state: str | None = None
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What one source says of an entry. ``name`` is unique on a site."""

    name: str
    task: str
    source: str
    #: The schedule as Celery prints it, and in plain words: empty until somebody reads them, and where there are none.
    expression: str
    words: str = ""
    enabled: bool = True
    args: Sequence[object] = ()
    kwargs: dict[str, object] = field(default_factory=dict)
    queue: str | None = None
    one_off: bool = False
    expires: datetime | None = None
    start: datetime | None = None
    last_run_at: datetime | None = None
    next_due: datetime | None = None
    #: What people can do to it here: ``run``, ``pause``, ``resume``, ``skip``; and why not the others, by action.
    actions: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    paused_until: datetime | None = None
    #: Celery's own schedule, which can be stepped; None where there is none to be made of what is kept.
    schedule: Any = field(default=None, repr=False, compare=False)
    #: From when a run is counted to what comes next: ``last_run_at``, or when the entry was made where it never ran.
    counted_from: datetime | None = None
    #: How often it ran, as its source counts; None where that counts nothing.
    run_count: int | None = None
    #: Why it will never be sent as it is, in a sentence; empty where nothing is known to be wrong.
    broken: str = ""
    #: Why it is not known what its task is given, in a sentence: nobody can run it from here then.
    unreadable: str = ""
    #: Its schedule names no time that comes.
    is_never: bool = False
    #: Whether its messages go by an exchange or a routing key of its own, to queues that only the broker knows.
    is_routed: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an entry, and what to do: ``code`` is stable, the rest is for people.

    The words are put together for whoever reads them: of two thousand entries a page shows fifty.
    """

    code: str
    #: A text that is translated when it is read, with a ``%(name)s`` for each of the ``values``: texts and lengths.
    phrase: Any
    remedy_phrase: Any = ""
    #: It says why nothing comes, and nothing is wrong: somebody wants it so.
    is_notice: bool = False
    values: Mapping[str, str | timedelta] = field(default_factory=dict)

    def of(self, **values: str | timedelta) -> "Problem":
        """Return this problem with its values."""
        return Problem(self.code, self.phrase, self.remedy_phrase, self.is_notice, values)

    @property
    def sentence(self) -> str:
        """What is wrong, in the language of the reader."""
        return str(self.phrase) % {name: _worded(value) for name, value in self.values.items()}

    @property
    def remedy(self) -> str:
        """What to do, in the language of the reader; empty where nothing is known."""
        return str(self.remedy_phrase)


def _worded(value: str | timedelta) -> str:
    return duration(value) if isinstance(value, timedelta) else clean(value)


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """An entry with what happened to it: what the list, the page, JSON and commands show."""

    entry: Entry
    next_due: datetime | None = None
    last_due: datetime | None = None
    last_sent: datetime | None = None
    last_task_id: str | None = None
    last_state: str | None = None
    #: Seconds since the newest due time while nothing was sent for it, or by which it was sent late; None: not late.
    late: float | None = None
    overdue: bool = False
    #: The last run that beat counts from, as its source or beat itself says.
    ran: datetime | None = None
    #: When the occurrence is due that somebody has skipped.
    skipped: datetime | None = None
    #: The worst first.
    problems: tuple[Problem, ...] = ()
    #: The newest first, as many as are kept.
    occurrences: tuple[Occurrence, ...] = ()


@dataclass(frozen=True, slots=True)
class BeatInfo:
    """A beat process, by its signs of life."""

    hostname: str
    pid: int
    scheduler: str
    started: datetime
    seen: datetime
    #: Seconds that it sleeps at most between two looks at its entries.
    max_interval: float
    entries: int
    is_silent: bool = False
    #: It waits for another one's lock, and sends nothing meanwhile.
    is_standby: bool = False
    #: It said goodbye.
    has_ended: bool = False
    #: Its loop stands still, although its process lives.
    is_stuck: bool = False
    #: Celery's app whose beat it is, by its main name.
    app: str = ""
    #: Seconds by which its clock is ahead of the one here, below zero where it is behind; as far as that is known.
    ahead: float = 0.0

    @property
    def sends(self) -> bool:
        """Whether it sends what is due."""
        return not (self.is_silent or self.is_standby or self.has_ended)


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """All entries, the beats that were heard, and what is wrong with the whole."""

    schedules: tuple[ScheduleInfo, ...] = ()
    beats: tuple[BeatInfo, ...] = ()
    problems: tuple[Problem, ...] = ()
    #: Why a part is missing, in a sentence; empty when nothing is.
    trouble: str = ""
    #: The store does not answer: what beat told is not known.
    is_store_away: bool = False

    @property
    def silence(self) -> Problem | None:
        """Why nothing of all this is sent, None where something is."""
        return next((problem for problem in self.problems if problem.code == BEAT_SILENT), None)

    @property
    def is_silent(self) -> bool:
        """Whether there are entries and no beat is heard: not while the store is away, which would have told."""
        is_heard = any(not (beat.is_silent or beat.is_standby) for beat in self.beats)
        return bool(self.schedules) and not is_heard and not self.is_store_away
