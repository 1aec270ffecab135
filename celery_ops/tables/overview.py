"""The short tables of the overview."""

from django.utils.translation import gettext_lazy as _

from .base import OpsTable
from .columns import PLAIN, IdColumn, LinkColumn, TextColumn, TimeColumn
from .queues import QueueTable
from .workers import WorkerTable


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
