"""The filtered list of tasks as a CSV file, streamed: every one of them, in order, without their payload."""

import csv
import re
from collections.abc import AsyncIterator, Callable, Generator
from datetime import datetime, timedelta, tzinfo
from functools import cache
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import timezones
from ...backends.base import TaskBackend
from ...exceptions import BackendUnavailable
from ...info import TaskInfo
from ...logs import get_logger
from ...payload.payload import Searched
from ...redaction.text import DIRTY
from ...tables.task_rows import shown_error
from ...task_query import TaskQuery
from ...tracking import prefix
from .failures import with_arguments

logger = get_logger("celery_ops.views")

COLUMNS: Final = (
    "id",
    "name",
    "state",
    "worker",
    "queue",
    "created",
    "started",
    "finished",
    "wait_seconds",
    "run_seconds",
    "revoke_requested",
    "error",
)
#: What a spreadsheet takes for the beginning of a formula.
FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")
#: What takes no room, before which a formula is one all the same.
WIDTHLESS: Final = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
SPACES: Final = re.compile(r"\s+")
LONGEST_CELL: Final = 10_000
#: Lines that go out together.
LINES: Final = 200


class Echo:
    """A file for ``csv.writer`` that hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    backend: TaskBackend,
    query: TaskQuery,
    may_view_payload: Callable[[str], bool],
    method: str | None = "GET",
    *,
    is_async: bool = False,
) -> StreamingHttpResponse:
    """Return the file; ``may_view_payload`` is asked once for each task name.

    With ``is_async`` an ASGI server sends its lines as they come; it would collect all of them otherwise.
    """
    now = timezone.localtime(timezones.now())
    ending = str(_("This list is not complete: its source stopped answering."))  # later no language is active
    lines = _of_tenant(prefix.current_or_none(), _lines(backend, query, may_view_payload, now.tzinfo, ending))
    if method == "HEAD":
        lines.close()
    content = _as_they_come(lines) if is_async else lines
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="tasks-{now:%Y-%m-%d}.csv"'
    return response


async def _as_they_come(lines: Generator[str, None, None]) -> AsyncIterator[str]:
    """Yield the lines, each part made in the thread that the request's database connections belong to."""
    try:
        while (part := await sync_to_async(_next)(lines)) is not None:
            yield part
    finally:
        await sync_to_async(lines.close)()


def _of_tenant(whose: str, lines: Generator[str, None, None]) -> Generator[str, None, None]:
    """Yield lines that are read as the viewer's tenant: the site's middleware may have left it by then."""
    while True:
        with prefix.using(whose):
            part = next(lines, None)
        if part is None:
            return
        yield part


def _next(lines: Generator[str, None, None]) -> str | None:
    return next(lines, None)


def _lines(
    backend: TaskBackend, query: TaskQuery, may_view_payload: Callable[[str], bool], zone: tzinfo | None, ending: str
) -> Generator[str, None, None]:
    """Yield the file, many lines at a time; ``ending`` closes one whose source dies on the way."""
    line = csv.writer(Echo()).writerow
    ask, texts = cache(may_view_payload), Searched()
    tasks: list[TaskInfo] = []
    yield line(COLUMNS)

    def written() -> str:
        some = with_arguments(backend, tasks, ask)
        return "".join(line(_cells(task, zone, texts, may_view_payload=ask(task.name))) for task in some)

    try:
        for task in backend.iterate(query):
            tasks.append(task)
            if len(tasks) >= LINES:
                yield written()
                tasks.clear()
        yield written()
    except Exception as error:  # the file has begun: nothing else can tell its reader
        if isinstance(error, BackendUnavailable):
            logger.warning("An export of tasks ended early: %s", error)
        else:
            logger.exception("An export of tasks ended early")
        yield "".join(line(_cells(task, zone, texts, may_view_payload=False)) for task in tasks)
        yield line([ending])


def _cells(task: TaskInfo, zone: tzinfo | None, texts: Searched, *, may_view_payload: bool) -> list[Any]:
    return [
        inert(task.id),
        inert(task.name),
        inert(task.state),
        inert(task.worker),
        inert(task.queue),
        _time(task.created_at, zone),
        _time(task.started_at, zone),
        _time(task.finished_at, zone),
        _seconds(task.wait),
        _seconds(task.run_time),
        _time(task.revoke_requested_at, zone),
        inert(shown_error(task, texts, may_view_payload=may_view_payload)),
    ]


def inert(text: str | None) -> str:
    """Return a text as one line that no spreadsheet takes for a formula."""
    raw = (text or "")[:LONGEST_CELL]
    shown = SPACES.sub(" ", DIRTY.sub("\ufffd", raw.replace("\r", " "))).strip()
    return f"'{shown}" if FORMULA.match(WIDTHLESS.sub("", raw)) else shown


def _time(moment: datetime | None, zone: tzinfo | None) -> str:
    return "" if moment is None else moment.astimezone(zone).isoformat()


def _seconds(length: timedelta | None) -> str:
    return "" if length is None else f"{length.total_seconds():.3f}"
