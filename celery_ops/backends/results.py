"""Tasks from django-celery-results' table, quickly at any number of rows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from django.apps import apps
from django.core.checks import CheckMessage
from django.db import Error, InterfaceError, OperationalError, router
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import listing
from ..info import TaskInfo
from ..listing import Counts, Cursor, TaskPage, TaskQuery
from .base import BackendUnavailable, TaskBackend
from .results_checks import APP, problems
from .results_conditions import Conditions, conditions_of, names_like, storable
from .results_counts import counts_of
from .results_lists import Listing
from .results_names import task_names
from .results_orders import Order
from .results_rows import Row, detailed, for_detail, for_list, listed
from .results_search import LONGEST, Search

#: Characters of each large column that are read for each task of a page.
COMPLETED: Final = 8192


class ResultsTaskBackend(TaskBackend):
    """The results that workers have stored in the site's database.

    A text that is a whole task id finds that task, whatever the other filters say. Any other one finds names that
    have it as a part and ids that begin with it; inside ids, and in what is shown of errors and arguments, it is looked
    for in the newest 20,000 tasks that match the other filters. The orders by finish are by when a row was last
    written: of a task that has not finished, when it began.
    """

    label = gettext_lazy("Task results")
    description = gettext_lazy("Every task that a worker has begun or ended, for as long as its result is kept.")
    data_source = gettext_lazy("database (django-celery-results)")

    supports_arguments = True
    asks_for_each_name = True
    sorts = (
        listing.NEWEST_FIRST,
        listing.OLDEST_FIRST,
        listing.LAST_FINISHED_FIRST,
        listing.FIRST_FINISHED_FIRST,
    )

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        order = Order.of(query)
        place = order.place(cursor)
        with _answered():
            if (row := self._whole(query)) is not None:
                return TaskPage((listed(row),))
            conditions = self._conditions(query)
            if conditions is None:
                return TaskPage(())
            return self._listed(query, conditions, order, place, size)

    def get(self, task_id: str) -> TaskInfo | None:
        with _answered():
            found = for_detail(self._with_id(task_id)).first()
        return detailed(found) if found and found["task_id"] == task_id else None

    def get_many(self, task_ids: Iterable[str]) -> dict[str, TaskInfo]:
        wanted = set(task_ids)
        with _answered():
            rows = list(for_list(self._rows.filter(task_id__in=storable(wanted))))
        return {row["task_id"]: listed(row) for row in rows if row["task_id"] in wanted}

    def complete(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        with _answered():
            rows = for_detail(self._rows.filter(task_id__in=storable(task.id for task in tasks)), COMPLETED)
            found = {row["task_id"]: detailed(row) for row in rows}
        return [found.get(task.id, task) for task in tasks]

    def counts(self, query: TaskQuery) -> Counts | None:
        """Return the counts, which stop early; None for a text that is no whole id."""
        with _answered():
            if (row := self._whole(query)) is not None:
                return Counts(listing.Count(1), {row["status"]: listing.Count(1)})
            conditions = self._conditions(replace(query, states=()))
            if conditions is None:
                return Counts(listing.Count(0))
            return None if query.text else counts_of(self._rows, conditions)

    def check(self) -> list[CheckMessage]:
        return list(problems(self.app))

    @cached_property
    def _model(self) -> Any:
        if not apps.is_installed(APP):
            raise BackendUnavailable(_("django-celery-results is not installed."))
        return apps.get_model(APP, "TaskResult")

    @cached_property
    def _using(self) -> str:
        return router.db_for_read(self._model)

    @property
    def _rows(self) -> QuerySet:
        return self._model._default_manager.using(self._using).order_by()

    @cached_property
    def _names(self) -> list[str] | None:
        return task_names(self._model, self._using)

    def _with_id(self, task_id: str) -> QuerySet:
        """The row of an id; a longer one than the column holds, or one that no database can, is nobody's."""
        longest = self._model._meta.get_field("task_id").max_length
        return self._rows.filter(task_id__in=storable([task_id] if len(task_id) <= longest else []))

    def _whole(self, query: TaskQuery) -> Row | None:
        """The row that the text names by its whole id. Databases differ in which ids they take for the same."""
        if not query.text or query.queue:
            return None
        if query.text not in self._asked:
            found = for_list(self._with_id(query.text)).first()
            self._asked[query.text] = found if found and found["task_id"] == query.text else None
        return self._asked[query.text]

    @cached_property
    def _asked(self) -> dict[str, Row | None]:
        """What was found for the texts that a request has asked for."""
        return {}

    def _conditions(self, query: TaskQuery) -> Conditions | None:
        if len(query.text) > LONGEST or not storable([query.text]):
            return None
        return conditions_of(query, self._names if query.name else [])

    def _listed(
        self, query: TaskQuery, conditions: Conditions, order: Order, place: Cursor | None, size: int
    ) -> TaskPage:
        table = self._rows
        if order.column == "date_created":  # the walk itself keeps within the dates
            table, conditions = table.filter(conditions.on("date_created").q()), conditions.but_on("date_created")
        if not query.text:
            return Listing(table, order, conditions).page(place, size)
        search = Search(query, order, names_like(query.text, self._names), self._rows, table.filter(conditions.q()))
        if not search.newest:
            return TaskPage(())
        page = Listing(table, order, conditions, search).page(place, size)
        return replace(page, notes=search.notes)


@contextmanager
def _answered() -> Iterator[None]:
    """Turn what a database raises into words for the page, which do not say where the database is."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise BackendUnavailable(_("The database with the task results does not answer.")) from error
    except Error as error:
        raise BackendUnavailable(_("The database cannot read the task results.")) from error
