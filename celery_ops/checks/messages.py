"""What the checks say: one function a level."""

from collections.abc import Iterator
from typing import Final

from django.core.checks import CheckMessage, Error, Info, Warning

Messages = Iterator[CheckMessage]

#: Every id and what it says, one line each.
IDS: Final = {
    "celery_ops.E001": "CELERY_OPS is not a dict.",
    "celery_ops.E002": "CELERY_OPS has a key that does not exist.",
    "celery_ops.E003": "A value has the wrong type or is out of range.",
    "celery_ops.E004": "A dotted path cannot be imported.",
    "celery_ops.E005": "A dotted path names something that does not fit its key.",
    "celery_ops.E006": "RUNNABLE_TASKS has an entry or an option that does not exist.",
    "celery_ops.E007": "RUNNABLE_TASKS names a task of Celery's own.",
    "celery_ops.E008": "TRACKED_TASKS has an entry that is no binding.",
    "celery_ops.E009": "TRACKED_TASKS names a model that does not exist.",
    "celery_ops.E010": "MAX_PAGE_SIZE is smaller than PAGE_SIZE.",
    "celery_ops.E011": "BASE_TEMPLATE cannot be loaded.",
    "celery_ops.E012": "A tracked task is bound wrongly.",
    "celery_ops.E013": "STORE_URL is not a URL that the store knows.",
    "celery_ops.E014": "OBJECTIVES has an entry that is no objective.",
    "celery_ops.E015": "ALERT_WEBHOOK is missing, or is no URL that can be posted to.",
    "celery_ops.W001": (
        "celery_ops.urls is not included where its addresses are found, so panels can neither refresh nor act."
    ),
    "celery_ops.W002": "Templates do not know the request, so a tag may not know the viewer.",
    "celery_ops.W003": "A module of tasks cannot be imported, so its tasks are not tracked here.",
    "celery_ops.W004": "The list of tasks has no source: django-celery-results is not installed.",
    "celery_ops.W005": "The site's users have no permissions, so the default policy refuses them.",
    "celery_ops.W006": "Tenants with schemas of their own share one STORE_PREFIX, and so each other's tracked tasks.",
    "celery_ops.W007": "An objective cannot be measured, or an alert reaches nobody, with the other settings.",
    "celery_ops.W008": "The journal is written to another database than the users are.",
    "celery_ops.W009": "A tracked task's id_query names what is not there, so the task is linked to nothing.",
    "celery_ops.I001": "The list of tasks stays empty: results are not kept in the database.",
    "celery_ops.I002": "The list of tasks has no names, workers or arguments.",
    "celery_ops.I003": "RUNNABLE_TASKS names a task that this process does not know.",
    "celery_ops.I004": "The site's users are never staff, so only a permission opens the pages.",
    "celery_ops.I005": "LOGIN_URL is no page of this site, so who is not logged in is sent to a 404.",
    "celery_ops.I006": "No Celery app of the site is loaded here, so tasks go to Celery's default broker.",
}


def failure(number: int, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"celery_ops.E{number:03}")


def warning(number: int, text: str, hint: str) -> Warning:
    return Warning(text, hint=hint, id=f"celery_ops.W{number:03}")


def note(number: int, text: str, hint: str) -> Info:
    return Info(text, hint=hint, id=f"celery_ops.I{number:03}")
