"""Schedules as JSON."""

from collections.abc import Sequence
from typing import Any

from ...exceptions import BackendUnavailable
from ...filters.schedules import ScheduleFilterSet
from ...schedules.info import ScheduleInfo
from ...schedules.report import completed, report
from ...tables.schedules import MOST_BARS, ScheduleTable
from .lists import PlainListApi
from .serializers import schedule_item


class SchedulesApi(PlainListApi):
    """``api-schedules``: every entry of every source, as on its page."""

    url_name = "celery_ops:api-schedules"
    filterset_class = ScheduleFilterSet
    table_class = ScheduleTable

    def get_values(self) -> Sequence[ScheduleInfo]:
        answer = report()
        if answer.trouble and not answer.schedules:
            raise BackendUnavailable(answer.trouble)
        self.silence = answer.silence
        return answer.schedules

    def items(self, values: Sequence[ScheduleInfo]) -> list[dict[str, Any]]:
        return [schedule_item(schedule, self.silence) for schedule in completed(values, most=MOST_BARS)]
