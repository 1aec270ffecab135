"""What only one run may have, by a unique row: whoever comes second is told, and sends nothing."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import router
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from ..exceptions import BadInput
from ..models import RunClaim, TaskRunRecord
from ..sentences import Sentence as _
from .allowlist import options_of

#: What the keys of these rows are made from.
NAMESPACE: Final = UUID("5a3e9b1c-6d0f-4c7a-9a55-2f1d8f0c4b7e")
MINUTE: Final = timedelta(minutes=1)


def key_of(*parts: str) -> UUID:
    """Return the key of a claim, the same wherever it is asked for."""
    return uuid5(NAMESPACE, "\n".join(parts))


def take(keys: Collection[UUID]) -> None:
    """Claim all of these, inside a transaction. Raises IntegrityError when somebody has one of them."""
    now = timezone.now()
    _rows().bulk_create([RunClaim(key=key, claimed_at=now) for key in sorted(keys)])  # in one order: no deadlock


def taken_keys(keys: Iterable[UUID]) -> set[UUID]:
    """Return those of the keys that somebody has."""
    return set(_rows().filter(key__in=list(keys)).values_list("key", flat=True))


# -- places of a minute -----------------------------------------------------------------------------------------------


def limited_tasks(names: Iterable[str]) -> list[str]:
    """Return those of the tasks that have ``max_per_minute``, ready to be counted: call it outside a transaction."""
    limited_names = sorted({name for name in names if options_of(name).get("max_per_minute")})
    for name in limited_names:
        _rows().get_or_create(key=_place(name), defaults={"claimed_at": timezone.now()})
    return limited_names


def lock(name: str) -> None:
    """Let nobody else count this task's runs until the transaction ends: its first statement, so that SQLite waits."""
    _rows().filter(key=_place(name)).update(claimed_at=timezone.now())


def room(name: str) -> int | None:
    """Return how often a task may be run yet in this minute, None when it has no ``max_per_minute``."""
    most = options_of(name).get("max_per_minute")
    if not most:
        return None
    since = timezone.now() - MINUTE
    rows = TaskRunRecord.objects.using(router.db_for_write(TaskRunRecord))
    return max(0, most - rows.filter(task_name=name, created_at__gte=since).count())


def check_rate(name: str) -> None:
    """Raise BadInput when a task has been run by hand as often in the last minute as its ``max_per_minute`` allows."""
    if room(name) == 0:
        most = options_of(name)["max_per_minute"]
        message = ngettext(
            "This task may be run %(n)s time a minute. Wait a while.",
            "This task may be run %(n)s times a minute. Wait a while.",
            most,
        )
        raise BadInput(message % {"n": most})


def no_room() -> str:
    """Return what is said of one of many for which this minute has no place."""
    return _("It was run as often as max_per_minute allows.")


def _place(name: str) -> UUID:
    return key_of("minute", name)


def _rows() -> QuerySet[RunClaim]:
    return RunClaim.objects.using(router.db_for_write(TaskRunRecord))
