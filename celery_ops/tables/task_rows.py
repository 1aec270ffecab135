"""Tasks as the rows of a list, as one viewer may see them."""

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any

from .. import states
from ..conf import conf
from ..formatting import SHORT_ID, clean, cpu_time, delivered_words, duration, memory
from ..info import TaskInfo
from ..links import task_url
from ..payload.payload import Searched, error_class
from ..redaction import Budget
from ..tracking import capture
from ..tracking.registry import registry
from .links import PageLink, queue_link, worker_link


class TaskRow:
    """One task in a list: texts that a page can carry, and addresses, empty where there can be none.

    Each is worked out when it is asked for: most rows were written before, and only their ``key`` is asked.
    """

    def __init__(self, task: TaskInfo, rows: "_Rows") -> None:
        self._task, self._rows = task, rows
        self.state = clean(task.state)
        self.created, self.started, self.finished = task.created_at, task.started_at, task.finished_at

    @cached_property
    def key(self) -> tuple[Any, ...] | None:
        """All that the row shows of the task and what it is shown by; None where that cannot be told."""
        task, rows = self._task, self._rows
        payload: tuple[Any, ...] = ()
        if task.error:
            if rows.has_redactor:  # it may answer otherwise next time
                return None
            payload = (task.error, *rows.rules(task.name))
            if rows.ask(task.name):
                payload = (*payload, task.args, task.kwargs, task.told_error, task.hides)
        return (
            task.id,
            task.name,
            task.state,
            task.worker,
            task.queue,
            task.created_at,
            task.started_at,
            task.finished_at,
            task.revoke_requested_at is None,
            task.executions,
            task.cpu_seconds,
            task.peak_memory,
            task.schedule,
            rows.query,
            payload,
        )

    @cached_property
    def id(self) -> str:
        return clean(self._task.id)

    @property
    def short_id(self) -> str:
        return self.id[:SHORT_ID]

    @property
    def url(self) -> str:
        return task_url(self._task.id, self._rows.query)

    @property
    def name(self) -> str:
        return clean(self._task.name)

    @property
    def schedule(self) -> str:
        """The entry for which beat sent it, empty where that is not known."""
        return clean(self._task.schedule or "")

    @property
    def tone(self) -> str:
        return states.tone(self._task.state)

    @property
    def worker(self) -> str:
        return self._worker.name

    @property
    def worker_url(self) -> str:
        return self._worker.url

    @property
    def queue(self) -> str:
        return self._queue.name

    @property
    def queue_url(self) -> str:
        return self._queue.url

    @property
    def _worker(self) -> PageLink:
        return self._rows.worker(self._task.worker or "")

    @property
    def _queue(self) -> PageLink:
        return self._rows.queue(self._task.queue or "")

    @property
    def wait(self) -> str:
        return duration(self._task.wait)

    @property
    def run(self) -> str:
        return duration(self._task.run_time)

    @property
    def cpu(self) -> str:
        return cpu_time(self._task.cpu_seconds)

    @property
    def memory(self) -> str:
        return memory(self._task.peak_memory)

    @cached_property
    def error(self) -> str:
        """On one line: redacted, or its class alone."""
        return self._rows.error(self._task)

    @property
    def is_cut(self) -> bool:
        """Whether there may have been no more time to look through its error."""
        return bool(self._task.error) and self._rows.is_spent

    @property
    def waits(self) -> bool:
        task = self._task
        return task.state == states.PENDING and not (task.worker or task.started_at)

    @property
    def delivered(self) -> str:
        """That its message was delivered more than once, empty for once or where nobody knows."""
        return delivered_words(self._task.executions or 0)

    @property
    def is_to_be_revoked(self) -> bool:
        """Whether somebody asked for that and nothing has come of it yet."""
        task = self._task
        return task.revoke_requested_at is not None and states.revoke_outcome(task.state) == states.REQUESTED


class _Rows:
    """What the rows of one page have in common, each thing found out once."""

    def __init__(self, may_view_payload: Callable[[str], bool], query: str) -> None:
        self.ask, self.worker, self.queue = cache(may_view_payload), cache(worker_link), cache(queue_link)
        self.rules = cache(self._rules)
        self.query, self.has_redactor = query, conf.REDACTOR is not None
        self._budget = Budget.of_page()
        self._texts = Searched(self._budget)

    def error(self, task: TaskInfo) -> str:
        return shown_error(task, self._texts, may_view_payload=self.ask(task.name))

    @property
    def is_spent(self) -> bool:
        """Whether so much was looked through on this page that errors may be hidden for that alone."""
        return self._budget.is_spent

    def _rules(self, name: str) -> tuple[Any, ...]:
        """What an error of a task of this name is redacted by, and whether more than its class is shown."""
        return self.ask(name), tuple(conf.REDACT_KEYS), capture.parameters(name), registry.sensitive(name)


def task_rows(tasks: Iterable[TaskInfo], *, may_view_payload: Callable[[str], bool], query: str = "") -> list[TaskRow]:
    """Return the rows of a page; ``may_view_payload`` is asked once for each task name.

    ``query`` is a query string that goes with the addresses of the tasks' own pages.
    """
    rows = _Rows(may_view_payload, query)
    return [TaskRow(task, rows) for task in tasks]


def shown_error(task: TaskInfo, texts: Searched, *, may_view_payload: bool) -> str:
    """Return a task's error on one line: redacted, or its class alone. ``texts`` is for all tasks of a list."""
    if not task.error:
        return ""
    if not may_view_payload:
        return error_class(task.error)
    return " ".join(texts.error(task).split())
