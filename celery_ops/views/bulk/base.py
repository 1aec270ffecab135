"""Doing something to all tasks that a list's filters find: what that would be, and how far it is."""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import states
from ...backends.base import TaskBackend
from ...bulk.base import TARGET, BulkAction, progress_of, stop
from ...bulk.preview import BulkPreview
from ...bulk.progress import DONE, RUNNING, BulkProgress
from ...charts.words import state as state_in_words
from ...conf import conf
from ...exceptions import BackendUnavailable, BadInput, NotDone, StoreUnavailable
from ...filters.base import LAYOUT
from ...filters.bulk import bounded, check_same, parameters_of, with_states
from ...filters.task_lists import filterset_for, narrowed_backend_or_empty
from ...filters.tasks import TaskFilterSet
from ...formatting import Moment, clean, count, listed
from ...models import ControlRecord
from ...permissions import VIEW_OPS, VIEW_RECORDS, allows
from ...tables.links import PageLink, task_link
from ...task_query import Count, TaskQuery
from ...timezones import now
from ..not_found import no_row
from ..ops import OpsPage
from ..request import moment_of, submission_of
from ..workflows.tasks import narrowed_or_404

#: Seconds after which nobody seems to go on with it any more: the page has been closed.
ABANDONED: Final = 30.0


@dataclass(frozen=True, slots=True)
class Words:
    """What the pages say of what is done: ``verdict`` heads the answers, ``done`` says it of ``number`` tasks."""

    all: Any
    verdict: Any
    done: Any
    not_done: Any
    is_over: Any
    goes_on: Any
    waits: Any
    is_stopped: Any


class BulkView(OpsPage):
    """What the pages of all bulks have in common; ``bulk`` is what they do."""

    http_method_names = ["get", "head", "post"]
    section = "celery_ops:task-list"
    bulk: ClassVar[BulkAction]
    words: ClassVar[Words]
    permission: ClassVar[str]
    #: The URL name of the page that follows it.
    detail: ClassVar[str]

    @property
    def may_do(self) -> bool:
        return allows(self.user, VIEW_OPS) and allows(self.user, self.permission)

    def get_title(self) -> str:
        return str(self.words.verdict)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(words=self.words, **kwargs)

    @cached_property
    def backend(self) -> TaskBackend:
        """What lists the tasks that are meant. Raises Http404 and BackendUnavailable."""
        return conf.load("TASK_BACKEND")()

    def filters_of(self, data: QueryDict) -> TaskFilterSet:
        kind = filterset_for(data)
        return kind(data, backend=self.backend, shows_payload=self.may_view_payload, user=self.user)

    def unavailable(self, trouble: str, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(trouble=trouble, **context), status=503)


@dataclass(frozen=True, slots=True)
class Sampled:
    """One task of the preview's sample."""

    link: PageLink
    name: str
    state: str
    tone: str
    created: Moment | None
    reason: str


class BulkStartView(BulkView):
    """GET counts what the filters find and shows what would be taken; POST begins."""

    template_name = "celery_ops/bulk/bulk.html"

    @cached_property
    def backend(self) -> TaskBackend:
        return narrowed_or_404(super().backend, self.request.GET)

    #: The part of the page that has the form.
    form_template: ClassVar[str]

    def authorise(self) -> None:
        if not self.may_do:
            raise PermissionDenied

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        filters, shown_at = self.filters_of(request.GET), now().isoformat()
        if filters.errors:
            return self.shown(filters, status=400)
        try:
            preview = self.bulk.preview(self.backend, filters.query, self.user)
        except BackendUnavailable as error:
            return self.unavailable(str(error), **self.ways(filters))
        except StoreUnavailable:
            return self.unavailable(_("The tracking store does not answer."), **self.ways(filters))
        except DatabaseError:
            return self.unavailable(_("The journal does not answer."), **self.ways(filters))
        return self.shown(filters, preview=preview, submission=uuid4(), shown_at=shown_at, sample=_sample(preview))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        filters = self.filters_of(request.GET)
        if filters.errors:
            return self.shown(filters, status=400)
        query = filters.query
        try:
            record = self.start(filters)
            self.bulk.advance(record, self.backend, bounded(query, record, self.backend), self.user)
        except BadInput as error:
            return self.shown(filters, status=400, trouble=str(error))
        except DatabaseError:
            trouble = _("The journal could not be written, so nothing was sent.")
            return self.unavailable(trouble, **self.ways(filters))
        return HttpResponseRedirect(reverse(f"celery_ops:{self.detail}", args=[record.pk]))

    def start(self, filters: TaskFilterSet, **chosen: Any) -> ControlRecord:
        """Write down what is asked for, of what there was when it was shown. Raises BadInput and DatabaseError."""
        posted = self.request.POST
        counted = Count(_number(posted.get("count", "")), capped="is_partial" in posted)
        key = submission_of(posted, self.user, sorted(filters.parameters.items()))
        query = _as_shown(filters.query, posted)
        return self.bulk.start(self.user, filters.parameters, query, counted, key, **chosen)

    def shown(self, filters: TaskFilterSet, *, status: int = 200, **context: Any) -> HttpResponse:
        facts = {"asked": conditions(filters), "form_template": self.form_template}
        context = self.get_context_data(**facts, **self.ways(filters), **context)
        return self.render_to_response(context, status=status)

    def ways(self, filters: TaskFilterSet) -> dict[str, Any]:
        """The filters, and where the list and this very page are."""
        query = filters.matching
        list_url, action = reverse("celery_ops:task-list") + query, self.request.path + query
        return {"filter": filters, "list_url": list_url, "action": action}


class BulkDetailView(BulkView):
    """GET shows how far it is and what came of it; POST goes on for a while, with ``stop=1`` no further."""

    needs_writer = True
    template_name = "celery_ops/bulk/progress.html"

    @cached_property
    def backend(self) -> TaskBackend:
        filters = self.record.parameters.get("filters", {})
        parameters = {name: values[0] for name, values in filters.items() if values}
        return narrowed_backend_or_empty(super().backend, parameters)

    def authorise(self) -> None:
        """Raise PermissionDenied for who may neither do this nor read the journal, Http404 for another's row."""
        if not (self.may_do or allows(self.user, VIEW_RECORDS)):
            raise PermissionDenied
        record = ControlRecord.objects.filter(pk=self.kwargs["pk"], action=self.bulk.name, target=TARGET).first()
        if record is None or not (self.is_starter(record) or allows(self.user, VIEW_RECORDS)):
            raise no_row()
        self.record = record

    def is_starter(self, record: ControlRecord) -> bool:
        return record.is_of(self.user)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not (self.is_starter(self.record) and self.may_do):
            raise PermissionDenied
        try:
            if request.POST.get("stop") == "1":
                stop(self.record)
            else:
                self.advance()
        except DatabaseError:
            return self.unavailable(_("The journal does not answer."), **self.facts())
        if request.headers.get("X-Celery-Ops") == "fragment":
            return self.shown()
        return HttpResponseRedirect(request.path)

    def advance(self) -> None:
        filters = self.filters
        try:
            check_same(filters, self.record)
        except NotDone:  # the page says why
            return
        self.bulk.advance(self.record, self.backend, bounded(filters.query, self.record, self.backend), self.user)

    @cached_property
    def filters(self) -> TaskFilterSet:
        """The list's filters as they were asked for."""
        return with_states(self.filters_of(parameters_of(self.record)), self.record)

    def shown(self) -> HttpResponse:
        return self.render_to_response(self.get_context_data(**self.facts()))

    def facts(self) -> dict[str, Any]:
        progress = progress_of(self.record)
        total = max(int(self.record.parameters.get("count") or 0), progress.handled)
        is_running = progress.state == RUNNING
        may_go_on = self.is_starter(self.record) and progress.state != DONE
        goes_on = may_go_on and is_running and time.time() - progress.touched < ABANDONED
        done = progress.tally.done
        return {
            "record": self.record,
            "who": clean(self.record.username),
            "created": Moment.of(self.record.created_at, timezone.now()),
            "asked": conditions(self.filters),
            "list_url": reverse("celery_ops:task-list") + self.filters.matching,
            "progress": progress,
            "heading": self._heading(is_over=progress.state == DONE, goes_on=goes_on, is_running=is_running),
            "percent": 100 if progress.state == DONE else 100 * progress.handled // max(1, total),
            "handled": count(Count(progress.handled)),
            "foreseen": _foreseen(self.record, progress),
            "total": count(Count(total)),
            "done_words": self.words.done % {"number": done, "n": count(Count(done))},
            "skipped": _skipped(progress),
            "sent": [(task_link(old), task_link(new)) for old, new in progress.tally.sent],
            "is_running": is_running,
            "is_over": progress.state == DONE,
            "may_go_on": may_go_on,
            "goes_on": goes_on,
            "action": self.request.path,
        }

    def _heading(self, *, is_over: bool, goes_on: bool, is_running: bool) -> Any:
        if is_over:
            return self.words.is_over
        if goes_on:
            return self.words.goes_on
        return self.words.waits if is_running else self.words.is_stopped


def _foreseen(record: ControlRecord, progress: BulkProgress) -> str:
    """Return what the preview counted, empty where that is not known or is what was found."""
    number = int(record.parameters.get("count") or 0)
    has_more = record.parameters.get("is_partial") and progress.handled > number
    if progress.state != DONE or has_more or number in (0, progress.handled):
        return ""
    return count(Count(number))


def conditions(filters: TaskFilterSet) -> list[tuple[str, str]]:
    """Return what is filtered by, in words."""
    return [
        (str(filters.filters[name].label), listed(_in_words(name, value) for value in values))
        for name, values in filters.parameters.items()
        if name not in LAYOUT
    ]


def _in_words(name: str, value: str) -> str:
    return (name == "state" and state_in_words(value)) or clean(value)


def _sample(preview: BulkPreview) -> list[Sampled]:
    now = timezone.now()
    return [
        Sampled(
            task_link(task.id),
            clean(task.name),
            clean(task.state),
            states.tone(task.state),
            Moment.of(task.created_at, now),
            reason,
        )
        for task, reason in preview.sample
    ]


def _skipped(progress: BulkProgress) -> list[tuple[str, str, list[PageLink], int]]:
    """Return each reason with how many, some of them, and how many more there are."""
    rows = []
    for reason, skipped in sorted(progress.tally.skipped.items(), key=lambda item: -item[1].count):
        links = [task_link(task_id) for task_id in skipped.sample]
        rows.append((reason, count(Count(skipped.count)), links, skipped.count - len(links)))
    return rows


def _as_shown(query: TaskQuery, posted: QueryDict) -> TaskQuery:
    """Return the query without the tasks that came after its preview: a page may be open for a day. Raises BadInput."""
    shown_at = moment_of(posted, "shown_at")
    return replace(query, until=min(filter(None, (query.until, shown_at)))) if shown_at else query


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
