"""Where a running task is: JSON, or for a browser the task's page with it."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from ... import states
from ...exceptions import BrokerUnavailable, NoStack, NotRunning
from ...links import task_url
from ...stacks.asking import Stack, stack_of
from ...task_detail import TaskDetail, task_detail
from ..not_found import no_task, not_running
from ..ops import errors
from ..request import wants_page
from .list import TaskDetailView


class TaskStackView(TaskDetailView):
    """POST alone: workers are asked. It is read and changes nothing, so the journal has no row of it.

    404 when the task is not running, 503 when nobody says where it is.
    """

    http_method_names = ["post"]

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.is_json = not wants_page(request)

    def post(self, request: HttpRequest, task_id: str) -> HttpResponse:
        detail = task_detail(task_id, ask_workers=False)
        self.check_payload(detail.task.name)
        try:
            stack = self.stack(detail)
        except NotRunning:
            raise (not_running() if detail.is_known else no_task()) from None
        except (NoStack, BrokerUnavailable) as error:
            return self.without(detail, str(error) or _("The broker does not answer."))
        self.check_payload(stack.name)
        if self.is_json:
            frames = [str(frame) for frame in stack.frames]
            return JsonResponse({"hostname": stack.hostname, "pid": stack.pid, "stack": frames})
        return self.page(detail, stack=stack)

    def check_payload(self, name: str) -> None:
        """A stack shows code, and is for those who may see what the task was given."""
        if not self.may_view_payload(name or None):
            raise PermissionDenied

    def stack(self, detail: TaskDetail) -> Stack:
        if detail.is_known and states.is_final(detail.task.state):
            raise NotRunning
        return stack_of(detail.task.id, detail.task.worker)

    def without(self, detail: TaskDetail, trouble: str) -> HttpResponse:
        if self.is_json:
            return errors(trouble, status=503)
        return self.page(detail, status=503, stack_trouble=trouble)

    def page(self, detail: TaskDetail, status: int = 200, **shown: Any) -> HttpResponse:
        context = self.get_context_data(detail=detail, task_url=task_url(detail.task.id), **shown)
        return self.render_to_response(context, status=status)
