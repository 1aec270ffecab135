"""Addresses, parameters and answers, put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import FilterSet

from ..filters.failures import FailureFilterSet
from ..filters.in_memory import PageField
from ..filters.insight import InsightFilterSet
from ..filters.queues import QueueFilterSet
from ..filters.schedules import ScheduleFilterSet
from ..filters.task_fields import MomentField, SizeField, StatesField
from ..filters.task_types import TaskTypeFilterSet
from ..filters.tasks import TaskFilterSet
from ..filters.workers import WorkerFilterSet
from .schemas import MOMENT, NUMBER, SCHEMAS, TEXT, Schema, listed, named, page_of

VERSION: Final = "3.1.0"

#: What a refusal means, by code.
REFUSALS: Final = {
    400: gettext_lazy("A value will not do; the messages are by field."),
    401: gettext_lazy("Nobody is logged in."),
    403: gettext_lazy("The policy or the CSRF check refuses."),
    404: gettext_lazy("There is no such thing, or this viewer may not know of it."),
    503: gettext_lazy("The source or the broker does not answer."),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One address and what it does. ``argument`` names the part of the address that varies."""

    url_name: str
    summary: Any
    answer: Schema
    method: str = "get"
    success: int = 200
    argument: str = ""
    filters: type[FilterSet] | None = None
    more: tuple[tuple[str, Schema], ...] = ()
    body: Schema | None = None
    refusals: tuple[int, ...] = (400, 401, 403, 503)
    #: What it may answer as well, by code: what that means, and its schema.
    otherwise: tuple[tuple[int, Any, Schema], ...] = ()


OPERATIONS: Final = (
    Operation(
        "api-history",
        gettext_lazy("The list of tasks"),
        page_of("Task"),
        filters=TaskFilterSet,
        more=(("cursor", TEXT), ("failure", TEXT), ("workflow", TEXT)),
        refusals=(400, 401, 403, 404, 503),
    ),
    Operation("api-workers", gettext_lazy("The workers"), page_of("Worker"), filters=WorkerFilterSet),
    Operation("api-queues", gettext_lazy("The queues"), page_of("Queue"), filters=QueueFilterSet),
    Operation(
        "api-insight",
        gettext_lazy("What tasks did over time"),
        named("Insight"),
        filters=InsightFilterSet,
    ),
    Operation(
        "api-failures",
        gettext_lazy("Failures that are alike, as groups"),
        page_of("FailureGroup"),
        filters=FailureFilterSet,
    ),
    Operation(
        "api-task-types",
        gettext_lazy("What tasks did, by their names"),
        page_of("TaskType"),
        filters=TaskTypeFilterSet,
    ),
    Operation(
        "api-schedules",
        gettext_lazy("What beat should send and when, and what it sent"),
        page_of("Schedule"),
        filters=ScheduleFilterSet,
    ),
    Operation(
        "api-workflow",
        gettext_lazy("A workflow, by the id of any of its tasks"),
        named("Workflow"),
        argument="task_id",
        refusals=(401, 403, 404, 503),
    ),
    Operation(
        "api-tasks",
        gettext_lazy("The tasks that may be run, with their parameters"),
        named("RunnableTasks"),
        more=(
            ("search", TEXT),
            ("runnable", {"type": "string", "enum": ["0", "1"]}),
            ("offset", NUMBER),
            ("limit", NUMBER),
        ),
        refusals=(400, 401, 403),
    ),
    Operation(
        "api-runs",
        gettext_lazy("Run a task"),
        named("SentRun"),
        method="post",
        success=201,
        body=named("RunRequest"),
        refusals=(400, 401, 403, 404, 503),
        otherwise=(
            (
                200,
                gettext_lazy("Nothing new was sent: the task answers with one that is there already."),
                named("OtherRun"),
            ),
        ),
    ),
    Operation(
        "api-run",
        gettext_lazy("What became of a run"),
        named("Run"),
        argument="task_id",
        refusals=(401, 403, 404, 503),
    ),
    Operation(
        "api-logs",
        gettext_lazy("What a task has logged"),
        named("TaskLog"),
        argument="task_id",
        more=(("after", NUMBER),),
        refusals=(400, 401, 403, 404, 503),
    ),
    Operation(
        "task-stack",
        gettext_lazy("Where a running task is now, asked of its worker"),
        named("TaskStack"),
        method="post",
        argument="task_id",
        refusals=(401, 403, 404, 503),
    ),
)


def document() -> dict[str, Any]:
    """Return the document, with the addresses of this site."""
    return {
        "openapi": VERSION,
        "info": {
            "title": "celery_ops",
            "version": "1",
            "description": _("Log in to the site: requests carry its session cookie, and a POST its CSRF token."),
        },
        "paths": {_path(operation): {operation.method: _operation(operation)} for operation in OPERATIONS},
        "components": {"schemas": SCHEMAS, "securitySchemes": _security()},
        "security": [{"session": []}],
    }


def _path(operation: Operation) -> str:
    if not operation.argument:
        return reverse(f"celery_ops:{operation.url_name}")
    mark = "0argument0"
    return reverse(f"celery_ops:{operation.url_name}", args=[mark]).replace(mark, f"{{{operation.argument}}}")


def _operation(operation: Operation) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "operationId": operation.url_name,
        "summary": str(operation.summary),
        "parameters": list(_parameters(operation)),
        "responses": {
            str(operation.success): _content(_("Done."), operation.answer),
            **{str(code): _content(str(meaning), schema) for code, meaning, schema in operation.otherwise},
            **{str(code): _content(str(REFUSALS[code]), named("Errors")) for code in operation.refusals},
        },
    }
    if operation.body is not None:
        definition["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    if operation.method == "post":
        definition["security"] = [{"session": [], "csrf": []}]
    return definition


def _content(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.argument:
        yield {"name": operation.argument, "in": "path", "required": True, "schema": TEXT}
    for name, parameter in operation.filters.base_filters.items() if operation.filters else ():
        yield {"name": name, "in": "query", "schema": _schema_of(parameter), "description": str(parameter.label or "")}
    for name, schema in operation.more:
        yield {"name": name, "in": "query", "schema": schema}


def _schema_of(parameter: Any) -> Schema:
    kind = parameter.field_class
    if issubclass(kind, StatesField) or "Multiple" in kind.__name__:
        return listed(TEXT)
    if issubclass(kind, MomentField):
        return {"oneOf": [MOMENT, {"type": "string", "format": "date"}]}
    return NUMBER if issubclass(kind, (PageField, SizeField)) else TEXT


def _security() -> dict[str, Any]:
    header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").title()
    return {
        "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        "csrf": {"type": "apiKey", "in": "header", "name": header},
    }
