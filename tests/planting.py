"""Tasks as a worker would have written them, put into the store by hand: also such as only a hostile one writes."""

from typing import Any

from celery.utils import uuid
from django.db.models import Model

from celery_ops import states
from celery_ops.panels.token import PanelOptions, viewer
from celery_ops.task_logs.attempt import AttemptLog
from celery_ops.tracking import facts, index, log_fields
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms

WORKER = "celery@web-3"


def plant(
    obj: Model,
    name: str = "tests.shop.tasks.noop",
    state: str = states.SUCCESS,
    *,
    task_id: str | None = None,
    worker: str = WORKER,
    ago: int = 60,
    attempt: int = 0,
    progress: str = "",
    args: str = "",
    error: str = "",
    result: str = "",
    traceback: str = "",
) -> str:
    """Let ``obj`` have a task that was published ``ago`` seconds ago, and return its id."""
    task_id = uuid() if task_id is None else task_id
    published = now_ms() - ago * 1000
    known = {facts.PROGRESS: progress, facts.ERROR: error, facts.RESULT: result, facts.TRACEBACK: traceback}
    if state != states.PENDING:
        known.update(facts.started(published + 1000, published + 500, worker))
    if state == states.RETRY:
        known[facts.RETRIED] = str(published + 2000)
    if state in facts.ENDED:
        known[facts.ENDED[state]] = str(published + 3000)
    fields = facts.published(task_id, published, name)
    fields.update({facts.field(task_id, kind, attempt): value for kind, value in known.items() if value})
    if args:
        fields[facts.field(task_id, facts.ARGUMENTS)] = facts.EXACT + args
    ref = ObjectRef.of(obj)
    recorder().record([(ref, fields), index.entry(task_id, [ref], published)])
    recorder().flush()
    return task_id


def plant_log(
    task_id: str, *messages: str, attempt: int = 0, level: str = "INFO", at: float = 1_800_000_000.25
) -> None:
    """Let a task have logged these; attempts are told from 0, and ``at`` is seconds since the epoch."""
    add_lines(AttemptLog(task_id, "tests.shop.tasks.logs", attempt), *messages, level=level, at=at)


def add_lines(log: AttemptLog, *messages: str, level: str = "INFO", at: float = 1_800_000_000.25) -> None:
    """Log these, and write them."""
    for message in messages:
        log.add(at, level, "shop.tasks", message)
    recorder().record(log.batch)
    recorder().flush()


def logs_of_two_executions(task_id: str) -> tuple[AttemptLog, AttemptLog]:
    """Return the empty logs of a task that runs twice at once, the second one from five seconds later on."""
    first, second = (AttemptLog(task_id, "tests.shop.tasks.logs", 0) for _ in range(2))
    second.begun += 5000
    second._name = log_fields.execution_name(0, second.begun)
    return first, second


def panel_of(obj: Model, user: Any = None, *, limit: int = 10, launch: bool = True, public: bool = False) -> str:
    """Return the address of the panel that ``user`` (None: an anonymous viewer) was shown."""
    ref = ObjectRef.of(obj)
    return PanelOptions(ref.label, ref.pk, viewer(user), limit, launch, public).url


#: When messages were published that have been delivered, by task id; and the milliseconds in which they may be again.
_deliveries: dict[str, int] = {}
AGAIN_WITHIN = 60_000


def plant_delivery(
    obj: Model,
    task_id: str,
    delivery: str,
    *,
    worker: str = WORKER,
    name: str = "tests.shop.tasks.noop",
    pid: int | None = 4242,
    ago: int = 7200,
    received: int = 0,
    begun: int = 1,
    ended: int | None = 10,
    state: str = states.SUCCESS,
) -> None:
    """Let a worker execute a message of ``obj`` that it received so many seconds after it was published, ``ago``."""
    published, ref = _published(task_id, now_ms() // 1000 * 1000 - ago * 1000), ObjectRef.of(obj)
    run = Execution(task_id, name, 0, Stamp((ref,), (), published), delivery=delivery)
    start = facts.started(published + begun * 1000, published + received * 1000, worker, published, pid)
    for kind, value in start.items():
        run.note(kind, value)
    if ended is not None:
        run.note(facts.ENDED[state], str(ended * 1000))
    recorder().record(run.first_batch())
    recorder().flush()


def _published(task_id: str, at: int) -> int:
    """Return when a message was published: at one moment, though a second passes before it is delivered again."""
    if abs(_deliveries.get(task_id, 0) - at) > AGAIN_WITHIN:
        _deliveries[task_id] = at
    return _deliveries[task_id]
