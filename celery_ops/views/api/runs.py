"""``api-runs``: run a task, as the form does."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from ... import catalog
from ...exceptions import BackendUnavailable, BadInput, NotSent, SentNothing
from ...forms.json_arguments import carried_arguments
from ...permissions import RUN_TASK, allows
from ...running import arguments, options
from ...running.kinds.limits import LARGEST as LARGEST_ARGUMENTS
from ...running.launcher import Run, launch
from ..ops import OpsView, errors
from ..runs.json import sent_item, sent_nothing

#: Bytes of a request: arguments of the most that is taken, and what stands around them.
LARGEST: Final = LARGEST_ARGUMENTS + 4096
KEYS: Final = ("task", "args", "kwargs", *options.NAMES)


class RunsApi(OpsView):
    """POST ``{"task", "args"?, "kwargs"?, "countdown"?, "eta"?, "expires"?, "priority"?, "queue"?}`` sends one task.

    201 with the task's id, 400 with what is wrong by field, 404 when it is not runnable, 503 when it could not be sent.
    200 with another task's id and ``"sent": false`` when the task's own ``apply_async`` answered with that one.
    """

    http_method_names = ["post"]
    is_json = True
    #: The task that the request names.
    task_name = ""

    def authorise(self) -> None:
        if not catalog.may_run_something(self.user):
            raise PermissionDenied

    def objects(self) -> list[str]:
        return [self.task_name]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._run(_body(request))
        except BadInput as error:
            return JsonResponse({"errors": error.errors}, status=400)
        except SentNothing as error:
            return sent_nothing(error)
        except (NotSent, BackendUnavailable) as error:
            return errors(str(error), status=503)

    def _run(self, body: dict[str, Any]) -> HttpResponse:
        self.task_name = body["task"]
        runnable = catalog.find(self.task_name)
        if runnable is None:
            raise Http404(_("There is no runnable task of this name."))
        if not allows(self.user, RUN_TASK, runnable.name):
            raise PermissionDenied
        _check_shape(body)
        args, kwargs = carried_arguments(runnable, self.user, body.get("args") or [], body.get("kwargs") or {})
        given = {name: body[name] for name in options.NAMES if name in body}
        send_options = options.read_options(given, runnable.choosable_queues)
        record = launch(Run(runnable.name, runnable.task, args, kwargs, send_options), self.user)
        return JsonResponse(sent_item(record), status=201)


def _body(request: HttpRequest) -> dict[str, Any]:
    """Return what the request says. Raises BadInput for what is no object with a task's name."""
    if request.content_type != "application/json":
        raise BadInput(_("Send JSON, with Content-Type: application/json."))
    text = request.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise BadInput(_("This is too large: arguments have at most 64 KiB."))
    body = arguments.load(text)
    if not isinstance(body, dict):
        raise BadInput(_("Send one JSON object."))
    if not isinstance(body.get("task"), str):
        raise BadInput({"task": [_("Name the task.")]})
    return body


def _check_shape(body: dict[str, Any]) -> None:
    unknown = _("There is no such key; there are %(names)s.") % {"names": ", ".join(KEYS)}
    problems = {key[:100]: [unknown] for key in sorted(body.keys() - set(KEYS))}
    if not isinstance(body.get("args"), (list, type(None))):
        problems["args"] = [_("Give a list.")]
    if not isinstance(body.get("kwargs"), (dict, type(None))):
        problems["kwargs"] = [_("Give an object.")]
    if problems:
        raise BadInput(problems)
