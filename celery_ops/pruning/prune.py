"""What is old, and deleting it: journal rows by when they were written, results by when they were written last."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.models import Q, QuerySet
from django.utils import timezone

from .. import states
from ..conf import conf
from ..models import ControlRecord, RunClaim, TaskRunRecord
from .batches import BATCH_SIZE, Batches, TimeUp

FINAL: Final = (states.SUCCESS, states.FAILURE, states.REVOKED, states.REJECTED, states.IGNORED)

#: Seconds of a century: from no time that there is can more be taken.
LONGEST: Final = 100 * 365 * 86_400
#: Claims that are deleted at once.
CLAIMS: Final = 500

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went, or with a dry run would go; all of them were older than ``cutoff`` (None: kept for ever).

    ``complete`` is False when the time ran out first.
    """

    deleted: int = 0
    cutoff: datetime | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Old:
    """The rows of one table that are older than ``cutoff`` by ``moment``, the name of a field."""

    model: Any
    moment: str
    cutoff: datetime
    also: Q = field(default_factory=Q)

    @property
    def rows(self) -> QuerySet[Any]:
        """Where they are written, not where a router would read them: a copy may be behind."""
        manager = self.model._base_manager.using(router.db_for_write(self.model))
        return manager.filter(self.also, **{f"{self.moment}__lt": self.cutoff})


def cutoff_of(older_than: timedelta | None = None) -> datetime | None:
    """Return the moment before which rows are old: by ``older_than``, else by ``RECORD_RETENTION``; None for never.

    Raises ImproperlyConfigured when ``RECORD_RETENTION`` is no length of time.
    """
    age = conf.RECORD_RETENTION if older_than is None else older_than
    if age is None:
        return None
    if not isinstance(age, timedelta) or age < timedelta():
        raise ImproperlyConfigured(f"RECORD_RETENTION of CELERY_OPS is {age!r}: it has to be a timedelta or None")
    with suppress(OverflowError):
        return timezone.now() - age
    return None  # longer than there have been dates


def old_rows(
    cutoff: datetime,
    *,
    records: bool = False,
    results: bool = False,
    wanted: Iterable[str] = (),
    keep_failures: bool = False,
) -> dict[str, Old]:
    """Return what there is to prune: the journal unless only ``results`` are asked for, and the results.

    ``wanted`` are states: those of results alone, since a group has none. Raises ImproperlyConfigured without
    django-celery-results.
    """
    olds: dict[str, Old] = {}
    if records or not results:
        olds |= {"records": old_records(cutoff), "control": old_control_records(cutoff)}
    if results:
        kept = {states.FAILURE} if keep_failures else set()
        olds["results"] = old_results(cutoff, [state for state in wanted or FINAL if state not in kept])
        if not wanted:
            olds["groups"] = old_groups(cutoff)
    return olds


def old_records(cutoff: datetime) -> Old:
    return Old(TaskRunRecord, "created_at", cutoff)


def old_control_records(cutoff: datetime) -> Old:
    """Return the control actions before ``cutoff``, without those that hold.

    Those are pauses, whose queues would come back, revokes that a worker which starts is told of, and what says that
    failures are resolved that are kept for longer.
    """
    now = timezone.now()
    held = list(ControlRecord.pauses().values_list("pk", flat=True))
    revokes = Q(
        action__in=(ControlRecord.REVOKE, ControlRecord.REVOKE_BY_STAMPS),
        created_at__gte=now - ControlRecord.REVOKES_HOLD,
    )
    since = now - timedelta(seconds=min(conf.metrics_seconds, LONGEST))
    settled = Q(action__in=(ControlRecord.RESOLVE, ControlRecord.REOPEN), created_at__gte=since)
    return Old(ControlRecord, "created_at", cutoff, ~Q(pk__in=held) & ~revokes & ~settled)


def old_results(cutoff: datetime, wanted: Iterable[str] = FINAL) -> Old:
    """Return the results in those states that were written last before ``cutoff``.

    Raises ImproperlyConfigured without django-celery-results.
    """
    return Old(_model("TaskResult"), "date_done", cutoff, Q(status__in=tuple(wanted)))


def old_groups(cutoff: datetime) -> Old:
    return Old(_model("GroupResult"), "date_done", cutoff)


def _model(name: str) -> Any:
    if not apps.is_installed("django_celery_results"):
        raise ImproperlyConfigured("django-celery-results is not installed, so there are no results to prune")
    return apps.get_model("django_celery_results", name)


def count(old: Old) -> Pruned:
    """Return how many rows ``prune`` would delete now."""
    return Pruned(old.rows.count(), old.cutoff)


def prune(
    old: Old, *, batch_size: int = BATCH_SIZE, until: float | None = None, progress: Progress | None = None
) -> Pruned:
    """Delete the rows, and return how many went. ``until`` is a time of ``time.monotonic`` at which to stop.

    ``progress`` is told the number of each batch. The site's receivers of ``pre_delete`` and ``post_delete`` are called
    where there are any. Raises Held when rows stay that others lock or need, OperationalError when the database is
    locked for long.
    """
    batches = Batches(old.rows, old.moment, batch_size, until)
    try:
        for number in batches.delete():
            if progress is not None:
                progress(number)
    except TimeUp:
        return Pruned(batches.deleted, old.cutoff, complete=False)
    if old.model is TaskRunRecord:
        _prune_claims(old.cutoff)
    return Pruned(batches.deleted, old.cutoff)


def _prune_claims(cutoff: datetime) -> None:
    """Delete the claims of runs that are no longer in the journal: small rows, that nothing refers to."""
    rows = RunClaim._base_manager.using(router.db_for_write(TaskRunRecord)).filter(claimed_at__lt=cutoff)
    while keys := list(rows.values_list("pk", flat=True)[:CLAIMS]):
        rows.filter(pk__in=keys).delete()
