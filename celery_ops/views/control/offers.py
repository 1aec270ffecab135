"""What the pages of workers and queues know to offer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from django.http import HttpRequest

from ...control.commands import COMMANDS, ActionForm, refusals
from ...filters import suggestions
from ...formatting import is_clean
from ...info import ENDED, GONE, WorkerDetail
from ...permissions import CONTROL_WORKERS, MANAGE_QUEUES, allows

#: What is suggested for the fields of commands, by the id of the list.
SUGGESTED: Final[Mapping[str, Callable[[], list[str]]]] = {
    "celery-ops-queues": suggestions.queue_names,
    "celery-ops-tasks": suggestions.task_names,
}


def lists_of(form: ActionForm) -> dict[str, list[str]]:
    """Return what is suggested for the fields of a form."""
    lists = [field.widget.attrs.get("list", "") for field in form.fields.values()]
    return {name: SUGGESTED[name]() for name in lists if name in SUGGESTED}


@dataclass(frozen=True, slots=True)
class ListControl:
    """What a list of workers offers: ``submission`` makes two clicks one action."""

    submission: str
    next_url: str
    actions: tuple[tuple[str, Any], ...] = tuple((name, command.label) for name, command in COMMANDS.items())


@dataclass(frozen=True, slots=True)
class WorkerControl:
    """What a worker's page offers.

    ``size`` is how many processes it has now, ``autoscale`` its bounds where it has an autoscaler. ``restarts`` is
    False where the worker says that its pool cannot be restarted. ``cannot`` says why its kind of pool is not offered
    something, by action.
    """

    hostname: str
    submission: str
    next_url: str
    size: int | None
    autoscale: tuple[int, int] | None
    restarts: bool
    queues: Sequence[str]
    names: Sequence[str]
    cannot: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueueControl:
    """What a queue's page offers; ``others`` are where messages may be moved to."""

    name: str
    submission: str
    next_url: str
    others: Sequence[str] = ()


def list_control(request: HttpRequest) -> ListControl:
    return ListControl(str(uuid4()), request.get_full_path())


def worker_control(detail: WorkerDetail, request: HttpRequest) -> WorkerControl | None:
    """Return what may be done to a worker; None for those whom the policy refuses, and where it has left."""
    hostname = detail.info.hostname
    if not (is_clean(hostname) and allows(request.user, CONTROL_WORKERS, hostname)):
        return None
    if detail.info.state in (ENDED, GONE):  # nobody is there to be told
        return None
    queues = [name for name in detail.info.queues or () if is_clean(name)]
    return WorkerControl(
        hostname,
        str(uuid4()),
        request.get_full_path(),
        detail.info.concurrency,
        _bounds(detail.autoscaler),
        _restarts(detail.conf),
        queues,
        [name for name in suggestions.queue_names() if name not in queues],
        refusals(detail.info.pool),
    )


def queue_control(name: str, request: HttpRequest, *, can_change: bool) -> QueueControl | None:
    """Return what may be done to a queue, None for those whom the policy refuses."""
    if not (is_clean(name) and allows(request.user, MANAGE_QUEUES, name)):
        return None
    others = [other for other in suggestions.queue_names() if other != name] if can_change else []
    allowed = [other for other in others if allows(request.user, MANAGE_QUEUES, other)]
    return QueueControl(name, str(uuid4()), request.get_full_path(), allowed)


def _bounds(autoscaler: Mapping[str, Any]) -> tuple[int, int] | None:
    least, most = autoscaler.get("min"), autoscaler.get("max")
    return (least, most) if isinstance(least, int) and isinstance(most, int) else None


def _restarts(conf: Mapping[str, Any]) -> bool:
    """Whether the worker has said that its pool may be restarted."""
    values = {str(name).lower().removeprefix("celery_"): value for name, value in conf.items()}
    return values.get("worker_pool_restarts") is True
