"""The page of one workflow, found by the id of any of its tasks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...databases import storable
from ...formatting import SHORT_ID, clean
from ...links import task_list_url, workflow_url
from ...models import TaskRunRecord
from ...permissions import REVOKE_TASK, RUN_TASK, allows
from ...rerun.workflow import first_tasks
from ...running.rows import WHOLE
from ...tables.links import PageLink
from ...workflows.reading import workflow_of
from ...workflows.workflow import FAILED, Workflow
from ..not_found import no_workflow
from ..ops import OpsPage
from .drawing import Links, drawing_of

#: Boxes that may be opened at once.
MOST_OPENED: Final = 20
#: Runs of the whole that are linked.
MOST_AGAIN: Final = 5


class WorkflowView(OpsPage):
    """GET shows its tasks as a graph and as a list; with ``open``, repeatable, the boxes of these keys opened."""

    section = "celery_ops:task-list"
    title = gettext_lazy("Workflow")
    template_name = "celery_ops/workflows/page.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        workflow = workflow_of(kwargs["task_id"])
        if workflow is None:
            raise no_workflow()
        return self.render_to_response(self.get_context_data(workflow=workflow))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        workflow: Workflow = kwargs.pop("workflow")
        opened = numbers_in(self.request.GET.getlist("open"))
        links = Links("?" + urlencode([("open", number) for number in opened] + [("open", "")]))
        return super().get_context_data(
            workflow=workflow,
            progress=workflow.progress,
            key=clean(workflow.key),
            opened=opened,
            ends_early=progress_ends_early(workflow),
            actions=list(actions_of(workflow, self.user)),
            reruns=reruns_of_whole(workflow),
            drawing=drawing_of(workflow, self.kwargs["task_id"], opened, links),
            **kwargs,
        )


def progress_ends_early(workflow: Workflow) -> bool:
    """Return whether steps will never come: to run again what failed does not bring them about."""
    return workflow.progress.is_over and bool(workflow.progress.to_come)


def actions_of(workflow: Workflow, user: Any) -> Iterator[PageLink]:
    """Yield what ``user`` may do to the whole, each on a page that says first what that would be."""
    progress, key = workflow.progress, workflow.key
    if progress.failed and allows(user, RUN_TASK):
        number = progress.failed
        text = ngettext("Run %(n)s failed task again", "Run %(n)s failed tasks again", number) % {"n": number}
        yield PageLink(text, f"{reverse('celery_ops:bulk-retry')}?{urlencode([('workflow', key), *_FAILED])}")
    if not progress.is_over and allows(user, REVOKE_TASK):
        yield PageLink(_("Revoke the whole"), f"{reverse('celery_ops:bulk-revoke')}?{urlencode({'workflow': key})}")
    if progress.is_over and allows(user, RUN_TASK):
        yield PageLink(_("Run the whole again"), reverse("celery_ops:workflow-retry", args=[key]))
    yield PageLink(_("As a list of tasks"), task_list_url(workflow=key))


@dataclass(frozen=True, slots=True)
class WholeReruns:
    """Which workflow this one is once more, and which ones are it once more, the newest first."""

    again_of: PageLink | None = None
    again_as: tuple[PageLink, ...] = ()


def reruns_of_whole(workflow: Workflow) -> WholeReruns:
    """Return where it is once more, by the journal's rows of one of its first tasks; nothing while that is away."""
    firsts = first_tasks(workflow)
    if not firsts:
        return WholeReruns()
    task_id = firsts[0].task_id
    try:
        earlier = TaskRunRecord.objects.filter(task_id__in=storable([task_id]), options__has_key=WHOLE).first()
        later = TaskRunRecord.objects.filter(retry_of__in=storable([task_id]), options__has_key=WHOLE)
        sent = list(later.exclude(send_state=TaskRunRecord.SendState.FAILED)[:MOST_AGAIN])
    except DatabaseError:
        return WholeReruns()
    return WholeReruns(
        _link_to(earlier.retry_of) if earlier is not None else None, tuple(_link_to(row.task_id) for row in sent)
    )


def _link_to(task_id: str) -> PageLink:
    return PageLink(clean(task_id)[:SHORT_ID], workflow_url(task_id))


_FAILED: Final = [("state", state) for state in sorted(FAILED)]


def numbers_in(texts: Iterable[str]) -> list[int]:
    """Return the keys of boxes that a request names, each once."""
    numbers = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 7]
    return list(dict.fromkeys(numbers))[:MOST_OPENED]
