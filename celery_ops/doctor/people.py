"""Whether somebody may do what the pages offer."""

from collections.abc import Iterator
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, PermissionsMixin
from django.db import Error as DatabaseError
from django.db.models import Q
from django.utils.translation import gettext as _

from ..conf import conf
from ..permissions import Policy
from .finding import Finding, error, listed, ok, warning

#: What the default policy asks for.
CODENAMES: Final = (
    "add_taskrunrecord",
    "control_workers",
    "manage_queues",
    "revoke_task",
    "view_ops",
    "view_payload",
    "view_taskrunrecord",
)


def check() -> Iterator[Finding]:
    """Look for the permissions, and for users who have them."""
    if conf.load("POLICY") is not Policy:
        yield ok("permissions", _("The site's own POLICY decides."))
        return
    try:
        yield from _found()
    except DatabaseError as failure:
        message = _("The permissions cannot be read (%(kind)s).") % {"kind": type(failure).__name__}
        yield error("permissions", message, _("Run manage.py migrate; if the database is away, start it."))


def _found() -> Iterator[Finding]:
    there = Permission.objects.filter(content_type__app_label="celery_ops", codename__in=CODENAMES)
    missing = set(CODENAMES) - set(there.values_list("codename", flat=True))
    if missing:
        message = _("These permissions do not exist: %(names)s.") % {"names": listed(missing)}
        yield error("permissions", message, _("Run manage.py migrate: it makes them."))
        return
    yield ok("permissions", _("All permissions exist."))
    users = get_user_model()
    if issubclass(users, PermissionsMixin):
        yield _held(users, list(there))


def _held(users: Any, permissions: list[Permission]) -> Finding:
    name = "permission-holders"
    active = users._default_manager.filter(is_active=True) if _has_active(users) else users._default_manager.all()
    nobodys = {each.codename for each in permissions if not active.filter(_may(each)).exists()}
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
