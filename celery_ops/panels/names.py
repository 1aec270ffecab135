"""How a public panel tells tasks apart without naming what no author vouches for."""

from django.utils.crypto import salted_hmac

from ..info import TrackedTask
from ..tracking.registry import registry


def public_name(task: TrackedTask) -> str:
    """Return a task's name as far as a public panel tells tasks apart by it.

    It is empty for what a tracked task launched and nobody tracks: no author vouches for that name.
    """
    return "" if task.is_child and not registry.bindings(task.name) else task.name


def public_key(text: str) -> str:
    """Return a name for a row or a task that says nothing of its id."""
    return salted_hmac("celery_ops.panel.key", text.encode("utf-8", "surrogatepass"), algorithm="sha256").hexdigest()[
        :12
    ]
