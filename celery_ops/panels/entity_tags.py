"""The entity tag of a panel whose tasks need not be worked out anew: the same facts, told to the same person, are it.

A process remembers what the facts of the panels polled last came to. Whatever else may change what a panel shows is
looked at again at each poll: the policy is asked all that it was asked before, and labels and what may be run are taken
from the settings of now. A panel on which a task runs is never remembered.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.urls import get_script_prefix, get_urlconf

from ..conf import conf
from ..exceptions import StoreUnavailable
from ..formatting import reader
from ..permissions import Asking
from ..rerun.policy import rerunnable, warning
from ..tracking import prefix
from ..tracking.reading import read_long
from ..tracking.registry import registry
from ..tracking.stamp import now_ms
from ..tracking.store import lifetime
from .building import Draft
from .page import Choice, PanelPage
from .viewer import Question

#: A panel as one viewer asks for it.
Key = tuple[Any, ...]

#: Panels that a process remembers, one to two kilobytes each; the one polled longest ago goes first.
REMEMBERED: Final = 500


@dataclass(frozen=True, slots=True)
class Remembered:
    """A panel's entity tag, and on what it depends beside that by which it is found."""

    tag: str
    version: str  # of the facts
    until: int  # ms since the epoch
    lifetime: int  # seconds
    launchable: tuple[Choice, ...]
    object_label: str
    answers: Mapping[Question, bool]
    names: Mapping[str, Any]
    runnables: Mapping[str, Any]
    long_names: tuple[str, ...]
    long: str
    source: Any  # the settings, by which texts were redacted

    def holds(self, draft: Draft) -> bool:
        """Return whether all is as it was but the facts, which have yet to be read."""
        policy = Asking(draft.viewer.user)
        return (
            now_ms() < self.until
            and self.source is conf.source
            and self.lifetime == lifetime(draft.ref)
            and self.launchable == draft.launchable
            and self.object_label == str(draft.object_label)
            and all(_naming(name, draft) == naming for name, naming in self.names.items())
            and all(_runnable(name) == task for name, task in self.runnables.items())
            and all(policy.allows(*question) == answer for question, answer in self.answers.items())
        )

    def holds_read(self, draft: Draft) -> bool:
        """Return whether the facts are as they were, now that they were read. Raises StoreUnavailable."""
        return draft.version == self.version and digest(read_long(draft.ref, self.long_names)) == self.long


_remembered: OrderedDict[Key, Remembered] = OrderedDict()
_lock = threading.Lock()


class Unchanged:
    """What is remembered of one panel as it stands now."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._key = _key(draft)

    def tag(self, seen: str) -> str:
        """Return the entity tag that the panel would get if it were worked out, empty when that is not known.

        ``seen`` are the tags that the viewer has, as ``If-None-Match`` has them: of a panel that was not seen the facts
        are needed whether or not they are new.
        """
        remembered = self._entry()
        if remembered is None or remembered.tag not in seen or not remembered.holds(self.draft):
            return ""
        self.draft.read(remembered.version)
        try:
            return remembered.tag if remembered.holds_read(self.draft) else ""
        except StoreUnavailable:
            return ""

    def _entry(self) -> Remembered | None:
        with _lock:
            if self._key not in _remembered:
                return None
            _remembered.move_to_end(self._key)
            return _remembered[self._key]

    def remember(self, tag: str) -> None:
        """Keep the tag of a panel that was worked out, unless more than facts tells of its tasks."""
        draft, reading, viewer = self.draft, self.draft.reading, self.draft.viewer
        if not self._key or reading is None or now_ms() >= reading.until:
            return
        remembered = Remembered(
            tag,
            draft.version,
            reading.until,
            lifetime(draft.ref),
            draft.launchable,
            str(draft.object_label),
            viewer.answers,
            {name: _naming(name, draft) for name in {task.name for task in reading.tasks}},
            {name: _runnable(name) for name in viewer.runnables},
            tuple(reading.long),
            digest(reading.long),
            conf.source,
        )
        with _lock:
            _remembered[self._key] = remembered
            _remembered.move_to_end(self._key)
            while len(_remembered) > REMEMBERED:
                _remembered.popitem(last=False)


def etag(panel: PanelPage) -> str:
    """Return the panel's entity tag: the same for as long as a viewer would see the same."""
    listed = panel.rows, panel.total, panel.number, panel.pages, panel.states, panel.names, panel.available
    around = str(panel.object_label), panel.launchable, panel.next_url
    return f'"{digest(listed, around, *reader())}"'


def digest(*values: Any) -> str:
    """Return what stands for values that have a telling ``repr()``."""
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _key(draft: Draft) -> Key:
    """What tells panels, viewers and what they ask for apart; empty when it is not known whose facts these are."""
    try:
        whose = prefix.current()
    except StoreUnavailable:
        return ()
    page = whose, draft.options, draft.asked_for, draft.url, draft.query, draft.next_url
    return (*page, *reader(), get_urlconf(), get_script_prefix())


def _naming(name: str, draft: Draft) -> tuple[str, bool]:
    """How a task is called, and whether an author vouches for that."""
    return registry.label(name, draft.ref.label), bool(registry.bindings(name))


def _runnable(name: str) -> Any:
    task = rerunnable(name)
    return task and (task, warning(task))
