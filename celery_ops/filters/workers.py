"""What a request asks of the list of workers."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..formatting import clean
from ..info import ENDED, GONE, NO_REPLY, ONLINE, WorkerInfo
from .base import ChoiceFilter, ChoicesFilter
from .plain import PlainFilterSet, search

STATES = ((ONLINE, _("Online")), (NO_REPLY, _("No reply")), (GONE, _("Gone")), (ENDED, _("Ended")))


class WorkerFilterSet(PlainFilterSet):
    q = search(_("Hostname"))
    queue = ChoiceFilter(label=_("Queue"))
    state = ChoicesFilter(label=_("State"), choices=STATES, widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: Any, values: Iterable[WorkerInfo], **options: Any) -> None:
        super().__init__(data, values, **options)
        consumed = {clean(queue) for worker in self.queryset for queue in worker.queues or ()}
        names = sorted({*consumed, clean(self.data.get("queue"))} - {""})  # one that is gone may still be asked for
        self.filters["queue"].extra["choices"] = [("", _("All queues")), *((name, name) for name in names)]

    def matches(self, value: WorkerInfo, wanted: dict[str, Any]) -> bool:
        return (
            wanted.get("q", "").lower() in value.hostname.lower()
            and (not wanted.get("state") or value.state in wanted["state"])
            and (not wanted.get("queue") or wanted["queue"] in map(clean, value.queues or ()))
        )
