"""Revoke tasks: one from its page, those chosen in a list, all that its filters find, or by stamped headers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from ... import states
from ...backends.remote import snapshot
from ...bulk import revoke as bulk_revoke
from ...bulk.base import BulkAction
from ...conf import conf
from ...control import revoke
from ...control.commands import ActionForm
from ...exceptions import BackendUnavailable, BadInput
from ...filters.tasks import TaskFilterSet
from ...formatting import clean
from ...info import TaskInfo
from ...links import task_url
from ...models import ControlRecord
from ...permissions import REVOKE_TASK
from ...tables.links import PageLink, worker_link
from ...task_detail import TaskDetail, task_detail
from ..control.actions import NOBODY, ActionView, messages_beside
from ..not_found import no_task
from ..request import next_url
from ..tasks.revoke import is_running
from .base import BulkDetailView, BulkStartView, Words

#: Characters of the stamps that a form shows once more.
LONGEST_STAMPS: Final = 20_000


class RevokingView(ActionView):
    """What revoking by ids and by stamps have in common: the policy's question, and what a running task ends with."""

    section = "celery_ops:task-list"
    title = gettext_lazy("Revoke")
    refusal = gettext_lazy("Not revoked")

    def permission(self) -> str:
        return REVOKE_TASK

    def home(self) -> str:
        return reverse("celery_ops:task-list")


class RevokeView(RevokingView):
    """``revoke``: POST ``task_id`` (repeatable), ``terminate`` and ``signal``. A single id that nobody knows is 404.

    Tasks that have ended are left out, and nobody is asked when that is all of them.
    """

    def objects(self) -> list[str]:
        return list(dict.fromkeys(filter(None, self.request.POST.getlist("task_id"))))

    def named(self) -> str:
        return "revoke"

    def check_known(self) -> None:
        self.detail = self._detail()

    def _detail(self) -> TaskDetail | None:
        """Return what is known of a single task. Raises Http404 when no source knows it."""
        ids = self.objects()
        if len(ids) != 1 or not revoke.is_id(ids[0]):
            return None
        detail = task_detail(ids[0], ask_workers=False)
        if not detail.is_known:
            snapshot.expire()  # a worker may have fetched it a moment ago
            detail = task_detail(ids[0])
        if detail.is_unknown:
            raise no_task()
        return detail

    def act(self, posted: QueryDict) -> HttpResponse:
        ids = self.objects()
        terminate, signal = ending_of(posted)
        revoke.check(ids, signal)
        tasks = {ids[0]: self.detail.task} if self.detail else listed(ids)
        going = [task_id for task_id in ids if task_id not in tasks or not states.is_final(tasks[task_id].state)]
        if not going:
            return self.done(NOBODY, _ended(len(ids)), messages.WARNING)
        acted = revoke.combined(
            revoke.revoke(
                going,
                self.user,
                terminate=terminate,
                signal=signal,
                places=self._places(going, tasks),
                task_name=clean(self.detail.task.name, 250) if self.detail else "",
                submission=self.key(),
            )
        )
        sentences = [acted.message]
        if ended := len(ids) - len(going):
            sentences.append(_ended(ended))
        running = [] if terminate else [id for id in going if id in tasks and is_running(tasks[id].state)]
        if running:
            sentences.append(_go_on(len(running)))
            return self.done(acted.data, " ".join((*sentences, *acted.refusals)), messages.WARNING)
        return self.acted(acted, " ".join(sentences))

    def _places(self, ids: Sequence[str], tasks: Mapping[str, TaskInfo]) -> revoke.Places:
        if self.detail and self.detail.refs:
            return {ids[0]: self.detail.refs}
        return bulk_revoke.places_of({task_id: tasks[task_id].seen_at if task_id in tasks else None for task_id in ids})

    def home(self) -> str:
        ids = self.objects()
        return (task_url(ids[0]) if len(ids) == 1 else "") or super().home()


def listed(task_ids: Sequence[str]) -> Mapping[str, TaskInfo]:
    """Return those of the tasks that the list knows; a list that is away hinders nobody."""
    try:
        return conf.load("TASK_BACKEND")().get_many(task_ids)
    except BackendUnavailable:
        return {}


def ending_of(posted: QueryDict) -> tuple[bool, str]:
    """Return whether what runs is ended, too, and with which signal. Raises BadInput."""
    terminate, signal = posted.get("terminate", ""), posted.get("signal") or "TERM"
    if terminate not in ("", "0", "1"):
        raise BadInput({"terminate": [_("Send 1 to end what runs, too.")]})
    revoke.check_signal(signal)
    return terminate == "1", signal


def _go_on(number: int) -> str:
    text = ngettext(
        "%(n)s task runs already and goes on: revoking keeps it from being begun again, “Stop” ends it.",
        "%(n)s tasks run already and go on: revoking keeps them from being begun again, “Stop” ends them.",
        number,
    )
    return text % {"n": number}


def _ended(number: int) -> str:
    return ngettext("%(n)s task had ended already.", "%(n)s tasks had ended already.", number) % {"n": number}


class RevokeStampedView(RevokingView):
    """``revoke-stamped``: GET shows the form; POST ``header``, ``stamps`` (one a line), ``terminate``, ``signal``."""

    http_method_names = ["get", "head", "post"]
    title = gettext_lazy("Revoke by stamped headers")
    template_name = "celery_ops/revoke/stamped.html"

    def objects(self) -> list[str]:
        return []

    def named(self) -> str:
        return "revoke_by_stamped_headers"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(None, 200)

    def check_known(self) -> None:
        """Which stamps tasks carry is known to nobody."""

    def act(self, posted: QueryDict) -> HttpResponse:
        terminate, signal = ending_of(posted)
        header, stamps = posted.get("header", "").strip(), _lines(posted.get("stamps", ""))
        acted = revoke.revoke_stamped(
            header, stamps, self.user, terminate=terminate, signal=signal, submission=self.key()
        )
        return self.acted(acted)

    def page(self, form: ActionForm | None, status: int, error: BadInput | None = None) -> HttpResponse:
        given, wrong = self.request.POST, error.errors if error else {}
        context = self.get_context_data(
            said=messages_beside(wrong, ("header", "stamps")),
            back_url=next_url(self.request) or self.home(),
            header=clean(given.get("header"), 300),
            stamps="\n".join(clean(line, 300) for line in _lines(given.get("stamps", "")[:LONGEST_STAMPS])),
            terminates=given.get("terminate") == "1",
            signals=revoke.SIGNALS,
            signal=clean(given.get("signal"), 10),
            wrong={"header": (), "stamps": (), **wrong},
            submission=uuid4(),
        )
        return self.render_to_response(context, status=status)


def _lines(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.splitlines())))


class BulkRevoke:
    """What a bulk is that revokes tasks."""

    bulk: ClassVar[BulkAction] = bulk_revoke.RevokeAction()
    permission = REVOKE_TASK
    detail = "bulk-revoke-detail"
    words = Words(
        all=gettext_lazy("Revoke all that match"),
        verdict=gettext_lazy("Revoke"),
        done=ngettext_lazy("%(n)s asked to be revoked", "%(n)s asked to be revoked", "number"),
        not_done=gettext_lazy("Not revoked"),
        is_over=gettext_lazy("Revoke: done"),
        goes_on=gettext_lazy("Revoke: going on"),
        waits=gettext_lazy("Revoke: waiting"),
        is_stopped=gettext_lazy("Revoke: stopped"),
    )


class BulkRevokeView(BulkRevoke, BulkStartView):
    """The preview takes ``terminate`` and ``signal``, too."""

    form_template = "celery_ops/revoke/start.html"

    def start(self, filters: TaskFilterSet, **chosen: Any) -> ControlRecord:
        terminate, signal = ending_of(self.request.POST)
        return super().start(filters, terminate=terminate, signal=signal, **chosen)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(signals=revoke.SIGNALS, **kwargs)


class BulkRevokeDetailView(BulkRevoke, BulkDetailView):
    """Says what each worker answered, too."""

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "answers": _answers(self.record)}


def _answers(record: ControlRecord) -> list[tuple[PageLink, int, int]]:
    """Return for each worker how many messages it was sent, and how many it answered."""
    numbers = sorted(bulk_revoke.answers_of(record).items())
    return [(worker_link(host), sent, answered) for host, (sent, answered) in numbers]
