"""What keeps tasks out of the list of results, as far as a site's settings tell."""

from collections.abc import Iterator
from typing import Any, Final

from celery.app.backends import by_url
from celery.exceptions import ImproperlyConfigured
from django.apps import apps
from django.core.checks import CheckMessage, Info, Warning

#: The app that keeps results in the database.
APP: Final = "django_celery_results"

#: Its name for its backend, which need not be imported to know that.
DATABASE: Final = "django-db"


def problems(app: Any) -> Iterator[CheckMessage]:
    """Yield the first thing that is wrong; ``app`` is the site's Celery app.

    A site may well use the panels alone: what only leaves a list empty is no warning.
    """
    if not apps.is_installed(APP):
        text = "The list of tasks has no source: django-celery-results is not installed."
        hint = f"Add {APP!r} to INSTALLED_APPS, or name another TASK_BACKEND in CELERY_OPS."
        yield Warning(text, hint=hint, id="celery_ops.W004")
    elif not _keeps_results(app):
        text = "The list of tasks stays empty: results are not kept in the database."
        hint = "Set CELERY_RESULT_BACKEND = 'django-db', or name another TASK_BACKEND in CELERY_OPS."
        yield Info(text, hint=hint, id="celery_ops.I001")
    elif not app.conf.result_extended:
        text = "The list of tasks has no names, workers or arguments."
        yield Info(text, hint="Set CELERY_RESULT_EXTENDED = True.", id="celery_ops.I002")


def _keeps_results(app: Any) -> bool:
    named = app.backend_cls or app.conf.result_backend
    if named == DATABASE:
        return True
    from django_celery_results.backends import DatabaseBackend

    try:
        backend, _url = by_url(named, app.loader)
    except (ImproperlyConfigured, ImportError):
        return False  # Celery tells what is wrong with it
    return isinstance(backend, type) and issubclass(backend, DatabaseBackend)
