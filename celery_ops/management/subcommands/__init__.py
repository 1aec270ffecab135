"""What ``manage.py celery_ops`` can do, one module each."""

from collections.abc import Mapping
from typing import Final

from . import control, doctor, inspect, pause, prune, purge, queues, retry, revoke, run, shutdown, workers
from .base import Subcommand

SUBCOMMANDS: Final[Mapping[str, type[Subcommand]]] = {
    "control": control.Control,
    "doctor": doctor.Doctor,
    "inspect": inspect.Inspect,
    "pause": pause.Pause,
    "prune": prune.Prune,
    "purge": purge.Purge,
    "queues": queues.Queues,
    "resume": pause.Resume,
    "retry": retry.Retry,
    "revoke": revoke.Revoke,
    "run": run.Run,
    "shutdown": shutdown.Shutdown,
    "workers": workers.Workers,
}
