"""What the filters suggest while somebody types: what is known without asking anyone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..backends.remote.known_workers import known_workers
from ..conf import conf
from ..formatting import clean
from ..tracking.registry import registry

#: More than a person scrolls through, and few enough for a page.
MOST_SUGGESTED: Final = 500


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the filters of a list of tasks suggest; ``key`` is all of it, see ``Keepable``."""

    names: tuple[str, ...]
    workers: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def key(self) -> tuple[tuple[str, ...], ...]:
        return self.names, self.workers, self.queues


def task_names(shown: Iterable[str] = ()) -> list[str]:
    """Return the names of the site's tasks and of those shown."""
    registry.bindings("")  # the tasks' modules are imported then
    registered = {name for name in conf.celery_app.tasks if not name.startswith("celery.")}
    return _sorted(registered.union(shown))


def names_labelled(part: str) -> list[str]:
    """Return the names of the site's tasks whose label, what people read, has a part."""
    wanted = part.lower()
    return [name for name in task_names() if wanted in registry.label(name).lower()]


def worker_names(shown: Iterable[str | None] = ()) -> list[str]:
    """Return the hostnames of the workers heard of and of those shown."""
    return _sorted({*known_workers().listed, *shown})


def queue_names(shown: Iterable[str | None] = ()) -> list[str]:
    """Return the names of the app's own queues and of those shown."""
    return _sorted({*conf.celery_app.amqp.queues, *shown})


def _sorted(names: Iterable[str | None]) -> list[str]:
    return sorted({clean(name, 300) for name in names if name})[:MOST_SUGGESTED]
