"""The task of Django's own framework behind a task, as a page shows it."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from ...formatting import Moment, clean
from ...task_detail.django_task import DjangoTask


@dataclass(frozen=True, slots=True)
class ViewedDjangoTask:
    """``backend`` is its name in ``TASKS`` and its class; the priority is Django's."""

    path: str
    result_id: str
    backend: str
    priority: int | None
    run_after: Moment | None


def viewed_django_task(task: DjangoTask | None) -> ViewedDjangoTask | None:
    """Return the texts of a page, None for a task that is Celery's own."""
    if task is None:
        return None
    names = {"alias": clean(task.alias), "backend": clean(task.backend)}
    return ViewedDjangoTask(
        path=clean(task.path),
        result_id=clean(task.result_id),
        backend=_("%(alias)s (%(backend)s)") % names if task.backend else names["alias"],
        priority=task.priority,
        run_after=Moment.of(task.run_after, timezone.now()),
    )
