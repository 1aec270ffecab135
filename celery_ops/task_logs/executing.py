"""Celery's signals by which what tasks log comes to be kept: the handler is there before a task's first line."""

from typing import Any

from ..tracking.decorators import receiver
from .handler import enter, leave
from .sending import sender


@receiver
def worker_init(**_: Any) -> None:
    """What a child of the pool needs is imported by now."""


@receiver
def task_prerun(sender: Any, **_: Any) -> None:
    """The handler is looked for each time: a pool may begin in many ways, and a site set up its logging late."""
    enter(sender)


@receiver
def task_postrun(sender: Any, **_: Any) -> None:
    leave(sender)


@receiver
def worker_process_shutdown(**_: Any) -> None:
    sender.end()


@receiver
def worker_shutdown(**_: Any) -> None:
    sender.end()
