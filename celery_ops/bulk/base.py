"""Doing one thing to all tasks of a filtered list: in chunks, each of which may be asked for twice.

A ``ControlRecord`` says what was asked for before anything is done, and how far it is: whoever goes on where another
process died begins with the chunk that was not written down.
"""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4, uuid5

from django.db import IntegrityError, router, transaction

from .. import connections
from ..backends.base import TaskBackend
from ..conf import conf
from ..databases import in_turn, writer
from ..exceptions import BackendUnavailable, BadCursor, BrokerUnavailable, NotDone, NotSent, StoreUnavailable
from ..formatting import clean
from ..info import TaskInfo
from ..models import ControlRecord, asked_by
from ..sentences import Sentence
from ..sentences import Sentence as _
from ..task_query import NEWEST_FIRST, Count, TaskPage, TaskQuery
from ..timezones import now
from .progress import DONE, RUNNING, STOPPED, BulkProgress, Skipped, Tally

#: What a row of a whole list is about.
TARGET: Final = "filter"
#: Tasks that a preview counts by name, and seconds that it takes for those after the first page; those that it shows.
PREVIEWED: Final = 10_000
COUNTING: Final = 0.5
SAMPLE: Final = 20
#: Tasks that are counted between two looks at the time: a page of ``TaskBackend.iterate``.
AT_ONCE: Final = 1000
#: Tasks that a preview may look at one by one.
JUDGED: Final = 2000
#: Times that a store is asked again.
PATIENCE: Final = 2
#: Times that a row is written when others write it at the same moment.
TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """What became of one chunk; ``trouble`` says why the next one had better wait, empty when it need not."""

    tally: Tally
    trouble: str = ""


DoChunk = Callable[[Sequence[TaskInfo]], ChunkOutcome]


# -- before -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TasksOfName:
    """The tasks of one name: how many, and why none of them is taken, empty when some are."""

    name: str
    count: int
    reason: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What a list's filters find. ``is_partial`` says that there are more than were counted.

    ``most`` is how many may be taken by their names and states, ``states`` how many there are in each state;
    ``sample`` has the first tasks and why each is not taken. The first ``judged`` were looked at one by one, and
    ``left_out`` says how many of those are not taken, by the reason.
    """

    count: int
    most: int
    is_partial: bool
    names: tuple[TasksOfName, ...]
    states: Mapping[str, int]
    sample: tuple[tuple[TaskInfo, str], ...]
    judged: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """How many tasks there are of each name and state, and the first of them."""

    numbers: Mapping[tuple[str, str], int]
    first: tuple[TaskInfo, ...]
    is_partial: bool

    @property
    def total(self) -> int:
        return sum(self.numbers.values())

    @property
    def names(self) -> dict[str, int]:
        """How many there are by name, the most frequent first."""
        return self._by(0)

    @property
    def states(self) -> dict[str, int]:
        """How many there are by state, the most frequent first."""
        return self._by(1)

    def _by(self, place: int) -> dict[str, int]:
        summed: Counter[str] = Counter()
        for key, number in self.numbers.items():
            summed[key[place]] += number
        return dict(summed.most_common())


def task_counts(backend: TaskBackend, query: TaskQuery, seconds: float = COUNTING) -> TaskCounts:
    """Return what the query finds, up to a bound and for so many seconds at most after the first page.

    Raises BackendUnavailable.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    first: list[TaskInfo] = []
    tasks = backend.iterate(query_of(query, backend))
    until = time.monotonic() + seconds
    while (number := numbers.total()) < PREVIEWED and (not number or time.monotonic() < until):
        some = list(islice(tasks, AT_ONCE))
        numbers.update((task.name, task.state) for task in some)
        first += some[: JUDGED - len(first)]
        if len(some) < AT_ONCE:
            break
    return TaskCounts(dict(numbers), tuple(first), is_partial=next(tasks, None) is not None)


def query_of(query: TaskQuery, backend: TaskBackend) -> TaskQuery:
    """Return the query in the order in which it is gone through: the newest first, so that new tasks come before it."""
    return replace(query, sort=NEWEST_FIRST if NEWEST_FIRST in backend.sorts else backend.sorts[0])


# -- doing it ---------------------------------------------------------------------------------------------------------


class BulkAction(ABC):
    """One thing that is done to all tasks of a list: what it would take, its beginning, and its steps."""

    #: What the journal calls it.
    name: ClassVar[str]
    #: Tasks of one chunk.
    chunk_size: ClassVar[int]
    #: Seconds that a request takes for as many chunks as go into it.
    seconds: ClassVar[float] = 2.0
    #: Seconds for which a store that was slow is left alone.
    pause: ClassVar[float] = 1.2

    @abstractmethod
    def preview(self, backend: TaskBackend, query: TaskQuery, user: Any) -> BulkPreview:
        """Return what a bulk of this query would take, by the rule that it goes by.

        Raises BackendUnavailable, StoreUnavailable and DatabaseError.
        """

    @abstractmethod
    def doer(self, record: ControlRecord, user: Any) -> DoChunk:
        """Return what does one chunk of ``record`` after the other; one that is done twice does no harm."""

    def parameters(self, chosen: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the row keeps of what was ``chosen`` beside the filters. Raises BadInput."""
        return {}

    @writer()
    def start(
        self,
        user: Any,
        filters: Mapping[str, list[str]],
        query: TaskQuery,
        counted: Count,
        bulk_key: UUID | None = None,
        **chosen: Any,
    ) -> ControlRecord:
        """Write down that ``user`` does this to what ``filters`` find now, and return the row; the same key has one.

        ``query`` is what the filters mean, and ``counted`` what the preview said; nothing is done yet. Raises BadInput
        and DatabaseError.
        """
        submission = bulk_key and uuid5(bulk_key, self.name)
        record = ControlRecord(
            action=self.name,
            target=TARGET,
            parameters={
                "filters": dict(filters),
                "count": counted.number,
                "is_partial": counted.capped,
                **({"since": query.since.isoformat()} if query.since else {}),
                "until": min(filter(None, (query.until, now()))).isoformat(),
                "key": str(submission or uuid4()),
                **self.parameters(chosen),
            },
            replies=BulkProgress(touched=time.time()).plain(),
            submission=submission,
            **asked_by(user),
        )

        def write() -> None:
            with transaction.atomic(router.db_for_write(ControlRecord)):
                record.pk = None  # of an earlier turn
                record.save(force_insert=True)

        try:
            in_turn(ControlRecord, write)
        except IntegrityError:
            earlier = ControlRecord.objects.filter(submission=submission).first() if submission else None
            if earlier is None:
                raise
            return earlier
        return record

    @writer()
    def advance(self, record: ControlRecord, backend: TaskBackend, query: TaskQuery, user: Any) -> BulkProgress:
        """Do what comes next, for about ``seconds``, and return how far it is then.

        ``query`` is what the row's filters mean, with the upper bound of its start. Raises DatabaseError.
        """
        begun = time.monotonic()
        do, ordered = self.doer(record, user), query_of(query, backend)
        progress = _write(record, lambda now: now if now.state == DONE else _going_on(now))
        while progress.state == RUNNING:
            before = time.monotonic()
            progress = self._next(record, progress, lambda c: backend.page(ordered, cursor=c, size=self.chunk_size), do)
            after = time.monotonic()
            if (after - begun) + (after - before) > self.seconds:  # the next one will take as long
                break
        return progress

    def _next(
        self, record: ControlRecord, progress: BulkProgress, read: Callable[[str], TaskPage], do: DoChunk
    ) -> BulkProgress:
        """Do one chunk and write down what came of it."""
        try:
            check_broker()
            page = read(progress.cursor)
            outcome = self._patiently(lambda: do(page.tasks))
        except BadCursor:
            return _halt(record, progress, _("The list has changed, so the place in it is lost."))
        except StoreUnavailable:
            return _halt(record, progress, _("The tracking store does not answer."))
        except (BackendUnavailable, NotSent, NotDone, BrokerUnavailable) as error:
            return _halt(record, progress, _kept(str(error)))
        return _write(record, lambda now: _after(now, progress, page, outcome))

    def _patiently(self, ask: Callable[[], ChunkOutcome]) -> ChunkOutcome:
        """A store that was slow once is asked again when it has had its pause: nothing was done by then."""
        for _try in range(PATIENCE):
            try:
                return ask()
            except StoreUnavailable:
                time.sleep(self.pause)
        return ask()


def progress_of(record: ControlRecord) -> BulkProgress:
    return BulkProgress.of(record.replies)


@writer()
def stop(record: ControlRecord, trouble: str = "") -> BulkProgress:
    """Begin no other chunk until somebody goes on. ``trouble`` says why, where nobody asked for that."""

    def stopped(now: BulkProgress) -> BulkProgress:
        return now if now.state == DONE else now.changed(time.time(), state=STOPPED, trouble=trouble or now.trouble)

    return _write(record, stopped)


def _going_on(progress: BulkProgress) -> BulkProgress:
    return progress.changed(time.time(), state=RUNNING, trouble="")


def _after(now: BulkProgress, before: BulkProgress, page: TaskPage, outcome: ChunkOutcome) -> BulkProgress:
    """What the row says next. When another request has done this chunk, it has counted it."""
    if now.cursor != before.cursor or now.state == DONE:
        return now
    state = STOPPED if outcome.trouble else now.state
    return now.changed(
        time.time(),
        state=state if page.next else DONE,
        tally=now.tally.and_(outcome.tally),
        cursor=page.next or now.cursor,
        trouble=outcome.trouble,
    )


def _halt(record: ControlRecord, before: BulkProgress, trouble: str) -> BulkProgress:
    def halted(now: BulkProgress) -> BulkProgress:
        if now.cursor != before.cursor:  # another request has done this chunk meanwhile
            return now
        return now.changed(time.time(), state=STOPPED, trouble=trouble)

    return _write(record, halted)


def _write(record: ControlRecord, change: Callable[[BulkProgress], BulkProgress]) -> BulkProgress:
    """Change the row by what it says at that moment: another request may have written since."""
    now = progress_of(record)
    for _try in range(TRIES):
        record.refresh_from_db(using=router.db_for_write(ControlRecord), fields=["replies"])
        now = progress_of(record)
        changed = change(now)
        if changed is now:
            break
        rows = ControlRecord.objects.filter(pk=record.pk)
        if "step" in record.replies:
            rows = rows.filter(replies__step=now.step)
        plain = changed.plain()
        if in_turn(ControlRecord, partial(rows.update, replies=plain)):
            record.replies = plain
            return changed
    return now


def _kept(text: str) -> str:
    return text if isinstance(text, Sentence) else clean(text, 300)


def check_broker() -> None:
    """Raise BrokerUnavailable before anything is written down as not sent."""
    if conf.celery_app.conf.task_always_eager:
        return
    try:
        with connections.publishing() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except Exception as error:
        raise BrokerUnavailable(_("The broker cannot be reached, so nothing was sent.")) from error


def left_out(reasons: Mapping[str, str]) -> Tally:
    """Return the tally of tasks that were not taken, from their ids and why."""
    skipped: dict[str, Skipped] = {}
    for task_id, reason in reasons.items():
        skipped[reason] = skipped.get(reason, Skipped()).and_(Skipped(1, (clean(task_id),)))
    return Tally(skipped=skipped)
