"""The contract of a source of schedules."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _

from ...conf import conf
from ...exceptions import ScheduleRefused
from ..info import Entry

RUN, PAUSE, RESUME, SKIP = "run", "pause", "resume", "skip"
ACTIONS: Final = (RUN, PAUSE, RESUME, SKIP)
#: Entries that are read of a source at most.
MOST_ENTRIES: Final = 20_000
#: Entries of one task name whose occurrences are looked through for a task.
MOST_OF_A_TASK: Final = 50
#: Characters up to which what a source has of an entry is kept, with what is made of it.
LONGEST_KEPT: Final = 4_000


class ScheduleSource(ABC):
    """Lists entries, and changes what can be changed.

    What cannot be done is told by each entry: ``actions`` has what can, ``refused`` why the rest cannot.
    """

    #: How items name it: one of ``info.SETTINGS``, ``DATABASE`` and ``REDBEAT``.
    name: ClassVar[str] = ""
    label: ClassVar[Any] = ""

    @property
    def app(self) -> Any:
        """The site's Celery app."""
        return conf.celery_app

    @abstractmethod
    def is_used(self, heard: Collection[str]) -> bool:
        """Return whether there may be entries here: what is installed says so, the settings, or ``heard``.

        Those are the dotted paths of the classes that beats have told of. Connects to nothing.
        """

    @abstractmethod
    def is_read_by(self, scheduler: str) -> bool:
        """Return whether a beat with a scheduler of this class (a dotted path) sends what is kept here."""

    @abstractmethod
    def entries(self) -> Sequence[Entry]:
        """Return every entry, in any order. An entry that cannot be read is there, and says so (``broken``).

        Raises BackendUnavailable.
        """

    def entry(self, name: str) -> Entry | None:
        """Return the entry of this name, or None. Raises BackendUnavailable."""
        return next((entry for entry in self.entries() if entry.name == name), None)

    def names_of(self, task: str) -> list[str]:
        """Return the names of the entries that send tasks of this name. Raises BackendUnavailable."""
        return [entry.name for entry in self.entries() if entry.task == task]

    def pause(self, name: str, until: datetime | None = None) -> None:
        """Have an entry not be sent until then, or until it is resumed.

        Raises ScheduleRefused and BackendUnavailable.
        """
        raise ScheduleRefused(self.reason(PAUSE))

    def resume(self, name: str) -> None:
        """Have a paused entry be sent again. Raises ScheduleRefused and BackendUnavailable."""
        raise ScheduleRefused(self.reason(RESUME))

    def skip(self, name: str, due: datetime) -> None:
        """Have the occurrence of this time not be sent. Raises ScheduleRefused and BackendUnavailable."""
        raise ScheduleRefused(self.reason(SKIP))

    @staticmethod
    def check_unsent(ran: datetime | None, due: datetime) -> None:
        """Raise ScheduleRefused where an occurrence was sent, or skipped by somebody else, since a page showed it."""
        if ran is not None and ran >= due:
            raise ScheduleRefused(_("That is not the next occurrence any more."))

    def reason(self, action: str) -> str:
        """Return why this source cannot do that to any entry."""
        return _("This source cannot do that.")


def not_given(args: Any, kwargs: Any) -> str:
    """Return why beat cannot give a task these arguments, empty where it can."""
    if isinstance(args, (list, tuple)) and isinstance(kwargs, Mapping):
        return ""
    return _("Its arguments are no list and no mapping: beat cannot send it.")


def offered(possible: Mapping[str, str]) -> tuple[frozenset[str], dict[str, str]]:
    """Return what can be done to an entry, and why not the rest, by the reason against each action: empty for none."""
    return (
        frozenset(action for action, reason in possible.items() if not reason),
        {action: reason for action, reason in possible.items() if reason},
    )
