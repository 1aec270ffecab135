"""Run the whole of a workflow again: what that would send, and sending it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...exceptions import BackendUnavailable, NotKnown, NotSent, RerunRefused
from ...formatting import clean
from ...links import workflow_url
from ...models import TaskRunRecord
from ...permissions import RUN_TASK, VIEW_OPS, allows
from ...rerun import RerunOutcome, WholeCandidate, rerun_whole_candidate, whole_candidate
from ...running.allowlist import Runnable
from ...tracking.workflows.canvas import CHAIN, CHORD, GROUP, Step
from ...workflows.reading import workflow_of
from ..bulk.retry import answer, record_page, stands_for
from ..not_found import no_workflow
from ..ops import EitherPage, errors
from ..request import form_key, is_confirmed, next_url


class WorkflowRetryView(EitherPage):
    """GET says what would be sent, or why nothing can be; POST sends it and goes on to ``next``, or to the new one.

    Where something is to be considered, ``confirm=1`` has to come with it: tasks of it succeeded, one was begun and
    lost, it was run again already, or a task has the option ``confirm``.
    """

    http_method_names = ["get", "head", "post"]
    section = "celery_ops:task-list"
    title = gettext_lazy("Run the whole again")
    template_name = "celery_ops/workflows/rerun.html"

    def authorise(self) -> None:
        if not (allows(self.user, VIEW_OPS) and allows(self.user, RUN_TASK)):
            raise PermissionDenied

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            whole = self.whole()
        except (RerunRefused, NotSent) as error:
            return self.refused(error)
        return self.asks_first(whole)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        submission = form_key(request.POST)
        try:
            whole = self.whole()
            if request.POST.get("preview") == "1" or self.must_ask(whole):
                return self.asks_first(whole)
            records = rerun_whole_candidate(whole, self.user, submission=submission)
        except (RerunRefused, NotSent) as error:
            return self.refused(error)
        return self.done(records, publishes=bool(whole.published))

    def whole(self) -> WholeCandidate:
        """Raises Http404, RerunRefused and NotSent."""
        try:
            return whole_candidate(self.kwargs["task_id"], self.user, form_key(self.request.POST))
        except NotKnown as error:
            raise no_workflow() from error

    def must_ask(self, whole: WholeCandidate) -> bool:
        """Whether something is to be read before it is sent: nothing was confirmed yet, or something else than this."""
        return whole.asks and not is_confirmed(self.request.POST, stands_for(whole.seen))

    def refused(self, error: RerunRefused | NotSent) -> HttpResponse:
        is_away = isinstance(error, NotSent) or error.is_away
        status = 503 if is_away else _status(error)
        if self.is_json:
            return errors(str(error), field="__all__" if is_away else "task_id", status=status)
        if self.request.method != "POST" and not is_away:
            status = 200  # it was asked whether, and this is the answer
        return self.render_to_response(self.get_context_data(reason=str(error), **self.ways()), status=status)

    def asks_first(self, whole: WholeCandidate) -> HttpResponse:
        has_confirmed = self.request.POST.get("confirm") == "1"
        warnings = [doubt.text for doubt in whole.doubts]
        if self.is_json and self.request.method == "POST" and self.request.POST.get("preview") != "1":
            return errors(_("This asks first: send confirm=1 as well."), field="confirm", status=400)
        if self.is_json:
            return JsonResponse(
                {
                    "total": whole.total,
                    "published": whole.published,
                    "tasks": _counted(whole.canvas),
                    "warnings": warnings,
                }
            )
        context = self.get_context_data(
            whole=whole,
            step=viewed(whole.canvas, whole.runnables),
            warnings=warnings,
            has_changed=has_confirmed,
            submission=form_key(self.request.POST) or uuid4(),
            previewed=stands_for(whole.seen),
            action=self.request.path,
            **self.ways(),
        )
        return self.render_to_response(context)

    def ways(self) -> dict[str, Any]:
        return {"next_url": next_url(self.request), "back_url": workflow_url(self.kwargs["task_id"])}

    def done(self, records: Sequence[TaskRunRecord], *, publishes: bool) -> HttpResponse:
        sent = [record for record in records if record.send_state != TaskRunRecord.SendState.FAILED]
        if self.is_json:
            return JsonResponse(answer([*map(_outcome, records)]))
        if len(sent) < len(records):
            text = ngettext(
                "Only %(n)s of its %(total)s first tasks was sent: the journal says why.",
                "Only %(n)s of its %(total)s first tasks were sent: the journal says why.",
                len(sent),
            )
            messages.warning(self.request, text % {"n": len(sent), "total": len(records)}, fail_silently=True)
        else:
            number = int(records[0].options.get("whole") or len(records))
            sentence = ngettext(
                "The whole was sent once more: %(n)s task.", "The whole was sent once more: %(n)s tasks.", number
            )
            if publishes:
                sentence = ngettext(
                    "The whole was sent once more: %(n)s task, which publishes the rest.",
                    "The whole was sent once more: %(n)s tasks, which publish the rest.",
                    number,
                )
            messages.success(self.request, sentence % {"n": number}, fail_silently=True)
        return HttpResponseRedirect(next_url(self.request) or _page_of((sent or records)[0]))


def _outcome(record: TaskRunRecord) -> RerunOutcome:
    if record.send_state == TaskRunRecord.SendState.FAILED:
        return RerunOutcome(record.retry_of, reason=_("The task could not be sent: the broker did not take it."))
    return RerunOutcome(record.retry_of, record)


def _page_of(record: TaskRunRecord) -> str:
    """Where the new workflow is shown; before a single first task has published others there is none."""
    try:
        is_workflow = workflow_of(record.task_id) is not None
    except BackendUnavailable:
        is_workflow = False
    return workflow_url(record.task_id) if is_workflow else record_page(record)


def _counted(canvas: Step) -> list[dict[str, Any]]:
    numbers: dict[str, int] = {}
    for step in canvas.walk():
        if step.name:
            numbers[step.name] = numbers.get(step.name, 0) + 1
    return [{"name": name, "count": number} for name, number in numbers.items()]


# -- what would be sent -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewedStep:
    """A step in words; of a canvas, ``kind`` says how its ``parts`` follow each other: one by one, or all at once."""

    label: str = ""
    name: str = ""
    number: int = 1
    kind: str = ""
    parts: tuple["ViewedStep", ...] = ()
    then: "ViewedStep | None" = None
    links: tuple["ViewedStep", ...] = ()
    errbacks: tuple["ViewedStep", ...] = ()


def _status(error: RerunRefused | NotSent) -> int:
    return 403 if isinstance(error, RerunRefused) and error.is_forbidden else 400


#: What a preview calls them.
KINDS: Final = {CHAIN: "chain", GROUP: "group", CHORD: "chord"}


def viewed(step: Step, runnables: Mapping[str, Runnable]) -> ViewedStep:
    """Return a canvas as its preview shows it: neighbours that are alike are one line with how many there are."""
    parts = tuple(_alike(viewed(part, runnables) for part in step.parts))
    links, errbacks = (tuple(viewed(callback, runnables) for callback in some) for some in (step.links, step.errbacks))
    then = viewed(step.body, runnables) if step.body else None
    if step.kind:
        return ViewedStep(kind=KINDS[step.kind], parts=parts, then=then, links=links, errbacks=errbacks)
    return ViewedStep(clean(runnables[step.name].label), clean(step.name), links=links, errbacks=errbacks)


def _alike(steps: Iterator[ViewedStep]) -> Iterator[ViewedStep]:
    last: ViewedStep | None = None
    for step in steps:
        if last is not None and replace(last, number=1) == step:
            last = replace(last, number=last.number + 1)
            continue
        if last is not None:
            yield last
        last = step
    if last is not None:
        yield last
