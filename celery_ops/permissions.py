"""Who may do what: one question, asked in the same words by menu, button and handler."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied

from .conf import conf
from .logs import get_logger, is_new

logger = get_logger("celery_ops.permissions")

VIEW_OPS: Final = "view_ops"
VIEW_PAYLOAD: Final = "view_payload"
VIEW_INSTANCE: Final = "view_instance"
RUN_TASK: Final = "run_task"
VIEW_RECORDS: Final = "view_records"
REVOKE_TASK: Final = "revoke_task"
CONTROL_WORKERS: Final = "control_workers"
MANAGE_QUEUES: Final = "manage_queues"
RESOLVE_FAILURES: Final = "resolve_failures"
MANAGE_SCHEDULES: Final = "manage_schedules"

ACTIONS: Final = (
    VIEW_OPS,
    VIEW_PAYLOAD,
    VIEW_INSTANCE,
    RUN_TASK,
    VIEW_RECORDS,
    REVOKE_TASK,
    CONTROL_WORKERS,
    MANAGE_QUEUES,
    RESOLVE_FAILURES,
    MANAGE_SCHEDULES,
)


class Policy:
    """The default policy. Subclass it, override ``allows`` or one ``may_…`` method, and name it in ``POLICY``.

    Every method takes the user of the request (possibly anonymous) and the thing asked about, and returns a bool.
    A site's own user need neither be staff nor have permissions: what a user cannot have, that user may not.
    """

    def allows(self, user: Any, action: str, obj: Any = None) -> bool:
        """Return whether ``user`` may do ``action`` to ``obj``; an unknown action and an inactive user may not."""
        if action not in ACTIONS or not getattr(user, "is_active", False):
            return False
        return bool(getattr(self, f"may_{action}")(user, obj))

    def may_view_ops(self, user: Any, obj: Any = None) -> bool:
        return bool(getattr(user, "is_staff", False)) or has_permission(user, "celery_ops.view_ops")

    def may_view_payload(self, user: Any, task_name: str | None = None) -> bool:
        return has_permission(user, "celery_ops.view_payload")

    def may_view_instance(self, user: Any, instance: Any) -> bool:
        if instance is None:
            return False
        if self.allows(user, VIEW_OPS):
            return True
        meta = instance._meta
        permission = f"{meta.app_label}.view_{meta.model_name}"
        return has_permission(user, permission, instance) or has_permission(user, permission)

    def may_run_task(self, user: Any, task_name: str | None = None) -> bool:
        if not has_permission(user, "celery_ops.add_taskrunrecord"):
            return False
        permission = task_permission(task_name)
        return permission is None or has_permission(user, permission)

    def may_view_records(self, user: Any, obj: Any = None) -> bool:
        return has_permission(user, "celery_ops.view_taskrunrecord")

    def may_revoke_task(self, user: Any, task_id: str | None = None) -> bool:
        return has_permission(user, "celery_ops.revoke_task")

    def may_control_workers(self, user: Any, hostname: str | None = None) -> bool:
        return has_permission(user, "celery_ops.control_workers")

    def may_manage_queues(self, user: Any, queue: str | None = None) -> bool:
        return has_permission(user, "celery_ops.manage_queues")

    def may_resolve_failures(self, user: Any, key: str | None = None) -> bool:
        return has_permission(user, "celery_ops.resolve_failures")

    def may_manage_schedules(self, user: Any, name: str | None = None) -> bool:
        return has_permission(user, "celery_ops.manage_schedules")


def task_permission(task_name: str | None) -> str | None:
    """Return the ``permission`` option that ``RUNNABLE_TASKS`` gives a task, or None."""
    runnable = conf.RUNNABLE_TASKS
    options = runnable.get(task_name) if isinstance(runnable, dict) else None
    return (options or {}).get("permission")


def has_permission(user: Any, permission: str, obj: Any = None) -> bool:
    """Return what the user's own ``has_perm`` says; a user without one, as without ``PermissionsMixin``, has none."""
    has_perm = getattr(user, "has_perm", None)
    return has_perm is not None and bool(has_perm(permission) if obj is None else has_perm(permission, obj))


def allows(user: Any, action: str, obj: Any = None) -> bool:
    """Ask the site's policy. A user of None, as on a request without authentication, may nothing.

    A policy that cannot answer refuses: what it raises is logged once, and goes no further.
    """
    return Asking(user).allows(action, obj)


class Asking:
    """Asks one policy many things of one user, as ``allows`` asks one."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._policy: Any = None

    def allows(self, action: str, obj: Any = None) -> bool:
        if self.user is None:
            return False
        try:
            if self._policy is None:
                self._policy = conf.load("POLICY")()
            return bool(self._policy.allows(self.user, action, obj))
        except PermissionDenied:
            return False
        except Exception as error:
            if is_new("policy", action, type(error)):
                logger.error("The policy cannot say who may %s, so nobody may. Said once.", action, exc_info=True)
            return False
