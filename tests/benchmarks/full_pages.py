"""Whole pages, HTML included, beside the same pages of the peers that are Django apps."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django_celery_results.models import TaskResult

from celery_ops.task_query import TaskQuery

from .beside import ADMIN, PANEL, Call, browser, is_installed, page, side_by_side
from .figures import Figure, at_most
from .lists import cursor_of
from .registry import GROWTH, LISTS, benchmark
from .results import ROWS, is_reachable, table, task_id
from .timing import sized

ROUNDS = sized(9, quick=1)
SIZE = 50
HUGE = 2 * 1024 * 1024
CURVE = sized((1_000, 10_000, 100_000, 1_000_000), quick=(1_000, 2_000))


@dataclass(frozen=True)
class Listed:
    """A list as each shows it: the filters of ours, and the parameters of theirs. ``at_most``: of dj-celery-panel's."""

    what: str
    ours: dict[str, str] = field(default_factory=dict)
    panel: dict[str, str] = field(default_factory=dict)
    admin: dict[str, str] = field(default_factory=dict)
    query: TaskQuery = field(default_factory=TaskQuery)
    page: int = 1
    at_most: float | None = None

    def calls(self, client: Client) -> tuple[Call, dict[str, Call]]:
        """Return what gets our page, and what gets theirs."""
        ours = {**self.ours, "cursor": cursor_of(self.query, self.page), "page_size": SIZE}
        theirs = {ADMIN: ("admin:django_celery_results_taskresult_changelist", {**self.admin, "p": self.page})}
        if is_installed(PANEL):
            theirs = {PANEL: ("dj_celery_panel:tasks", {**self.panel, "page": self.page}), **theirs}
        called = {peer: page(client, f"{reverse(name)}?{urlencode(asked)}") for peer, (name, asked) in theirs.items()}
        return page(client, f"{reverse('celery_ops:task-list')}?{urlencode(ours)}"), called

    def figures(self, client: Client, what: str) -> Iterator[Figure]:
        ours, theirs = self.calls(client)
        targets = {PANEL: at_most(self.at_most)} if self.at_most else {}
        yield from side_by_side(what, ours, theirs, rounds=ROUNDS, targets=targets)


FAILED: dict[str, Any] = {
    "ours": {"state": "FAILURE"},
    "panel": {"filter": "failure"},
    "admin": {"status__exact": "FAILURE"},
    "query": TaskQuery(states=("FAILURE",)),
}
SOUGHT = task_id(ROWS // 3)
FIRST = Listed("first page", at_most=0.8)
LISTED = (
    FIRST,
    Listed("page 101", page=sized(101, quick=5), at_most=0.8),
    Listed("failures", **FAILED, at_most=0.6),
    Listed("failures, page 100", **FAILED, page=sized(100, quick=2), at_most=0.3),
    Listed("a whole id", {"q": SOUGHT}, {"search": SOUGHT}, {"q": SOUGHT}, at_most=0.1),
)


@benchmark("list_pages", LISTS)
def lists() -> Iterator[Figure]:
    """Whole pages: lists of 50 rows and one task, beside dj-celery-panel's and the admin of django-celery-results."""
    for vendor in filter(is_reachable, ("sqlite", "postgresql")):
        with table(vendor), _fifty_a_page():
            client = browser()
            for listed in LISTED:
                yield from listed.figures(client, f"{vendor}, {ROWS:,}: {listed.what}")
            yield from _one_task(client, vendor)
            yield from _huge(client, vendor)


@benchmark("growth_rows", GROWTH)
def growth() -> Iterator[Figure]:
    """The first page of the list, whole, with more and more results in the database."""
    vendor = next(filter(is_reachable, ("postgresql", "sqlite")))
    for rows in CURVE:
        with table(vendor, rows), _fifty_a_page():
            yield from FIRST.figures(browser(), f"{vendor}, {rows:,} rows")


def _fifty_a_page() -> AbstractContextManager:
    """The admin's list has as many rows as the others'."""
    return mock.patch.object(admin.site.get_model_admin(TaskResult), "list_per_page", SIZE)


def _one_task(client: Client, vendor: str) -> Iterator[Figure]:
    row = TaskResult.objects.get(task_id=SOUGHT)
    theirs = {ADMIN: page(client, reverse("admin:django_celery_results_taskresult_change", args=[row.pk]), SOUGHT)}
    if is_installed(PANEL):
        theirs = {PANEL: page(client, reverse("dj_celery_panel:task_detail", args=[SOUGHT]), SOUGHT), **theirs}
    ours = page(client, reverse("celery_ops:task-detail", args=[SOUGHT]), SOUGHT)
    yield from side_by_side(f"{vendor}: one task's page", ours, theirs, rounds=ROUNDS)


def _huge(client: Client, vendor: str) -> Iterator[Figure]:
    """Let the newest rows have results of 2 MB."""
    newest = list(TaskResult.objects.order_by("-date_created").values_list("pk", flat=True)[:SIZE])
    TaskResult.objects.filter(pk__in=newest).update(result=json.dumps("x" * HUGE))
    yield from Listed("", at_most=0.15).figures(client, f"{vendor}: 50 rows of 2 MB")
