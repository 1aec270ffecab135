"""Doing one thing to all tasks of a filtered list: in chunks, each of which may be asked for twice.

A ``ControlRecord`` says what was asked for before anything is done, and how far it is: whoever goes on where another
process died begins with the chunk that was not written down.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
from ..task_query import Count, TaskPage, TaskQuery
from ..timezones import now
from .preview import BulkPreview, query_of
from .progress import DONE, RUNNING, STOPPED, BulkProgress, Tally

#: What a row of a whole list is about.
TARGET: Final = "filter"
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
        parameters = {
            "filters": dict(filters),
            "count": counted.number,
            "is_partial": counted.capped,
            **({"since": query.since.isoformat()} if query.since else {}),
            "until": min(filter(None, (query.until, now()))).isoformat(),
            "key": str(submission or uuid4()),
            **self.parameters(chosen),
        }
        progress = BulkProgress(touched=time.time()).plain()
        row = ControlRecord(action=self.name, target=TARGET, parameters=parameters, replies=progress, **asked_by(user))
        row.submission = submission
        try:
            in_turn(ControlRecord, partial(_insert, row))
        except IntegrityError:
            earlier = ControlRecord.objects.filter(submission=submission).first() if submission else None
            if earlier is None:
                raise
            return earlier
        return row

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


def _insert(row: ControlRecord) -> None:
    with transaction.atomic(router.db_for_write(ControlRecord)):
        row.pk = None  # of an earlier turn
        row.save(force_insert=True)


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
