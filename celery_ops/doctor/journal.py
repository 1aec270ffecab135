"""The journal's tables: there, as this code wants them, and pruned."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.apps import apps
from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.translation import gettext as _

from ..conf import conf
from ..formatting import duration
from ..models import ControlRecord, TaskRunRecord
from .finding import Finding, error, listed, ok, warning

#: Whose migrations are looked at.
APPS: Final = ("celery_ops", "django_celery_results")
#: Rows may be so much older than ``RECORD_RETENTION`` before it is plain that nobody prunes.
GRACE: Final = timedelta(days=2)


def check() -> Iterator[Finding]:
    """Look for the tables, for migrations that were not applied, and for rows that are too old."""
    alias = router.db_for_write(TaskRunRecord)
    try:
        TaskRunRecord.objects.using(alias).exists()
        missing = _unapplied(alias)
        yield _migrated(missing)
        yield _pruned(alias)
    except DatabaseError as failure:
        said = {"kind": type(failure).__name__}
        hint = _("Run manage.py migrate; if the database is away, start it or correct DATABASES.")
        yield error("journal", _("The journal cannot be read (%(kind)s).") % said, hint)


def _unapplied(alias: str) -> list[str]:
    loader = MigrationLoader(connections[alias])
    here = [app for app in APPS if apps.is_installed(app)]
    leaves = [leaf for leaf in loader.graph.leaf_nodes() if leaf[0] in here]
    return [f"{app}.{name}" for app, name in leaves if (app, name) not in loader.applied_migrations]


def _migrated(missing: list[str]) -> Finding:
    if not missing:
        return ok("journal", _("The journal's tables are there and up to date."))
    message = _("These migrations are not applied: %(names)s.") % {"names": listed(missing)}
    return error("journal", message, _("Run manage.py migrate."))


def _pruned(alias: str) -> Finding:
    retention = conf.RECORD_RETENTION
    if retention is None:
        message = _("The journal is kept for ever (RECORD_RETENTION is None).")
        return warning("retention", message, _("Set RECORD_RETENTION in CELERY_OPS, if its size matters."))
    before = timezone.now() - retention - GRACE
    models = (TaskRunRecord, ControlRecord)
    if any(model.objects.using(alias).filter(created_at__lt=before).exists() for model in models):
        said = {"time": duration(retention)}
        message = _("The journal has rows much older than RECORD_RETENTION (%(time)s): nobody prunes.") % said
        return warning("retention", message, _("Run manage.py celery_ops prune with each deploy, or every day."))
    return ok("retention", _("The journal keeps rows for %(time)s.") % {"time": duration(retention)})
