"""What the two journals' filters have in common: of runs, and of control actions."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django_filters import FilterSet

from ..conf import conf
from ..task_query import NEWEST_FIRST, OLDEST_FIRST
from ..timezones import stored
from .plain import FilterForm
from .task_fields import MomentField
from .tasks import query_string

SORTS: Final = (NEWEST_FIRST, OLDEST_FIRST)


class JournalFilterSet(FilterSet):
    """The parameters of one request for a journal: ``qs`` are the rows, ``cursor`` and ``size`` say which page.

    A parameter that is not known is ignored, and one with a value that cannot be read is left out and has its
    message in ``errors``. ``conditions`` say what each parameter asks of a row.
    """

    conditions: ClassVar[Mapping[str, Callable[[Any], Q]]] = {}

    class Meta:
        form = FilterForm

    def __init__(self, data: Any, rows: QuerySet[Any], *, sees_all: bool) -> None:
        """``data`` is a QueryDict, ``rows`` what this viewer may see; ``sees_all`` when that is not only their own."""
        super().__init__(data, queryset=rows)
        if not sees_all:
            del self.filters["user"]
        self.cursor: str = self.data.get("cursor", "")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = {name: value for name, value in self.asked.items() if name in self.conditions and value}
        return queryset.filter(*(self.conditions[name](value) for name, value in asked.items()))

    @cached_property
    def asked(self) -> dict[str, Any]:
        """What could be read."""
        self.form.is_valid()
        return self.form.cleaned_data

    @property
    def order(self) -> str:
        return self.asked.get("sort") or NEWEST_FIRST

    @property
    def size(self) -> int:
        """How many rows a page has: 1 to ``MAX_PAGE_SIZE``."""
        return self.asked.get("page_size") or max(1, min(conf.PAGE_SIZE, conf.MAX_PAGE_SIZE))

    @property
    def is_filtered(self) -> bool:
        """Whether something may be left out of the list."""
        return any(value for name, value in self.asked.items() if name in self.conditions)

    @property
    def hidden_errors(self) -> list[tuple[str, str]]:
        """What could not be read of the parameters that the form does not show: the label and why."""
        fields = [field for field in self.form.hidden_fields() if field.errors]
        return [(str(field.label), str(error)) for field in fields for error in field.errors]

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What was asked for and understood, as it goes into a URL."""
        asked = {name: value for name, value in self.asked.items() if value}
        return {name: self.data[name].strip() if self._is_moment(name) else value for name, value in asked.items()}

    def link(self, **changes: Any) -> str:
        """Return the query string of this list with other parameters, from its first page unless it says which."""
        return query_string({**self.parameters, **changes})

    def _is_moment(self, name: str) -> bool:
        return isinstance(self.filters[name].field, MomentField)


def by(name: str) -> Q:
    """Whose rows: of a user who is gone, those that keep the name."""
    users = get_user_model()
    found = users._default_manager.filter(**{users.USERNAME_FIELD: name})
    return Q(user_id__in=found.values("pk")) | Q(user_id__isnull=True, username=name)


#: What the parameters of both ask of a row.
SHARED: Final[Mapping[str, Callable[[Any], Q]]] = {
    "user": by,
    "since": lambda time: Q(created_at__gte=stored(time)),
    "until": lambda time: Q(created_at__lte=stored(time)),
}
