"""Columns that say one thing each. Records hold texts that a page can carry and, beside a name, its page's address."""

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any, ClassVar, Final

import django_tables2 as tables
from django.template import Context
from django.template.defaultfilters import filesizeformat
from django.template.loader import get_template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django_tables2.utils import Accessor

from ..formatting import SHORT_ID, Moment, breakable
from .kept import kept
from .links import PageLink, id_html, linked


def cells(name: str) -> dict[str, dict[str, str]]:
    """Return the ``attrs`` of a column whose cells have this class."""
    return {"cell": {"class": name}}


#: For cells that speak for themselves: where rows are cards, the column's name does not stand before them.
PLAIN: Final = cells("celery-ops-plain")


class TextColumn(tables.Column):
    """A text as it is. Tables copy their columns each time, deep down, and change nothing in them."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "TextColumn":
        return copy(self)


class FigureColumn(tables.Column):
    """Figures under figures: the largest come first when the column's head is clicked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"attrs": cells("celery-ops-number"), "initial_sort_descending": True}
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


class SizeColumn(FigureColumn):
    """Bytes, in the unit that reads best."""

    def render(self, value: int) -> str:
        return filesizeformat(value)


class TimeColumn(tables.Column):
    """How long ago, and when exactly for those who ask."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults = {"attrs": cells("celery-ops-when"), "initial_sort_descending": True}
        super().__init__(*args, **{**defaults, **kwargs})

    def render(self, value: datetime) -> Moment | None:
        return Moment.of(value, timezone.now())


class DottedColumn(TextColumn):
    """Names of tasks, which may be broken where they have a dot."""

    def render(self, value: str) -> str:
        return format_html_join("", "{}<wbr>", zip(breakable(value)))


class LinkColumn(tables.Column):
    """A name that leads to the page at the record's ``url``, where there is one."""

    def __init__(self, *args: Any, url: str = "url", **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": cells("celery-ops-name"), **kwargs})
        self.url = Accessor(url)

    def render(self, value: Any, record: Any) -> PageLink:
        return PageLink(str(value), self.url.resolve(record, quiet=True) or "")


class IdColumn(LinkColumn):
    """An id, cut to what tells it from its neighbours, to be copied as a whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": cells("celery-ops-id"), **kwargs})

    def render(self, value: str, record: Any) -> Any:
        return id_html(super().render(value, record), longest=SHORT_ID)


class LinksColumn(tables.Column):
    """Some names, each with a page: a tuple of ``PageLink``; ``of`` is a key of ``links.NONE``."""

    def __init__(self, *args: Any, of: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.of = of

    def render(self, value: tuple[PageLink, ...]) -> str:
        return linked(value, self.of)


def with_choice(cell: Any, **box: str) -> str:
    """Return a cell behind the box that chooses its row: the box's ``form``, ``name``, ``value`` and ``label``."""
    return written("celery_ops/parts/choose.html", {**box, "cell": conditional_escape(cell)})


def written(template_name: str, texts: Mapping[str, Any]) -> SafeString:
    """Return what a small template writes of these texts: rows that are looked at again mostly have the same."""
    template: Any = get_template(template_name)
    key = (template.template, get_language(), *((text, hasattr(text, "__html__")) for text in texts.values()))
    html = kept.get(key)
    if html is None:
        html = template.template.render(Context(texts))
        kept.keep(key, html)
    return html


class StateColumn(PartialColumn):
    """A task's state; the record's ``tone`` names the colour."""

    template_name = "celery_ops/panel/state.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": PLAIN, **kwargs})

    def context(self, value: str, record: Any) -> dict[str, Any]:
        return {"state": value, "tone": record.tone}

    def render(self, value: str, record: Any) -> str:
        return written(self.template_name, self.context(value, record))


class WorkerStateColumn(StateColumn):
    """Whether a worker answers."""

    template_name = "celery_ops/workers/state.html"

    def context(self, value: str, record: Any) -> dict[str, Any]:
        return {"value": value, "note": record.note}


class CodeColumn(tables.Column):
    """Text that is to be read letter by letter: arguments, limits, names of modules."""

    def render(self, value: Any) -> str:
        return format_html("<code>{}</code>", value)
