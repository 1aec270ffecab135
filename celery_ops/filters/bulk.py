"""A bulk for whoever has no page: the tasks that a list's query string chooses, and one action on all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from django.utils.translation import gettext as _

from ..backends.base import TaskBackend
from ..bulk.base import BulkAction, stop
from ..bulk.preview import BulkPreview
from ..bulk.progress import RUNNING, BulkProgress
from ..conf import conf
from ..exceptions import BadInput, NotDone
from ..formatting import clean
from ..models import ControlRecord
from ..permissions import VIEW_PAYLOAD, allows
from ..task_query import Count, TaskQuery
from .base import LAYOUT
from .task_lists import filterset_for, narrowed_backend, narrowed_backend_or_empty
from .tasks import TaskFilterSet

#: Parameters of a list that say where somebody is in it: an address that was copied has them.
PLACE: Final = frozenset({"page", "cursor"})


@dataclass(frozen=True, slots=True)
class FilteredBulk:
    """One action on all tasks that ``filters`` find, on behalf of ``user``; None is the site itself, as in a shell.

    For your own code::

        bulk = FilteredBulk.of(RerunAction(), "state=FAILURE&name=shop.tasks.charge", user=None)
        print(bulk.preview().most)
        for progress in bulk.steps(bulk.begin()):
            print(progress.handled)
    """

    action: BulkAction
    filters: TaskFilterSet
    user: Any = None

    @classmethod
    def of(cls, action: BulkAction, query_string: str, user: Any = None) -> "FilteredBulk":
        """Return the bulk of a list's query string, as its address has it.

        Raises BadInput for one that leaves nothing out, has a parameter that the list does not know or one that cannot
        be read, and BackendUnavailable.
        """
        try:
            parameters = QueryDict(query_string.strip().removeprefix("?"))
        except (SuspiciousOperation, ValueError) as error:
            raise BadInput({"filter": [_("This is no query string of a list.")]}) from error
        filters = _filters(parameters, _backend(parameters), user)
        _check(filters, parameters)
        return cls(action, filters, user)

    @classmethod
    def going_on(cls, action: BulkAction, record: ControlRecord, user: Any = None) -> "FilteredBulk":
        """Return the bulk that a row of the journal has begun.

        Raises BackendUnavailable, and NotDone as ``check_same`` does.
        """
        parameters = parameters_of(record)
        backend = narrowed_backend_or_empty(conf.load("TASK_BACKEND")(), parameters)
        filters = with_states(_filters(parameters, backend, user), record)
        check_same(filters, record)
        return cls(action, filters, user)

    def preview(self) -> BulkPreview:
        """Return what it would take. Raises BackendUnavailable, StoreUnavailable and DatabaseError."""
        return self.action.preview(self.filters.backend, self.filters.query, self.user)

    def begin(self, preview: BulkPreview | None = None, **chosen: Any) -> ControlRecord:
        """Write down what is asked for and return the row; nothing is done yet. Raises BadInput and DatabaseError."""
        counted = Count(preview.count, capped=preview.is_partial) if preview else Count(0, capped=True)
        return self.action.start(self.user, self.filters.parameters, self.filters.query, counted, **chosen)

    def steps(self, record: ControlRecord) -> Iterator[BulkProgress]:
        """Do all of it, and yield how far it is every two seconds or so; the last one says how it ended.

        Raises DatabaseError. Whoever stops in between may go on later, in another process too.
        """
        backend = self.filters.backend
        query = bounded(self.filters.query, record, backend)
        while True:
            progress = self.action.advance(record, backend, query, self.user)
            yield progress
            if progress.state != RUNNING:
                return


def parameters_of(record: ControlRecord) -> QueryDict:
    """Return the parameters of the list that a bulk was asked for."""
    parameters = QueryDict(mutable=True)
    for name, values in record.parameters.get("filters", {}).items():
        parameters.setlist(name, values)
    return parameters


def with_states(filters: TaskFilterSet, record: ControlRecord) -> TaskFilterSet:
    """Return the filters of a bulk that has begun: a state of the site's own stays one when no task is in it."""
    chosen = record.parameters.get("filters", {}).get("state", ())
    filters.filters["state"].extra["others"] = lambda: chosen
    return filters


def check_same(filters: TaskFilterSet, record: ControlRecord) -> None:
    """Stop a bulk whose list leaves out less than when it was asked for: it would take tasks that nobody meant.

    Raises NotDone.
    """
    chosen = record.parameters.get("filters", {})
    lost = [name for name in chosen if name not in LAYOUT and filters.parameters.get(name) != chosen[name]]
    if lost:
        trouble = _("Its list cannot be filtered as it was asked for any more: %(names)s.") % {"names": ", ".join(lost)}
        stop(record, trouble)
        raise NotDone(trouble)


def bounded(query: TaskQuery, record: ControlRecord, backend: TaskBackend) -> TaskQuery:
    """Return the query without the tasks that came after the bulk was asked for.

    Its times are those that were meant then: whoever goes on may be in another time zone.
    """
    if not backend.supports_created:
        return query
    since, until = record.parameters.get("since"), record.parameters["until"]
    return replace(
        query,
        since=datetime.fromisoformat(since) if since else query.since,
        until=datetime.fromisoformat(until),
    )


def _backend(parameters: QueryDict) -> TaskBackend:
    backend = narrowed_backend(conf.load("TASK_BACKEND")(), parameters)
    if backend is not None:
        return backend
    if parameters.get("workflow"):
        raise BadInput({"workflow": [_("There is no such workflow.")]})
    raise BadInput({"failure": [_("There is no such failure group.")]})


def _filters(parameters: QueryDict, backend: TaskBackend, user: Any) -> TaskFilterSet:
    def shows_payload(task_name: str | None) -> bool:
        return user is None or allows(user, VIEW_PAYLOAD, task_name)

    return filterset_for(parameters)(parameters, backend=backend, shows_payload=shows_payload, user=user)


def _check(filters: TaskFilterSet, parameters: Mapping[str, Any]) -> None:
    names = ", ".join(name for name in filters.filters if name not in LAYOUT)
    for name in parameters:
        if name not in filters.filters and name not in PLACE:
            sentence = _("The list has no parameter “%(name)s”: filter by %(names)s.")
            raise BadInput({"filter": [sentence % {"name": clean(name, 50), "names": names}]})
    if filters.errors:
        texts = [f"{name}: {text}" for name, errors in filters.errors.items() for text in errors]
        raise BadInput({"filter": texts})
    if not filters.is_filtered:
        raise BadInput({"filter": [_("This would be every task: filter by %(names)s.") % {"names": names}]})
