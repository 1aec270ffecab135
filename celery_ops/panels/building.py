"""From an object, a viewer and a query string to the page of tasks that the viewer may see."""

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.crypto import salted_hmac
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .. import redaction, states
from ..conf import conf
from ..details.own_states import with_own_states
from ..info import Payload, Progress, TrackedTask
from ..links import task_url
from ..objects import name_of
from ..patterns import DIRTY
from ..permissions import REVOKE_TASK, RUN_TASK, VIEW_OPS, VIEW_PAYLOAD, allows
from ..repeating.allowed import repeatable
from ..repeating.doubts import Doubt, doubts_of, known_again
from ..running.allowlist import Runnable, options_of
from ..tracking.reading import Reading, read_facts, reading_of
from ..tracking.refs import ObjectRef
from ..tracking.registry import humanised, registry
from ..tracking.store import StoreUnavailable
from .launching import launchable
from .page import SHORT, Choice, PanelPage, Row
from .token import PanelOptions

#: Of these a row offers to run the task again; what succeeded may be run again from its own page.
REPEATED: Final = frozenset((states.FAILURE, states.REVOKED, states.REJECTED, states.LOST))

#: What the policy was asked: an action, and a task's name or id or nothing.
Question = tuple[str, str | None]


def build_panel(
    request: HttpRequest,
    instance: Model,
    options: PanelOptions,
    *,
    url: str,
    asked: "Asked",
    query: str = "",
    next_url: str = "",
) -> PanelPage:
    """Return what the panel of ``instance`` shows to the request's user now; ``available`` says if the store answered.

    ``url`` is the panel's own, ``query`` the host page's other parameters and ``next_url`` where its forms return to.
    """
    return Draft(request, instance, options, url=url, asked=asked, query=query, next_url=next_url).page()


class Draft:
    """A panel whose facts are read, and of whose tasks nothing is worked out yet.

    ``stored`` are the facts, None when the store did not answer; ``reading`` is what they come to, after ``page()``.
    """

    def __init__(
        self,
        request: HttpRequest,
        instance: Model,
        options: PanelOptions,
        *,
        url: str,
        asked: "Asked",
        query: str = "",
        next_url: str = "",
    ) -> None:
        self.options, self.asked = options, asked
        self.asked_for = asked.state, asked.name, asked.page  # before ``page()`` keeps to what there is
        self.url, self.query, self.next_url = url, query, next_url
        self.ref = ObjectRef.of(instance)
        self.viewer = Viewer(getattr(request, "user", None), public=options.public, url=url)
        self.object_label = "" if options.public else SimpleLazyObject(lambda: name_of(instance))
        self.stored = _facts(self.ref)
        self.reading: Reading | None = None
        launches = options.launch and not options.public and url
        self.launchable = _launchable(instance, self.viewer.user) if launches else ()

    def page(self) -> PanelPage:
        tasks = self._tasks()
        asked, options, viewer = self.asked, self.options, self.viewer.among(tasks)
        asked.keep_to(tasks)
        shown = [task for task in tasks if asked.matches(task, public=options.public)]
        pages = max(1, -(-len(shown) // options.limit))
        number = min(asked.page, pages)
        names = {viewer.task_key(task): viewer.label(task) for task in tasks}
        return PanelPage(
            url=self.url,
            object_label=self.object_label,
            rows=tuple(viewer.row(task) for task in shown[(number - 1) * options.limit : number * options.limit]),
            total=len(shown),
            number=number,
            pages=pages,
            states=_choices({state: clean(state) for state in _states_of(tasks)}, asked.state),
            names=_choices(dict(sorted(names.items(), key=lambda choice: choice[1])), asked.name),
            launchable=self.launchable,
            prefix=panel_prefix(options),
            query=self.query,
            public=options.public,
            available=self.reading is not None,
            active=any(task.is_active for task in tasks),
            next_url=self.next_url,
            submission=str(uuid4()),
        )

    def _tasks(self) -> list[TrackedTask]:
        if self.stored is None:
            return []
        try:
            self.reading = reading_of(self.ref, self.stored)
        except StoreUnavailable:
            return []
        return with_own_states(self.reading.tasks)


def _facts(ref: ObjectRef) -> Mapping[str, str | None] | None:
    try:
        return read_facts(ref)
    except StoreUnavailable:
        return None


class Asked:
    """A panel's own parameters of a query string: ``state``, ``name``, ``page``, each behind a prefix."""

    def __init__(self, query: Mapping[str, str], *prefixes: str) -> None:
        def value(name: str) -> str:
            return next((query[prefix + name] for prefix in prefixes if prefix + name in query), "")[:300]

        self.state = value("state").upper() if value("state").upper() in states.ALL else value("state")
        self.name = value("name")
        page = value("page")
        self.page = max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 10 else 1

    def keep_to(self, tasks: Iterable[TrackedTask]) -> None:
        """Forget a state that is neither Celery's nor one that a task here gave itself."""
        if self.state not in (*states.ALL, *(task.state for task in tasks)):
            self.state = ""

    def matches(self, task: TrackedTask, *, public: bool) -> bool:
        name = public_key(public_name(task)) if public else clean(task.name)
        return self.name in ("", name) and self.state in ("", task.state)


class Viewer:
    """What one user may see and do on one panel; the policy is asked once for each thing.

    ``answers`` are the policy's by ``(action, thing)``, ``repeated`` the tasks that may be run again by name.
    """

    def __init__(self, user: Any, *, public: bool, url: str) -> None:
        self.user, self.public, self.url = user, public, url
        self.answers: dict[Question, bool] = {}
        self.repeated: dict[str, Runnable | None] = {}
        self._ids: set[str] = set()
        self._again: dict[str, str] = {}

    def among(self, tasks: Sequence[TrackedTask]) -> "Viewer":
        """Let ``tasks`` be those of the list: rows name the others that they are once more."""
        self._ids = {task.id for task in tasks}
        self._again = {task.retry_of: task.id for task in reversed(tasks) if task.retry_of}  # the newest
        return self

    def may(self, action: str, thing: str | None = None) -> bool:
        question = action, thing
        if question not in self.answers:
            self.answers[question] = allows(self.user, action, thing)
        return self.answers[question]

    def may_view_payload(self, name: str) -> bool:
        return not self.public and self.may(VIEW_PAYLOAD, name)

    def doubts(self, task: TrackedTask) -> tuple[Doubt, ...] | None:
        """Return what to consider before the task is run again; None when this user may not."""
        if not self.url or task.state not in REPEATED:
            return None
        if not self.may(RUN_TASK, task.name):
            return None
        if task.name not in self.repeated:
            self.repeated[task.name] = repeatable(task.name, ask_workers=False)
        found = self.repeated[task.name]
        if found is None:
            return None
        again = (known_again(self._again[task.id]),) if task.id in self._again else ()
        return (*again, *doubts_of(found, task.state, None))

    def task_key(self, task: TrackedTask) -> str:
        return public_key(public_name(task)) if self.public else clean(task.name)

    def page_url(self, task: TrackedTask) -> str:
        """Return where the operations pages show the task, empty for those who may not see them."""
        return task_url(task.id) if self.url and self.may(VIEW_OPS) else ""

    def label(self, task: TrackedTask) -> str:
        return clean(task.label) if not self.public or public_name(task) else _("Task")

    def row(self, task: TrackedTask) -> Row:
        shared = {
            "key": public_key(task.id),
            "label": self.label(task),
            "state": clean(task.state),
            "tone": states.tone(task.state),
            "attempts": task.attempts,
            "executions": task.executions,
            "published_at": task.published_at,
            "started_at": task.started_at,
            "finished_at": task.finished_at,
            "duration": task.duration,
            "progress": _shown_progress(task.progress),
            "is_child": task.is_child,
        }
        if self.public:
            return Row(**shared)
        may_view = self.may_view_payload(task.name)
        error = redaction.capture_text(task.error or "").text
        undone = task.is_active or task.state == states.LOST
        doubts = self.doubts(task)
        return Row(
            **shared,
            id=clean(task.id),
            name=clean(task.name),
            worker=clean(task.worker or ""),
            error=error if may_view else _class_of(error),
            revoke_requested_at=task.revoke_requested_at,
            detail_url=f"{self.url}?task={task_parameter(task.id)}" if may_view and self.url else "",
            page_url="" if may_view else self.page_url(task),
            may_revoke=bool(self.url) and undone and self.may(REVOKE_TASK, task.id),
            may_repeat=doubts is not None,
            warning=" ".join(doubt.text for doubt in doubts or ()),
            asks=any(doubt.asks for doubt in doubts or ()),
            again_of=clean(task.retry_of)[:SHORT] if task.retry_of in self._ids else "",
            again_as=clean(self._again.get(task.id, ""))[:SHORT],
        )


def _states_of(tasks: Iterable[TrackedTask]) -> list[str]:
    """The states that there are: Celery's in their order, then those that tasks gave themselves."""
    told = {task.state for task in tasks}
    return [*(state for state in states.ALL if state in told), *sorted(filter(states.is_custom, told))]


def clean(text: str) -> str:
    """Return a text from the store without what no page can carry: any worker may have written anything."""
    return DIRTY.sub("\ufffd", text)


def shown_payload(payload: Payload) -> Payload:
    """Return the errors redacted again: a worker with other rules may have stored them as they were."""
    return replace(
        payload,
        error=redaction.capture_text(payload.error or "").text,
        traceback=redaction.capture_text(payload.traceback or "", tail=True).text,
    )


def _shown_progress(progress: Progress | None) -> Progress | None:
    return progress and replace(progress, message=redaction.capture_text(progress.message).text)


def _class_of(error: str) -> str:
    name = error.partition(":")[0]
    return name if all(part.isidentifier() for part in name.split(".")) else ""


def panel_url(options: PanelOptions) -> str:
    """Return the panel's URL, empty when the site has not included ``celery_ops.urls``."""
    try:
        return reverse("celery_ops:panel", args=[options.token()])
    except NoReverseMatch:
        return ""


def panel_prefix(options: PanelOptions) -> str:
    """Return what keeps two panels' ids and parameters apart on one page, the same at each visit."""
    which = f"{options.label}:{options.pk}" + (f":{options.serial}" if options.serial > 1 else "")
    return f"ops-{zlib.crc32(which.encode('utf-8', 'surrogatepass')):08x}-"


def public_name(task: TrackedTask) -> str:
    """Return a task's name as far as a public panel tells tasks apart by it.

    It is empty for what a tracked task launched and nobody tracks: no author vouches for that name.
    """
    return "" if task.is_child and not registry.bindings(task.name) else task.name


def public_key(text: str) -> str:
    """Return a name for a row or a task that says nothing of its id."""
    return salted_hmac("celery_ops.panel.key", text.encode("utf-8", "surrogatepass"), algorithm="sha256").hexdigest()[
        :12
    ]


def etag(panel: PanelPage) -> str:
    """Return the panel's entity tag: the same for as long as a viewer would see the same."""
    listed = panel.rows, panel.total, panel.number, panel.pages, panel.states, panel.names, panel.available
    around = str(panel.object_label), panel.launchable, panel.next_url
    return f'"{digest(listed, around, get_language(), get_current_timezone_name())}"'


def digest(*values: Any) -> str:
    """Return what stands for values that have a telling ``repr()``."""
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def panel_limit(limit: Any) -> int:
    """Return a page author's ``limit`` as 1 to ``MAX_PAGE_SIZE``."""
    try:
        return max(1, min(int(limit), int(conf.MAX_PAGE_SIZE)))
    except (TypeError, ValueError, OverflowError):
        return 10


def task_parameter(task_id: str) -> str:
    return quote(task_id, safe="", errors="surrogatepass")


def _choices(labels: Mapping[str, str], selected: str) -> tuple[Choice, ...]:
    """What there is to choose from now; a choice that has nothing left stays, or it could not be taken back."""
    if selected and selected not in labels:
        labels = {**labels, selected: humanised(selected) if "." in selected else selected}
    return tuple(Choice(value, label, selected=value == selected) for value, label in labels.items())


def _launchable(instance: Model, user: Any) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            task.name,
            str(binding.label) or humanised(task.name),
            description=_summary(task),
            asks=bool(options_of(task.name).get("confirm")),
        )
        for task, binding in launchable(instance, user)
    )


def _summary(task: Any) -> str:
    return (task.__doc__ or "").strip().partition("\n")[0][:200]
