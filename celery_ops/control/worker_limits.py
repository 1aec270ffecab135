"""The worker's side of time limits: Celery's own command changes a task's, and its worker does not look there again.

What a worker makes of messages knows the limits that a task had when it connected, so it is made anew.
"""

from typing import Any, Final

#: The name under which a worker knows the command.
TIME_LIMIT: Final = "celery_ops_time_limit"
#: What a worker answers where nothing of this would count.
CARRIED: Final = "the task's messages carry a limit of their own, and that one counts"


def register() -> None:
    """Let this worker know the command; not at import, since Celery's control module is no part of a web process."""
    from celery.worker.control import Panel, control_command

    if TIME_LIMIT not in Panel.data:
        arguments = [("task_name", str), ("soft", float), ("hard", float)]
        control_command(name=TIME_LIMIT, args=arguments, signature="<task_name> <soft> [hard]")(time_limit)


def time_limit(
    state: Any, task_name: str, soft: float | None = None, hard: float | None = None, **_: Any
) -> dict[str, str]:
    """Set the time limits of what this worker takes from its queues from now on."""
    from celery.worker.control import Panel

    task = state.app.tasks.get(task_name)
    if task is not None and _is_carried(type(task), soft, hard):
        return {"error": CARRIED}
    reply: dict[str, str] = Panel.data["time_limit"](state, task_name, soft=soft, hard=hard)
    if task is not None:
        state.consumer.strategies[task_name] = task.start_strategy(state.app, state.consumer)
    return reply


def _is_carried(kind: Any, soft: float | None, hard: float | None) -> bool:
    """Whether who publishes puts such a limit into the message: the code's, and since Celery 5.7 the settings'."""
    return bool((soft is not None and kind.soft_time_limit) or (hard is not None and kind.time_limit))
