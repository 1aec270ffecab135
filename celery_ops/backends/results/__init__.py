"""The list of tasks out of django-celery-results' table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backend import ResultsTaskBackend

__all__ = ["ResultsTaskBackend"]


def __getattr__(name: str) -> Any:
    """Import the backend when it is asked for: a process that only checks the settings asks ``checks`` beside it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import backend

    return getattr(backend, name)
