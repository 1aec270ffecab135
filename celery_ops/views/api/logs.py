"""``api-logs``: what a task has logged, line by line."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from ...task_detail import task_detail
from ...task_logs.reading import LogLine, Seen, TaskLog, log_of
from ..logs import after_of, next_of
from ..ops import OpsView, errors


class LogsApi(OpsView):
    """Lines of every attempt, those that came ``after`` what was seen; none of a task that logged nothing.

    404 where no source knows the task.
    """

    is_json = True

    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        try:
            after = after_of(request.GET.get("after", ""))
        except ValidationError as error:
            self.read(task_id)  # who may not is told that first
            return errors(" ".join(error.messages), field="after", status=400)
        log = self.read(task_id, after)
        if not log.lines and not after and is_nobodys(task_id):
            return errors(_("Not found."), status=404)
        return JsonResponse(log_document(log, after))

    def read(self, task_id: str, after: int | Seen = 0) -> TaskLog:
        """Return the lines. Raises PermissionDenied, and BackendUnavailable."""
        log = log_of(task_id, after)
        if not self.may_view_payload(log.task_name or None):
            raise PermissionDenied
        return log


def is_nobodys(task_id: str) -> bool:
    """Return whether every source was asked and knows no task of this id."""
    detail = task_detail(task_id)
    return detail.is_unknown and not detail.troubles


def log_document(log: TaskLog, after: int | Seen = 0) -> dict[str, Any]:
    """Return what ``api-logs`` answers; ``seen`` only where it has to be given back in place of ``next``."""
    document = {"lines": [line_item(line) for line in log.lines], "next": next_of(log, after), "dropped": log.dropped}
    return {**document, "seen": log.seen} if log.seen else document


def line_item(line: LogLine) -> dict[str, Any]:
    """Return a line for ``api-logs``."""
    return {
        "n": line.n,
        "at": line.at and line.at.isoformat(timespec="milliseconds"),
        "level": line.level,
        "logger": line.logger,
        "message": line.message,
        "attempt": line.attempt,
    }
