"""What people tell workers and queues to do. Every refusal is a log line; what is done is in the journal."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...backends.base import QueueBackend
from ...backends.broker.declarations import LONGEST_NAME
from ...backends.control import ControlWorkerBackend
from ...backends.remote import presence
from ...conf import conf
from ...control import paused_queues, queues, workers
from ...control.commands import COMMANDS, ActionForm, PurgeQueue, ShutdownWorker, command_of
from ...control.journal import Acted
from ...exceptions import BackendUnavailable, BadInput, BrokerUnavailable, NotDone, Repeated
from ...formatting import clean, is_clean
from ...links import queue_url, worker_url
from ...models import ControlRecord
from ...permissions import CONTROL_WORKERS, MANAGE_QUEUES, allows
from ..not_found import no_message, no_queue, no_worker
from ..ops import EitherPage, errors
from ..request import next_url, submission_of
from .offers import lists_of

#: What is a form's own and no part of what it asks for.
ENVELOPE: Final = ("csrfmiddlewaretoken", "next", "submission")
#: Messages that one request deletes or moves.
MOST_MESSAGES: Final = 100


class ActionView(EitherPage):
    """POST alone. JSON is answered to those who accept it; others go on to ``next`` with what came of it."""

    http_method_names = ["post"]
    title = gettext_lazy("Control")
    template_name = "celery_ops/control/ask.html"
    #: The heading of the page that says why nothing was done.
    refusal: ClassVar[Any] = gettext_lazy("Not done")
    #: The parameter that names what is told.
    target: ClassVar[str] = ""
    #: What ``action`` may be.
    actions: ClassVar[Sequence[str]] = ()

    def authorise(self) -> None:
        objects: Sequence[str | None] = self.objects() or [None]
        if not all(allows(self.user, self.permission(), obj) for obj in objects):
            raise PermissionDenied

    def objects(self) -> list[str]:
        """Return what the policy is asked about."""
        raise NotImplementedError

    def permission(self) -> str:
        raise NotImplementedError

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            self.check_known()
            return self.act(request.POST)
        except BadInput as error:
            return self.bad(error)
        except Repeated as error:
            return self.done(ended(error.record), str(error))
        except (NotDone, BackendUnavailable) as error:
            return self.away(str(error))

    def check_known(self) -> None:
        """Raise Http404 for what nobody knows, and BackendUnavailable when that cannot be said."""
        raise NotImplementedError

    def act(self, posted: QueryDict) -> HttpResponse:
        """Do it. Raises BadInput with nothing done, Repeated, NotDone."""
        raise NotImplementedError

    def home(self) -> str:
        """Return where to go on without a ``next``."""
        raise NotImplementedError

    def form(self) -> ActionForm | None:
        """Return the form to show once more, None when nobody knows which it was."""
        return None

    # -- answers

    def acted(self, acted: Acted, message: str = "") -> HttpResponse:
        tone = messages.SUCCESS if acted.is_done else messages.WARNING
        sentence = " ".join((message or acted.message, *acted.refusals))
        return self.done(acted.data, sentence, tone)

    def done(self, data: Mapping[str, Any], message: str, tone: int = messages.INFO) -> HttpResponse:
        if self.is_json:
            return JsonResponse({**data, "message": message})
        messages.add_message(self.request, tone, message, fail_silently=True)
        return HttpResponseRedirect(next_url(self.request) or self.home())

    def bad(self, error: BadInput) -> HttpResponse:
        if self.is_json:
            return JsonResponse({"errors": error.errors}, status=400)
        return self.page(self.form(), 400, error)

    def away(self, message: str) -> HttpResponse:
        if self.is_json:
            return errors(message, status=503)
        return self.page(None, 503, BadInput(message))

    def page(self, form: ActionForm | None, status: int, error: BadInput | None = None) -> HttpResponse:
        if form is not None and error is not None:
            form.show(error)
        shown, wrong = form.fields if form else (), error.errors if error else {}
        context = self.get_context_data(
            form=form,
            heading=form.label if form else self.refusal,
            lists=lists_of(form) if form else {},
            submission=uuid4(),
            said=messages_beside(wrong, shown),
            back_url=next_url(self.request) or self.home(),
            action=self.request.path,
            target=self.target,
        )
        return self.render_to_response(context, status=status)

    def named(self) -> str:
        return self.request.POST.get("action", "")

    def key(self) -> UUID | None:
        values = sorted((name, values) for name, values in self.request.POST.lists() if name not in ENVELOPE)
        return submission_of(self.request.POST, self.user, self.request.path, values)


def messages_beside(problems: Mapping[str, Sequence[str]], shown: Container[str]) -> list[str]:
    """Return what is wrong with fields that are not ``shown``, where it would stand."""
    beside: list[str] = []
    for field, texts in problems.items():
        if field not in shown:
            beside += texts
    return beside


def ended(record: ControlRecord) -> dict[str, Any]:
    """Return what the first of two same requests came to, as far as it is known."""
    return {"asked": [], "answered": {}, "silent": [], **record.replies}


class WorkerControlView(ActionView):
    """``worker-control``: tell one worker or several. With ``ask`` what is still missing is asked for first."""

    section = "celery_ops:worker-list"
    target = "destination"

    def objects(self) -> list[str]:
        return list(dict.fromkeys(self.request.POST.getlist("destination")))

    def permission(self) -> str:
        return CONTROL_WORKERS

    def check_known(self) -> None:
        hosts = self.objects()
        if not all(hosts):
            raise BadInput({"destination": [_("This is no hostname.")]})
        if unknown := set(hosts) - known_hosts(hosts):
            raise no_worker(_("There is no worker %(name)s.") % {"name": clean(sorted(unknown)[0], 100)})

    def act(self, posted: QueryDict) -> HttpResponse:
        command, hosts = command_of(self.named()), workers.checked(posted.getlist("destination"))
        if posted.get("ask") and not command.needs_nothing():
            return self.page(_shown(command(initial=posted.dict(), targets=hosts)), 200)
        acted = workers.tell(command(posted, targets=hosts), self.user, submission=self.key())
        return self.acted(acted, _ending(acted) if command is ShutdownWorker else "")

    def home(self) -> str:
        hosts = self.objects()
        single = worker_url(hosts[0]) if len(hosts) == 1 and self.named() != ShutdownWorker.name else ""
        return single or reverse("celery_ops:worker-list")

    def form(self) -> ActionForm | None:
        command = COMMANDS.get(self.named())
        if command is None:
            return None
        return _shown(command(self.request.POST, targets=self.request.POST.getlist("destination")))


def _shown(form: ActionForm) -> ActionForm | None:
    """Return the form, None where it could not bring back what it is for."""
    return form if form.targets and all(map(is_clean, form.targets)) else None


def _ending(acted: Acted) -> str:
    number = len(acted.replies.asked)
    sentence = ngettext(
        "Asked %(n)s worker to end once its tasks are done. A worker that ends does not answer.",
        "Asked %(n)s workers to end once their tasks are done. A worker that ends does not answer.",
        number,
    )
    return sentence % {"n": number}


def known_hosts(wanted: Sequence[str]) -> set[str]:
    """Return the workers that the backend lists, or that the broker has bound. Raises BackendUnavailable."""
    backend = conf.load("WORKER_BACKEND")()
    listed = {worker.hostname for worker in backend.workers().workers}
    if set(wanted) <= listed or not isinstance(backend, ControlWorkerBackend):
        return listed
    try:
        return listed | (presence.learn() or frozenset())  # one that was busy when this process looked
    except BrokerUnavailable as error:
        raise BackendUnavailable(_("The broker does not answer, so the workers are not known.")) from error


class QueueControlView(ActionView):
    """``queue-control``: empty, pause or resume a queue, delete messages of it or move them to another."""

    section = "celery_ops:queue-list"
    target = "queue"

    @property
    def queue(self) -> str:
        return self.request.POST.get("queue", "")

    def objects(self) -> list[str]:
        return [name for name in (self.queue, self.request.POST.get("to", "")) if name]

    def permission(self) -> str:
        return MANAGE_QUEUES

    def check_known(self) -> None:
        if not self.queue:
            raise BadInput({"queue": [_("Name a queue.")]})
        self.backend: QueueBackend = conf.load("QUEUE_BACKEND")()
        if not self._knows(self.queue):
            raise no_queue()

    def _knows(self, name: str) -> bool:
        return len(name) <= LONGEST_NAME and paused_queues.queue(self.backend, name)[0] is not None

    def act(self, posted: QueryDict) -> HttpResponse:
        does = {
            "purge": self.purge,
            "pause": self.pause,
            "resume": self.resume,
            "delete": self.delete_messages,
            "move": self.move_messages,
        }
        action = posted.get("action", "")
        if action not in does:
            raise BadInput({"action": [_("The actions are %(names)s.") % {"names": ", ".join(does)}]})
        return does[action]()

    def purge(self) -> HttpResponse:
        PurgeQueue(self.request.POST, targets=[self.queue]).checked()
        purged = queues.purge(self.queue, self.user, submission=self.key())
        sentence = ngettext(
            "%(n)s message was deleted from %(queue)s.", "%(n)s messages were deleted from %(queue)s.", purged
        ) % {"n": purged, "queue": clean(self.queue, 100)}
        return self.done({**NOBODY, "purged": purged}, sentence, messages.SUCCESS)

    def pause(self) -> HttpResponse:
        return self.acted(queues.pause(self.queue, self.user, submission=self.key()))

    def resume(self) -> HttpResponse:
        return self.acted(queues.resume(self.queue, self.user, submission=self.key()))

    def delete_messages(self) -> HttpResponse:
        waiting = self._waiting()
        deleted = queues.delete(self.backend, self.queue, waiting, self.user, submission=self.key())
        sentence = ngettext(
            "%(n)s of %(all)s messages was deleted.", "%(n)s of %(all)s messages were deleted.", len(deleted)
        )
        return self._changed("deleted", deleted, waiting, sentence)

    def move_messages(self) -> HttpResponse:
        to = self.request.POST.get("to", "")
        if not to or to == self.queue or not self._knows(to):
            raise BadInput({"to": [_("Choose another queue that somebody knows.")]})
        waiting = self._waiting()
        moved = queues.move(self.backend, self.queue, waiting, to, self.user, submission=self.key())
        sentence = ngettext("%(n)s of %(all)s messages was moved.", "%(n)s of %(all)s messages were moved.", len(moved))
        return self._changed("moved", moved, waiting, sentence)

    def _waiting(self) -> list[str]:
        """Return the ids that are asked for. Raises BadInput, and Http404 when none of them waits."""
        task_ids = list(dict.fromkeys(filter(None, self.request.POST.getlist("message"))))
        if not self.backend.supports_changes:
            raise BadInput(_("This broker has no way to single messages."))
        if not 0 < len(task_ids) <= MOST_MESSAGES:
            raise BadInput({"message": [_("Choose messages, %(most)s at most.") % {"most": MOST_MESSAGES}]})
        if not self.backend.waiting_messages(self.queue, task_ids):
            raise no_message()
        return task_ids

    def _changed(self, key: str, changed: list[str], task_ids: list[str], sentence: str) -> HttpResponse:
        missing = [task_id for task_id in task_ids if task_id not in changed]
        tone = messages.WARNING if missing else messages.SUCCESS
        return self.done(
            {**NOBODY, key: changed, "missing": missing}, sentence % {"n": len(changed), "all": len(task_ids)}, tone
        )

    def home(self) -> str:
        return queue_url(self.queue) or reverse("celery_ops:queue-list")

    def form(self) -> ActionForm | None:
        is_purge = self.request.POST.get("action") == PurgeQueue.name
        return _shown(PurgeQueue(self.request.POST, targets=[self.queue])) if is_purge else None


#: The answer about workers of what no worker is asked for.
NOBODY: Final[Mapping[str, Any]] = {"asked": [], "answered": {}, "silent": []}
