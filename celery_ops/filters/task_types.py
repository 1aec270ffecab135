"""What a request asks of the list of the types of tasks."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from ..backends.task_types import TaskType
from .base import SearchFilter
from .in_memory import PlainFilterSet
from .windows import WindowFilter


class TaskTypeFilterSet(PlainFilterSet):
    q = SearchFilter(label=_("Task"))
    window = WindowFilter()
    stays = ("window",)

    def matches(self, value: TaskType, wanted: dict[str, Any]) -> bool:
        return wanted.get("q", "").lower() in value.name.lower()
