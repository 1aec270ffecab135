"""From an object, a viewer and a query string to the page of tasks that the viewer may see."""

from collections.abc import Iterable, Mapping
from uuid import uuid4

from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from .. import states
from ..exceptions import StoreUnavailable
from ..formatting import presentable
from ..info import TrackedTask
from ..objects import name_of
from ..task_detail.own_states import with_own_states
from ..timezones import now
from ..tracking.reading import ObjectReading, read_facts, reading_of
from ..tracking.refs import ObjectRef
from ..tracking.registry import humanised
from .launching import launch_choices
from .page import Choice, PanelPage
from .query import PanelQuery
from .token import PanelOptions
from .viewer import Viewer


class Draft:
    """A panel of whose tasks nothing is worked out yet.

    ``version`` stands for its facts after ``read()``, empty when the store did not answer; ``reading`` is what they
    come to, after ``page()``.
    """

    def __init__(
        self,
        request: HttpRequest,
        instance: Model,
        options: PanelOptions,
        *,
        url: str,
        selection: PanelQuery,
        query: str = "",
        next_url: str = "",
    ) -> None:
        self.options, self.selection = options, selection
        self.asked_for = selection.state, selection.name, selection.page  # before ``page()`` keeps to what there is
        self.url, self.query, self.next_url = url, query, next_url
        self.ref = ObjectRef.of(instance)
        self.viewer = Viewer(getattr(request, "user", None), public=options.public, url=url)
        self.object_label = "" if options.public else SimpleLazyObject(lambda: name_of(instance))
        self.shown_at = now().isoformat()
        self.version = ""
        self.reading: ObjectReading | None = None
        self._facts: Mapping[str, str | None] | None = None
        launches = options.launch and not options.public and url
        self.launchable = launch_choices(instance, self.viewer.user) if launches else ()

    def read(self, version: str = "") -> None:
        """Read the facts, unless they are still those of this ``version``."""
        try:
            self.version, self._facts = read_facts(self.ref, version)
        except StoreUnavailable:
            self.version, self._facts = "", None

    def page(self) -> PanelPage:
        """Work out what is shown, of the facts that ``read()`` found, else of those of now."""
        if self._facts is None:
            self.read()
        tasks = self._tasks()
        selection, options, viewer = self.selection, self.options, self.viewer.among(tasks)
        selection.keep_to(tasks)
        shown = [task for task in tasks if selection.matches(task, public=options.public)]
        pages = max(1, -(-len(shown) // options.limit))
        number = min(selection.page, pages)
        names = {viewer.task_key(task): viewer.label(task) for task in tasks}
        return PanelPage(
            url=self.url,
            object_label=self.object_label,
            rows=tuple(viewer.row(task) for task in shown[(number - 1) * options.limit : number * options.limit]),
            total=len(shown),
            number=number,
            pages=pages,
            states=_choices({state: presentable(state) for state in _states_of(tasks)}, selection.state),
            names=_choices(dict(sorted(names.items(), key=lambda choice: choice[1])), selection.name),
            launchable=self.launchable,
            prefix=options.prefix,
            query=self.query,
            public=options.public,
            available=self.reading is not None,
            active=any(task.is_active for task in tasks),
            next_url=self.next_url,
            submission=str(uuid4()),
            shown_at=self.shown_at,
        )

    def _tasks(self) -> list[TrackedTask]:
        if self._facts is None:
            return []
        try:
            self.reading = reading_of(self.ref, self._facts)
        except StoreUnavailable:
            return []
        return with_own_states(self.options.chosen(self.reading.tasks))


def _states_of(tasks: Iterable[TrackedTask]) -> list[str]:
    """The states that there are: Celery's in their order, then those that tasks gave themselves."""
    present = {task.state for task in tasks}
    return [*(state for state in states.ALL if state in present), *sorted(filter(states.is_custom, present))]


def _choices(labels: Mapping[str, str], selected: str) -> tuple[Choice, ...]:
    """What there is to choose from now; a choice that has nothing left stays, or it could not be taken back."""
    if selected and selected not in labels:
        labels = {**labels, selected: humanised(selected) if "." in selected else selected}
    return tuple(Choice(value, label, selected=value == selected) for value, label in labels.items())
