"""What a request asks of the charts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .base import ListFilterSet, TextFilter
from .in_memory import Values
from .windows import WindowFilter


class InsightFilterSet(ListFilterSet):
    """The parameters of one request for charts: a task and a queue by their whole names."""

    task = TextFilter(label=_("Task"), widget=forms.TextInput(attrs={"list": "celery-ops-names"}))
    queue = TextFilter(label=_("Queue"), widget=forms.TextInput(attrs={"list": "celery-ops-queues"}))
    window = WindowFilter()
    stays = ("window",)

    def __init__(self, data: Any) -> None:
        """``data`` is a QueryDict."""
        super().__init__(data, queryset=Values())

    @property
    def task_name(self) -> str:
        return self.cleaned_data.get("task", "")

    @property
    def queue_name(self) -> str:
        return self.cleaned_data.get("queue", "")
