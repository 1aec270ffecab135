"""What ``manage.py celery_ops`` can do, one module each, imported when it is asked for: most are dear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.module_loading import import_string

from .base import Subcommand


@dataclass(frozen=True, slots=True)
class Summary:
    """A subcommand as it is listed: where its class is, and what it does."""

    path: str
    help: str

    def load(self) -> Subcommand:
        return import_string(f"{__name__}.{self.path}")()


SUBCOMMANDS: Final[Mapping[str, Summary]] = {
    "control": Summary("control.Control", "Tell workers to do something; each answers for itself."),
    "doctor": Summary(
        "doctor.Doctor",
        "Try the broker, the workers, the results, the store, the journal and the settings; name what ails.",
    ),
    "failures": Summary("failures.Failures", "List the groups of failures that nobody has resolved."),
    "inspect": Summary("inspect.Inspect", "Ask the workers what they do, have and are; secrets are left out."),
    "logs": Summary("logs.Logs", "Print what a task has logged; with --follow until it has ended."),
    "metrics": Summary("metrics.Metrics", "Print what Prometheus scrapes."),
    "pause": Summary(
        "pause.Pause", "Have no worker consume a queue, those that start later neither, until it is resumed."
    ),
    "prune": Summary("prune.Prune", "Delete journal rows, and with --results task results, that are old."),
    "purge": Summary("purge.Purge", "Delete every message that waits in a queue."),
    "queues": Summary("queues.Queues", "List the queues of the settings, the workers and the broker."),
    "resume": Summary("pause.Resume", "Have the workers that consumed a paused queue consume it again."),
    "retry": Summary("retry.Retry", "Run tasks that have ended again, with the arguments that they had."),
    "revoke": Summary("revoke.Revoke", "Ask every worker to drop tasks, and with --terminate to stop what runs them."),
    "run": Summary("run.RunTask", "Run a task that RUNNABLE_TASKS names; with --wait until it has ended."),
    "schedules": Summary(
        "schedules.Schedules", "List what beat sends by schedule; exit with 1 when one is overdue, or beat is silent."
    ),
    "shutdown": Summary("shutdown.Shutdown", "Have workers finish the tasks that they run, and end."),
    "workers": Summary("workers.Workers", "List the workers; exit with 3 when none answers."),
}
