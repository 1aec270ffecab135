"""What a request asks of a journal: what both have in common, and what that of control actions has."""

from typing import Any, Final

from django import forms
from django.db import connections
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ..control.commands import LABELS
from ..databases import alias_of
from ..models import users_named
from ..task_query import NEWEST_FIRST, OLDEST_FIRST
from .base import ChoiceFilter, ListFilterSet, MomentFilter, SearchFilter, SizeFilter, SortFilter, TextFilter

#: Users of one name, which a site of its own kind may allow.
MOST_OWNERS: Final = 100
SORTS: Final = (NEWEST_FIRST, OLDEST_FIRST)


class JournalFilterSet(ListFilterSet):
    """The parameters of one request for a journal: ``qs`` are the rows, ``cursor`` and ``size`` say which page.

    A subclass adds what its rows alone have, which comes first in the form.
    """

    user = TextFilter(
        label=_("Who"), widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false"}), method="by"
    )
    since = MomentFilter(label=_("Since"), field_name="created_at", lookup_expr="gte")
    until = MomentFilter(label=_("Until"), field_name="created_at", lookup_expr="lte", ends_day=True)
    sort = SortFilter(choices=[(sort, sort) for sort in SORTS])
    page_size = SizeFilter(label=_("Rows a page"))

    @property
    def states(self) -> tuple[str, ...]:
        """The states that the tasks of the rows are to have, none for any."""
        return ()

    def __init__(self, data: Any, rows: QuerySet[Any], *, sees_all: bool) -> None:
        """``data`` is a QueryDict, ``rows`` what this viewer may see; ``sees_all`` when that is not only their own."""
        super().__init__(data, queryset=rows)
        for name in JournalFilterSet.base_filters:
            self.filters.move_to_end(name)
        if not sees_all:
            del self.filters["user"]
        self.cursor: str = self.data.get("cursor", "")

    def by(self, rows: QuerySet[Any], _field: str, name: str) -> QuerySet[Any]:
        """Whose rows: of a user who is gone, those that keep the name."""
        owners = users_named(name)
        if _is_asked_within(owners.model, rows.db):
            keys = Q(user_id=owners.values("pk")[:1])
        else:
            keys = Q(user_id__in=list(owners.values_list("pk", flat=True)[:MOST_OWNERS]))
        return rows.filter(keys | Q(user_id__isnull=True, username=name))

    @property
    def order(self) -> str:
        return self.cleaned_data.get("sort") or NEWEST_FIRST


def _is_asked_within(users: Any, alias: str) -> bool:
    """Return whether the query for rows asks for their user as well, and still goes through an index.

    No database asks what another one has, and PostgreSQL plans without knowing that a user has no rows.
    """
    is_one = users._meta.get_field(users.USERNAME_FIELD).unique
    return is_one and alias_of(users) == alias and connections[alias].vendor != "postgresql"


class ControlRecordFilterSet(JournalFilterSet):
    """The parameters of one request for the journal of control actions."""

    target = SearchFilter(label=_("Target"), lookup_expr="icontains", placeholder=_("Worker, queue or task id"))
    action = ChoiceFilter(label=_("Action"), choices=[("", _("any")), *LABELS.items()])
