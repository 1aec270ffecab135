"""``queues``: the list of the queues, for terminals."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ...backends.queue_flow import flow_of, queue_flows
from ...conf import conf
from ...control import paused_queues
from ...formatting import clean, duration
from ...info import QueueInfo
from ..tables import table
from .asking import SEARCH, learn_hosts
from .base import NO_ANSWER, Answer, CommandRefused, Subcommand, Terminal

HEADS: Final = ("NAME", "DEPTH", "UNACKED", "CONSUMERS", "OLDEST", "PAUSED")


class Queues(Subcommand):
    examples = ("manage.py celery_ops queues", "manage.py celery_ops queues --format json")

    def add_arguments(self, parser: CommandParser) -> None:
        """It takes nothing of its own."""

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...tables.queues import stuck_first  # tables and pages are dear to import
        from ...views.api.serializers import queue_item

        learn_hosts()
        report = paused_queues.queues(conf.load("QUEUE_BACKEND")(), wait=SEARCH)
        if report.trouble and all(queue.depth is None for queue in report.queues):
            raise CommandRefused(report.trouble, NO_ANSWER)
        queues, flows = stuck_first(report.queues), queue_flows()
        lines = [*table(HEADS, map(_queue, queues)), *filter(None, (report.trouble, report.note))]
        return Answer({"results": [queue_item(queue, flow_of(queue, flows)) for queue in queues]}, lines)


def _queue(queue: QueueInfo) -> tuple[Any, ...]:
    waited, paused = duration(queue.oldest_age), _("yes") if queue.paused else None
    return clean(queue.name), queue.depth, queue.unacked, queue.consumers, waited, paused
