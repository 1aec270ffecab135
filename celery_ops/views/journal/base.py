"""What the two journals' pages have in common: who may open them, whose rows they see, and how these are paged."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ...catalog import may_run_something
from ...databases import cannot_hold
from ...exceptions import BackendUnavailable, BadCursor
from ...filters.journal import JournalFilterSet
from ...models import ControlRecord, TaskRunRecord
from ...permissions import VIEW_RECORDS, allows
from ...task_detail.many_states import States
from ..not_found import no_row
from ..ops import OpsPage, part
from .paging import RecordPage, page_of


class JournalPage(OpsPage):
    """``readers`` are the actions of which one opens the pages, as they are open to those who run tasks."""

    section = "celery_ops:record-list"
    model: ClassVar[type[TaskRunRecord] | type[ControlRecord]]
    readers: ClassVar[Sequence[str]]

    def authorise(self) -> None:
        if not (any(allows(self.user, action) for action in self.readers) or may_run_something(self.user)):
            raise PermissionDenied

    @cached_property
    def sees_all(self) -> bool:
        return allows(self.user, VIEW_RECORDS)

    @property
    def rows(self) -> QuerySet[Any]:
        """The rows that the viewer may see: all of them, or one's own."""
        return self.model.objects.all() if self.sees_all else self.model.of(self.user)

    def row(self, pk: int) -> Any:
        """Return one of the rows. Raises Http404."""
        record = self.rows.filter(pk=pk).first()
        if record is None:
            raise no_row()
        return record


class JournalView(JournalPage):
    """The rows that this viewer may see, filtered."""

    filterset_class: ClassVar[type[JournalFilterSet]]

    def listed(self, page: RecordPage[Any], filters: JournalFilterSet) -> dict[str, Any]:
        """Return what the template has of a page: its ``table``, and whatever else."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        self.has_bad_cursor = False
        filters = self.filterset_class(self.request.GET, self.rows, sees_all=self.sees_all)
        listed = part(lambda: self._page(filters))
        page = listed.value or RecordPage(told=States(troubles=(listed.trouble,)))
        cursor = "" if self.has_bad_cursor else filters.cursor
        context = super().get_context_data(
            filter=filters,
            sees_all=self.sees_all,
            has_bad_cursor=self.has_bad_cursor,
            troubles=page.troubles,
            is_available=listed.is_available,
            first_url=filters.link() if cursor else "",
            previous_url=filters.link(cursor=page.previous) if page.previous else "",
            next_url=filters.link(cursor=page.next) if page.next else "",
            **kwargs,
        )
        return {**context, **self.listed(page, filters)}

    def _page(self, filters: JournalFilterSet) -> RecordPage[Any]:
        try:
            return self._page_at(filters, filters.cursor)
        except BadCursor:
            self.has_bad_cursor = True
            return self._page_at(filters, "")

    def _page_at(self, filters: JournalFilterSet, cursor: str) -> RecordPage[Any]:
        try:
            return page_of(filters.qs, sort=filters.order, cursor=cursor, size=filters.size, states=filters.states)
        except DatabaseError as error:
            if cannot_hold(error):
                return RecordPage()
            raise BackendUnavailable(_("The journal does not answer.")) from error
