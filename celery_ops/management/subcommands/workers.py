"""``workers``: the list of the workers, for terminals."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ...backends.control import ControlWorkerBackend
from ...conf import conf
from ...formatting import clean
from ...info import NO_REPLY, WorkerInfo
from ..tables import table
from .asking import learn_hosts
from .base import DONE, NO_ANSWER, Answer, Subcommand, Terminal

HEADS: Final = ("HOSTNAME", "STATE", "POOL", "CONCURRENCY", "ACTIVE", "RESERVED", "SCHEDULED", "PROCESSED", "QUEUES")


class Workers(Subcommand):
    examples = ("manage.py celery_ops workers", "manage.py celery_ops workers --format json")

    def add_arguments(self, parser: CommandParser) -> None:
        """It takes nothing of its own."""

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...views.api.serializers import (
            worker_item,  # pages are dear to import, and a hook that prunes has no use for them
        )

        backend = conf.load("WORKER_BACKEND")()
        bound = learn_hosts() if isinstance(backend, ControlWorkerBackend) else frozenset()
        report = backend.workers()
        heard = {worker.hostname for worker in report.workers}
        silent = [WorkerInfo(host, NO_REPLY) for host in bound - heard]
        workers = sorted((*report.workers, *silent), key=lambda worker: worker.hostname)
        lines = [*table(HEADS, map(_worker, workers))] if workers else [_("No worker answered.")]
        code = DONE if any(worker.is_online for worker in workers) and not report.trouble else NO_ANSWER
        return Answer(
            {"results": [worker_item(worker) for worker in workers]},
            [*lines, *([report.trouble] if report.trouble else [])],
            code,
        )


def _worker(worker: WorkerInfo) -> tuple[Any, ...]:
    marks = {_("twice"): worker.is_twice, _("no process"): worker.has_no_process}
    notes = [mark for mark, is_so in marks.items() if is_so]
    return (
        clean(worker.hostname),
        ", ".join([worker.state, *notes]),
        clean(worker.pool),
        worker.concurrency,
        worker.active,
        worker.reserved,
        worker.scheduled,
        worker.processed,
        None if worker.queues is None else ", ".join(map(clean, worker.queues)),
    )
