"""A row of django-celery-results as a ``TaskInfo``: the database bounds what is read, and nothing in it is trusted."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from celery.states import EXCEPTION_STATES
from django.db import connections
from django.db.models import Case, Model, Q, QuerySet, TextField, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Left, Right
from django.db.models.lookups import Contains
from django.utils.translation import gettext as _

from ... import states, timezones
from ...info import TaskInfo
from ...one_state import fuller
from ...tracking import row_times
from .conditions import stored
from .sql import compiled
from .states import STATE

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
#: Characters of the end of a traceback that a list reads of an error without words.
LIST_WORDS: Final = 1000
#: Characters of each argument text that a search looks at: what a page shows of them is less.
SEARCHED: Final = 4096
#: Characters of each large column that one task's page reads.
LARGE: Final = 65_536
#: And of what tells its children, of whom a page shows not more than so many.
LARGE_META: Final = 262_144
MOST_CHILDREN: Final = 1000
#: Characters of the class of an error whose words are looked for in its traceback.
LONGEST_CLASS: Final = 200

Row = Mapping[str, Any]


class ListedRow(dict[str, Any]):
    """A row that ``for_list`` found, with the task that it was once read as."""

    __slots__ = ("task",)
    task: TaskInfo


#: A query for what is shown of rows: each is a dict.
Rows = QuerySet[Model, dict[str, Any]]

#: What tracking says may come so long after the row.
HEARD: Final = timedelta(minutes=1)

_KEYS: Final = tuple(re.compile(rf'\s*[{{,]\s*"{key}"\s*:\s*') for key in ("exc_type", "exc_message"))
#: What a pydantic error says of the values that it was given, and where to read on.
_GIVEN: Final = re.compile(r" *\[type=[^\n]*|\n *For further information visit [^\n]*")
_DECODER: Final = json.JSONDecoder()
#: What Celery makes of an exception that cannot be pickled: it says its module, its class, its arguments and its words.
_WRAPPER: Final = "UnpickleableExceptionWrapper"


def for_list(table: QuerySet[Model, Any], wanted: Q) -> Rows:
    """Return the wanted rows of a whole table with what a list shows of them."""
    model = table.model
    return _listed_rows(table.db, connections[table.db].vendor, model, model._meta.db_table).filter(wanted)


@cache
def _listed_rows(using: str, vendor: str, model: Any, name: str) -> Rows:
    """All rows, made into a query once: of it a page makes several, which takes Django longer than a database."""
    shown = _shown(using, vendor, model)
    return model._default_manager.using(using).order_by().annotate(**shown).values(*COLUMNS, *shown)


def _shown(using: str, vendor: str, model: type) -> dict[str, RawSQL]:
    """What a list shows of a table's large columns."""
    wordless = Q(status=states.FAILURE) & Q(Contains(Left("result", LIST_ERROR), '"exc_message": []'))
    words = Case(When(wordless, then=Right("traceback", LIST_WORDS)), output_field=TextField())
    shown = {"state": STATE, "error": _error(), "words": words, "noted": Left("meta", row_times.LENGTH_WITH_SCHEDULE)}
    if vendor == "sqlite":  # where rows may be kept until they are written again
        shown["written"] = written()
    return {name: _raw(*compiled(using, model, expression)) for name, expression in shown.items()}


def _raw(sql: str, values: Sequence[Any]) -> RawSQL:
    raw = RawSQL(sql, values, TextField())  # noqa: S611 - Django wrote it, and values are parameters
    hash(raw)  # is kept with it: a query that has to work it out takes a fifth longer to build
    return raw


def for_search(rows: QuerySet[Model]) -> Rows:
    """Return the rows with what a search looks at: it has to be quick to read.

    What tracking says of one that ``is_old`` has been heard.
    """
    shown = {"error": _error(), "written": written(), "is_old": Q(date_done__lt=stored(timezones.now() - HEARD))}
    large = _bounded(Left, SEARCHED, "task_args", "task_kwargs")
    return rows.annotate(**shown, **large).values("id", "task_id", "task_name", "status", *shown, *large)


def for_arguments(rows: QuerySet[Model]) -> Rows:
    """Return the rows with what the tasks were given."""
    large = _bounded(Left, SEARCHED, "task_args", "task_kwargs")
    return rows.annotate(**large).values("task_id", "read_task_args", "read_task_kwargs")


def written() -> Cast:
    """When a row was last written, as a text that is only compared: databases take long to read moments."""
    return Cast("date_done", TextField())


def _error() -> Case:
    return Case(When(status__in=EXCEPTION_STATES, then=Left("result", LIST_ERROR)), output_field=TextField())


def for_detail(rows: QuerySet[Model], longest: int = LARGE) -> Rows:
    """Return the rows with everything that is known of a task, ``longest`` characters of each text."""
    large = _bounded(Left, longest, "result", "task_args", "task_kwargs")
    large |= _bounded(Left, LARGE_META, "meta") | _bounded(Right, longest, "traceback")
    noted = Left("meta", row_times.LENGTH_WITH_SCHEDULE)
    return rows.annotate(state=STATE, noted=noted, **large).values(
        *COLUMNS, "state", "noted", "content_type", "content_encoding", *large
    )


def _bounded(function: Any, longest: int, *columns: str) -> dict[str, Any]:
    return {f"read_{column}": function(column, longest) for column in columns}


def listed(row: Row) -> TaskInfo:
    """Return the task of a row that ``for_list`` found."""
    task: TaskInfo | None = getattr(row, "task", None)
    if task is None:
        task = _listed(row)
        if isinstance(row, ListedRow) and row["date_done"]:  # else what is believed of its start goes by the time
            row.task = task
    return task


def _listed(row: Row) -> TaskInfo:
    return TaskInfo(**_small(row), error=None if _is_requested(row) else error_of(row["error"], row["words"]))


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
    result = None if has_error else _result(row, is_text)
    return TaskInfo(
        **_small(row),
        error=_whole_error(row) if is_text and has_error else None,
        args=row["read_task_args"] if is_text else None,
        kwargs=row["read_task_kwargs"] if is_text else None,
        result=None if _goes_on(row) else result,
        meta=result if _goes_on(row) and not _is_of_worker(row) else None,
        traceback=row["read_traceback"] or None,
        parent_id=_id(meta.get("parent_id")),
        root_id=_id(meta.get("root_id")),
        children=tuple(dict.fromkeys(_children(meta.get("children")))),
    )


def completed(task: TaskInfo, detail: TaskInfo) -> TaskInfo:
    """Return a listed task with the payload and the relatives of its row."""
    return replace(
        task,
        error=fuller(detail.error, task.error) if task.error else None,
        args=detail.args,
        kwargs=detail.kwargs,
        result=detail.result,
        meta=detail.meta,
        traceback=detail.traceback,
        parent_id=detail.parent_id or task.parent_id,
        root_id=detail.root_id,
        children=detail.children,
    )


def _small(row: Row) -> dict[str, Any]:
    published, begun = map(timezones.of_milliseconds, row_times.noted(row["noted"]))
    stored, written = _aware(row["date_created"]), _aware(row["date_done"])
    return {
        "id": row["task_id"],
        "name": row["task_name"] or "",
        "state": row["state"],
        "worker": row["worker"] or None,
        "created_at": published,
        "schedule": row_times.noted_schedule(row["noted"]) or None,
        "stored_at": stored,
        "started_at": begun or timezones.believed_start(_aware(row["date_started"]), created=stored, ended=written),
        # every save moves it
        "finished_at": written if states.is_final(row["state"]) else None,
        "revoke_requested_at": written if _is_requested(row) else None,
    }


def _is_requested(row: Row) -> bool:
    """Whether the row says that somebody asked for a revoke, and nothing of the task itself."""
    return row["status"] == states.REVOKED != row["state"]


def _whole_error(row: Row) -> str | None:
    return None if _is_requested(row) else error_of(row["read_result"], row["read_traceback"])


def _goes_on(row: Row) -> bool:
    """Whether what is stored for a result is what a running task says of itself, or Celery of its process."""
    return row["state"] == states.STARTED or row["state"] not in states.ALL


def _is_of_worker(row: Row) -> bool:
    return row["state"] == states.STARTED and _json(row["read_result"]).keys() == {"pid", "hostname"}


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else timezones.aware(moment)


def _result(row: Row, is_text: bool) -> str | None:
    """What a task returned as its text; what only unpickling could read is never read."""
    if is_text or row["read_result"] is None:
        return row["read_result"]
    return _("[not shown: %(type)s]") % {"type": row["content_type"]}


def error_of(text: str | None, traceback: str | None = None) -> str | None:
    """Return ``"Class: message"`` of a stored exception's JSON, which may be cut; the class alone, or None.

    The message of one that was made without arguments, as pydantic's are, is what the end of its traceback says.
    """
    if not text:
        return None
    error = _json(text) or _beginning(text)
    name, arguments = error.get("exc_type"), error.get("exc_message")
    if name == _WRAPPER and isinstance(arguments, list) and len(arguments) == 4:
        _module, name, _arguments, arguments = arguments
    message = _message(
        arguments[:1] if name == "Reject" and isinstance(arguments, list) else arguments
    )  # then: is it sent again?
    if not isinstance(name, str) or not name:
        return None
    message = message or _words(name, traceback or "")
    return f"{name}: {message}" if message else name


def _words(name: str, traceback: str) -> str:
    """Return what the last exception of a traceback says after its name, without what pydantic was given."""
    if len(name) > LONGEST_CLASS:
        return ""
    last = traceback.rpartition("Traceback (most recent call last)")[2]
    match = re.search(rf"^(?:[\w.]+\.)?{re.escape(name)}: ", last, re.MULTILINE)
    return _GIVEN.sub("", last[match.end() :]).strip() if match else ""


def _json(text: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _beginning(text: str) -> Mapping[str, Any]:
    """Read what is whole of a text that was cut: Celery writes the class first, then the message."""
    error: dict[str, Any] = {}
    end = 0
    for name, key in zip(("exc_type", "exc_message"), _KEYS, strict=True):
        if (match := key.match(text, end)) is None:
            break
        try:
            error[name], end = _DECODER.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            break
    return error


def _message(value: Any) -> str:
    """An exception's arguments as one text."""
    if not isinstance(value, list):
        value = [value] if value else []
    parts = [part for part in value if part is not None]
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
        elif task_id := _id(task[0] if isinstance(task, list) and task else task):
            left -= 1
            yield task_id


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
