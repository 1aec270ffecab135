"""What tasks did, by their names, as JSON."""

from collections.abc import Sequence
from typing import Any

from ...backends.task_types import TaskType, task_types
from ...filters.task_types import TaskTypeFilterSet
from ...filters.windows import window_of
from ...tables.task_types import TaskTypeTable
from .lists import PlainListApi
from .serializers import task_type_item


class TaskTypesApi(PlainListApi):
    """``api-task-types``: every name that did anything in a window."""

    url_name = "celery_ops:api-task-types"
    filterset_class = TaskTypeFilterSet
    table_class = TaskTypeTable

    def get_values(self) -> Sequence[TaskType]:
        self.report = task_types(window_of(self.request.GET.get("window")))
        self.report.complete_for(self.request.GET.get("sort", ""))
        return self.report.types

    def items(self, values: Sequence[TaskType]) -> list[dict[str, Any]]:
        return [task_type_item(kind) for kind in self.report.completed(values)]
