"""Which sources a site has, and which of them the beats that were heard read."""

from collections.abc import Collection, Sequence
from typing import Final

from .base import ScheduleSource
from .database import DatabaseSource
from .redbeat import RedbeatSource
from .settings import SettingsSource

#: An entry that several have is that of the first: schedulers of the others copy what the settings say.
KINDS: Final[Sequence[type[ScheduleSource]]] = (DatabaseSource, RedbeatSource, SettingsSource)


def sources(heard: Collection[str] = ()) -> list[ScheduleSource]:
    """Return the sources that are used. ``heard`` are the schedulers of living beats, as dotted paths."""
    return [source for kind in KINDS if (source := kind()).is_used(heard)]


def source_named(name: str) -> ScheduleSource | None:
    """Return the source of that name (``settings``, ``database``, ``redbeat``)."""
    return next((kind() for kind in KINDS if kind.name == name), None)
