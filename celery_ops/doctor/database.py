"""The database: the journal's tables, migrated and pruned, and the permissions, held by somebody."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, PermissionsMixin
from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.migrations.loader import MigrationLoader
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ..conf import conf
from ..formatting import duration
from ..models import ControlRecord, TaskRunRecord
from ..permissions import Policy
from .finding import Finding, error, listed, ok, warning

#: Whose migrations are looked at, in the database that one of their models is written to.
MIGRATED: Final = {"celery_ops": "TaskRunRecord", "django_celery_results": "TaskResult"}
#: Rows may be so much older than ``RECORD_RETENTION`` before it is plain that nobody prunes.
GRACE: Final = timedelta(days=2)
#: What the default policy asks for.
CODENAMES: Final = (
    "add_taskrunrecord",
    "control_workers",
    "manage_queues",
    "manage_schedules",
    "resolve_failures",
    "revoke_task",
    "view_ops",
    "view_payload",
    "view_taskrunrecord",
)


# -- the journal ------------------------------------------------------------------------------------------------------


def check_journal() -> Iterator[Finding]:
    """Look for the tables, for migrations that were not applied, and for rows that are too old."""
    alias = router.db_for_write(TaskRunRecord)
    try:
        TaskRunRecord.objects.using(alias).exists()
        yield _migrated(_unapplied())
        yield _pruned(alias)
    except DatabaseError as failure:
        message = _("The journal cannot be read (%(kind)s).") % {"kind": type(failure).__name__}
        hint = _("Run manage.py migrate; if the database is away, start it or correct DATABASES.")
        yield error("journal", message, hint)


def _unapplied() -> list[str]:
    by_alias: dict[str, list[str]] = {}
    for app, model in MIGRATED.items():
        if apps.is_installed(app):
            by_alias.setdefault(router.db_for_write(apps.get_model(app, model)), []).append(app)
    return [name for alias, here in by_alias.items() for name in _unapplied_in(alias, here)]


def _unapplied_in(alias: str, here: list[str]) -> list[str]:
    loader = MigrationLoader(connections[alias])
    leaves = [leaf for leaf in loader.graph.leaf_nodes() if leaf[0] in here]
    return [f"{app}.{name}" for app, name in leaves if (app, name) not in loader.applied_migrations]


def _migrated(unapplied: list[str]) -> Finding:
    if not unapplied:
        return ok("journal", _("The journal's tables are there and up to date."))
    message = _("These migrations are not applied: %(names)s.") % {"names": listed(unapplied)}
    return error("journal", message, _("Run manage.py migrate."))


def _pruned(alias: str) -> Finding:
    retention = conf.RECORD_RETENTION
    if retention is None:
        message = _("The journal is kept for ever (RECORD_RETENTION is None).")
        return warning("retention", message, _("Set RECORD_RETENTION in CELERY_OPS, if its size matters."))
    before = timezone.now() - retention - GRACE
    models = (TaskRunRecord, ControlRecord)
    if any(model.objects.using(alias).filter(created_at__lt=before).exists() for model in models):
        message = _("The journal has rows much older than RECORD_RETENTION (%(time)s): nobody prunes.")
        hint = _("Run manage.py celery_ops prune with each deploy, or every day.")
        return warning("retention", message % {"time": duration(retention)}, hint)
    return ok("retention", _("The journal keeps rows for %(time)s.") % {"time": duration(retention)})


# -- permissions ------------------------------------------------------------------------------------------------------


def check_permissions() -> Iterator[Finding]:
    """Say whether somebody may do what the pages offer."""
    if conf.load("POLICY") is not Policy:
        yield ok("permissions", _("The site's own POLICY decides."))
        return
    try:
        yield from _permissions()
    except DatabaseError as failure:
        message = _("The permissions cannot be read (%(kind)s).") % {"kind": type(failure).__name__}
        yield error("permissions", message, _("Run manage.py migrate; if the database is away, start it."))


def _permissions() -> Iterator[Finding]:
    there = Permission.objects.filter(content_type__app_label="celery_ops", codename__in=CODENAMES)
    missing = set(CODENAMES) - set(there.values_list("codename", flat=True))
    if missing:
        message = _("These permissions do not exist: %(names)s.") % {"names": listed(missing)}
        yield error("permissions", message, _("Run manage.py migrate: it makes them."))
        return
    yield ok("permissions", _("All permissions exist."))
    users = get_user_model()
    if issubclass(users, PermissionsMixin):
        yield _holders(users, list(there))


def _holders(users: Any, permissions: list[Permission]) -> Finding:
    name = "permission-holders"
    active = users._default_manager.filter(is_active=True) if _has_active(users) else users._default_manager.all()
    nobodys = {permission.codename for permission in permissions if not active.filter(_may(permission)).exists()}
    if not nobodys:
        return ok(name, _("Somebody was given each of the permissions."))
    if active.filter(is_superuser=True).exists():
        return ok(name, _("Only superusers have these: %(names)s.") % {"names": listed(nobodys)})
    message = _("Nobody has these permissions, so nobody can use what they guard: %(names)s.")
    hint = _("Give them to a group of your operators; celery_ops.view_ops opens the pages.")
    return warning(name, message % {"names": listed(nobodys)}, hint)


def _may(permission: Permission) -> Q:
    return Q(user_permissions=permission) | Q(groups__permissions=permission)


def _has_active(users: Any) -> bool:
    return any(field.name == "is_active" for field in users._meta.get_fields())
