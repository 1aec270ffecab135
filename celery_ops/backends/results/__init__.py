"""The list of tasks out of django-celery-results' table."""

from .backend import ResultsTaskBackend

__all__ = ["ResultsTaskBackend"]
