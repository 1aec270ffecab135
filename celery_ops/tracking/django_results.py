"""The results of Django's own framework beside the Celery tasks that make them: most backends give both one id.

Where one does not, the framework's signals tell of both at once: in the publisher when a task was enqueued, in the
worker when it starts.
"""

from typing import Any, Final

from . import facts, publishing, runs
from .decorators import receiver
from .django_tasks import celery_names
from .recorder import recorder

#: Characters of a result's id.
LONGEST: Final = 64


@receiver
def task_enqueued(sender: Any, task_result: Any, **_: Any) -> None:
    """Called after the publish that it is about, in the same thread."""
    publish, result_id = publishing.last_publish(), task_result.id
    if publish is None or not _is_anothers(result_id, publish.task_id):
        return
    if publish.name not in celery_names(task_result.task, (publish.name,)):
        return
    life = facts.life_tag(publish.stamp.published)
    fields = {facts.field(publish.task_id, facts.DJANGO_RESULT, 0, life): result_id}
    recorder().record([(ref, fields) for ref in publish.stamp.refs], publish.stamp.whose)


@receiver
def task_started(sender: Any, task_result: Any, **_: Any) -> None:
    run, result_id = runs.current(), task_result.id
    if run is not None and _is_anothers(result_id, run.task_id):
        run.note_of_life(facts.DJANGO_RESULT, result_id)


def _is_anothers(result_id: Any, task_id: str) -> bool:
    return isinstance(result_id, str) and 0 < len(result_id) <= LONGEST and result_id != task_id
