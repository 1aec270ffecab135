"""``api-run``: what became of one run, for whoever asked for it and for those who operate the site."""

from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from ...catalog import may_run_something
from ...models import TaskRunRecord
from ...panels.user_panel import is_account
from ...permissions import RUN_TASK, VIEW_OPS, VIEW_RECORDS, allows
from ...task_detail import TaskDetail, task_detail
from ..ops import OpsView, errors
from .serializers import run_item


class RunApi(OpsView):
    """A task that is neither one's own run nor open to ``view_ops`` is 404, as one that nobody knows is."""

    is_json = True
    needs_writer = True

    def authorise(self) -> None:
        """Whose run it is decides."""

    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        own = self._own(task_id)
        if own is None and not allows(self.user, VIEW_OPS):
            raise Http404
        detail = task_detail(task_id)
        if not detail.is_known:
            return errors(" ".join(detail.troubles) or _("Not found."), status=404 if detail.is_unknown else 503)
        record = own or (next(iter(detail.records), None) if allows(self.user, VIEW_RECORDS) else None)
        shows_payload = self.may_view_payload(detail.task.name)
        item = run_item(detail, record, shows_payload=shows_payload, shows_starter=self._may_know_starter(detail))
        return JsonResponse(item)

    def _may_know_starter(self, detail: TaskDetail) -> bool:
        by = detail.started_by
        return by is not None and (is_account(self.user, by) or allows(self.user, VIEW_OPS))

    def _own(self, task_id: str) -> TaskRunRecord | None:
        """Return one's own row of it, while one may still run that task or read the journal."""
        record = self._row(task_id)
        if record is None or allows(self.user, VIEW_RECORDS) or may_run_something(self.user):
            return record
        return record if allows(self.user, RUN_TASK, record.task_name) else None

    def _row(self, task_id: str) -> TaskRunRecord | None:
        try:
            return TaskRunRecord.of(self.user).filter(task_id=task_id).first()
        except (ValueError, DataError):  # no database holds an id with a NUL or half a character
            return None
