"""What a request asks of a list of tasks: one reading of its parameters, for the page, JSON, CSV and actions."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, cached_property, partial
from typing import Any, Final

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..backends.base import TaskBackend
from ..exceptions import BackendUnavailable
from ..objects import NEWEST as NEWEST_OBJECTS
from ..objects import ObjectTasks, tasks_of
from ..payload.kept import all_with_kept
from ..task_query import TaskQuery
from . import started_by, suggestions
from .base import ListFilterSet, MomentFilter, SearchFilter, SizeFilter, SortFilter, StatesFilter, TextFilter

#: Parameters of which each needs something that not every backend has.
SUPPORTS: Final = {
    "worker": "supports_worker",
    "queue": "supports_queue",
    "since": "supports_created",
    "until": "supports_created",
    "started_by": "supports_started_by",
}


def to_nobody(task_name: str | None) -> bool:
    """Show no payload."""
    return False


class EveryTask:
    """Where the filters begin, in place of a queryset."""

    model = None

    def all(self) -> TaskQuery:
        return TaskQuery()


class TaskFilterSet(ListFilterSet):
    """The parameters of one request: ``query``, ``cursor`` and ``size`` say what a backend is asked for.

    What the backend does not support is no parameter.
    """

    q = SearchFilter(label=_("Search"), placeholder=_("Id, name, error, object"))
    name = TextFilter(label=_("Task"), widget=forms.TextInput(attrs={"list": "celery-ops-names"}))
    worker = TextFilter(label=_("Worker"), widget=forms.TextInput(attrs={"list": "celery-ops-workers"}))
    queue = TextFilter(label=_("Queue"), widget=forms.TextInput(attrs={"list": "celery-ops-queues"}))
    started_by = TextFilter(label=_("Started by"), widget=forms.TextInput(attrs={"autocapitalize": "none"}))
    since = MomentFilter(label=_("Created since"))
    until = MomentFilter(label=_("Until"), ends_day=True)
    state = StatesFilter(label=_("State"))
    sort = SortFilter()
    page_size = SizeFilter(label=_("Rows a page"))

    def __init__(
        self,
        data: Any,
        *,
        backend: TaskBackend,
        shows_payload: Callable[[str | None], bool] = to_nobody,
        user: Any = None,
    ) -> None:
        """``data`` is a QueryDict; ``shows_payload`` says of which tasks, by name, ``user`` may see the payload."""
        super().__init__(data, queryset=EveryTask())
        self.backend, self.user = backend, user
        self.shows_payload = cache(shows_payload)
        for name, support in SUPPORTS.items():
            if not getattr(backend, support):
                del self.filters[name]
        if "started_by" in self.filters and not self.data.get("started_by") and not started_by.is_installed():
            self.filters["started_by"].extra["widget"] = forms.HiddenInput
        self.filters["state"].extra["others"] = self._other_states
        self.filters["sort"].extra["choices"] = [(sort, sort) for sort in backend.sorts]
        self.cursor: str = self.data.get("cursor", "")

    def filter_queryset(self, queryset: TaskQuery) -> TaskQuery:
        wanted = self.cleaned_data
        text = wanted.get("q", "")
        return replace(
            queryset,
            text=text,
            names=tuple(suggestions.names_labelled(text)) if text else (),
            ids=self._objects.ids,
            among=started_by.tasks_of_name(username) if (username := wanted.get("started_by")) else None,
            states=wanted.get("state", ()),
            name=wanted.get("name", ""),
            worker=wanted.get("worker", ""),
            queue=wanted.get("queue", ""),
            since=wanted.get("since"),
            until=wanted.get("until"),
            sort=wanted.get("sort") or self.backend.sorts[0],
            searches_arguments=self.searches_arguments,
            shows_payload=self.shows_payload,
            completes=partial(all_with_kept, errors_alone=True),
        )

    @cached_property
    def searches_arguments(self) -> bool:
        """Whether a text may be looked for in arguments: of which tasks, a backend asks for each name or for none."""
        if not (self.cleaned_data.get("q") and self.backend.supports_arguments):
            return False
        answers = (self.shows_payload(name) for name in (None, *suggestions.task_names()))
        return any(answers) if self.backend.asks_for_each_name else all(answers)

    @cached_property
    def _objects(self) -> ObjectTasks:
        """The tasks of the objects that the text means."""
        text = self.cleaned_data.get("q", "")
        return tasks_of(text, self.user) if text and self.user is not None else ObjectTasks()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the search left out before a backend was asked."""
        if not self._objects.is_partial:
            return ()
        number = number_format(NEWEST_OBJECTS, force_grouping=True)
        return (
            gettext("Objects were searched by name among those of the newest %(number)s tasks.") % {"number": number},
        )

    @property
    def query(self) -> TaskQuery:
        """What the request asks for, without what could not be read."""
        return self.qs

    def _in_url(self, name: str, value: Any) -> list[str]:
        text = super()._in_url(name, value)
        return list(text) if isinstance(text, tuple) else [str(text)]

    def _other_states(self) -> Iterable[str]:
        """The states of the site's own that there are now: tasks may set any."""
        try:
            counts = self.backend.counts(TaskQuery())
        except BackendUnavailable:
            return ()
        return counts.states if counts else ()
