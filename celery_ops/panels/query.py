"""What of a panel's tasks a query string asks for."""

from collections.abc import Iterable, Mapping

from .. import states
from ..formatting import presentable
from ..info import TrackedTask
from .names import public_key, public_name


class PanelQuery:
    """A panel's own parameters of a query string: ``state``, ``name``, ``page``, each behind a prefix."""

    def __init__(self, query: Mapping[str, str], *prefixes: str) -> None:
        def value(name: str) -> str:
            return next((query[prefix + name] for prefix in prefixes if prefix + name in query), "")[:300]

        self.state = value("state").upper() if value("state").upper() in states.ALL else value("state")
        self.name = value("name")
        page = value("page")
        self.page = max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 10 else 1

    def keep_to(self, tasks: Iterable[TrackedTask]) -> None:
        """Forget a state that is neither Celery's nor one that a task here gave itself."""
        if self.state not in (*states.ALL, *(task.state for task in tasks)):
            self.state = ""

    def matches(self, task: TrackedTask, *, public: bool) -> bool:
        name = public_key(public_name(task)) if public else presentable(task.name)
        return self.name in ("", name) and self.state in ("", task.state)
