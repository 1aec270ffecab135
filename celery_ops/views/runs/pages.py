"""Running tasks by hand: the list of those that may be run, and the form of each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...catalog import Offer, Offers, find, may_run_something, offers
from ...exceptions import BackendUnavailable, BadInput, Claimed, NotSent, SentNothing
from ...filters.runs import RunFilterSet
from ...formatting import clean
from ...forms.run import RunForm
from ...links import record_url, task_url
from ...models import TaskRunRecord
from ...permissions import RUN_TASK, VIEW_OPS, allows
from ...running.allowlist import allowed_names, described, site_tasks
from ...running.launcher import Run, launch
from ...tables.runs import RUNNERS, OfferData, RunTable, in_order
from ..control.actions import NOBODY
from ..lists import ListPage
from ..not_found import no_runnable
from ..ops import EitherPage, errors
from ..request import is_confirmed, next_url, submission_of
from .json import sent_item, sent_nothing
from .origin import origin_of
from .preview import forecast, registration
from .submission import digest_of, entered_values, kept_key, mistakes, withheld


class RunListView(ListPage):
    section = "celery_ops:run-list"
    title = gettext_lazy("Run a task")
    template_name = "celery_ops/runs/list.html"
    backend_setting = "WORKER_BACKEND"
    filterset_class = RunFilterSet
    table_class = RunTable

    def authorise(self) -> None:
        if not (may_run_something(self.user) or allows(self.user, VIEW_OPS)):
            raise PermissionDenied

    def get_report(self) -> Offers:
        return offers(self.user)

    def get_values(self, report: Offers) -> Sequence[Offer]:
        return report.tasks

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        names = site_tasks() if allows(self.user, VIEW_OPS) else ()  # names are not everybody's to know
        facts = {"allows_nothing": not allowed_names(), "example": clean(max(names, default="")), "runners": RUNNERS}
        context = super().get_context_data(**facts, **kwargs)
        return {**context, "journal_trouble": context["table"].data.trouble}

    def get_table_data(self) -> OfferData:
        return OfferData(in_order(self.filter.qs), self.user)


class RunTaskView(EitherPage):
    """GET is the form of one task; POST sends it, or with ``preview=1`` shows what would be sent.

    A task with the option ``confirm`` is sent when ``confirm=1`` comes too. One that only workers know is a 503
    while they cannot be asked for it.
    """

    http_method_names = ["get", "head", "post"]
    section = "celery_ops:run-list"
    template_name = "celery_ops/runs/form.html"

    def authorise(self) -> None:
        """Raise PermissionDenied for who may run nothing or not this; Http404 for what is not in the allowlist."""
        if not may_run_something(self.user):
            raise PermissionDenied
        name, self.trouble = self.kwargs["name"], ""
        try:
            runnable = find(name)
        except BackendUnavailable as error:
            runnable, self.trouble = described(name, None), str(error)
        if runnable is None:
            raise no_runnable()
        if not allows(self.user, RUN_TASK, runnable.name):
            raise PermissionDenied
        self.runnable = runnable

    def get_title(self) -> str:
        return clean(self.runnable.label)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.origin = origin_of(request.GET.get("again", ""), self.runnable.name, self.user)
        form = RunForm(self.runnable, self.user, initial=self.origin.shown, options=self.origin.options)
        return self.shown(form, 503, problem=self.trouble) if self.trouble else self.shown(form)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        self.origin = origin_of(request.POST.get("again", ""), self.runnable.name, self.user)
        form = RunForm(self.runnable, self.user, request.POST)
        if self.trouble:
            return self.unsent(form, NotSent(self.trouble))
        if not form.is_valid():
            return self.refused(form, form.errors)
        run, begun = self.get_run(form), timezone.now()
        try:
            if self.wants_preview or self.must_confirm:
                return self.foreseen(form, run)
            record = launch(run, self.user)
        except BadInput as error:
            return self.refused(form, error.errors)
        except Claimed as error:
            return self.refused(form, {"__all__": [str(error)]})
        except SentNothing as error:
            return self.sent_nothing(form, error)
        except NotSent as error:
            return self.unsent(form, error)
        return self.sent(record, is_new=record.created_at >= begun)

    @property
    def sees_ops(self) -> bool:
        """Whether the viewer may open the pages of tasks, queues and workers."""
        return allows(self.user, VIEW_OPS)

    @property
    def wants_preview(self) -> bool:
        return self.request.POST.get("preview") == "1"

    @property
    def must_confirm(self) -> bool:
        """Whether the person has yet to see what is sent: nothing was confirmed, or something else than this."""
        return self.runnable.confirm and not self.is_confirmed

    @property
    def is_confirmed(self) -> bool:
        return is_confirmed(self.request.POST, digest_of(self.request.POST))

    def get_run(self, form: RunForm) -> Run:
        posted = self.request.POST
        return Run(
            self.runnable.name,
            self.runnable.task,
            form.args,
            form.kwargs,
            form.send_options,
            retry_of=self.origin.task_id,
            refs=self.origin.refs_of(form.args, form.kwargs, self.user),
            submission=submission_of(posted, self.user, self.runnable.name, entered_values(posted)),
        )

    # -- answers

    def shown(self, form: RunForm, status: int = 200, **context: Any) -> HttpResponse:
        context = {"submission": uuid4(), "errors": (), "asks_first": False, **context}
        return self.render_to_response(self.get_context_data(form=form, **context), status=status)

    def refused(self, form: RunForm, problems: Mapping[str, Sequence[str]]) -> HttpResponse:
        """Bad input: the same form again, to be mended and sent once."""
        if self.is_json:
            return JsonResponse(
                {"errors": {field: list(map(str, texts)) for field, texts in problems.items()}}, status=400
            )
        return self.shown(form, 400, errors=mistakes(form, problems), submission=kept_key(self.request.POST))

    def sent_nothing(self, form: RunForm, error: SentNothing) -> HttpResponse:
        """The task's own class sent nothing: its row says why, and leads to the task that there is instead."""
        if self.is_json:
            return sent_nothing(error)
        if error.record is None or not error.other_id:
            lines = mistakes(form, {"__all__": [str(error)]})
            return self.shown(form, 400, errors=lines)  # its row has used up the form's key: the page has another
        messages.warning(self.request, str(error), fail_silently=True)
        return HttpResponseRedirect(record_url(error.record.pk))

    def unsent(self, form: RunForm, error: NotSent) -> HttpResponse:
        """The broker or the journal is away. A FAILED row has used up the form's key: the next try needs another."""
        if self.is_json:
            return errors(str(error), status=503)
        key = uuid4() if error.record else kept_key(self.request.POST)
        return self.shown(
            form, 503, problem=str(error), record_url=error.record and record_url(error.record.pk), submission=key
        )

    def foreseen(self, form: RunForm, run: Run) -> HttpResponse:
        """What would be sent. Raises BadInput when Celery would not send it."""
        if self.is_json and not self.wants_preview:
            return errors(_("This task asks first: send confirm=1 as well."), field="confirm", status=400)
        has_changed = self.request.POST.get("confirm") == "1" and not self.is_confirmed
        prediction = forecast(run, has_links=self.sees_ops, withheld=withheld(form))
        if self.is_json:
            return JsonResponse({"preview": prediction.plain()})
        return self.shown(
            form,
            forecast=prediction,
            has_changed=has_changed,
            asks_first=self.runnable.confirm,
            previewed=digest_of(self.request.POST),
            submission=kept_key(self.request.POST),
        )

    def sent(self, record: TaskRunRecord, *, is_new: bool) -> HttpResponse:
        if self.is_json:
            return JsonResponse({**NOBODY, **sent_item(record)}, status=201)
        sentence = _("%(task)s was sent.") if is_new else _("This had been sent already: %(task)s runs once.")
        messages.success(self.request, sentence % {"task": self.get_title()}, fail_silently=True)
        return HttpResponseRedirect(next_url(self.request) or record_url(record.pk))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form: RunForm = kwargs.pop("form")
        task = self.runnable
        return super().get_context_data(
            form=form,
            name=clean(task.name),
            description=clean(task.description),
            origin=self.origin,
            origin_url=task_url(self.origin.task_id) if self.sees_ops else "",
            next_url=next_url(self.request),
            list_url=reverse("celery_ops:run-list"),
            action=self.request.path,
            left_out=clean(", ".join(form.left_out)),
            opens_options=form.opens_options,
            warnings=() if {"forecast", "problem"} & kwargs.keys() else registration(task.name).warnings,
            **kwargs,
        )
