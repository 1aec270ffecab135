"""``api-logs``: what a task has logged, line by line."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import IntegerField
from django.http import HttpRequest, HttpResponse, JsonResponse

from ...task_logs.reading import LogLine, TaskLog
from ..logs import log_of
from ..ops import OpsView, errors

#: The highest number that JavaScript counts to.
HIGHEST = 2**53 - 1

_after = IntegerField(min_value=0, max_value=HIGHEST, required=False)


class LogsApi(OpsView):
    """Lines of every attempt, those numbered above ``after``; none of a task that logged nothing or is not known."""

    is_json = True

    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        try:
            after = _after.clean(request.GET.get("after", "")) or 0
        except ValidationError as error:
            self.read(task_id)  # who may not is told that first
            return errors(" ".join(error.messages), field="after", status=400)
        log = self.read(task_id, after)
        return JsonResponse(
            {"lines": [line_item(line) for line in log.lines], "next": log.next or after, "dropped": log.dropped}
        )

    def read(self, task_id: str, after: int = 0) -> TaskLog:
        """Return the lines. Raises PermissionDenied, and BackendUnavailable."""
        log = log_of(task_id, after)
        if not self.may_view_payload(log.task_name or None):
            raise PermissionDenied
        return log


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
