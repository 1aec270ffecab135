"""Names that lead to pages."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..formatting import clean
from ..links import queue_url, worker_url


@dataclass(frozen=True, slots=True)
class Link:
    """A name that a page can carry, and the address of its page, empty when there is none."""

    name: str
    url: str


def worker_link(hostname: str) -> Link:
    return Link(clean(hostname), worker_url(hostname))


def queue_link(name: str) -> Link:
    return Link(clean(name), queue_url(name))


def queue_links(names: Iterable[str] | None) -> tuple[Link, ...] | None:
    return None if names is None else tuple(map(queue_link, names))
