"""A row of django-celery-results as a ``TaskInfo``: the database bounds what is read, and nothing in it is trusted."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from celery.states import EXCEPTION_STATES
from django.db.models import Case, QuerySet, TextField, When
from django.db.models.functions import Cast, Left, Right
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import states
from ..info import TaskInfo

#: What a list reads of each row; everything else may be megabytes.
COLUMNS: Final = (
    "id",
    "task_id",
    "task_name",
    "status",
    "worker",
    "date_created",
    "date_started",
    "date_done",
)
#: Characters of a failed task's result that a list reads for the error.
LIST_ERROR: Final = 300
#: Characters of each argument text that a search looks at: what a page shows of them is less.
SEARCHED: Final = 4096
#: Characters of each large column that one task's page reads.
LARGE: Final = 65_536
#: And of what tells its children, of whom a page shows not more than so many.
LARGE_META: Final = 262_144
MOST_CHILDREN: Final = 1000

Row = Mapping[str, Any]
_KEYS: Final = tuple(re.compile(rf'\s*[{{,]\s*"{key}"\s*:\s*') for key in ("exc_type", "exc_message"))
_DECODER: Final = json.JSONDecoder()


def for_list(rows: QuerySet) -> QuerySet:
    """Return the rows with what a list shows of them."""
    return rows.annotate(error=_error()).values(*COLUMNS, "error")


def for_search(rows: QuerySet) -> QuerySet:
    """Return the rows with what a search looks at: it has to be quick to read."""
    large = _bounded(Left, SEARCHED, "task_args", "task_kwargs")
    return rows.annotate(error=_error(), written=written(), **large).values(
        "id", "task_id", "task_name", "status", "written", "error", *large
    )


def written() -> Cast:
    """When a row was last written, as a text that is only compared: databases take long to read moments."""
    return Cast("date_done", TextField())


def _error() -> Case:
    return Case(When(status__in=EXCEPTION_STATES, then=Left("result", LIST_ERROR)), output_field=TextField())


def for_detail(rows: QuerySet, longest: int = LARGE) -> QuerySet:
    """Return the rows with everything that is known of a task, ``longest`` characters of each text."""
    large = _bounded(Left, longest, "result", "task_args", "task_kwargs")
    large |= _bounded(Left, LARGE_META, "meta") | _bounded(Right, longest, "traceback")
    return rows.annotate(**large).values(*COLUMNS, "content_type", "content_encoding", *large)


def _bounded(function: Any, longest: int, *columns: str) -> dict[str, Any]:
    return {f"read_{column}": function(column, longest) for column in columns}


def listed(row: Row) -> TaskInfo:
    """Return the task of a row that ``for_list`` found."""
    return TaskInfo(**_small(row), error=error_of(row["error"]))


def searched(row: Row) -> TaskInfo:
    """Return the task of a row that ``for_search`` found."""
    return TaskInfo(
        row["task_id"],
        row["task_name"] or "",
        row["status"],
        error=error_of(row["error"]),
        args=row["read_task_args"],
        kwargs=row["read_task_kwargs"],
    )


def detailed(row: Row) -> TaskInfo:
    """Return the task of a row that ``for_detail`` found."""
    is_text = row["content_encoding"] != "binary" and row["content_type"] != "application/x-python-serialize"
    meta = _json(row["read_meta"]) if is_text else {}
    has_error = row["status"] in EXCEPTION_STATES
    return TaskInfo(
        **_small(row),
        error=error_of(row["read_result"]) if is_text and has_error else None,
        args=row["read_task_args"] if is_text else None,
        kwargs=row["read_task_kwargs"] if is_text else None,
        result=None if has_error else _result(row, is_text),
        traceback=row["read_traceback"] or None,
        parent_id=_id(meta.get("parent_id")),
        root_id=_id(meta.get("root_id")),
        children=tuple(dict.fromkeys(_children(meta.get("children")))),
    )


def _small(row: Row) -> dict[str, Any]:
    return {
        "id": row["task_id"],
        "name": row["task_name"] or "",
        "state": row["status"],
        "worker": row["worker"] or None,
        "created_at": _aware(row["date_created"]),
        "started_at": _aware(row["date_started"]),
        # every save moves it
        "finished_at": _aware(row["date_done"]) if states.is_final(row["status"]) else None,
    }


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None or timezone.is_aware(moment):
        return moment
    return timezone.make_aware(moment, timezone.get_default_timezone())


def _result(row: Row, is_text: bool) -> str | None:
    """What a task returned as its text; what only unpickling could read is never read."""
    if is_text or row["read_result"] is None:
        return row["read_result"]
    return _("[not shown: %(type)s]") % {"type": row["content_type"]}


def error_of(text: str | None) -> str | None:
    """Return ``"Class: message"`` of a stored exception's JSON, which may be cut; the class alone, or None."""
    if not text:
        return None
    found = _json(text) or _beginning(text)
    name, message = found.get("exc_type"), _message(found.get("exc_message"))
    if not isinstance(name, str) or not name:
        return None
    return f"{name}: {message}" if message else name


def _json(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _beginning(text: str) -> Mapping[str, Any]:
    """Read what is whole of a text that was cut: Celery writes the class first, then the message."""
    found: dict[str, Any] = {}
    end = 0
    for name, key in zip(("exc_type", "exc_message"), _KEYS, strict=True):
        if (match := key.match(text, end)) is None:
            break
        try:
            found[name], end = _DECODER.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            break
    return found


def _message(value: Any) -> str:
    """An exception's arguments as one text."""
    parts = value if isinstance(value, list) else [value] if value else []
    return ", ".join(part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts)


def _children(nodes: Any) -> Iterator[str]:
    """Yield the ids of ``AsyncResult.as_tuple``: ``[[id, parent], null]``, and of a group the ids of its members."""
    waiting = list(reversed(nodes)) if isinstance(nodes, list) else []
    left = MOST_CHILDREN
    while waiting and left:
        node = waiting.pop()
        if not isinstance(node, list) or len(node) != 2:
            continue
        task, members = node
        if isinstance(members, list):
            waiting.extend(reversed(members))
        elif found := _id(task[0] if isinstance(task, list) and task else task):
            left -= 1
            yield found


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
