"""What one person may see and do of each task on one panel."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from django.utils.translation import gettext as _

from .. import redaction, states
from ..formatting import SHORT_ID, cpu_time, memory, presentable, started_by_words
from ..info import TrackedTask, error_class
from ..links import schedule_url, task_url
from ..permissions import REVOKE_TASK, RUN_TASK, VIEW_OPS, VIEW_PAYLOAD, Asking
from ..rerun.doubts import Doubt, doubts_of, known_rerun
from ..rerun.policy import rerunnable
from ..running.allowlist import Runnable
from .names import public_key, public_name
from .page import Row
from .texts import shown_progress
from .user_panel import is_account

#: Of these a row offers to run the task again; what succeeded may be run again from its own page.
RERUNNABLE: Final = frozenset((states.FAILURE, states.REVOKED, states.REJECTED, states.LOST))

#: What the policy was asked: an action, and a task's name or id or nothing.
Question = tuple[str, str | None]


class Viewer:
    """What one user may see and do on one panel; the policy is asked once for each thing.

    ``answers`` are the policy's by ``(action, thing)``, ``runnables`` the tasks that may be run again by name.
    """

    def __init__(self, user: Any, *, public: bool, url: str) -> None:
        self.user, self.public, self.url = user, public, url
        self._policy = Asking(user)
        self.answers: dict[Question, bool] = {}
        self.runnables: dict[str, Runnable | None] = {}
        self._ids: set[str] = set()
        self._again: dict[str, str] = {}

    def among(self, tasks: Sequence[TrackedTask]) -> "Viewer":
        """Let ``tasks`` be those of the list: rows name the others that they are once more."""
        self._ids = {task.id for task in tasks}
        self._again = {task.retry_of: task.id for task in reversed(tasks) if task.retry_of}  # the newest
        return self

    def may(self, action: str, thing: str | None = None) -> bool:
        question = action, thing
        if question not in self.answers:
            self.answers[question] = self._policy.allows(action, thing)
        return self.answers[question]

    def may_view_payload(self, name: str) -> bool:
        return not self.public and self.may(VIEW_PAYLOAD, name)

    def doubts(self, task: TrackedTask) -> tuple[Doubt, ...] | None:
        """Return what to consider before the task is run again; None when this user may not."""
        if not self.url or task.state not in RERUNNABLE:
            return None
        if not self.may(RUN_TASK, task.name):
            return None
        if task.name not in self.runnables:
            self.runnables[task.name] = rerunnable(task.name)
        runnable = self.runnables[task.name]
        if runnable is None:
            return None
        again = (known_rerun(self._again[task.id]),) if task.id in self._again else ()
        return (*again, *doubts_of(runnable, task.state, None))

    def task_key(self, task: TrackedTask) -> str:
        return public_key(public_name(task)) if self.public else presentable(task.name)

    def page_url(self, task: TrackedTask) -> str:
        """Return where the operations pages show the task, empty for those who may not see them."""
        return task_url(task.id) if self.url and self.may(VIEW_OPS) else ""

    def started_by(self, task: TrackedTask) -> str:
        """Return who started the task, empty for those who may not know: each sees themselves, staff everybody."""
        by = task.started_by
        if by is None or not (self.may(VIEW_OPS) or is_account(self.user, by)):
            return ""
        return started_by_words(by)

    def schedule(self, task: TrackedTask) -> str:
        """Return the schedule by which beat sent the task, empty for those who may not see schedules."""
        return presentable(task.schedule) if task.schedule and self.may(VIEW_OPS) else ""

    def label(self, task: TrackedTask) -> str:
        return presentable(task.label) if not self.public or public_name(task) else _("Task")

    def row(self, task: TrackedTask) -> Row:
        shared = partial(
            Row,
            key=public_key(task.id),
            label=self.label(task),
            state=presentable(task.state),
            tone=states.tone(task.state),
            attempts=task.attempts,
            executions=task.executions,
            published_at=task.published_at,
            started_at=task.started_at,
            finished_at=task.finished_at,
            duration=task.duration,
            progress=shown_progress(task.progress),
            is_child=task.is_child,
        )
        if self.public:
            return shared()
        may_view = self.may_view_payload(task.name)
        error = redaction.capture_text(task.error or "").text
        undone = task.is_active or task.state == states.LOST
        doubts = self.doubts(task)
        return shared(
            id=presentable(task.id),
            name=presentable(task.name),
            worker=presentable(task.worker or ""),
            error=error if may_view else error_class(error),
            cpu=cpu_time(task.cpu_seconds),
            memory=memory(task.peak_memory) if task.peak_memory else "",
            started_by=self.started_by(task),
            schedule=(schedule := self.schedule(task)),
            schedule_url=schedule_url(task.schedule) if schedule and self.url else "",
            revoke_requested_at=task.revoke_requested_at,
            detail_url=f"{self.url}?task={task_parameter(task.id)}" if may_view and self.url else "",
            page_url="" if may_view else self.page_url(task),
            may_revoke=bool(self.url) and undone and self.may(REVOKE_TASK, task.id),
            may_rerun=doubts is not None,
            warning=" ".join(doubt.text for doubt in doubts or ()),
            asks=any(doubt.asks for doubt in doubts or ()),
            again_of=presentable(task.retry_of)[:SHORT_ID] if task.retry_of in self._ids else "",
            again_as=presentable(self._again.get(task.id, ""))[:SHORT_ID],
        )


def task_parameter(task_id: str) -> str:
    return quote(task_id, safe="", errors="surrogatepass")
