"""Run tasks again: one from its page, those that were chosen in a list, or all that its filters find."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from ... import states
from ...bulk.base import BulkAction
from ...bulk.rerun import RerunAction
from ...catalog import may_run_something
from ...exceptions import NotKnown, NotSent, RerunRefused, SentNothing
from ...formatting import clean
from ...links import task_url
from ...models import TaskRunRecord
from ...permissions import RUN_TASK, VIEW_OPS, allows
from ...rerun import RerunCandidate, RerunOutcome, candidates_of, rerun_candidates
from ...tables.links import PageLink, task_link
from ..not_found import no_task
from ..ops import EitherPage, errors
from ..request import form_key, is_confirmed, next_url
from ..runs.json import sent_item
from .base import BulkDetailView, BulkStartView, Words

#: Ids of one request: a page of a list has no more.
MOST_IDS: Final = 500

#: A task that may be run again, or why it is not.
CandidateOrOutcome = RerunCandidate | RerunOutcome


class RetryView(EitherPage):
    """POST ``task_id`` (repeatable) runs each of them again and goes on to ``next``, or to the new run's own page.

    A single one that is refused is a 400 with the reason, 403 when the policy says so; of several each has its own.
    With ``preview=1`` nothing is sent: the answer says what would be. Where one of them asks, all are sent when
    ``confirm=1`` comes too: it succeeded, was begun and lost, was run again already, or has the option ``confirm``.
    """

    http_method_names = ["post"]
    section = "celery_ops:task-list"
    title = gettext_lazy("Run again")
    template_name = "celery_ops/retry/outcome.html"

    def authorise(self) -> None:
        if not may_run_something(self.user):
            raise PermissionDenied

    def post(self, request: HttpRequest) -> HttpResponse:
        task_ids = list(dict.fromkeys(task_id for task_id in request.POST.getlist("task_id") if task_id))
        if not task_ids:
            return self.refused(_("Choose at least one task."))
        if len(task_ids) > MOST_IDS:
            sentence = _("Choose at most %(most)s tasks, or run again all that match a list's filters.")
            return self.refused(sentence % {"most": MOST_IDS})
        submission = form_key(request.POST)
        tasks = self.disclosed(candidates_of(task_ids, self.user, submission))
        if request.POST.get("preview") == "1" or self.must_ask(tasks):
            return self.asks_first(tasks)
        begun = timezone.now()
        outcomes = rerun_candidates(tasks, self.user, submission=submission)
        if len(outcomes) == 1 and isinstance(outcomes[0].error, NotKnown):
            raise no_task()
        if status := _status(outcomes):
            return self.refused(outcomes[0].reason, status, outcomes)
        if self.is_json:
            return JsonResponse(answer(outcomes))
        return self.done(outcomes, begun)

    def disclosed(self, tasks: Sequence[CandidateOrOutcome]) -> list[CandidateOrOutcome]:
        """To those who may not see the tasks, one that they may not run is as if there were none."""
        if allows(self.user, VIEW_OPS):
            return list(tasks)
        unknown = _("No source knows a task of this id.")
        return [
            RerunOutcome(task.task_id, reason=unknown, error=NotKnown(task.task_id)) if _is_closed(task) else task
            for task in tasks
        ]

    def must_ask(self, tasks: Sequence[CandidateOrOutcome]) -> bool:
        """Whether something is to be read before it is sent: nothing was confirmed yet, or something else than this."""
        asks = any(isinstance(task, RerunCandidate) and task.asks for task in tasks)
        return asks and not is_confirmed(self.request.POST, _seen(tasks))

    def refused(self, reason: str, status: int = 400, outcomes: Sequence[RerunOutcome] = ()) -> HttpResponse:
        if self.is_json:
            return errors(reason, field="__all__" if status == 503 else "task_id", status=status)
        return self.page(outcomes or [RerunOutcome("", reason=reason)], status)

    def asks_first(self, tasks: Sequence[CandidateOrOutcome]) -> HttpResponse:
        """Say what would be sent, what not and why, and what to consider; nothing is sent."""
        candidates = [task for task in tasks if isinstance(task, RerunCandidate)]
        left_out = [task for task in tasks if isinstance(task, RerunOutcome)]
        if len(tasks) == 1 and left_out:
            if isinstance(left_out[0].error, NotKnown):
                raise no_task()
            return self.refused(left_out[0].reason, _status(left_out), left_out)
        if self.is_json and self.request.POST.get("preview") != "1":
            return errors(_("This asks first: send confirm=1 as well."), field="confirm", status=400)
        if self.is_json:
            return JsonResponse({"preview": [_preview_item(task) for task in tasks]})
        context = self.get_context_data(
            candidates=[ViewedCandidate.of(task) for task in candidates],
            left_out=[(task_link(task.task_id), task.reason) for task in left_out],
            has_changed=self.request.POST.get("confirm") == "1",
            task_ids=[task.task_id for task in candidates],
            submission=form_key(self.request.POST) or uuid4(),
            previewed=_seen(candidates),
            action=self.request.path,
            next_url=next_url(self.request),
        )
        return TemplateResponse(self.request, "celery_ops/retry/asks.html", context)

    def done(self, outcomes: Sequence[RerunOutcome], begun: Any) -> HttpResponse:
        """Say what came of it on the page that comes next; reasons have a page of their own when nothing was sent."""
        sent = [outcome.record for outcome in outcomes if outcome.record is not None]
        if not sent:
            return self.page(outcomes, 200)
        if any(record.created_at >= begun for record in sent):
            sentence = ngettext("%(n)s task was sent once more.", "%(n)s tasks were sent once more.", len(sent))
        else:
            sentence = ngettext("This had been sent already: it runs once.", "These had been sent already.", len(sent))
        messages.success(self.request, sentence % {"n": len(sent)}, fail_silently=True)
        for reason, number in _counted(outcomes).items():
            sentence = ngettext("%(n)s task was not: %(reason)s", "%(n)s tasks were not: %(reason)s", number)
            messages.warning(self.request, sentence % {"n": number, "reason": reason}, fail_silently=True)
        return HttpResponseRedirect(next_url(self.request) or record_page(sent[0]))

    def page(self, outcomes: Sequence[RerunOutcome], status: int) -> HttpResponse:
        context = self.get_context_data(
            refused=[(task_link(outcome.task_id), outcome.reason) for outcome in outcomes if outcome.reason],
            next_url=next_url(self.request),
        )
        return self.render_to_response(context, status=status)


@dataclass(frozen=True, slots=True)
class ViewedCandidate:
    """One task of those that would be sent, and what to consider before."""

    link: PageLink
    label: str
    state: str
    tone: str
    doubts: tuple[str, ...]

    @classmethod
    def of(cls, task: RerunCandidate) -> "ViewedCandidate":
        doubts = tuple(doubt.text for doubt in task.doubts)
        state = task.original.state
        return cls(task_link(task.task_id), clean(task.runnable.label), clean(state), states.tone(state), doubts)


def _preview_item(task: CandidateOrOutcome) -> dict[str, Any]:
    if isinstance(task, RerunOutcome):
        return {"task_id": task.task_id, "reason": task.reason, "warnings": []}
    return {"task_id": task.task_id, "reason": None, "warnings": [doubt.text for doubt in task.doubts]}


def _seen(tasks: Sequence[CandidateOrOutcome]) -> str:
    return stands_for([task.seen for task in tasks if isinstance(task, RerunCandidate)])


def stands_for(seen: Sequence[Any]) -> str:
    """Return what tells what there was to read from anything else."""
    return salted_hmac("celery_ops.retry", ascii(seen), algorithm="sha256").hexdigest()


def _is_closed(task: CandidateOrOutcome) -> bool:
    return isinstance(task, RerunOutcome) and isinstance(task.error, RerunRefused) and task.error.is_closed


def answer(outcomes: Sequence[RerunOutcome]) -> dict[str, Any]:
    """Return the JSON answer of several ids."""
    return {
        "asked": [outcome.task_id for outcome in outcomes],
        "answered": {o.task_id: sent_item(o.record) for o in outcomes if o.record is not None},
        "silent": [],
        "refused": {o.task_id: o.reason for o in outcomes if o.record is None},
    }


def record_page(record: TaskRunRecord) -> str:
    """Return where a run is shown: its row in the journal, else the task's own page."""
    return _reversed("record-detail", record.pk) or task_url(record.task_id)


def _reversed(name: str, argument: Any) -> str:
    try:
        return reverse(f"celery_ops:{name}", args=[argument])
    except NoReverseMatch:
        return ""


def _status(outcomes: Sequence[RerunOutcome]) -> int:
    """Return the status of a refusal, 0 when something was sent or each of several has its own reason."""
    if any(outcome.record is not None for outcome in outcomes):
        return 0
    if any(map(_is_away, outcomes)):
        return 503
    if len(outcomes) > 1:
        return 0
    error = outcomes[0].error
    return 403 if isinstance(error, RerunRefused) and error.is_forbidden else 400


def _is_away(outcome: RerunOutcome) -> bool:
    if isinstance(outcome.error, NotSent):
        return not isinstance(outcome.error, SentNothing)
    return isinstance(outcome.error, RerunRefused) and outcome.error.is_away


def _counted(outcomes: Sequence[RerunOutcome]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.reason:
            numbers[outcome.reason] = numbers.get(outcome.reason, 0) + 1
    return numbers


class BulkRetry:
    """What a bulk is that runs tasks again."""

    bulk: ClassVar[BulkAction] = RerunAction()
    permission = RUN_TASK
    detail = "bulk-retry-detail"
    words = Words(
        all=gettext_lazy("Run again all that match"),
        verdict=gettext_lazy("Run again"),
        done=ngettext_lazy("%(n)s sent once more", "%(n)s sent once more", "number"),
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
