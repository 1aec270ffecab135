"""Which module hears which of Celery's signals: it is imported when that signal is first sent.

Most processes load a site and its tasks, and neither publish nor run any. A worker imports all of it when it begins.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

from celery import signals

from . import signals as own_signals

#: Each module has a function of the signal's name.
HEARD_BY: Final = {
    "tracking.publishing": ("before_task_publish", "after_task_publish"),
    "tracking.delivery": ("task_received", "task_revoked", "task_rejected", "task_unknown"),
    # before the next one, which lets go of what is known of a run
    "failures.executing": ("task_received", "task_failure", "task_unknown", "worker_init"),
    "tracking.executing": ("task_prerun", "task_retry", "task_success", "task_failure", "task_postrun"),
    # before tracking ends: what waits is handed over to it
    "task_logs.executing": (
        "worker_init",
        "task_prerun",
        "task_postrun",
        "worker_process_shutdown",
        "worker_shutdown",
    ),
    "metrics.publishing": ("after_task_publish",),
    "metrics.executing": (
        "task_received",
        "task_prerun",
        "task_success",
        "task_retry",
        "task_failure",
        "task_postrun",
        "task_revoked",
        "task_rejected",
        "task_unknown",
        "worker_init",
        "worker_ready",
        "worker_process_shutdown",
        "worker_shutdown",
    ),
    "tracking.workers": (
        "worker_init",
        "worker_ready",
        "worker_shutting_down",
        "worker_process_shutdown",
        "worker_shutdown",
    ),
    "control.worker_receivers": ("worker_init", "worker_ready", "worker_shutdown"),
    "stacks.worker": ("worker_init", "worker_process_init", "worker_ready"),
    "alerts.watching": ("worker_ready", "worker_shutdown"),
    "schedules.beat": ("beat_init",),
}
#: The same for signals of our own.
OF_OURS: Final = {"alerts.groups": ("failure_seen",)}


def connect() -> None:
    """Connect every receiver; once is enough, again does no harm."""
    for sent, heard_by in ((signals, HEARD_BY), (own_signals, OF_OURS)):
        for module, names in heard_by.items():
            for name in names:
                uid = f"celery_ops.{module}.{name}"
                getattr(sent, name).connect(_late(module, name), weak=False, dispatch_uid=uid)


def _late(module: str, name: str) -> Callable[..., None]:
    @cache
    def function() -> Callable[..., None]:
        return getattr(import_module(f"{__package__}.{module}"), name)

    def receiver(*args: Any, **kwargs: Any) -> None:
        function()(*args, **kwargs)

    return receiver
