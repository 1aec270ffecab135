"""What a worker's pool cannot do. Celery's workers try it all the same, and answer with an exception's name."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

ONE: Final = _("A solo pool is the worker itself: it cannot be given more or less.")
THREADS: Final = _("A pool of threads keeps the size that it was started with.")
RESTART: Final = _("Only a pool of processes can be restarted: restart the worker.")
LIMITS: Final = _("Its pool cannot end a task, so time limits have no effect there.")
#: The name for ending a task that runs, which is no action of its own.
STOP: Final = "stop"
STOPPING: Final = _("Its pool cannot end a task that runs: it runs to its end.")

#: By the name that a worker says of its pool, then by action.
CANNOT: Final[Mapping[str, Mapping[str, Any]]] = {
    "solo": {
        **dict.fromkeys(("pool_grow", "pool_shrink", "autoscale"), ONE),
        "pool_restart": RESTART,
        "time_limit": LIMITS,
        STOP: STOPPING,
    },
    "thread": {
        **dict.fromkeys(("pool_grow", "pool_shrink", "autoscale"), THREADS),
        "pool_restart": RESTART,
        "time_limit": LIMITS,
        STOP: STOPPING,
    },
    "gevent": {"pool_restart": RESTART},
    "eventlet": {"pool_restart": RESTART, "time_limit": LIMITS},
}


def refusals(pool: str | None) -> Mapping[str, Any]:
    """Return why a pool cannot do something, by action; nothing is known of pools that are not Celery's own."""
    return CANNOT.get(pool or "", {})


def refusal(action: str, pool: str | None) -> str:
    """Return why a pool cannot do this, empty when it can."""
    return str(refusals(pool).get(action, ""))
