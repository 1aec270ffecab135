"""The short tables of the overview."""

from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..backends.queue_flow import Flows
from ..charts.sparkline import Sparkline
from ..links import insight_url
from ..metrics.cells import Cell
from .base import OpsTable
from .columns import PLAIN, IdColumn, LinkColumn, TextColumn, TimeColumn
from .queues import QueueTable, rates
from .workers import WorkerTable


@dataclass(frozen=True, slots=True)
class SiteNumbers:
    """What the whole site did in the last hour, beside the failures among its runs."""

    runs: int
    failures: int
    rates: str
    trend: Sparkline
    url: str

    @classmethod
    def of(cls, flows: Flows) -> "SiteNumbers | None":
        """Return None where nothing was counted."""
        if flows.site is None or flows.numbers is None:
            return None
        cells, runs = flows.numbers.cells, flows.numbers.run_count
        ended = [sum(ends) for ends in zip(cells[Cell.SUCCESS], cells[Cell.FAILURE], strict=True)]
        label = gettext("Runs over the last hour: %(runs)s in all") % {"runs": runs}
        return cls(
            runs,
            flows.numbers.count(Cell.FAILURE),
            rates(flows.site),
            Sparkline(ended, label),
            insight_url(window="1h"),
        )


class ShortWorkerTable(WorkerTable):
    class Meta(WorkerTable.Meta):
        orderable = False
        exclude = ("pool", "concurrency", "scheduled", "queues")


class ShortQueueTable(QueueTable):
    class Meta(QueueTable.Meta):
        orderable = False

    longest_wait = sources = None


class FailureTable(OpsTable):
    caption = _("Recent failures")
    id = IdColumn(verbose_name=_("Id"))
    name = TextColumn(verbose_name=_("Task"), attrs=PLAIN)
    error = TextColumn(verbose_name=_("Error"), attrs=PLAIN)
    worker = LinkColumn(verbose_name=_("Worker"), url="worker_url")
    finished = TimeColumn(verbose_name=_("Finished"))

    class Meta(OpsTable.Meta):
        orderable = False
        row_attrs = {"data-key": lambda record: record.id}
