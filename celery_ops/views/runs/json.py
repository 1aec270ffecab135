"""What JSON says of a run: that it was sent, or that the task's own class sent nothing."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.urls import NoReverseMatch, reverse

from ...exceptions import SentNothing
from ...models import TaskRunRecord
from ..ops import errors


def sent_item(record: TaskRunRecord) -> dict[str, Any]:
    """Return what JSON says of a run."""
    return {"task_id": record.task_id, "record": record.pk, "url": run_url(record.task_id)}


def run_url(task_id: str) -> str:
    """Return where a run's state is asked for, empty for an id that no address carries."""
    try:
        return reverse("celery_ops:api-run", args=[task_id])
    except NoReverseMatch:
        return ""


def not_sent_item(error: SentNothing) -> dict[str, Any]:
    """Return what JSON says where a task's class answered with another task."""
    item = sent_item(error.record) if error.record else {"task_id": error.other_id}
    return {**item, "sent": False, "message": str(error)}


def sent_nothing(error: SentNothing) -> HttpResponse:
    """Answer 200 with the other task that there is already, else 400: it is no fault of the broker."""
    if error.other_id:
        return JsonResponse(not_sent_item(error))
    return errors(str(error), status=400)
