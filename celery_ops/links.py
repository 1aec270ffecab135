"""Where the pages of a task, a worker and a queue are: empty for a name that no address can have."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.translation import get_language

from .converters import TAKEN
from .formatting import LONGEST_NAME

#: Names that stand in an address as they are, by far the most: ids of tasks, and what queues are mostly called.
PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
#: Stands for a name in the address of a page.
ANY: Final = "celery-ops-any-name"


def task_url(task_id: str | None, query: str = "") -> str:
    """``query`` is a query string with its question mark."""
    url = _url("task-detail", task_id)
    return url and url + query


def workflow_url(task_id: str | None) -> str:
    """The page of the workflow that a task is part of."""
    return _url("workflow", task_id)


def worker_url(hostname: str | None) -> str:
    return _url("worker-detail", hostname)


def queue_url(name: str | None) -> str:
    return _url("queue-detail", name)


def failure_url(key: str | None) -> str:
    """The page of a failure group."""
    return _url("failure-detail", key)


def schedule_url(name: str | None) -> str:
    return _url("schedule-detail", name)


def query_string(parameters: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> str:
    """Return these parameters as the query string of an address, without its question mark.

    Any text is one that somebody may have chosen: half a character too, which UTF-8 does not have.
    """
    return urlencode(parameters, doseq=True, errors="surrogatepass")


def task_list_url(**filters: str | Sequence[str]) -> str:
    """The list of tasks with these filters; those that say nothing are left out."""
    query = query_string({name: value for name, value in filters.items() if value})
    return f"{_list('task-list')}?{query}"


def insight_url(**parameters: str) -> str:
    """The charts, of a ``task`` or a ``queue`` over a ``window``."""
    return f"{_list('insight')}?{query_string(parameters)}"


def record_url(pk: int) -> str:
    """The page of a row in the journal."""
    return reverse("celery_ops:record-detail", args=[pk])


def _list(page: str) -> str:
    return _where(page, *_whose())


def _whose() -> tuple[object, ...]:
    """Return what addresses depend on."""
    return get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), get_language()


@lru_cache(maxsize=256)
def _where(page: str, *_whose: object) -> str:
    """Return the address of a page that has no arguments: tables name it in most of their cells."""
    return reverse(f"celery_ops:{page}")


@lru_cache(maxsize=256)
def _around(page: str, *_whose: object) -> tuple[str, str]:
    """Return what stands before a name in the address of its page, and behind it."""
    before, _any, after = reverse(f"celery_ops:{page}", args=[ANY]).rpartition(ANY)
    return before, after


def _url(page: str, name: str | None) -> str:
    if not name or len(name) > LONGEST_NAME:
        return ""
    try:
        if PLAIN.fullmatch(name) and name not in TAKEN:
            before, after = _around(page, *_whose())
            return f"{before}{name}{after}"
        return reverse(f"celery_ops:{page}", args=[name])
    except NoReverseMatch:
        return ""
