"""What a request asks of the list of queues."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..info import QueueInfo
from .base import SearchFilter
from .in_memory import PlainFilterSet


class QueueFilterSet(PlainFilterSet):
    q = SearchFilter(label=_("Name"))

    def matches(self, value: QueueInfo, wanted: dict[str, Any]) -> bool:
        return wanted.get("q", "").lower() in value.name.lower()


def searched(request: HttpRequest) -> str:
    """Return what a list of queues is searched for: it may be the whole name of one."""
    return request.GET.get("q", "").strip()
