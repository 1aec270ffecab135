"""What the workers hold at this moment: the tasks that run, those fetched, and those that wait for their time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from django.utils.translation import gettext_lazy

from .. import task_query
from ..info import TaskInfo
from ..task_query import TaskPage, TaskQuery
from .base import ListedTaskBackend
from .remote import replies
from .remote.snapshot import snapshot

#: A task that is two things at once, as after a redelivery, is the first of these.
METHODS: Final = {"active": replies.active, "reserved": replies.reserved, "scheduled": replies.scheduled}


class LiveTaskBackend(ListedTaskBackend):
    """Lists what all workers hold; a task is gone from here when it is done.

    Running tasks are STARTED. Those that a worker has fetched and not begun, and those that wait for their ``eta``, are
    RECEIVED: that a task waits to be tried again is not said by Celery. Nobody says when a task was created.
    """

    label = gettext_lazy("Live inspection")
    description = gettext_lazy("The tasks that workers run now, have fetched, or hold until their time comes.")
    data_source = gettext_lazy("The workers, over the broker")

    supports_queue = True
    supports_created = False
    supports_finished = False
    is_live = True
    sorts = (task_query.LAST_STARTED_FIRST, task_query.FIRST_STARTED_FIRST)

    def tasks(self) -> Iterator[TaskInfo]:
        workers = snapshot(whole=True).answers.replies
        for method, read in METHODS.items():
            for hostname, parts in workers.items():
                yield from read(parts.get(method), hostname) or ()

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        """Return the page, with a note when the workers cannot be asked and this is what they said last."""
        page, trouble = super().page(query, cursor=cursor, size=size), snapshot().trouble
        return replace(page, notes=(*page.notes, trouble)) if trouble else page
