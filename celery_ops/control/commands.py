"""What workers and queues are told by forms: one declaration each, for pages, the command line and JSON."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy, ngettext

from ..backends.broker import declaring, reserved
from ..conf import conf
from ..exceptions import BackendUnavailable, BadInput, BrokerUnavailable
from ..formatting import clean
from ..info import QueueDetail, WorkerInfo
from ..models import ControlRecord
from ..sentences import Sentence as _
from . import paused_queues
from .fields import LONGEST_SHOWN, Input, NameField, ProcessesField, SecondsField
from .standing import Paused
from .worker_limits import TIME_LIMIT

C = TypeVar("C", bound="Confirmed")
T = TypeVar("T")

#: Seconds after which a worker has done what it says that it will do.
SETTLING: Final = 0.2

RATE: Final = re.compile(r"^(0|[1-9]\d{0,5}(\.\d{1,3})?/[smh])\Z", re.ASCII)
NO_RATE: Final = gettext_lazy("Enter a rate such as 10/m, 1/s or 100/h, or 0 for none.")

ONE: Final = gettext_lazy("A solo pool is the worker itself: it cannot be given more or less.")
THREADS: Final = gettext_lazy("A pool of threads keeps the size that it was started with.")
RESTART: Final = gettext_lazy("Only a pool of processes can be restarted: restart the worker.")
LIMITS: Final = gettext_lazy("Its pool cannot end a task, so time limits have no effect there.")
SOFT: Final = gettext_lazy("A gevent pool knows no soft time limit: set a hard one.")


class ActionForm(forms.Form):
    """One action for some workers or one queue: ``name`` is what the journal calls it, ``label`` what people do.

    Without data it shows what is ``initial``.
    """

    name: ClassVar[str]
    label: ClassVar[Any]
    is_danger: ClassVar[bool] = False
    bound_field_class = Input
    use_required_attribute = False

    def __init__(self, data: Mapping[str, Any] | None = None, *, targets: Sequence[str] = (), **kwargs: Any) -> None:
        """``targets`` are the hostnames, or the queue."""
        super().__init__(data, auto_id="celery-ops-%s", label_suffix="", **kwargs)
        self.targets = tuple(targets)

    @classmethod
    def needs_nothing(cls) -> bool:
        """Return whether this may be done at once: it has no field, and does no harm."""
        return not (cls.base_fields or cls.is_danger)

    def checked(self) -> dict[str, Any]:
        """Return what was entered. Raises BadInput."""
        if not self.is_valid():
            raise BadInput({name: list(map(str, messages)) for name, messages in self.errors.items()})
        return self.cleaned_data

    def show(self, error: BadInput) -> None:
        """Say beside its fields what turned out to be wrong with them."""
        for name, messages in error.errors.items():
            if name in self.fields and not self.has_error(name):
                self.add_error(name, messages)


class Confirmed(ActionForm):
    """What is done once the name of its target has been typed: of one that, of several its own."""

    is_danger = True
    confirm = forms.CharField(required=False, strip=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = self.targets[0] if len(self.targets) == 1 else self.name
        shown = {"word": clean(self.word, LONGEST_SHOWN)}
        self.fields["confirm"].label = _("Type %(word)s to confirm") % shown
        self.wrong = _("Type %(word)s to confirm.") % shown

    @classmethod
    def confirmed(cls: type[C], targets: Sequence[str]) -> C:
        """Return the form as it is once the name has been typed."""
        return cls({"confirm": cls(targets=targets).word}, targets=targets)

    def clean_confirm(self) -> str:
        if self.cleaned_data["confirm"] != self.word:
            raise ValidationError(self.wrong)
        return self.word


class PurgeQueue(Confirmed):
    name, label = "purge", gettext_lazy("Delete all messages")


class WorkerCommand(ActionForm):
    """Something that workers are told, by the name that Celery has for it, or ``own_name`` where it takes one of ours.

    ``cannot`` says why a kind of pool cannot do it. ``answers`` is False for what ends the worker that would answer.
    ``lives`` says that it should answer again at once, ``settles`` seconds after its reply: some things are only done
    after that.
    """

    own_name: ClassVar[str] = ""
    cannot: ClassVar[Mapping[str, Any]] = {}
    answers: ClassVar[bool] = True
    lives: ClassVar[bool] = True
    settles: ClassVar[float] = 0.0

    def arguments(self) -> dict[str, Any]:
        """Return what is sent along. Raises BadInput."""
        return self.checked()

    def besides(self) -> dict[str, Any]:
        """Return what workers need to be told besides ``arguments``, once the circumstances are checked."""
        return {}

    def check_circumstances(self) -> None:
        """Raise BadInput for what is well-formed and would do harm; BackendUnavailable when that cannot be known."""
        for worker in self.workers if self.cannot else ():
            if reason := self.cannot.get(worker.pool or ""):
                raise BadInput({"action": [f"{clean(worker.hostname)}: {reason}"]})

    @cached_property
    def workers(self) -> list[WorkerInfo]:
        """The targets, as far as they are known. Raises BackendUnavailable."""
        report = conf.load("WORKER_BACKEND")().workers()
        return [worker for worker in report.workers if worker.hostname in self.targets]


class Ping(WorkerCommand):
    name, label = "ping", gettext_lazy("Ping")
    lives = False


class PoolGrow(WorkerCommand):
    name, label = "pool_grow", gettext_lazy("Grow the pool")
    cannot = {"solo": ONE, "thread": THREADS}
    n = ProcessesField(gettext_lazy("Processes"))


class PoolShrink(PoolGrow):
    name, label = "pool_shrink", gettext_lazy("Shrink the pool")

    def check_circumstances(self) -> None:
        """A worker without a process would look alive and run nothing."""
        super().check_circumstances()
        for worker in self.workers:
            if worker.concurrency is not None and self.cleaned_data["n"] >= worker.concurrency:
                worker_has = {"worker": clean(worker.hostname), "n": worker.concurrency}
                sentence = ngettext(
                    "%(worker)s has %(n)s process: one at least has to stay.",
                    "%(worker)s has %(n)s processes: one at least has to stay.",
                    worker.concurrency,
                )
                raise BadInput({"n": [sentence % worker_has]})


class PoolRestart(WorkerCommand):
    name, label = "pool_restart", gettext_lazy("Restart the pool")
    is_danger = True
    cannot = dict.fromkeys(("solo", "thread", "gevent", "eventlet"), RESTART)
    lives = False

    def arguments(self) -> dict[str, Any]:
        return {"modules": [], "reload": False}


class Autoscale(WorkerCommand):
    name, label = "autoscale", gettext_lazy("Set autoscale")
    cannot = PoolGrow.cannot
    min = ProcessesField(gettext_lazy("At least"), least=0)
    max = ProcessesField(gettext_lazy("At most"))

    def clean(self) -> None:
        if not self.errors and self.cleaned_data["min"] > self.cleaned_data["max"]:
            self.add_error("min", _("The least is more than the most."))


class Consumer(WorkerCommand):
    """What is said of one queue."""

    settles = SETTLING
    queue = NameField(gettext_lazy("Queue"), values="queues")

    @cached_property
    def known(self) -> tuple[QueueDetail | None, Paused | None]:
        """What is known of the queue, and its pause. Raises BackendUnavailable."""
        return paused_queues.queue(conf.load("QUEUE_BACKEND")(), self.cleaned_data["queue"])

    def check_known(self, *, may_be_new: bool = False) -> None:
        """Raise BadInput when nobody knows the queue."""
        if self.known[0] is None and not may_be_new:
            raise BadInput({"queue": [_("Nobody knows a queue of this name.")]})


class AddConsumer(Consumer):
    name, label = "add_consumer", gettext_lazy("Consume a queue")

    def besides(self) -> dict[str, Any]:
        """A worker that does not know the queue would declare it as any other."""
        return declaring.options_of(self.known[0])

    def check_circumstances(self) -> None:
        queue = self.cleaned_data["queue"]
        if _answered(lambda: reserved.is_reserved(queue)):
            raise BadInput({"queue": [_("Celery or the broker keeps this name for something else than tasks.")]})
        self.check_known(may_be_new=conf.celery_app.conf.task_create_missing_queues)
        if self.known[1] is not None:
            raise BadInput({"queue": [_("This queue is paused: resume it first.")]})
        if reason := _answered(lambda: declaring.refusal(queue, self.besides())):
            sentence = _(
                "The broker has this queue otherwise than the settings say, and a worker that is told to consume it"
                " would come to an end: %(reason)s. Name it in task_queues as it is."
            )
            raise BadInput({"queue": [sentence % {"reason": clean(reason, LONGEST_SHOWN)}]})


class CancelConsumer(Consumer):
    name, label = "cancel_consumer", gettext_lazy("Stop consuming a queue")

    def check_circumstances(self) -> None:
        self.check_known()


class RateLimit(WorkerCommand):
    name, label = "rate_limit", gettext_lazy("Set a rate limit")
    task_name = NameField(gettext_lazy("Task"), values="tasks")
    rate_limit = forms.RegexField(
        RATE,
        label=gettext_lazy("Rate limit"),
        help_text=gettext_lazy("such as 10/m; 0 for none"),
        strip=True,
        error_messages={"required": NO_RATE, "invalid": NO_RATE},
    )


class TimeLimit(WorkerCommand):
    name, label = "time_limit", gettext_lazy("Set time limits")
    own_name = TIME_LIMIT
    cannot = dict.fromkeys(("solo", "thread", "eventlet"), LIMITS)
    task_name = NameField(gettext_lazy("Task"), values="tasks")
    soft = SecondsField(gettext_lazy("Soft time limit, seconds"))
    hard = SecondsField(gettext_lazy("Hard time limit, seconds"))

    def clean(self) -> None:
        soft, hard = self.cleaned_data.get("soft"), self.cleaned_data.get("hard")
        if soft is None and hard is None and not self.errors:
            self.add_error("hard", _("Enter a soft or a hard limit."))
        if soft is not None and hard is not None and soft > hard:
            self.add_error("soft", _("The soft limit comes after the hard one."))

    def check_circumstances(self) -> None:
        """Celery's gevent pool drops a soft limit without a word."""
        super().check_circumstances()
        for worker in self.workers if self.cleaned_data["soft"] is not None else ():
            if worker.pool == "gevent":
                raise BadInput({"soft": [f"{clean(worker.hostname)}: {SOFT}"]})


class EnableEvents(WorkerCommand):
    name, label = "enable_events", gettext_lazy("Turn events on")


class DisableEvents(WorkerCommand):
    name, label = "disable_events", gettext_lazy("Turn events off")


class ShutdownWorker(Confirmed, WorkerCommand):
    name, label = "shutdown", gettext_lazy("Shut down")
    answers = lives = False

    def arguments(self) -> dict[str, Any]:
        self.checked()
        return {}


#: What workers are told, in the order of the menus.
COMMANDS: Final[Mapping[str, type[WorkerCommand]]] = {
    command.name: command
    for command in (
        Ping,
        PoolGrow,
        PoolShrink,
        PoolRestart,
        Autoscale,
        AddConsumer,
        CancelConsumer,
        RateLimit,
        TimeLimit,
        EnableEvents,
        DisableEvents,
        ShutdownWorker,
    )
}


#: What people read of everything that the journal keeps, by the names that its rows have.
LABELS: Final[Mapping[str, Any]] = {
    "revoke": gettext_lazy("Revoke"),
    "revoke_by_stamped_headers": gettext_lazy("Revoke by stamped headers"),
    "bulk_revoke": gettext_lazy("Revoke all that match"),
    "retry": gettext_lazy("Run again"),
    **{name: command.label for name, command in COMMANDS.items()},
    "pause": gettext_lazy("Pause a queue"),
    "resume": gettext_lazy("Resume a queue"),
    PurgeQueue.name: PurgeQueue.label,
    ControlRecord.RESOLVE: gettext_lazy("Resolve failures"),
    ControlRecord.REOPEN: gettext_lazy("Reopen failures"),
    ControlRecord.PAUSE_SCHEDULE: gettext_lazy("Pause a schedule"),
    ControlRecord.RESUME_SCHEDULE: gettext_lazy("Resume a schedule"),
    ControlRecord.SKIP_OCCURRENCE: gettext_lazy("Skip an occurrence"),
    "delete": gettext_lazy("Delete messages"),
    "move": gettext_lazy("Move messages"),
}


def command_of(action: str) -> type[WorkerCommand]:
    """Return the command of this name. Raises BadInput."""
    if action not in COMMANDS:
        raise BadInput({"action": [_("The actions are %(names)s.") % {"names": ", ".join(COMMANDS)}]})
    return COMMANDS[action]


def refusals(pool: str | None) -> dict[str, Any]:
    """Return why a pool cannot do something, by action; nothing is known of pools that are not Celery's own."""
    return {name: command.cannot[pool or ""] for name, command in COMMANDS.items() if (pool or "") in command.cannot}


def _answered(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except BrokerUnavailable as error:
        raise BackendUnavailable(_("The broker does not answer, so nothing was asked.")) from error
