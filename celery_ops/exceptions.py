"""What is raised from one package into another: each message is for the person who asked, and none quotes a secret."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from .sentences import Sentence as _

if TYPE_CHECKING:
    from .models import ControlRecord, TaskRunRecord


class NoAnswer(TimeoutError):
    """There was none within the time that it was waited for."""


class BackendUnavailable(Exception):
    """The source did not answer. The message says what and why, in words for the page."""


class BrokerUnavailable(Exception):
    """The broker did not answer in time, or refused the connection; the message says which."""


class StoreUnavailable(Exception):
    """The store did not answer in time, refused the connection, or cannot take writes now."""


class StorePartlyUnavailable(StoreUnavailable):
    """Some servers of the store did not answer, and the others did. ``left`` is what could not be written."""

    def __init__(self, message: str, left: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.left = left


class ExtraMissing(Exception):
    """A library is not installed that this takes; the message names the extra that brings it."""


class WrongSetting(ValueError):
    """A setting's value that will not do; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class WrongURL(WrongSetting):
    """A URL that leads to no Redis; neither message nor hint quotes it."""


class WrongObjective(WrongSetting):
    """An entry of ``OBJECTIVES`` that is none; neither message nor hint is long."""


class WebhookFailed(Exception):
    """The webhook did not take an alert; the message says why, and no more of its URL than the host."""


class BadCursor(ValueError):
    """A cursor that no page of this list has given out."""


class BadInput(ValueError):
    """What was entered will not do: ``errors`` has messages by field, ``__all__`` for what is no field's."""

    def __init__(self, errors: Mapping[str, list[str]] | str) -> None:
        self.errors: dict[str, list[str]] = {"__all__": [errors]} if isinstance(errors, str) else dict(errors)
        super().__init__(errors if isinstance(errors, str) else " ".join(chain.from_iterable(self.errors.values())))


class BadToken(Exception):
    """The token is not ours, was tampered with, or has expired."""


class MissingRelatedObject(Exception):
    """A launch argument could not be taken from the object; the message says which part is missing."""


class NotSent(Exception):
    """The task was not sent; the message says why, in words for the person who asked. ``record`` is its row or None."""

    def __init__(self, message: str, record: "TaskRunRecord | None" = None) -> None:
        super().__init__(message)
        self.record = record


class SentNothing(NotSent):
    """The task's own ``apply_async`` sent nothing, and the broker is not to blame.

    ``reason`` says so without naming another task, and ``other_id`` is the one that it answered with, empty when there
    is none.
    """

    def __init__(self, message: str, reason: str = "", other_id: str = "") -> None:
        super().__init__(message)
        self.reason, self.other_id = reason or message, other_id


class Claimed(Exception):
    """Somebody else was quicker: what was claimed has a run already."""

    def __init__(self) -> None:
        super().__init__(_("It was run again already."))


class NotDone(Exception):
    """Nothing was asked, or nobody could be: the message says which. ``record`` is its row or None."""

    def __init__(self, message: str, record: "ControlRecord | None" = None) -> None:
        super().__init__(message)
        self.record = record


class ScheduleRefused(Exception):
    """That cannot be done to an entry of a schedule; the message says why, in words for the person who asked."""


class Repeated(Exception):
    """The same form came once more, so nothing was done: ``record`` is the row of the first time."""

    def __init__(self, record: "ControlRecord") -> None:
        super().__init__(_("This had been asked already: it is done once."))
        self.record = record


class NotRunning(LookupError):
    """No worker runs the task now, as far as all that were asked say."""


class NoStack(Exception):
    """A worker runs the task and does not say where it is; the message says why, in words for the person who asked."""


class NotKnown(LookupError):
    """No source knows the task."""


class NotRerunnable(Exception):
    """The task is known, but not what it was given; ``reason`` says why, in words for the person who asked."""

    def __init__(self, reason: str, name: str = "", state: str = "") -> None:
        super().__init__(reason)
        self.reason, self.name, self.state = reason, name, state


class RerunRefused(Exception):
    """A task is not run again; the message says why, in words for the person who asked.

    ``is_forbidden`` says that the policy refuses this person, so that another one may; ``is_away`` that workers could
    not be asked, so that it may be tried again; ``is_closed`` that it is not for this person to run, whatever it was
    given and whatever became of it.
    """

    def __init__(
        self, reason: str, *, is_forbidden: bool = False, is_away: bool = False, is_closed: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.is_forbidden, self.is_away = reason, is_forbidden, is_away
        self.is_closed = is_closed or is_forbidden or is_away
