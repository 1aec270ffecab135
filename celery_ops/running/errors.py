"""What keeps a task from being sent."""

from collections.abc import Mapping

from ..models import TaskRunRecord


class BadInput(ValueError):
    """What was entered will not do: ``errors`` has messages by field, ``__all__`` for what is no field's."""

    def __init__(self, errors: Mapping[str, list[str]] | str) -> None:
        self.errors: dict[str, list[str]] = {"__all__": [errors]} if isinstance(errors, str) else dict(errors)
        super().__init__(" ".join(message for messages in self.errors.values() for message in messages))


class NotSent(Exception):
    """The task was not sent; the message says why, in words for the person who asked. ``record`` is its row or None."""

    def __init__(self, message: str, record: TaskRunRecord | None = None) -> None:
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
