"""What is wrong, in sentences: nothing is said of what is well."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...backends.queue_flow import QueueFlow, flow_of
from ...info import GONE, NO_REPLY, QueueInfo, QueueReport, WorkerInfo, WorkerReport
from ...payload.mapping import text
from ...tables.links import PageLink, queue_link, worker_link
from ...tables.queues import is_unattended
from ...task_query import TaskPage
from ..ops import Part

#: How long a message may wait before somebody should know, and how long is longer, the longest first.
OLD: Final = (
    (timedelta(days=1), gettext_lazy("1 d")),
    (timedelta(hours=1), gettext_lazy("1 h")),
    (timedelta(minutes=5), gettext_lazy("5 min")),
)
#: How long a queue may grow before somebody should know, and how long is longer, in seconds, the longest first.
GROWN: Final = ((30 * 60, gettext_lazy("30 min")), (10 * 60, gettext_lazy("10 min")))
#: What ails workers, of one and of several: the worst first.
AILMENTS: Final[Sequence[tuple[Callable[[WorkerInfo], bool], Any, Any]]] = (
    (
        lambda worker: worker.state == GONE,
        gettext_lazy("{about} is gone: it gives no sign of life, and never said goodbye."),
        gettext_lazy("{about} are gone: they give no sign of life, and never said goodbye."),
    ),
    (
        lambda worker: worker.state == NO_REPLY,
        gettext_lazy("{about} does not reply."),
        gettext_lazy("{about} do not reply."),
    ),
    (
        lambda worker: worker.is_twice,
        gettext_lazy("{about} is the name of two workers: what one is told reaches the other."),
        gettext_lazy("{about} are names of two workers each: what one is told reaches the other."),
    ),
    (
        lambda worker: worker.has_no_process,
        gettext_lazy("{about} answers, and takes nothing: its pool has no process."),
        gettext_lazy("{about} answer, and take nothing: their pools have no process."),
    ),
    (
        lambda worker: worker.has_no_queue,
        gettext_lazy("{about} answers, and takes nothing: it consumes no queue."),
        gettext_lazy("{about} answer, and take nothing: they consume no queue."),
    ),
)
#: Workers or queues that are named one by one.
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in a sentence that may hold links.

    The words change when the problem does and not with the time: they are read out to those who do not see them.
    """

    sentence: str
    since: datetime | None = None

    @classmethod
    def of(cls, sentence: str, about: PageLink, since: datetime | None = None, **facts: Any) -> "Problem":
        """Return the problem that a sentence with ``{about}`` and these facts says of what a link leads to."""
        return cls(format_html(str(sentence), about=about, **facts), since)


def problems(
    workers: Part[WorkerReport],
    queues: Part[QueueReport],
    tasks: Part[TaskPage],
    unimported: Iterable[str],
    flows: Mapping[str, QueueFlow] = MappingProxyType({}),
    breached: Iterable[Problem] = (),
) -> tuple[Problem, ...]:
    """Return what is wrong, the worst first. ``flows`` are what was counted of queues, by their names."""
    troubles = dict.fromkeys((*workers.troubles, *queues.troubles, *tasks.troubles))
    worst_first = [Problem(text(trouble)) for trouble in troubles]
    waiting = queues.value.queues if queues.value else ()
    worst_first += _of_queues(filter(is_unattended, waiting))
    if workers.value:
        worst_first += _of_workers(workers.value)
    worst_first += breached
    attended = [queue for queue in waiting if not is_unattended(queue)]
    worst_first += _of_queues(attended, flows)
    return (*worst_first, *(Problem(text(sentence)) for sentence in unimported))


def _of_workers(report: WorkerReport) -> Iterator[Problem]:
    if all(worker.has_ended for worker in report.workers) and not report.trouble:
        yield Problem(_("No worker runs."))
    for is_wrong, sentence, sentences in AILMENTS:
        yield from _ailing([worker for worker in report.workers if is_wrong(worker)], sentence, sentences)


def _ailing(workers: Sequence[WorkerInfo], sentence: str, sentences: str) -> Iterator[Problem]:
    for worker in workers[:MOST_NAMED]:
        since = None if worker.is_online else worker.last_seen
        yield Problem.of(sentence, worker_link(worker.hostname), since)
    if (more := len(workers) - MOST_NAMED) > 0:
        name = ngettext("%(n)s more worker", "%(n)s more workers", more) % {"n": more}
        yield Problem.of(sentence if more == 1 else sentences, PageLink(name, reverse("celery_ops:worker-list")))


def _of_queues(queues: Iterable[QueueInfo], flows: Mapping[str, QueueFlow] = MappingProxyType({})) -> Iterator[Problem]:
    wrong = [problem for queue in queues if (problem := _of_queue(queue) or _of_growth(queue, flows))]
    yield from wrong[:MOST_NAMED]
    if (more := len(wrong) - MOST_NAMED) > 0:
        name = ngettext("%(n)s more queue", "%(n)s more queues", more) % {"n": more}
        sentence = ngettext("{about} waits like these.", "{about} wait like these.", more)
        yield Problem.of(sentence, PageLink(name, reverse("celery_ops:queue-list")))


def _of_queue(queue: QueueInfo) -> Problem | None:
    if queue.paused:
        return None
    if is_unattended(queue):
        number = queue.depth or 0
        sentence = ngettext(
            "{about} has a message and nobody to take it.",
            "{about} has {n} messages and nobody to take them.",
            number,
        )
        return Problem.of(sentence, queue_link(queue.name), n=number)
    for age, words in OLD:
        if queue.oldest_age is not None and queue.oldest_age > age:
            sentence = _("{about} has had its oldest message for more than {time}.")
            return Problem.of(sentence, queue_link(queue.name), time=words)
    return None


def _of_growth(queue: QueueInfo, flows: Mapping[str, QueueFlow]) -> Problem | None:
    """A queue that fills is drained later; one that has grown in every minute of some is not."""
    growing = 0 if queue.paused else flow_of(queue, flows).growing_for or 0
    for seconds, words in GROWN:
        if growing >= seconds:
            sentence = _("{about} has grown for more than {time}: more comes than is begun.")
            return Problem.of(sentence, queue_link(queue.name), time=words)
    return None
