"""The table of tasks that may be run by hand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.db import Error as DatabaseError
from django.db.models import Subquery
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tables2 import Column
from django_tables2.data import TableListData

from .. import redaction
from ..catalog import Offer
from ..formatting import clean
from ..info import RegisteredTask
from ..logs import get_logger
from ..models import TaskRunRecord
from ..permissions import has_permission
from ..running.allowlist import allowed_names
from ..running.parameters import Parameter, parameters_of
from ..tracking.registry import registry
from .base import Line, OpsTable
from .columns import PLAIN, PartialColumn, TextColumn, TimeColumn, cells

logger = get_logger("celery_ops.running")

#: What everybody needs who runs tasks, as the default policy has it.
RUNNERS: Final = "celery_ops.add_taskrunrecord"
LONGEST_DEFAULT: Final = 40
#: What the kind of a parameter without annotation is called: that it takes anything goes without saying.
ANYTHING: Final = "json"


@dataclass(frozen=True, slots=True)
class Takes:
    """What a task takes, as code or in words."""

    text: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class RunRow:
    """One task in the list: texts that a page can carry. ``url`` is empty for those who may not run it.

    ``notes`` say what stands in the way, ``limits`` the rate limits in force on workers.
    """

    name: str
    label: str
    url: str
    group: str
    summary: str
    signature: Takes
    who: str
    limits: str
    notes: tuple[str, ...]
    last_run: datetime | None

    @property
    def is_muted(self) -> bool:
        return not self.url

    @classmethod
    def of(cls, offer: Offer, user: Any, *, is_listed: bool, last_run: datetime | None) -> "RunRow":
        """``is_listed`` says that ``RUNNABLE_TASKS`` names it, whether or not anybody knows such a task."""
        task = offer.runnable
        return cls(
            name=clean(task.name),
            label=clean(task.label),
            url=run_url(task.name) if offer.may_run else "",
            group=clean(task.group),
            summary=clean(task.description),
            signature=takes(task.name),
            who=who_may_run(task.permission) if is_listed else _("nobody"),
            limits=limits_text(offer.workers),
            notes=tuple(_notes(offer, user, is_listed)),
            last_run=last_run,
        )


def run_url(name: str) -> str:
    """Return the address of a task's form, empty for a name that no address can have."""
    try:
        return reverse("celery_ops:run-task", args=[name])
    except NoReverseMatch:
        return ""


def in_order(offers: Iterable[Offer]) -> list[Offer]:
    """Return offers by group and label; what the viewer may run comes first, and so do groups that have some of it."""
    offers = list(offers)
    useful = {offer.runnable.group for offer in offers if offer.may_run}

    def key(offer: Offer) -> tuple[Any, ...]:
        task = offer.runnable
        return task.group not in useful, task.group.lower(), task.group, not offer.may_run, task.label.lower()

    return sorted(offers, key=key)


def last_runs(names: Iterable[str]) -> dict[str, datetime | None]:
    """Return when each task ran last by hand: one query, in which an index has the newest row of each name."""
    names = list(dict.fromkeys(names))
    newest = [
        Subquery(TaskRunRecord.objects.filter(task_name=name).order_by("-id").values("created_at")[:1])
        for name in names
    ]
    times = TaskRunRecord.objects.order_by().values_list(*newest).first() if names else None
    return dict(zip(names, times or (), strict=False))


def takes(name: str) -> Takes:
    """Return what a task takes: ``order_id: int, note: str = ""``; sensitive defaults do not show."""
    parameters = parameters_of(name)
    if not parameters.is_known:
        return Takes(_("any arguments, as JSON"))
    hidden = registry.sensitive(name)
    parts = [_parameter(parameter, parameter.sensitive or parameter.name in hidden) for parameter in parameters.named]
    if parameters.takes_args:
        parts.append(f"*{parameters.args_name}")
    if parameters.takes_kwargs:
        parts.append(f"**{parameters.kwargs_name}")
    return Takes(clean(", ".join(parts)), is_code=True) if parts else Takes(_("nothing"))


def _parameter(parameter: Parameter, is_hidden: bool) -> str:
    kind = "" if parameter.kind.label.startswith(ANYTHING) else f": {parameter.kind.label}"
    if parameter.required:
        return parameter.name + kind
    return f"{parameter.name}{kind} = {'…' if is_hidden else _default(parameter)}"


def _default(parameter: Parameter) -> str:
    """Return a default as code would have it, and an ellipsis for one that is long or not to be shown."""
    value = parameter.default
    if isinstance(value, (tuple, list, dict)) and not value:
        return repr(value)
    try:
        plain = value if value is None or isinstance(value, (str, int, float)) else parameter.kind.text(value)
    except (ValueError, TypeError, AttributeError):
        return "…"
    shown = redaction.redact(plain, name=parameter.name)
    text = repr(shown) if plain is value else str(shown)
    return "…" if shown in (redaction.FAILED, redaction.REDACTED) or len(text) > LONGEST_DEFAULT else text


def limits_text(workers: Mapping[str, RegisteredTask] | None) -> str:
    """Return the rate limits in force: once when all workers have the same, else with the workers' names."""
    limits = {hostname: task.rate_limit for hostname, task in (workers or {}).items() if task.rate_limit}
    if len(set(limits.values())) == 1 and len(limits) == len(workers or ()):
        return clean(next(iter(limits.values())))
    return ", ".join(
        _("%(limit)s on %(worker)s") % {"limit": clean(limit), "worker": clean(hostname)}
        for hostname, limit in limits.items()
    )


def who_may_run(permission: str | None) -> str:
    if permission is None:
        return _("all who may run tasks")
    return _("those who also have %(permission)s") % {"permission": clean(permission)}


def missing_permissions(user: Any, permission: str | None) -> tuple[str, ...]:
    """Return the permissions that the default policy asks for and ``user`` has not."""
    return tuple(name for name in (RUNNERS, permission) if name and not has_permission(user, name))


def _notes(offer: Offer, user: Any, is_listed: bool) -> Iterator[str]:
    if not is_listed:
        yield _("Not in RUNNABLE_TASKS.")
    elif not offer.is_runnable:
        yield _("In RUNNABLE_TASKS, but neither this site nor a live worker has such a task.")
        return
    elif not offer.may_run:
        missing = missing_permissions(user, offer.runnable.permission)
        sentence = _("You need %(permissions)s.") % {"permissions": ", ".join(missing)}
        yield sentence if missing else _("This site does not let you run it.")
    if offer.workers is not None and not offer.workers:
        yield _("No live worker has it.")


@dataclass(frozen=True, slots=True)
class RunPart:
    """Rows of a page under the headings of their groups. ``is_folded`` says that the viewer may run none of them."""

    groups: tuple[tuple[str, list[Line]], ...]
    count: int
    is_folded: bool

    @classmethod
    def of(cls, pairs: Sequence[tuple[RunRow, Line]], *, is_folded: bool) -> "RunPart":
        grouped = groupby(pairs, key=lambda pair: pair[0].group)
        groups = tuple((group, [line for _row, line in rows]) for group, rows in grouped)
        return cls(groups, len(pairs), is_folded)


class TaskColumn(PartialColumn):
    """What a task is: its label, name, summary and what stands in the way."""

    template_name = "celery_ops/runs/task.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": cells("celery-ops-run-what"), **kwargs})

    def context(self, value: Any, record: RunRow) -> dict[str, Any]:
        return {"row": record}


class SignatureColumn(Column):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"attrs": cells("celery-ops-run-takes"), **kwargs})

    def render(self, value: Takes) -> str:
        if value.is_code:
            return format_html("<code>{}</code>", value.text)
        return format_html('<span class="celery-ops-muted">{}</span>', value.text)


class RunTable(OpsTable):
    caption = gettext_lazy("Tasks to run")
    label = TaskColumn(verbose_name=gettext_lazy("Task"))
    signature = SignatureColumn(verbose_name=gettext_lazy("Takes"))
    who = TextColumn(verbose_name=gettext_lazy("Who may run it"), attrs=PLAIN)
    last_run = TimeColumn(verbose_name=gettext_lazy("Last run by hand"), default=gettext_lazy("never"))
    limits = TextColumn(verbose_name=gettext_lazy("Rate limit"), default="")

    class Meta(OpsTable.Meta):
        template_name = "celery_ops/runs/table.html"
        attrs = {"class": "table celery-ops-run-table"}
        orderable = False
        row_attrs = {
            "data-key": lambda record: record.name,
            "class": lambda record: "celery-ops-run-muted" if record.is_muted else None,
        }

    def parts(self) -> list[RunPart]:
        """Return the rows of this page: those that the viewer may run, then those that stay folded."""
        pairs = [(row.record, line) for row, line in zip(self.paginated_rows, self.lines(), strict=True)]
        runnable = RunPart.of([pair for pair in pairs if not pair[0].is_muted], is_folded=False)
        others = RunPart.of([pair for pair in pairs if pair[0].is_muted], is_folded=True)
        return [part for part in (runnable, others) if part.count]


class OfferData(TableListData):
    """Offers, of which the rows are made a page at a time: only for those are signatures and last runs looked up."""

    def __init__(self, offers: Sequence[Offer], user: Any) -> None:
        super().__init__(offers)
        self.user = user
        #: Why nothing is known of when tasks ran last.
        self.trouble = ""

    def __getitem__(self, key: Any) -> Any:
        return self._rows(self.data[key]) if isinstance(key, slice) else self._rows([self.data[key]])[0]

    def __iter__(self) -> Iterator[RunRow]:
        return iter(self._rows(self.data))

    def _rows(self, offers: Sequence[Offer]) -> list[RunRow]:
        listed, runs = frozenset(allowed_names()), self._last_runs(offers)
        rows = []
        for offer in offers:
            name = offer.runnable.name
            rows.append(RunRow.of(offer, self.user, is_listed=name in listed, last_run=runs.get(name)))
        return rows

    def _last_runs(self, offers: Sequence[Offer]) -> dict[str, datetime | None]:
        try:
            return last_runs(offer.runnable.name for offer in offers)
        except DatabaseError:
            logger.warning("It is not known when tasks ran last", exc_info=True)
            self.trouble = _("The journal does not answer.")
            return {}
