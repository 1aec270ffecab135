"""Tasks by a text: names and the beginnings of ids through their indexes, everything else among the newest."""

import json
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Left
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from .. import payload
from .results_conditions import Condition
from .results_rows import SEARCHED, Row, with_arguments

#: Of the tasks that match the other filters, how many have the middles of their ids, and their arguments, looked at.
NEWEST: Final = 20_000
#: Characters of the longest text that can be anywhere.
LONGEST: Final = SEARCHED


@dataclass(frozen=True, slots=True)
class Newest:
    """The rows that are looked at one by one: those after an id."""

    after: int
    is_all: bool

    @classmethod
    def of(cls, rows: QuerySet) -> "Newest | None":
        """Return the newest of these rows, None when there are no rows."""
        newest = rows.order_by("-id").values("id")[: NEWEST + 1]
        found = newest.aggregate(first=Min("id"), number=Count("id"))
        if not found["number"]:
            return None
        return cls(found["first"], False) if found["number"] > NEWEST else cls(found["first"] - 1, True)


@dataclass(frozen=True, slots=True)
class Search:
    """A text that is no whole id. ``named`` is the condition of the names that have it as a part."""

    text: str
    named: Condition
    vendor: str
    newest: Newest
    in_arguments: bool

    def q(self) -> Q:
        """Return the condition of every row that may be meant."""
        column, lookup, value = self.named
        found = [Q(**{f"{column}__{lookup}": value})] if value else []
        found += [_begins(text, self.vendor) for text in {self.text, self.text.lower()}]
        found.append(Q(id__gt=self.newest.after) & self._inside())
        return reduce(or_, found)

    def _inside(self) -> Q:
        found = [Q(task_id__icontains=self.text)]
        if self.in_arguments:
            for text in _written(self.text):
                found += [Q(head_task_args__icontains=text), Q(head_task_kwargs__icontains=text)]
        return reduce(or_, found)

    def prepared(self, rows: QuerySet) -> QuerySet:
        """Return the rows with what ``q`` asks for beside the columns."""
        if not self.in_arguments:
            return rows
        return rows.alias(head_task_args=Left("task_args", SEARCHED), head_task_kwargs=Left("task_kwargs", SEARCHED))

    def shows(self, row: Row) -> bool:
        """Return whether what a page shows of the task says the text: a hidden value must not be found."""
        wanted = self.text.lower()
        if wanted in row["task_id"].lower() or wanted in (row["task_name"] or "").lower():
            return True
        return wanted in payload.arguments_text(with_arguments(row)).lower()

    @property
    def notes(self) -> tuple[str, ...]:
        if self.newest.is_all:
            return ()
        number = number_format(NEWEST, force_grouping=True)
        if self.in_arguments:
            text = _("Arguments and the middles of ids were searched in the newest %(number)s of these tasks.")
        else:
            text = _("The middles of ids were searched in the newest %(number)s of these tasks.")
        return (text % {"number": number},)


def _begins(text: str, vendor: str) -> Q:
    """The condition that an id begins with a text, in the form for which each database uses the index."""
    if vendor == "sqlite":
        return Q(task_id__range=(text, text + "\U0010ffff"))
    return Q(task_id__istartswith=text) if vendor == "mysql" else Q(task_id__startswith=text)


def _written(text: str) -> set[str]:
    """A text as it may stand in the stored arguments: as it is, or in a ``repr`` of either quotes, and that in JSON."""
    quoted = repr(text)[1:-1]
    return {text, *(json.dumps(form)[1:-1] for form in (text, quoted, quoted.replace("'", "\\'")))}
