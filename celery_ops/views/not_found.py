"""What is not there, and why that may be: another thing for a worker, a queue, a task and a row of the journal."""

from django.http import Http404
from django.utils.translation import gettext as _


class NotFound(Http404):
    """There is no such thing; ``hint`` says to a person what may have become of it."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


def no_worker(reason: str = "") -> NotFound:
    return NotFound(
        reason or _("There is no such worker."),
        _("One that said goodbye is listed for ten minutes, and one that was killed for a day."),
    )


def no_queue() -> NotFound:
    return NotFound(
        _("There is no such queue."),
        _("An empty queue is known for as long as a worker consumes it, the configuration names it, or it is paused."),
    )


def no_message() -> NotFound:
    return NotFound(_("No such message waits any more."), _("A worker may have taken it meanwhile."))


def no_task() -> NotFound:
    return NotFound(
        _("No source knows a task of this id."),
        _("What was known of it may have been too old to be kept, or its address may have been cut."),
    )


def not_running() -> NotFound:
    return NotFound(_("The task is not running."), _("It may have ended a moment ago, or may not have begun."))


def no_workflow() -> NotFound:
    return NotFound(
        _("No workflow is known that this task is part of."),
        _("A workflow is kept for RETENTION, when one of its tasks is tracked. A task that went alone is in none."),
    )


def no_group() -> NotFound:
    return NotFound(
        _("There is no such failure group."),
        _("A group is kept for as long as numbers are (METRICS_RETENTION), counted from its last failure."),
    )


def no_schedule() -> NotFound:
    return NotFound(
        _("There is no such schedule."),
        _("It may have been renamed or deleted, or its source may not be one that beat reads."),
    )


def no_runnable() -> NotFound:
    return NotFound(
        _("There is no such task to run."),
        _("It may have been renamed, or may no longer be among those that can be run by hand (RUNNABLE_TASKS)."),
    )


def no_row() -> NotFound:
    return NotFound(
        _("There is no such row in the journal."),
        _("Old rows are deleted, and those of others are shown only to who may see the whole journal."),
    )
