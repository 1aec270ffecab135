"""What people do about a group: say that it is settled or not, and run its tasks again."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...bulk.base import progress_of
from ...bulk.rerun import RerunAction
from ...catalog import may_run_something
from ...conf import conf
from ...exceptions import BadInput
from ...failures import resolving
from ...failures.group import OPEN, RESOLVED, Group
from ...failures.listing import group_of
from ...failures.members import GroupTaskBackend
from ...filters.bulk import bounded
from ...filters.failures import GroupTaskFilterSet
from ...permissions import RESOLVE_FAILURES, RUN_TASK, VIEW_OPS, allows
from ...task_query import Count
from ..control.actions import ActionView
from ..not_found import no_group

RESOLVE, REOPEN, RERUN = "resolve", "reopen", "rerun"


class FailureActionView(ActionView):
    """``failure-action``: POST ``key`` and ``action``: ``resolve``, ``reopen`` or ``rerun``."""

    section = "celery_ops:failure-list"
    title = gettext_lazy("Failures")

    def permission(self) -> str:
        return RUN_TASK if self.named() == RERUN else RESOLVE_FAILURES

    def authorise(self) -> None:
        if self.named() == RERUN:
            is_allowed = may_run_something(self.user)  # of each task it is asked when it is known
        else:
            is_allowed = allows(self.user, RESOLVE_FAILURES, self.posted_key or None)
        if not is_allowed:
            raise PermissionDenied

    @property
    def posted_key(self) -> str:
        return self.request.POST.get("key", "")

    def objects(self) -> list[str]:
        return [self.posted_key] if self.posted_key else []

    def check_known(self) -> None:
        if not self.posted_key:
            raise BadInput({"key": [_("Name a failure group.")]})
        group = group_of(self.posted_key)
        if group is None:
            raise no_group()
        if self.named() not in (RESOLVE, REOPEN, RERUN):
            names = ", ".join((RESOLVE, REOPEN, RERUN))
            raise BadInput({"action": [_("The actions are %(names)s.") % {"names": names}]})
        self.group: Group = group

    def act(self, posted: QueryDict) -> HttpResponse:
        if self.named() == RERUN:
            return self.rerun()
        if self.named() == RESOLVE:
            resolving.resolve(self.group, self.user, self.key())
            sentence = _("Resolved: who looks here is told when it fails again.")
            return self.done({"key": self.group.key, "state": RESOLVED}, sentence, messages.SUCCESS)
        resolving.reopen(self.group, self.user, self.key())
        return self.done({"key": self.group.key, "state": OPEN}, _("Open again."), messages.SUCCESS)

    def rerun(self) -> HttpResponse:
        """Begin to run the group again, and go on to the page that says how far that is.

        Those who may not open it go on to their journal; where much is left, they ask once more.
        """
        backend = GroupTaskBackend(conf.load("TASK_BACKEND")(), self.group)
        filters = filters_of(self.group, backend, self.user, self.may_view_payload)
        bulk = RerunAction()
        counted = Count(self.group.count, capped=True)
        record = bulk.start(self.user, filters.parameters, filters.query, counted, self.key())
        bulk.advance(record, backend, bounded(filters.query, record, backend), self.user)
        url = reverse("celery_ops:bulk-retry-detail", args=[record.pk])
        if not self.is_json:
            return HttpResponseRedirect(url if allows(self.user, VIEW_OPS) else reverse("celery_ops:record-list"))
        progress = progress_of(record)
        done, handled = progress.tally.done, progress.handled
        answer = {"key": self.group.key, "record": record.pk, "url": url, "state": progress.state}
        return JsonResponse({**answer, "done": done, "skipped": handled - done})

    def home(self) -> str:
        return reverse("celery_ops:failure-detail", args=[self.posted_key]) if self.posted_key else _list_url()


def filters_of(group: Group, backend: GroupTaskBackend, user: Any, shows_payload: Any) -> GroupTaskFilterSet:
    """Return the list of a group's tasks."""
    data = QueryDict(mutable=True)
    data["failure"] = group.key
    return GroupTaskFilterSet(data, backend=backend, shows_payload=shows_payload, user=user)


def _list_url() -> str:
    return reverse("celery_ops:failure-list")
