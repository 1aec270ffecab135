"""What a request asks of the list of workers."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..formatting import clean
from ..info import ENDED, GONE, NO_REPLY, ONLINE, WorkerInfo
from .base import ChoiceFilter, ChoicesFilter, SearchFilter
from .in_memory import PlainFilterSet

STATES = (
    (ONLINE, _("Online")),
    (NO_REPLY, _("No reply")),
    (GONE, _("Gone")),
    (ENDED, pgettext_lazy("state of a worker", "Ended")),
)


class WorkerFilterSet(PlainFilterSet):
    q = SearchFilter(label=_("Hostname"))
    queue = ChoiceFilter(label=_("Queue"))
    state = ChoicesFilter(label=_("State"), choices=STATES, widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: Any, values: Iterable[WorkerInfo], **options: Any) -> None:
        super().__init__(data, values, **options)
        names = {clean(self.data.get("queue"))}  # one that is gone may still be asked for
        for worker in self.queryset:
            names.update(map(clean, worker.queues or ()))
        choices = [(name, name) for name in sorted(names - {""})]
        self.filters["queue"].extra["choices"] = [("", _("All queues")), *choices]

    def matches(self, value: WorkerInfo, wanted: dict[str, Any]) -> bool:
        return (
            wanted.get("q", "").lower() in value.hostname.lower()
            and (not wanted.get("state") or value.state in wanted["state"])
            and (not wanted.get("queue") or wanted["queue"] in map(clean, value.queues or ()))
        )
