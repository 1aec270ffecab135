"""Tasks from django-celery-results' table, quickly at any number of rows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from django.apps import apps
from django.core.checks import CheckMessage
from django.db import Error, InterfaceError, OperationalError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy

from ... import task_query
from ...databases import alias_of, cannot_hold, storable
from ...exceptions import BackendUnavailable
from ...info import TaskInfo
from ...payload import payload
from ...sentences import Sentence as _
from ...task_query import Counts, Cursor, TaskPage, TaskQuery
from .. import waiting
from ..base import TaskBackend
from ..on_its_way import OnItsWay, look_for
from .checks import APP, problems
from .conditions import Conditions, conditions_of, names_like
from .counts import Counted, counted
from .known_arguments import known_arguments
from .lists import Listing, NoRows
from .moved_rows import NONE, MovedRows, looks_of, newest
from .names import task_names
from .orders import Order
from .pages import WaitingRows, page_of
from .rows import completed, detailed, for_arguments, for_detail, for_list, listed
from .search import LONGEST_TEXT, TextSearch
from .tracked import TrackedLookup

#: Characters of each large column that are read for each task of a page.
COMPLETED: Final = 8192


class ResultsTaskBackend(TaskBackend):
    """The results that workers have stored in the site's database.

    A text that is a whole task id finds that task, whatever the other filters say; one whose result is not kept, too,
    where it is tracked. Any other one finds names that have it as a part and ids that begin with it; inside ids, and in
    what is shown of errors and arguments, it is looked for in the newest 20,000 tasks that match the other filters. The
    orders by finish are by when a row was last written: of a task that has not finished, when it began.
    """

    label = gettext_lazy("Task results")
    description = gettext_lazy("Every task that a worker has begun or ended, for as long as its result is kept.")
    data_source = gettext_lazy("database (django-celery-results)")

    supports_arguments = True
    supports_started_by = True
    asks_for_each_name = True
    sorts = (
        task_query.NEWEST_FIRST,
        task_query.OLDEST_FIRST,
        task_query.LAST_FINISHED_FIRST,
        task_query.FIRST_FINISHED_FIRST,
    )

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        try:
            return self._page_at(query, cursor, size)
        except TextNotHeld:
            return TaskPage(())

    def _page_at(self, query: TaskQuery, cursor: str, size: int) -> TaskPage:
        order = Order.of(query)
        place = Cursor.decoded(cursor) if cursor else None
        if place and not WaitingRows.has(place.key):
            order.has(place.key)
        with answered():
            if (task := self._whole(query)) is not None:
                return TaskPage((task,))
            waits = self._waits(query)
            if query.text and any(task.id == query.text for task in waits):
                return TaskPage(tuple(waits))
            search = self._search(query, order)
            rows = self._listing(query, order, search)
            page = self._tracked_page(query, page_of(query, WaitingRows(waits, query.sort), rows, place, size))
            on_its_way = OnItsWay() if page.tasks or place else self._without_row(query)
            if on_its_way.task is not None:
                return TaskPage((on_its_way.task,))
        notes = (*(search.notes if search else ()), *page.notes, on_its_way.note, *self._waiting_notes())
        return replace(page, notes=tuple(filter(None, notes)))

    def get(self, task_id: str) -> TaskInfo | None:
        try:
            with answered():
                row = for_detail(self._rows.filter(self._has_id(task_id))).first()
        except TextNotHeld:
            return None
        return detailed(row) if row and row["task_id"] == task_id else None

    def get_many(self, task_ids: Iterable[str]) -> dict[str, TaskInfo]:
        wanted = set(task_ids)
        with answered():
            rows = list(for_list(self._rows, Q(task_id__in=storable(wanted))))
        return {row["task_id"]: listed(row) for row in rows if row["task_id"] in wanted}

    def complete(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        with answered():
            rows = for_detail(self._rows.filter(task_id__in=storable(task.id for task in tasks)), COMPLETED)
            details = {row["task_id"]: detailed(row) for row in rows}
        return [completed(task, details[task.id]) if task.id in details else task for task in tasks]

    @property
    def tells_own_states(self) -> bool:  # type: ignore[override]  # others know it without the site
        """Not on a site of panels alone, which may do without results."""
        return apps.is_installed(APP)

    def with_arguments(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        return known_arguments.complete(self._using, tasks, self._with_arguments)

    def _with_arguments(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        with answered():
            rows = for_arguments(self._rows.filter(task_id__in=storable(task.id for task in tasks)))
            arguments = {row["task_id"]: (row["read_task_args"], row["read_task_kwargs"]) for row in rows}
        pairs = [arguments.get(task.id, (None, None)) for task in tasks]
        return [replace(task, args=args, kwargs=kwargs) for task, (args, kwargs) in zip(tasks, pairs, strict=True)]

    def counts(self, query: TaskQuery) -> Counts | None:
        """Return the counts, which stop early; None for a text that is no whole id."""
        try:
            return self._counts_of(query)
        except TextNotHeld:
            return None

    def _counts_of(self, query: TaskQuery) -> Counts | None:
        every = replace(query, states=())
        with answered():
            if (task := self._whole(query)) is not None:
                return Counts(task_query.Count(1), {task.state: task_query.Count(1)})
            conditions = self._conditions(every)
            waits = task_query.counts_of(self._waits(every), every, arguments=payload.searched_text)
            if query.text:
                return waits if conditions is None or query.text in {task.id for task in self._waits(every)} else None
            if conditions is None:
                return waits
            return self._moved(conditions).counted(self._counted(conditions).counts).and_(waits)

    def check(self) -> list[CheckMessage]:
        return list(problems(self.app))

    @cached_property
    def _model(self) -> Any:
        if not apps.is_installed(APP):
            raise BackendUnavailable(_("django-celery-results is not installed."))
        return apps.get_model(APP, "TaskResult")

    @cached_property
    def _using(self) -> str:
        return alias_of(self._model)

    @property
    def _rows(self) -> QuerySet[Model]:
        return self._model._default_manager.using(self._using).order_by()

    @cached_property
    def _names(self) -> list[str] | None:
        return task_names(self._model, self._using)

    def _has_id(self, task_id: str) -> Q:
        """The condition of an id's row; one that is longer than the column, or no database can hold, is nobody's."""
        longest = self._model._meta.get_field("task_id").max_length
        return Q(task_id__in=storable([task_id] if len(task_id) <= longest else []))

    def _whole(self, query: TaskQuery) -> TaskInfo | None:
        """The task that the text names by its whole id. Databases differ in which ids they take for the same."""
        if not query.text or query.queue:
            return None
        if query.text not in self._by_text:
            row = for_list(self._rows, self._has_id(query.text)).first()
            if row is not None and row["task_id"] != query.text:
                row = None
            self._by_text[query.text] = None if row is None else self._tracked.told([listed(row)])[0]
        return self._by_text[query.text]

    def _without_row(self, query: TaskQuery) -> OnItsWay:
        """The task that the text names by its whole id where no result of it is kept.

        Tracking may know it, or a worker that holds it, or the broker in which it waits behind what is listed.
        """
        if not query.text or query.queue:
            return OnItsWay()
        tracked = self._tracked.alone(query.text)
        return OnItsWay(tracked) if tracked else look_for(query.text)

    @cached_property
    def _by_text(self) -> dict[str, TaskInfo | None]:
        """The tasks that the texts of this request name."""
        return {}

    def _conditions(self, query: TaskQuery) -> Conditions | None:
        if len(query.text) > LONGEST_TEXT or not storable([query.text]):
            return None
        conditions = conditions_of(query, self._names if query.name else [])
        if conditions is None or not query.states:
            return conditions
        wanted = storable(query.states)
        if not wanted:
            return None
        conditions = replace(conditions, statuses=tuple(wanted))
        counted = self._counted(conditions)
        return replace(conditions, state=self._moved(conditions).q(wanted, counted.counts), rows=counted.rows)

    @cached_property
    def _tracked(self) -> TrackedLookup:
        return TrackedLookup()

    def _counted(self, conditions: Conditions) -> Counted:
        """How many rows mean each state by themselves."""
        key = repr(conditions.all)
        if key not in self._counts:
            self._counts[key] = counted(self._rows, conditions)
        return self._counts[key]

    @cached_property
    def _counts(self) -> dict[str, Counted]:
        return {}

    def _moved(self, conditions: Conditions) -> MovedRows:
        """The rows that have to be named where states are asked for or counted."""
        key = repr(conditions.all)
        if key not in self._moves:
            self._moves[key] = self._newest_moved(conditions)
        return self._moves[key]

    @cached_property
    def _moves(self) -> dict[str, MovedRows]:
        return {}

    def _newest_moved(self, conditions: Conditions) -> MovedRows:
        looks = looks_of(self._counted(conditions).counts)
        if not looks:
            return NONE
        rows = newest(self._rows, conditions, looks)
        return MovedRows.of(rows, self._tracked.told(map(listed, rows)))

    def _tracked_page(self, query: TaskQuery, page: TaskPage) -> TaskPage:
        """The page with what is tracked of its tasks; what is in no state that was asked for after all is left out."""
        tasks = self._tracked.told(page.tasks)
        if not query.states:
            return replace(page, tasks=tuple(tasks))
        conditions = self._conditions(replace(query, states=()))
        return replace(
            page,
            tasks=tuple(task for task in tasks if task.state in query.states),
            notes=self._moved(conditions).notes(query.states) if conditions is not None else (),
        )

    def _search(self, query: TaskQuery, order: Order) -> TextSearch | None:
        conditions = self._conditions(query) if query.text else None
        if conditions is None:
            return None
        return TextSearch(query, order, names_like(query.text, self._names), self._rows, conditions)

    def _listing(self, query: TaskQuery, order: Order, search: TextSearch | None) -> Listing | NoRows:
        conditions = self._conditions(query)
        if conditions is None or (search and not search.newest):
            return NoRows(order)
        return Listing(self._rows, order, conditions, search)

    # what waits

    def _waits(self, query: TaskQuery) -> list[TaskInfo]:
        """The tasks that wait and match, none of which has a row."""
        tasks = task_query.matching(self._waiting.tasks, query, arguments=payload.searched_text)
        stored = self.get_many(task.id for task in tasks) if tasks else {}
        return [task for task in tasks if task.id not in stored]

    @cached_property
    def _waiting(self) -> waiting.Waiting:
        return waiting.waiting()

    def _waiting_notes(self) -> tuple[str, ...]:
        return (_("More tasks may wait than are listed here."),) if self._waiting.is_partial else ()


class TextNotHeld(BackendUnavailable):
    """A text was asked for that the table cannot hold: nothing has it."""


@contextmanager
def answered() -> Iterator[None]:
    """Turn what a database raises into words for the page, which do not say where the database is.

    A text that the table cannot hold is TextNotHeld.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if cannot_hold(error):
            raise TextNotHeld(_("The database cannot read the task results.")) from error
        raise BackendUnavailable(_("The database with the task results does not answer.")) from error
    except Error as error:
        raise BackendUnavailable(_("The database cannot read the task results.")) from error
