"""The journal in Django's admin, for sites that have it: to be read, and nothing else."""

from types import ModuleType
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import redaction
from .models import ControlRecord, TaskRunRecord
from .permissions import VIEW_PAYLOAD, allows

if TYPE_CHECKING:  # Django's own is none that takes a parameter
    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin


def _rows() -> ModuleType:
    """How the pages show a row. Workers import their site's admin, too, and show none."""
    from .tables import records

    return records


class ReadOnlyAdmin(ModelAdmin):
    """Rows are written by what they record. Whoever has Django's view permission reads all of them."""

    show_full_result_count = False
    date_hierarchy = "created_at"
    list_select_related = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TaskRunRecord)
class TaskRunRecordAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "task_name", "task_id", "username", "send_state", "object_type", "object_id")
    list_filter = ("send_state", "created_at")
    search_fields = ("=task_id", "task_name", "=username")
    fields = (
        "task_name",
        "task_id",
        "username",
        "created_at",
        "send_state",
        "object_type",
        "object_id",
        "retry_of",
        "options",
        "is_exact",
        "is_typed",
    )

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        shows = isinstance(obj, TaskRunRecord) and allows(request.user, VIEW_PAYLOAD, obj.task_name)
        return *self.fields, *(("shown_arguments", "shown_error") if shows else ("error_class",))

    @admin.display(description=_("arguments"))
    def shown_arguments(self, record: TaskRunRecord) -> str:
        return _rows().shown_arguments(record)

    @admin.display(description=_("error"))
    def shown_error(self, record: TaskRunRecord) -> str:
        return _rows().shown_error(record, may_view_payload=True)

    @admin.display(description=_("error"))
    def error_class(self, record: TaskRunRecord) -> str:
        return _rows().shown_error(record, may_view_payload=False)


@admin.register(ControlRecord)
class ControlRecordAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "action", "target", "username")
    list_filter = ("action", "created_at")
    search_fields = ("target", "=username")
    fields = ("action", "target", "username", "created_at", "shown_parameters", "shown_replies")

    @admin.display(description=_("parameters"))
    def shown_parameters(self, record: ControlRecord) -> str:
        return redaction.encode(redaction.redact(record.parameters))

    @admin.display(description=_("replies"))
    def shown_replies(self, record: ControlRecord) -> str:
        return redaction.encode(redaction.redact(record.replies))
