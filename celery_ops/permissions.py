"""Who may do what: one question, asked in the same words by menu, button and handler."""

from typing import Any, Final

from .conf import conf

VIEW_OPS: Final = "view_ops"
VIEW_PAYLOAD: Final = "view_payload"
VIEW_INSTANCE: Final = "view_instance"
RUN_TASK: Final = "run_task"
VIEW_RECORDS: Final = "view_records"
REVOKE_TASK: Final = "revoke_task"
CONTROL_WORKERS: Final = "control_workers"
MANAGE_QUEUES: Final = "manage_queues"

ACTIONS: Final = (
    VIEW_OPS,
    VIEW_PAYLOAD,
    VIEW_INSTANCE,
    RUN_TASK,
    VIEW_RECORDS,
    REVOKE_TASK,
    CONTROL_WORKERS,
    MANAGE_QUEUES,
)


class Policy:
    """The default policy. Subclass it, override ``allows`` or one ``may_…`` method, and name it in ``POLICY``.

    Every method takes the user of the request (possibly anonymous) and the thing asked about, and returns a bool.
    """

    def allows(self, user: Any, action: str, obj: Any = None) -> bool:
        """Return whether ``user`` may do ``action`` to ``obj``; an unknown action and an inactive user may not."""
        if action not in ACTIONS or not getattr(user, "is_active", False):
            return False
        return bool(getattr(self, f"may_{action}")(user, obj))

    def may_view_ops(self, user: Any, obj: Any = None) -> bool:
        return user.is_staff or user.has_perm("celery_ops.view_ops")

    def may_view_payload(self, user: Any, task_name: str | None = None) -> bool:
        return user.has_perm("celery_ops.view_payload")

    def may_view_instance(self, user: Any, instance: Any) -> bool:
        if instance is None:
            return False
        if self.allows(user, VIEW_OPS):
            return True
        meta = instance._meta
        permission = f"{meta.app_label}.view_{meta.model_name}"
        return user.has_perm(permission, instance) or user.has_perm(permission)

    def may_run_task(self, user: Any, task_name: str | None = None) -> bool:
        if not user.has_perm("celery_ops.add_taskrunrecord"):
            return False
        permission = task_permission(task_name)
        return permission is None or user.has_perm(permission)

    def may_view_records(self, user: Any, obj: Any = None) -> bool:
        return user.has_perm("celery_ops.view_taskrunrecord")

    def may_revoke_task(self, user: Any, task_id: str | None = None) -> bool:
        return user.has_perm("celery_ops.revoke_task")

    def may_control_workers(self, user: Any, hostname: str | None = None) -> bool:
        return user.has_perm("celery_ops.control_workers")

    def may_manage_queues(self, user: Any, queue: str | None = None) -> bool:
        return user.has_perm("celery_ops.manage_queues")


def task_permission(task_name: str | None) -> str | None:
    """Return the ``permission`` option that ``RUNNABLE_TASKS`` gives a task, or None."""
    runnable = conf.RUNNABLE_TASKS
    options = runnable.get(task_name) if isinstance(runnable, dict) else None
    return (options or {}).get("permission")


def allows(user: Any, action: str, obj: Any = None) -> bool:
    """Ask the site's policy. A user of None, as on a request without authentication, may nothing."""
    if user is None:
        return False
    return conf.load("POLICY")().allows(user, action, obj)
