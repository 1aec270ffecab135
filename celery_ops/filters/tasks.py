"""What a request asks of a list of tasks: one reading of its parameters, for the page, JSON, CSV and actions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_filters import Filter, FilterSet

from ..backends.base import BackendUnavailable, TaskBackend
from ..conf import conf
from ..objects import NEWEST as NEWEST_OBJECTS
from ..objects import ObjectTasks, tasks_of
from ..task_query import TaskQuery
from . import suggestions
from .task_fields import MomentField, SizeField, StatesField, TextField

#: Parameters of which each needs something that not every backend has.
SUPPORTS: Final = {
    "worker": "supports_worker",
    "queue": "supports_queue",
    "since": "supports_created",
    "until": "supports_created",
}


def to_nobody(task_name: str | None) -> bool:
    """Show no payload."""
    return False


class TextFilter(Filter):
    field_class = TextField


class StatesFilter(Filter):
    field_class = StatesField


class MomentFilter(Filter):
    field_class = MomentField


class ChoiceFilter(Filter):
    field_class = forms.ChoiceField


class SizeFilter(Filter):
    field_class = SizeField


class TaskForm(forms.Form):
    """The ids of its fields are not a host page's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="celery-ops-%s", **kwargs)


class EveryTask:
    """Where the filters begin, in place of a queryset."""

    model = None

    def all(self) -> TaskQuery:
        return TaskQuery()


class TaskFilterSet(FilterSet):
    """The parameters of one request: ``query``, ``cursor`` and ``size`` say what a backend is asked for.

    A parameter that is not known is ignored, and one with a value that cannot be read is left out and has its
    message in ``errors``. What the backend does not support is no parameter.
    """

    q = TextFilter(
        label=_("Search"),
        widget=forms.TextInput(attrs={"type": "search", "data-search": "", "placeholder": _("Task id or name")}),
    )
    name = TextFilter(label=_("Task"), widget=forms.TextInput(attrs={"list": "celery-ops-names"}))
    worker = TextFilter(label=_("Worker"), widget=forms.TextInput(attrs={"list": "celery-ops-workers"}))
    queue = TextFilter(label=_("Queue"), widget=forms.TextInput(attrs={"list": "celery-ops-queues"}))
    since = MomentFilter(label=_("Created since"))
    until = MomentFilter(label=_("Until"), ends_day=True)
    state = StatesFilter(label=_("State"))
    sort = ChoiceFilter(
        label=_("Order"),
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This list has no such order.")},
    )
    page_size = SizeFilter(label=_("Rows a page"))

    class Meta:
        form = TaskForm

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
        self.filters["state"].extra["others"] = self._other_states
        self.filters["sort"].extra["choices"] = [(sort, sort) for sort in backend.sorts]
        self.cursor: str = self.data.get("cursor", "")

    def filter_queryset(self, queryset: TaskQuery) -> TaskQuery:
        asked = self._asked
        text = asked.get("q", "")
        return replace(
            queryset,
            text=text,
            names=tuple(suggestions.names_labelled(text)) if text else (),
            ids=self._objects.ids,
            states=asked.get("state", ()),
            name=asked.get("name", ""),
            worker=asked.get("worker", ""),
            queue=asked.get("queue", ""),
            since=asked.get("since"),
            until=asked.get("until"),
            sort=asked.get("sort") or self.backend.sorts[0],
            searches_arguments=self.searches_arguments,
            shows_payload=self.shows_payload,
        )

    @cached_property
    def searches_arguments(self) -> bool:
        """Whether a text may be looked for in arguments: of which tasks, a backend asks for each name or for none."""
        if not (self._asked.get("q") and self.backend.supports_arguments):
            return False
        answers = (self.shows_payload(name) for name in (None, *suggestions.task_names()))
        return any(answers) if self.backend.asks_for_each_name else all(answers)

    @cached_property
    def _objects(self) -> ObjectTasks:
        """The tasks of the objects that the text means."""
        text = self._asked.get("q", "")
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

    @property
    def size(self) -> int:
        """How many rows a page has: 1 to ``MAX_PAGE_SIZE``."""
        return self._asked.get("page_size") or max(1, min(conf.PAGE_SIZE, conf.MAX_PAGE_SIZE))

    @property
    def is_filtered(self) -> bool:
        """Whether something may be left out of the list."""
        return self.query.is_filtered

    @property
    def hidden_errors(self) -> list[tuple[str, str]]:
        """What could not be read of the parameters that the form does not show: the label and why."""
        fields = [field for field in self.form.hidden_fields() if field.errors]
        return [(str(field.label), str(error)) for field in fields for error in field.errors]

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """What was asked for and understood, as it goes into a URL."""
        asked = {name: value for name, value in self._asked.items() if value}
        return {name: self._texts(name, value) for name, value in asked.items()}

    def link(self, **changes: Any) -> str:
        """Return the query string of this list with other parameters: text, a list of texts, or None to leave out."""
        asked = {**self.parameters, **changes}
        order = [*self.base_filters, *changes]  # one list has one address
        return query_string({name: asked[name] for name in order if name in asked})

    def _texts(self, name: str, value: Any) -> list[str]:
        if isinstance(self.filters[name].field, MomentField):
            return [self.data[name].strip()]
        return list(value) if isinstance(value, tuple) else [str(value)]

    @cached_property
    def _asked(self) -> dict[str, Any]:
        self.form.is_valid()
        return self.form.cleaned_data  # without what is not valid

    def _other_states(self) -> Iterable[str]:
        """The states of the site's own that there are now: tasks may set any."""
        try:
            counts = self.backend.counts(TaskQuery())
        except BackendUnavailable:
            return ()
        return counts.states if counts else ()


def query_string(parameters: Mapping[str, Any]) -> str:
    """Return ``?name=value…``, ``?`` alone when there is nothing to say."""
    return "?" + urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
