"""The values that cross a layer: frozen, without behaviour beyond what they can say of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from . import states


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running task says it is."""

    current: float
    total: float
    message: str = ""

    @property
    def percent(self) -> int | None:
        """0 to 100, or None when the total is not positive or either number is not finite."""
        if not (isfinite(self.current) and isfinite(self.total)) or self.total <= 0:
            return None
        return int(max(0.0, min(100.0, 100 * self.current / self.total)))  # a huge number makes it infinite


@dataclass(frozen=True, slots=True)
class StartedBy:
    """Who started a task, from which URL: ``pk`` is the text of the account's key, ``url_name`` empty for no name."""

    pk: str
    username: str
    url_name: str = ""


@dataclass(frozen=True, slots=True)
class AttemptCost:
    """What one attempt of a task cost: ``attempt`` counts from 1, the rest is as ``TrackedTask`` has it."""

    attempt: int
    cpu_seconds: float | None
    peak_memory: int | None


@dataclass(frozen=True, slots=True)
class TrackedTask:
    """One task of one object, as ``tasks_for`` returns it. Times are aware datetimes, or None while they are unknown.

    - ``error`` is ``"Class: message"``, redacted, or None.
    - ``attempts`` counts from 1. ``executions`` counts how often a worker began the task, retries left aside: 2 when
      its message was delivered twice, 0 while it waits.
    - ``parent_id`` is the task that launched it, when it belongs to the object only because of that.
    - ``started_by`` is the user whose request published it, or published the task that launched it; None when nobody
      noted that.
    - ``cpu_seconds`` and ``peak_memory`` are what the newest attempt cost: seconds of CPU, and the bytes by which the
      peak memory of its process grew. None while it runs, and when they could not be measured.
    - ``eta`` and ``priority`` are what its publisher asked for, if anything.
    - ``schedule`` is the entry for which beat sent it, or None.
    - ``trace_id`` is the trace of the newest attempt's message, when ``TRACE_URL`` is set.
    - ``django_priority`` and ``django_result_id`` are known of tasks of Django's own framework: the priority as Django
      has it, and the id of the result when it is not ``id``.
    """

    id: str
    name: str
    label: str
    state: str
    attempts: int
    published_at: datetime | None = None
    received_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker: str | None = None
    progress: Progress | None = None
    error: str | None = None
    retry_of: str | None = None
    revoke_requested_at: datetime | None = None
    parent_id: str | None = None
    executions: int = 0
    started_by: StartedBy | None = None
    trace_id: str | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    eta: datetime | None = None
    priority: int | None = None
    django_priority: int | None = None
    django_result_id: str | None = None
    schedule: str | None = None

    @property
    def is_child(self) -> bool:
        return self.parent_id is not None

    @property
    def is_active(self) -> bool:
        return states.is_active(self.state)

    @property
    def duration(self) -> timedelta | None:
        """From start to finish, or None while either is unknown."""
        return between(self.started_at, self.finished_at)


@dataclass(frozen=True, slots=True)
class TaskExecution:
    """One delivery of a task's message that a worker began. ``attempt`` counts from 1.

    - ``state`` is what it came to: STARTED while it runs, LOST when its worker is gone, PENDING when its message was
      given back.
    - ``pid`` is the process's id on the worker's machine, None when that was not noted.
    - ``overlaps``: an earlier execution of this attempt had not ended when this one began.
    - ``timed_out``: a hard time limit ended it.
    - Times are aware datetimes by the worker's clock, or None.
    """

    attempt: int
    state: str
    worker: str
    pid: int | None = None
    received_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    overlaps: bool = False
    timed_out: bool = False

    @property
    def duration(self) -> timedelta | None:
        """From start to finish, or None while either is unknown."""
        return between(self.started_at, self.finished_at)


@dataclass(frozen=True, slots=True)
class Payload:
    """What a task was given and what came of it: text, redacted and cut to 2 KiB each, or None.

    ``meta`` is what a task that has not ended says of itself.
    """

    args: str | None = None
    result: str | None = None
    error: str | None = None
    traceback: str | None = None
    meta: str | None = None


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """One task as a backend knows it. None is unknown; lists leave the payload and the relatives out.

    - Times are aware datetimes. ``created_at`` is when the task was published, ``stored_at`` when its source first
      heard of it.
    - ``error`` is ``"Class: message"``, or the class alone. ``told_error`` is the same as its worker told it, who knew
      what it must not repeat.
    - ``args``, ``kwargs``, ``result`` and ``meta`` (what a task that has not ended says of itself) are values, or the
      text that a source keeps of them. They are raw: whoever shows them has to redact them.
    - ``hides`` says that something of its arguments is hidden, though they may not show it.
    - ``revoke_requested_at`` is when somebody asked for it to be revoked, whatever has come of that.
    - ``started_by`` may be shown to viewers with ``view_ops``, and to the user whom it names.
    - ``executions`` counts how often a worker began the task, retries left aside, as far as tracking knows.
    - ``cpu_seconds`` and ``peak_memory`` are what its newest attempt cost, as ``TrackedTask`` has them.
    - ``schedule`` is the entry for which beat sent it.
    """

    id: str
    name: str = ""
    state: str = states.PENDING
    worker: str | None = None
    queue: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    eta: datetime | None = None
    error: str | None = None
    attempts: int | None = None
    args: Any = None
    kwargs: Any = None
    result: Any = None
    traceback: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    children: tuple[str, ...] = ()
    meta: Any = None
    stored_at: datetime | None = None
    revoke_requested_at: datetime | None = None
    started_by: StartedBy | None = None
    executions: int | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    schedule: str | None = None
    told_error: str | None = None
    hides: bool = False

    @property
    def seen_at(self) -> datetime | None:
        """When it was published, or else when its source first heard of it."""
        return self.created_at or self.stored_at

    @property
    def error_class(self) -> str:
        """The class of the error, which every viewer of the task may know; empty when it names none."""
        return error_class(self.error)

    @property
    def wait(self) -> timedelta | None:
        """From creation to start, or None while either is unknown."""
        return between(self.created_at, self.started_at)

    @property
    def run_time(self) -> timedelta | None:
        """From start to finish, or None while either is unknown."""
        return between(self.started_at, self.finished_at)


def error_class(error: str | None) -> str:
    """Return the class of an error text; empty when it names none."""
    name = (error or "").partition(":")[0]
    return name if all(part.isidentifier() for part in name.split(".")) else ""


def between(begin: datetime | None, end: datetime | None) -> timedelta | None:
    return None if begin is None or end is None else max(timedelta(0), end - begin)


#: It answers.
ONLINE: Final = "online"
#: It should answer, and does not.
NO_REPLY: Final = "no_reply"
#: It said goodbye.
ENDED: Final = "ended"
#: It was killed: no sign of life, and no answer.
GONE: Final = "gone"


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker, as it answered last. Counts and names are None when it did not say.

    ``is_twice`` says that two living workers have this name. ``scales`` that an autoscaler gives it processes.
    """

    hostname: str
    state: str = ONLINE
    last_seen: datetime | None = None
    pool: str | None = None
    concurrency: int | None = None
    active: int | None = None
    reserved: int | None = None
    scheduled: int | None = None
    processed: int | None = None
    queues: tuple[str, ...] | None = None
    is_twice: bool = False
    scales: bool = False

    @property
    def is_online(self) -> bool:
        return self.state == ONLINE

    @property
    def has_ended(self) -> bool:
        """Whether it ended well, so that nothing is to be expected of it."""
        return self.state == ENDED

    @property
    def has_no_queue(self) -> bool:
        """Whether it answers and consumes nothing."""
        return self.is_online and self.queues == ()

    @property
    def has_no_process(self) -> bool:
        """Whether it answers and its pool has nothing that could run a task, nor gets it."""
        return self.is_online and self.concurrency == 0 and not self.scales


@dataclass(frozen=True, slots=True)
class RegisteredTask:
    """A task that a worker has, with the limits in force there now: ``"10/m"``, seconds, or None."""

    name: str
    rate_limit: str | None = None
    soft_time_limit: float | None = None
    time_limit: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerDetail:
    """Everything one worker says of itself. The mappings are raw, for whoever shows them to redact.

    ``missing`` names the methods that it did not answer, or answered with what cannot be read.
    """

    info: WorkerInfo
    active: tuple[TaskInfo, ...] = ()
    reserved: tuple[TaskInfo, ...] = ()
    scheduled: tuple[TaskInfo, ...] = ()
    registered: tuple[RegisteredTask, ...] = ()
    totals: Mapping[str, int] = field(default_factory=dict)
    pid: int | None = None
    uptime: timedelta | None = None
    prefetch_count: int | None = None
    pool: Mapping[str, Any] = field(default_factory=dict)
    autoscaler: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    broker: Mapping[str, Any] = field(default_factory=dict)
    conf: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """All workers at one moment. ``trouble`` says why there is no newer answer than this one."""

    workers: tuple[WorkerInfo, ...]
    collected_at: datetime
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """One queue. ``depth`` counts waiting messages of every priority, ``unacked`` those that a worker holds.

    ``sources`` says who knows it: settings, workers, broker. None is unknown.
    """

    name: str
    depth: int | None = None
    unacked: int | None = None
    consumers: int | None = None
    oldest_age: timedelta | None = None
    paused: bool | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """How messages come into a queue."""

    exchange: str
    exchange_type: str = ""
    routing_key: str = ""


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """One waiting message. ``size`` is in bytes, ``arguments`` the raw text that its publisher wrote for logs."""

    task_id: str
    name: str = ""
    arguments: str = ""
    published_at: datetime | None = None
    eta: datetime | None = None
    size: int = 0
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class QueueDetail:
    """Everything known of one queue. ``messages`` is the head, oldest first, or None where looking would disturb it.

    ``trouble`` says why something is missing.
    """

    info: QueueInfo
    bindings: tuple[Binding, ...] = ()
    durable: bool | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    workers: tuple[str, ...] | None = None
    priorities: Mapping[int, int] = field(default_factory=dict)
    messages: tuple[MessageInfo, ...] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class QueueReport:
    """All queues at one moment. ``trouble`` says why something is missing, or why there is nothing newer.

    ``note`` says what cannot be listed although nothing is wrong.
    """

    queues: tuple[QueueInfo, ...]
    collected_at: datetime
    trouble: str = ""
    note: str = ""
