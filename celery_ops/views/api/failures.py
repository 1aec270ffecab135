"""Failure groups as JSON."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse

from ...failures.group import Group
from ...failures.listing import listed
from ...filters.failures import FailureFilterSet
from ...filters.windows import window_of
from ...tables.failures import FailureGroupTable
from .lists import PlainListApi
from .serializers import failure_item


class FailuresApi(PlainListApi):
    """``api-failures``: the groups of a window."""

    url_name = "celery_ops:api-failures"
    table_class = FailureGroupTable

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.shows_payload = cache(self.may_view_payload)
        return super().answer(request)

    def filterset_class(self, data: Any, values: Sequence[Group], **options: Any) -> FailureFilterSet:
        completed = self.listing.completed
        return FailureFilterSet(data, values, shows_payload=self.shows_payload, completed=completed, **options)

    def get_values(self) -> Sequence[Group]:
        self.listing = listed(window_of(self.request.GET.get("window")))
        return self.listing.groups.groups

    def items(self, values: Sequence[Group]) -> list[dict[str, Any]]:
        return [failure_item(group, self.shows_payload) for group in self.listing.completed(values)]
