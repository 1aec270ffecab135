"""Why a message was delivered twice: what two executions of it say, beside what the broker does with its messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from . import states, timezones
from .conf import conf
from .connections import target
from .formatting import duration
from .info import TaskExecution, between

#: Seconds after which a broker hands out again what nobody has acknowledged: kombu's own for Redis and SQS, when the
#: settings have none, and RabbitMQ's ``consumer_timeout``.
USUAL_TIMEOUTS: Final = {"redis": 3600, "sqs": 1800}
CONSUMER_TIMEOUT: Final = 1800
RABBITMQ: Final = "amqp"
#: Clocks of two workers differ by some seconds.
CLOCKS: Final = timedelta(seconds=2)

#: What a cause is called: it was held before it began, it ran on, its worker is gone, it gave its message back, so did
#: its time limit, nothing is heard of the earlier execution, its connection was lost, or none of these.
HELD: Final = "held"
RAN: Final = "ran"
GONE: Final = "gone"
GIVEN_BACK: Final = "given back"
LIMIT: Final = "limit"
OPEN: Final = "open"
CONNECTION: Final = "connection"
UNKNOWN: Final = "unknown"

_SENTENCES: Final[Mapping[str, Any]] = {
    HELD: _("A worker held it for longer than the %(timeout)s that the broker waits: for its eta, or behind others."),
    RAN: _(
        "It was not acknowledged within the %(timeout)s that the broker waits: with acks_late that is done at the end."
    ),
    GONE: _(
        "The worker before it was killed, and the message had not been acknowledged: acks_late gives it to another."
    ),
    GIVEN_BACK: _("The execution before it gave its message back."),
    LIMIT: _("The execution before it ran into its hard time limit, and that gives the message back here."),
    OPEN: _("Nothing tells how the execution before it ended: its process was killed, or it runs still."),
    CONNECTION: _("The worker before it lost its connection to the broker before the message was acknowledged."),
    UNKNOWN: _(
        "The same message came again: sent twice, or given out by a worker with a shorter timeout or a clock ahead."
    ),
}
_VISIBILITY: Final = _(
    "Raise visibility_timeout in broker_transport_options of every worker above the longest countdown and time limit."
)
_CONSUMER: Final = _("Raise consumer_timeout of RabbitMQ above the longest countdown and time limit.")
_REMEDIES: Final[Mapping[str, Any]] = {
    GONE: _("Look in the worker's and the system's log for why. Tasks with acks_late have to bear being run twice."),
    GIVEN_BACK: _("Nothing to mend: Reject(requeue=True) and a soft shutdown do this."),
    LIMIT: _("Raise its time limit, or turn task_acks_on_timeout on: else it never ends."),
    OPEN: _(
        "With task_reject_on_worker_lost a killed process gives its message to another: look in the log for why it was."
    ),
    CONNECTION: _(
        "See the worker's log. worker_cancel_long_running_tasks_on_connection_loss ends what would run beside it."
    ),
    UNKNOWN: _(
        "Compare visibility_timeout and the clocks of all workers, and look whether something sends one id twice."
    ),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a message was delivered again, and what to do about it, a sentence each."""

    code: str
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a broker waits for a message to be acknowledged, None where it does not say."""

    driver: str
    timeout: timedelta | None


def patience() -> Patience:
    """Return how long the site's broker waits, as far as this process's settings say. Connects to nothing."""
    driver = target.target().driver
    options = conf.celery_app.conf.broker_transport_options or {}
    if driver == RABBITMQ:
        return Patience(driver, timedelta(seconds=CONSUMER_TIMEOUT))
    usual = USUAL_TIMEOUTS.get(driver)
    seconds = usual and (positive(options.get("visibility_timeout")) or usual)
    return Patience(driver, timedelta(seconds=seconds) if seconds else None)


def causes_of(executions: Sequence[TaskExecution], broker: Patience) -> list[Cause | None]:
    """Return why each of a task's executions was a new delivery; None for the first one of an attempt."""
    causes: list[Cause | None] = []
    earlier: dict[int, TaskExecution] = {}
    for execution in executions:
        before = earlier.get(execution.attempt)
        causes.append(cause_of(before, execution, broker) if before else None)
        earlier[execution.attempt] = execution
    return causes


def cause_of(before: TaskExecution, execution: TaskExecution, broker: Patience) -> Cause:
    """Return the likely cause of an execution that came after, or beside, another one of the same attempt."""
    code = _code(before, execution, broker)
    remedy = _REMEDIES.get(code) or (_CONSUMER if broker.driver == RABBITMQ else _VISIBILITY)
    return Cause(code, str(_SENTENCES[code]) % {"timeout": duration(broker.timeout)}, str(remedy))


def _code(before: TaskExecution, execution: TaskExecution, broker: Patience) -> str:
    if before.state == states.PENDING:
        return GIVEN_BACK
    if before.state == states.LOST:
        return GONE
    if before.timed_out and before.finished_at and _received(execution) + CLOCKS >= before.finished_at:
        return LIMIT
    first, second = sorted((before, execution), key=_received)  # two that waited for one eta begin in either order
    if broker.timeout and _received(second) - _received(first) + CLOCKS >= broker.timeout:
        held = between(first.received_at, first.started_at)
        return HELD if held and held * 2 > broker.timeout else RAN
    if before.state == states.STARTED:
        return OPEN
    return CONNECTION if broker.driver == RABBITMQ else UNKNOWN


def _received(execution: TaskExecution) -> datetime:
    return execution.received_at or execution.started_at or timezones.now()


def positive(value: object) -> float:
    """Return a number of a setting, 0 for what is none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else 0
