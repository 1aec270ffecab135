"""Celery operations inside a Django site's own pages and under its own permissions.

What a site imports: ``track``, ``FromModel``, ``Sensitive``, ``tracking``, ``set_progress``, ``tasks_for``,
``tasks_for_many``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .info import Progress, StartedBy, TrackedTask
    from .tracking.context import set_progress, tracking
    from .tracking.reading import tasks_for, tasks_for_many
    from .tracking.registry import track
    from .tracking.signatures import Sensitive
    from .tracking.task_bindings import FromModel

__version__ = "0.1.0"

__all__ = [
    "FromModel",
    "Progress",
    "Sensitive",
    "StartedBy",
    "TrackedTask",
    "set_progress",
    "tasks_for",
    "tasks_for_many",
    "track",
    "tracking",
]

_HOMES = {
    "FromModel": "tracking.task_bindings",
    "Progress": "info",
    "Sensitive": "tracking.signatures",
    "StartedBy": "info",
    "TrackedTask": "info",
    "set_progress": "tracking.context",
    "tasks_for": "tracking.reading",
    "tasks_for_many": "tracking.reading",
    "track": "tracking.registry",
    "tracking": "tracking.context",
}


if not TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for: Django imports the package before its settings are ready."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
