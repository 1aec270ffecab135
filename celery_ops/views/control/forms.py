"""The forms of control: which fields each action has, and what the pages of workers and queues know to offer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from ...control.pools import refusals
from ...control.workers import MOST_PROCESSES
from ...filters import suggestions
from ...formatting import clean, is_clean
from ...info import ENDED, GONE, WorkerDetail
from ...permissions import CONTROL_WORKERS, MANAGE_QUEUES, allows

SHUTDOWN: Final = "shutdown"


@dataclass(frozen=True, slots=True)
class FieldKind:
    """How a field looks; ``values`` names what is suggested."""

    label: Any
    type: str = "text"
    least: str = ""
    most: str = ""
    step: str = ""
    hint: Any = ""
    values: str = ""


FIELDS: Final[Mapping[str, FieldKind]] = {
    "n": FieldKind(_("Processes"), "number", least="1", most=str(MOST_PROCESSES)),
    "min": FieldKind(_("At least"), "number", least="0", most=str(MOST_PROCESSES)),
    "max": FieldKind(_("At most"), "number", least="1", most=str(MOST_PROCESSES)),
    "queue": FieldKind(_("Queue"), values="queues"),
    "task_name": FieldKind(_("Task"), values="tasks"),
    "rate_limit": FieldKind(_("Rate limit"), hint=_("such as 10/m; 0 for none")),
    "soft": FieldKind(_("Soft time limit, seconds"), hint=_("empty for what the worker has")),
    "hard": FieldKind(_("Hard time limit, seconds"), hint=_("empty for what the worker has")),
    "confirm": FieldKind(_("Confirm")),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One action: what its button says, and which fields it has."""

    label: Any
    fields: tuple[str, ...] = ()
    is_danger: bool = False


ACTIONS: Final[Mapping[str, Action]] = {
    "ping": Action(_("Ping")),
    "pool_grow": Action(_("Grow the pool"), ("n",)),
    "pool_shrink": Action(_("Shrink the pool"), ("n",)),
    "pool_restart": Action(_("Restart the pool"), is_danger=True),
    "autoscale": Action(_("Set autoscale"), ("min", "max")),
    "add_consumer": Action(_("Consume a queue"), ("queue",)),
    "cancel_consumer": Action(_("Stop consuming a queue"), ("queue",)),
    "rate_limit": Action(_("Set a rate limit"), ("task_name", "rate_limit")),
    "time_limit": Action(_("Set time limits"), ("task_name", "soft", "hard")),
    "enable_events": Action(_("Turn events on")),
    "disable_events": Action(_("Turn events off")),
    SHUTDOWN: Action(_("Shut down"), ("confirm",), is_danger=True),
}
#: What queues are told that has a form of its own.
PURGE: Final = Action(_("Delete all messages"), ("confirm",), is_danger=True)


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: FieldKind
    value: str
    errors: Sequence[str]


@dataclass(frozen=True, slots=True)
class ActionForm:
    """One action for some workers or one queue; ``word`` is what has to be typed to confirm."""

    action: str
    label: Any
    targets: tuple[str, ...]
    fields: tuple[Field, ...]
    word: str
    is_danger: bool
    submission: str
    lists: Mapping[str, Sequence[str]]

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]


def needs_nothing(action: str) -> bool:
    """Return whether this may be done at once: it has no field, and does no harm."""
    return action in ACTIONS and not (ACTIONS[action].fields or ACTIONS[action].is_danger)


def form_of(
    action: str, targets: Sequence[str], given: QueryDict, wrong: Mapping[str, Sequence[str]], word: str
) -> ActionForm | None:
    """Return the form of an action with what was given and what is wrong with it; None for an unknown action."""
    kind = PURGE if action == "purge" else ACTIONS.get(action)
    if kind is None or not targets or not all(map(is_clean, targets)):
        return None
    fields = tuple(Field(name, FIELDS[name], clean(given.get(name), 300), wrong.get(name, ())) for name in kind.fields)
    return ActionForm(
        action,
        kind.label,
        tuple(targets),
        fields,
        word,
        kind.is_danger,
        str(uuid4()),
        lists_of(kind.fields),
    )


def lists_of(fields: Sequence[str]) -> dict[str, list[str]]:
    """Return what is suggested for these fields."""
    found = {"queue": ("queues", suggestions.queue_names), "task_name": ("tasks", suggestions.task_names)}
    return {found[name][0]: found[name][1]() for name in fields if name in found}


# -- what the pages offer ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListControl:
    """What a list of workers offers: ``submission`` makes two clicks one action."""

    submission: str
    next_url: str
    actions: tuple[tuple[str, Any], ...] = tuple((name, action.label) for name, action in ACTIONS.items())


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


def _bounds(said: Mapping[str, Any]) -> tuple[int, int] | None:
    least, most = said.get("min"), said.get("max")
    return (least, most) if isinstance(least, int) and isinstance(most, int) else None


def _restarts(conf: Mapping[str, Any]) -> bool:
    """Whether the worker has said that its pool may be restarted."""
    values = {str(name).lower().removeprefix("celery_"): value for name, value in conf.items()}
    return values.get("worker_pool_restarts") is True
