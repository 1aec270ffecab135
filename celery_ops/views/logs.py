"""What a task has logged, as its page and an object's panel show it, and what their script asks for again and again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.forms import IntegerField, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from ..exceptions import StoreUnavailable
from ..task_logs.reading import AttemptLines, LogLine, Seen, TaskLog, read_log, seen_in
from ..task_logs.switch import ALL, NONE, wanted
from ..timezones import local

#: The parameter that asks for lines alone, those after the number or what else was seen.
PARAMETER: Final = "log"
#: Executions up to which all are open; of more the last one is.
FEW: Final = 3
#: How levels are painted; others are as any text.
TONES: Final = {"DEBUG": "quiet", "WARNING": "warning", "ERROR": "error", "CRITICAL": "error", "FATAL": "error"}

#: The highest number that JavaScript counts to.
HIGHEST: Final = 2**53 - 1

_number = IntegerField(min_value=0, max_value=HIGHEST, required=False)


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line: ``time`` in the viewer's zone, and ``moment`` the whole of it. ``logger`` where that changes."""

    time: str
    moment: str
    level: str
    tone: str
    logger: str
    message: str
    left_out: int


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    key: str
    number: int
    lines: tuple[ShownLine, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class ShownLog:
    """The lines that there are; ``url`` asks for those to come, ``is_over`` says that there will be none."""

    attempts: tuple[ShownAttempt, ...] = ()
    next: int | str = 0
    url: str = ""
    is_over: bool = True
    trouble: str = ""


def after_in(request: HttpRequest) -> int | Seen | None:
    """Return which lines a page's script has, None where the page itself is asked for."""
    if PARAMETER not in request.GET:
        return None
    try:
        return after_of(request.GET[PARAMETER])
    except ValidationError:
        return 0


def after_of(text: str) -> int | Seen:
    """Return which lines somebody has. Raises ValidationError."""
    seen = seen_in(text)
    return (_number.clean(text) or 0) if seen is None else seen


def log_part(task_id: str, url: str, *, is_over: bool, is_tracked: bool) -> ShownLog | None:
    """Return a task's lines for a page, None where there are none and none are to come."""
    try:
        log = read_log(task_id)
    except StoreUnavailable:
        return ShownLog(url=url, is_over=is_over, trouble=_("The log cannot be read at the moment."))
    is_listening = not is_over and (wanted() == ALL or (is_tracked and wanted() != NONE))
    return shown(log, url, is_over=is_over) if log.attempts or is_listening else None


def lines_response(request: HttpRequest, log: TaskLog, after: int | Seen, *, is_over: bool) -> HttpResponse:
    """Return the lines alone, as a page's script adds them."""
    return render(request, "celery_ops/logs/lines.html", {"log": shown(log, "", is_over=is_over, after=after)})


def shown(log: TaskLog, url: str, *, is_over: bool, after: int | Seen = 0) -> ShownLog:
    """Return lines as a page shows them."""
    return ShownLog(tuple(_attempts(log)), log.seen or next_of(log, after), url, is_over)


def next_of(log: TaskLog, after: int | Seen) -> int:
    """Return the number of the last line that somebody has now."""
    return log.next or (after if isinstance(after, int) else sum(attempt.seen for attempt in log.attempts))


def _attempts(log: TaskLog) -> Iterator[ShownAttempt]:
    listed = [attempt for attempt in log.attempts if attempt.lines]
    for attempt in listed:
        yield _attempt(attempt, is_open=len(listed) <= FEW or attempt is listed[-1])


def _attempt(attempt: AttemptLines, *, is_open: bool) -> ShownAttempt:
    return ShownAttempt(attempt.key, attempt.attempt, tuple(map(_line, attempt.lines)), is_open)


def _line(line: LogLine) -> ShownLine:
    at = line.at and local(line.at)
    return ShownLine(
        time=f"{at:%H:%M:%S}.{at.microsecond // 1000:03}" if at else "",
        moment=f"{at:%Y-%m-%d %H:%M:%S %Z}" if at else "",
        level=line.level,
        tone=TONES.get(line.level, ""),
        logger=line.logger if line.is_first_of_logger else "",
        message=line.message,
        left_out=line.left_out,
    )
