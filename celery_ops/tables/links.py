"""Names that lead to pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from django.template.loader import get_template
from django.utils.html import conditional_escape, format_html_join, html_safe
from django.utils.translation import pgettext_lazy

from ..formatting import clean
from ..links import queue_url, task_url, worker_url

#: That there is none of some things, which many languages say by what they are.
NONE: Final = {
    "objects": pgettext_lazy("objects", "none"),
    "queues": pgettext_lazy("queues", "none"),
    "workers": pgettext_lazy("workers", "none"),
}


@html_safe
@dataclass(frozen=True, slots=True)
class PageLink:
    """A name that a page can carry, and the address of its page, empty when there is none.

    ``{{ link }}`` writes it as an ``<a>``, or the name alone.
    """

    name: str
    url: str

    def __str__(self) -> str:
        name = conditional_escape(self.name)
        return f'<a href="{escape(self.url)}">{name}</a>' if self.url else name


def task_link(task_id: str) -> PageLink:
    return PageLink(clean(task_id), task_url(task_id))


def worker_link(hostname: str) -> PageLink:
    return PageLink(clean(hostname), worker_url(hostname))


def queue_link(name: str) -> PageLink:
    return PageLink(clean(name), queue_url(name))


def queue_links(names: Iterable[str] | None) -> tuple[PageLink, ...] | None:
    return None if names is None else tuple(map(queue_link, names))


def linked(links: Iterable[PageLink], of: str = "objects") -> str:
    """Return some links in a row as HTML, in words when there are none. ``of`` is a key of ``NONE``."""
    return format_html_join(", ", "{}", ((link,) for link in links)) or str(NONE[of])


def id_html(link: PageLink, longest: int | None = None) -> str:
    """Return a task's id that can be copied, shown as its first ``longest`` characters, leading to its page."""
    shown = {"value": link.name, "url": link.url, "short": link.name[:longest]}
    return get_template("celery_ops/parts/id.html").render(shown)
