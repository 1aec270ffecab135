"""The contract of the three backends: where the pages get tasks, workers and queues from.

Subclass one, name it in ``TASK_BACKEND``, ``WORKER_BACKEND`` or ``QUEUE_BACKEND``, and inherit its suite from
``celery_ops.testing``. A backend is made for each request, without arguments. What its source cannot say is None, and
what it can never say it denies with a ``supports_…`` of False: then the pages have no such column or filter.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage

from .. import task_query
from ..conf import conf
from ..exceptions import BackendUnavailable
from ..info import MessageInfo, QueueDetail, QueueReport, RegisteredTask, TaskInfo, WorkerDetail, WorkerReport
from ..payload import payload
from ..sentences import Sentence as _
from ..task_query import Counts, TaskPage, TaskQuery


class Backend:
    """What the pages say of each backend."""

    #: Shown on the page: what it is called, what it does, where its data comes from.
    label: Any = ""
    description: Any = ""
    data_source: Any = ""

    @property
    def app(self) -> Any:
        """The site's Celery app."""
        return conf.celery_app

    def check(self) -> list[CheckMessage]:
        """Return Django check messages when the site's settings do not suit this backend. Connects to nothing."""
        return []


class TaskBackend(Backend, ABC):
    """Lists tasks and knows each one."""

    supports_worker = True
    supports_queue = False
    supports_created = True
    supports_started = True
    supports_finished = True
    #: Whether it knows what tasks cost: CPU and memory.
    supports_cost = False
    #: Whether it heeds ``TaskQuery.among``.
    supports_started_by = False
    #: Whether ``TaskQuery.searches_arguments`` finds anything.
    supports_arguments = False
    #: Whether it asks ``TaskQuery.searches_payload`` for each task's name. One that does not is told to search
    #: arguments only for viewers who may see the payload of every task.
    asks_for_each_name = False
    #: Whether the tasks that it lists are gone when they are done.
    is_live = False
    #: Whether it knows the state that a running task gave itself, and says so at once: panels ask ``get_many`` then.
    tells_own_states = False
    #: The orders that it can give quickly; the first is what a list begins with.
    sorts: tuple[str, ...] = (task_query.NEWEST_FIRST, task_query.OLDEST_FIRST)

    @abstractmethod
    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        """Return at most ``size`` tasks from ``cursor`` on. Raises BackendUnavailable, or BadCursor."""

    @abstractmethod
    def get(self, task_id: str) -> TaskInfo | None:
        """Return all that is known of one task, payload included, or None. Raises BackendUnavailable."""

    def get_many(self, task_ids: Iterable[str]) -> dict[str, TaskInfo]:
        """Return the tasks that are known of these, by id; their payload may be left out. Raises BackendUnavailable.

        This asks for each one: a backend that can say it at once should.
        """
        tasks = {task_id: self.get(task_id) for task_id in dict.fromkeys(task_ids)}
        return {task_id: task for task_id, task in tasks.items() if task is not None}

    def complete(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        """Return the tasks of a page with their payload. Raises BackendUnavailable."""
        return [self.get(task.id) or task for task in tasks]

    def with_arguments(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        """Return tasks of a page with their arguments, for errors that may repeat them. Raises BackendUnavailable.

        The rest of the payload may be left out.
        """
        return self.complete(tasks)

    def counts(self, query: TaskQuery) -> Counts | None:
        """Return how many tasks match in each state; None when that costs too much. Raises BackendUnavailable."""
        return None

    def iterate(self, query: TaskQuery) -> Iterator[TaskInfo]:
        """Yield every task that matches, in order, in bounded memory. Raises BackendUnavailable."""
        page = self.page(query, size=1000)
        yield from page.tasks
        while page.next:
            page = self.page(query, cursor=page.next, size=1000)
            yield from page.tasks


class ListedTaskBackend(TaskBackend):
    """A task backend that only says which tasks there are: filtering, sorting, paging and counting are done in memory.

    For sources of some thousands of tasks at most.
    """

    supports_arguments = True
    supports_started_by = True
    asks_for_each_name = True

    @abstractmethod
    def tasks(self) -> Iterable[TaskInfo]:
        """Return every task, in any order, payload included where it is known. Raises BackendUnavailable."""

    def tasks_asked_for(self, query: TaskQuery) -> Iterable[TaskInfo]:
        """Return all that the query may find: these are every task, but where a source has more than it lists."""
        return self.tasks()

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        tasks = self._searched(query)
        return task_query.page_of(tasks, query, arguments=payload.searched_text, cursor=cursor, size=size)

    def _searched(self, query: TaskQuery) -> Iterable[TaskInfo]:
        """The tasks; where a text is looked for in errors, with what these must not repeat."""
        tasks = self.tasks_asked_for(query)
        return query.completes([*tasks]) if query.text and query.searches_arguments else tasks

    def get(self, task_id: str) -> TaskInfo | None:
        return next((task for task in self.tasks() if task.id == task_id), None)

    def get_many(self, task_ids: Iterable[str]) -> dict[str, TaskInfo]:
        wanted = set(task_ids)
        tasks: dict[str, TaskInfo] = {}
        for task in self.tasks() if wanted else ():
            if task.id in wanted:
                tasks.setdefault(task.id, task)
        return tasks

    def complete(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        return list(tasks)

    def counts(self, query: TaskQuery) -> Counts | None:
        return task_query.counts_of(self._searched(query), query, arguments=payload.searched_text)


class WorkerBackend(Backend, ABC):
    """Lists workers and knows each one."""

    @abstractmethod
    def workers(self) -> WorkerReport:
        """Return every known worker by hostname. Raises BackendUnavailable when there is nothing to show, even old."""

    @abstractmethod
    def worker(self, hostname: str) -> WorkerDetail | None:
        """Return all that is known of one worker, or None when it is unknown. Raises BackendUnavailable."""

    def pool_of(self, hostname: str) -> str | None:
        """Return the kind of a worker's pool, such as ``prefork``, where that is known without asking; else None."""
        return None

    def registered(self) -> Mapping[str, Mapping[str, RegisteredTask]]:
        """Return the tasks that live workers have, by task name and hostname. Raises BackendUnavailable.

        This asks for each worker: a backend that can say it at once should.
        """
        tasks: dict[str, dict[str, RegisteredTask]] = {}
        for info in self.workers().workers:
            detail = self.worker(info.hostname) if info.is_online else None
            for task in detail.registered if detail else ():
                tasks.setdefault(task.name, {})[info.hostname] = task
        return tasks


class QueueBackend(Backend, ABC):
    """Lists queues and knows each one."""

    if TYPE_CHECKING:  # plain values, or properties of a backend that finds out

        @property
        def supports_unacked(self) -> bool: ...
        @property
        def supports_oldest_age(self) -> bool: ...
        @property
        def supports_messages(self) -> bool: ...
        @property
        def supports_changes(self) -> bool: ...

    else:
        supports_unacked = True
        supports_oldest_age = True
        supports_messages = True
        #: Whether single messages can be deleted and moved.
        supports_changes = False

    def learn(self, wait: float = 0.0) -> None:
        """Begin to find out what takes longer than a page's question may; this has nothing to find out.

        The pages call it before they ask for queues, and wait for nothing. Commands wait at most ``wait`` seconds.
        Raises nothing.
        """

    @abstractmethod
    def queues(self) -> QueueReport:
        """Return every known queue by name. Raises BackendUnavailable when there is nothing to show, even old."""

    @abstractmethod
    def queue(self, name: str) -> QueueDetail | None:
        """Return all that is known of one queue, or None when it is unknown. Raises BackendUnavailable."""

    def waiting_message(self, task_id: str) -> tuple[str, MessageInfo] | None:
        """Return the queue in which a task's message waits, and the message, or None. Raises BackendUnavailable.

        This looks at the head of each queue: a backend that can look further should.
        """
        for queue in self.queues().queues if self.supports_messages else ():
            detail = self.queue(queue.name) if queue.depth != 0 else None
            for message in (detail and detail.messages) or ():
                if message.task_id == task_id:
                    return queue.name, message
        return None

    def heads(self, most: int) -> list[tuple[str, MessageInfo]]:
        """Return the messages at the heads of ``most`` queues, each with its queue's name. Raises BackendUnavailable.

        This asks for each queue: a backend that can say it at once should.
        """
        full = [queue.name for queue in self.queues().queues if queue.depth] if self.supports_messages else []
        heads: list[tuple[str, MessageInfo]] = []
        for name in full[:most]:
            detail = self.queue(name)
            heads += [(name, message) for message in (detail and detail.messages) or ()]
        return heads

    def out_of_sight(self) -> str:
        """Return what waits where nobody can list it, in a sentence, or nothing. Raises BackendUnavailable."""
        return self.queues().note

    def waiting_messages(self, name: str, task_ids: Sequence[str]) -> list[str]:
        """Return the ids of these of which a message waits in a queue. Raises BackendUnavailable."""
        return []

    def delete_messages(self, name: str, task_ids: Sequence[str]) -> list[str]:
        """Delete the messages of these ids, and return the ids of those that were there. Raises BackendUnavailable."""
        raise BackendUnavailable(_("This broker cannot delete single messages."))

    def move_messages(self, name: str, task_ids: Sequence[str], to: str) -> list[str]:
        """Put the messages of these ids at the end of another queue, and return the ids of those that were there.

        Raises BackendUnavailable.
        """
        raise BackendUnavailable(_("This broker cannot move single messages."))
