"""Columns that say one thing each. Records hold texts that a page can carry and, beside a name, its page's address."""

from datetime import datetime
from typing import Any, ClassVar, Final

import django_tables2 as tables
from django.template import Context
from django.template.loader import get_template
from django.utils import timezone
from django.utils.formats import number_format
from django_tables2.utils import Accessor

from ..formatting import Moment

#: Characters of an id that tell it from its neighbours.
SHORT: Final = 8


#: For cells that speak for themselves: where rows are cards, the column's name does not stand before them.
PLAIN: Final = {"cell": {"class": "celery-ops-plain"}}


class TextColumn(tables.Column):
    """A text as it is."""


class FigureColumn(tables.Column):
    """Figures under figures: the largest come first when the column's head is clicked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"attrs": {"cell": {"class": "celery-ops-number"}}, "initial_sort_descending": True}
        super().__init__(*args, **{**defaults, **kwargs})


class NumberColumn(FigureColumn):
    """A count."""

    def render(self, value: Any) -> str:
        return number_format(value, force_grouping=True)

    def value(self, value: Any) -> Any:
        return value


class LengthColumn(FigureColumn):
    """A length of time, in words already; ``order_by`` names what it is ordered by."""


class PartialColumn(tables.Column):
    """A cell that a small template writes: it has ``value`` and what ``context`` adds."""

    template_name: ClassVar[str] = ""

    def context(self, value: Any, record: Any) -> dict[str, Any]:
        return {"value": value}

    def render(self, value: Any, record: Any) -> str:
        template: Any = get_template(self.template_name)
        return template.template.render(Context(self.context(value, record)))

    def value(self, value: Any) -> Any:
        return value


class SizeColumn(FigureColumn, PartialColumn):
    """Bytes, in the unit that reads best."""

    template_name = "celery_ops/parts/size.html"


class TimeColumn(PartialColumn):
    """How long ago, and when exactly for those who ask."""

    template_name = "celery_ops/parts/moment.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"attrs": {"cell": {"class": "celery-ops-when"}}, "initial_sort_descending": True}
        super().__init__(*args, **{**defaults, **kwargs})

    def context(self, value: datetime, record: Any) -> dict[str, Any]:
        return {"moment": Moment.of(value, timezone.now())}


class LinkColumn(PartialColumn):
    """A name that leads to the page at the record's ``url``, where there is one."""

    template_name = "celery_ops/parts/link.html"

    def __init__(self, *args: Any, url: str = "url", **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": {"cell": {"class": "celery-ops-name"}}, **kwargs})
        self.url = Accessor(url)

    def context(self, value: Any, record: Any) -> dict[str, Any]:
        return {"value": value, "url": self.url.resolve(record, quiet=True)}


class IdColumn(LinkColumn):
    """An id, cut to what tells it from its neighbours, to be copied as a whole."""

    template_name = "celery_ops/parts/id.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": {"cell": {"class": "celery-ops-id"}}, **kwargs})

    def context(self, value: Any, record: Any) -> dict[str, Any]:
        return {**super().context(value, record), "short": value[:SHORT]}


class LinksColumn(PartialColumn):
    """Some names, each with a page: a tuple of ``Link``."""

    template_name = "celery_ops/parts/links.html"


class StateColumn(PartialColumn):
    """A task's state; the record's ``tone`` names the colour."""

    template_name = "celery_ops/panel/state.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": PLAIN, **kwargs})

    def context(self, value: str, record: Any) -> dict[str, Any]:
        return {"state": value, "tone": record.tone}


class WorkerStateColumn(StateColumn):
    """Whether a worker answers."""

    template_name = "celery_ops/workers/state.html"

    def context(self, value: str, record: Any) -> dict[str, Any]:
        return {"value": value, "note": record.note}


class CodeColumn(PartialColumn):
    """Text that is to be read letter by letter: arguments, limits, names of modules."""

    template_name = "celery_ops/parts/code.html"
