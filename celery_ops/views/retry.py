"""Run tasks again: one from its page, those that were chosen in a list, or all that its filters find."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_protect

from ..details.original import NotKnown
from ..models import TaskRunRecord
from ..offering import may_run_something
from ..page_urls import task_url
from ..permissions import RUN_TASK
from ..repeating import Outcome, Refused, asking, bulk, repeat_all
from ..repeating.allowed import warning
from ..running.allowlist import Runnable
from ..running.errors import NotSent
from ..tables.links import Link
from ..wording import clean
from .bulk import BulkDetailView, BulkStartView, Words
from .ops import OpsPage, errors
from .panel import _next, submission_of
from .private import private

#: Ids of one request: a page of a list has no more.
MOST: Final = 500


@method_decorator([private, csrf_protect], name="dispatch")
class RetryView(OpsPage):
    """POST ``task_id`` (repeatable) runs each of them again and goes on to ``next``, or to the new run's own page.

    A single one that is refused is a 400 with the reason, 403 when the policy says so; of several each has its own.
    Tasks with the option ``confirm`` are sent when ``confirm=1`` comes too, and those that were chosen with them.
    """

    http_method_names = ["post"]
    section = "celery_ops:task-list"
    title = gettext_lazy("Run again")
    template_name = "celery_ops/retry/outcome.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.is_json = "application/json" in request.headers.get("Accept", "")

    def authorise(self) -> None:
        if not may_run_something(self.user):
            raise PermissionDenied

    def post(self, request: HttpRequest) -> HttpResponse:
        task_ids = list(dict.fromkeys(task_id for task_id in request.POST.getlist("task_id") if task_id))
        if not task_ids:
            return self.refused(_("Choose at least one task."))
        if len(task_ids) > MOST:
            said = _("Choose at most %(most)s tasks, or run again all that match a list's filters.")
            return self.refused(said % {"most": MOST})
        if request.POST.get("confirm") != "1" and (asked := asking(task_ids, self.user)):
            return self.asks_first(task_ids, asked)
        begun = timezone.now()
        outcomes = repeat_all(task_ids, self.user, submission=submission_of(request.POST))
        if len(outcomes) == 1 and isinstance(outcomes[0].error, NotKnown):
            raise Http404(outcomes[0].reason)
        if status := _status(outcomes):
            return self.refused(outcomes[0].reason, status, outcomes)
        if self.is_json:
            return JsonResponse(answer(outcomes))
        return self.done(outcomes, begun)

    def refused(self, reason: str, status: int = 400, outcomes: Sequence[Outcome] = ()) -> HttpResponse:
        if self.is_json:
            return errors(reason, field="__all__" if status == 503 else "task_id", status=status)
        return self.page(outcomes or [Outcome("", reason=reason)], status)

    def asks_first(self, task_ids: Sequence[str], asked: Sequence[tuple[str, Runnable]]) -> HttpResponse:
        if self.is_json:
            return errors(_("This asks first: send confirm=1 as well."), field="confirm", status=400)
        context = self.get_context_data(
            asked=[(shown_link(task_id), clean(task.label), warning(task)) for task_id, task in asked],
            others=len(task_ids) - len(asked),
            task_ids=task_ids,
            submission=submission_of(self.request.POST) or uuid4(),
            action=self.request.path,
            next_url=_next(self.request),
        )
        return TemplateResponse(self.request, "celery_ops/retry/asks.html", context)

    def done(self, outcomes: Sequence[Outcome], begun: Any) -> HttpResponse:
        """Say what came of it on the page that comes next; reasons have a page of their own when nothing was sent."""
        sent = [outcome.record for outcome in outcomes if outcome.record is not None]
        if not sent:
            return self.page(outcomes, 200)
        if any(record.created_at >= begun for record in sent):
            said = ngettext("%(n)s task was sent once more.", "%(n)s tasks were sent once more.", len(sent))
        else:
            said = ngettext("This had been sent already: it runs once.", "These had been sent already.", len(sent))
        messages.success(self.request, said % {"n": len(sent)}, fail_silently=True)
        for reason, number in _counted(outcomes).items():
            said = ngettext("%(n)s task was not: %(reason)s", "%(n)s tasks were not: %(reason)s", number)
            messages.warning(self.request, said % {"n": number, "reason": reason}, fail_silently=True)
        return HttpResponseRedirect(_next(self.request) or record_page(sent[0]))

    def page(self, outcomes: Sequence[Outcome], status: int) -> HttpResponse:
        context = self.get_context_data(
            refused=[(shown_link(outcome.task_id), outcome.reason) for outcome in outcomes if outcome.reason],
            next_url=_next(self.request),
        )
        return self.render_to_response(context, status=status)


def answer(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the JSON answer of several ids."""
    return {
        "asked": [outcome.task_id for outcome in outcomes],
        "answered": {o.task_id: sent_item(o.record) for o in outcomes if o.record is not None},
        "silent": [],
        "refused": {o.task_id: o.reason for o in outcomes if o.record is None},
    }


def sent_item(record: TaskRunRecord) -> dict[str, Any]:
    """Return what JSON says of a run."""
    return {"task_id": record.task_id, "record": record.pk, "url": _reversed("api-run", record.task_id)}


def record_page(record: TaskRunRecord) -> str:
    """Return where a run is shown: its row in the journal, else the task's own page."""
    return _reversed("record-detail", record.pk) or task_url(record.task_id)


def shown_link(task_id: str) -> Link:
    return Link(clean(task_id), task_url(task_id))


def _reversed(name: str, argument: Any) -> str:
    try:
        return reverse(f"celery_ops:{name}", args=[argument])
    except NoReverseMatch:
        return ""


def _status(outcomes: Sequence[Outcome]) -> int:
    """Return the status of a refusal, 0 when something was sent or each of several has its own reason."""
    if any(outcome.record is not None for outcome in outcomes):
        return 0
    if any(isinstance(o.error, NotSent) or (isinstance(o.error, Refused) and o.error.is_away) for o in outcomes):
        return 503
    if len(outcomes) > 1:
        return 0
    error = outcomes[0].error
    return 403 if isinstance(error, Refused) and error.is_forbidden else 400


def _counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    found: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.reason:
            found[outcome.reason] = found.get(outcome.reason, 0) + 1
    return found


class BulkRetry:
    """What a bulk is that runs tasks again."""

    bulk = bulk
    permission = RUN_TASK
    detail = "bulk-retry-detail"
    words = Words(
        all=gettext_lazy("Run again all that match"),
        verdict=gettext_lazy("Run again"),
        done=gettext_lazy("sent once more"),
        not_done=gettext_lazy("Not run again"),
        is_over=gettext_lazy("Run again: done"),
        goes_on=gettext_lazy("Run again: going on"),
        waits=gettext_lazy("Run again: waiting"),
        is_stopped=gettext_lazy("Run again: stopped"),
    )


class BulkRetryView(BulkRetry, BulkStartView):
    form_template = "celery_ops/retry/start.html"


class BulkRetryDetailView(BulkRetry, BulkDetailView):
    """How far one is."""
