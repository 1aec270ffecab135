"""What is known beforehand of a run: its message, who would take it, and what speaks against it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ...catalog import workers_tasks
from ...conf import conf
from ...control import paused_queues
from ...exceptions import BadInput
from ...formatting import clean
from ...info import QueueDetail, RegisteredTask
from ...running.claims import check_rate
from ...running.launcher import Run
from ...running.preview import MessagePreview, preview
from ...tables.links import PageLink, queue_link, worker_link
from ...tables.runs import limits_text
from ..ops import Part, part
from ..pending_parts import pending_parts


@dataclass(frozen=True, slots=True)
class Registration:
    """The workers that have a task, by hostname; None when they cannot be asked, and ``trouble`` says why."""

    workers: Mapping[str, RegisteredTask] | None
    trouble: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.workers is None or self.workers:
            return ()
        return (_("No live worker has registered this task: a worker that gets it throws it away."),)


@dataclass(frozen=True, slots=True)
class Forecast:
    """A preview as the page shows it. None is unknown; ``troubles`` say why, ``warnings`` what speaks against the run.

    ``withheld`` says what has to be entered again, since it is not written into the page.
    """

    message: MessagePreview
    queue_links: tuple[PageLink, ...]
    depth: int | None
    consumers: int | None
    workers: tuple[PageLink, ...] | None
    limits: str
    troubles: tuple[str, ...]
    warnings: tuple[str, ...]
    withheld: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it in JSON types, without the body."""
        message = self.message
        named = ("queue", "exchange", "routing_key", "serializer", "compression", "size", "priority", "arguments")
        times = {
            name: moment and moment.isoformat() for name, moment in (("eta", message.eta), ("expires", message.expires))
        }
        return {
            **{name: getattr(message, name) for name in named},
            **times,
            "waiting": self.depth,
            "consumers": self.consumers,
            "workers": self.workers and [link.name for link in self.workers],
            "warnings": list(self.warnings),
        }


def registration(name: str) -> Registration:
    """Return which live workers have a task."""
    return _registration(name, part(workers_tasks))


def _registration(name: str, tasks: Part[Any]) -> Registration:
    return Registration(tasks.value.get(name, {}) if tasks.value is not None else None, tasks.trouble)


def forecast(run: Run, *, has_links: bool, withheld: str = "") -> Forecast:
    """Return what is known of ``run`` before it is sent; nothing is. Raises BadInput when Celery would not send it.

    ``has_links`` says whether the viewer may open the pages of queues and workers.
    """
    message = preview(run)
    paused = paused_queues.pauses()
    pending = pending_parts(
        workers_tasks, lambda: paused_queues.marked_detail(conf.load("QUEUE_BACKEND")(), message.queue, paused)
    )
    tasks, queue = (awaited.answer() for awaited in pending)
    registered = _registration(run.name, tasks)
    info = queue.value.info if queue.value else None
    workers = registered.workers
    return Forecast(
        message=message,
        queue_links=(queue_link(message.queue) if info and has_links else PageLink(clean(message.queue), ""),),
        depth=info.depth if info else None,
        consumers=info.consumers if info else None,
        workers=None if workers is None else tuple(_worker(hostname, has_links) for hostname in sorted(workers)),
        limits=limits_text(workers),
        troubles=tuple(dict.fromkeys(filter(None, (queue.trouble, registered.trouble)))),
        warnings=(*_refusals(run), *_about_message(message), *_about_queue(message, queue, registered)),
        withheld=withheld,
    )


def _worker(hostname: str, has_links: bool) -> PageLink:
    return worker_link(hostname) if has_links else PageLink(clean(hostname), "")


def _refusals(run: Run) -> tuple[str, ...]:
    try:
        check_rate(run.name)
    except BadInput as error:
        return (str(error),)
    return ()


def _about_message(message: MessagePreview) -> Iterator[str]:
    if message.is_eager:
        yield _("This site runs its tasks where they are called: this page waits for it, and no message is sent.")
    if message.expires and message.eta and message.expires <= message.eta:
        yield _("It expires before it may start, so it would never run.")


def _about_queue(message: MessagePreview, queue: Part[QueueDetail | None], registered: Registration) -> Iterator[str]:
    yield from registered.warnings
    if not queue.is_available:
        return
    detail, name = queue.value, clean(message.queue)
    if detail is None:
        yield _("Nobody knows the queue %(queue)s yet: the task would wait there until a worker takes from it.") % {
            "queue": name
        }
    elif detail.info.consumers == 0:
        yield _("Nobody consumes from %(queue)s: the task would wait there until a worker does.") % {"queue": name}
    elif detail.info.paused:
        yield _("The queue %(queue)s is paused: the task would wait there.") % {"queue": name}
    elif detail.workers and registered.workers and not set(detail.workers) & set(registered.workers):
        yield _("None of the workers that consume from %(queue)s has this task.") % {"queue": name}
