"""What a panel shows, as values: templates read these attributes and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from .. import states as task_states
from ..formatting import SHORT_ID, delivered_words
from ..info import Progress
from ..links import query_string


@dataclass(frozen=True, slots=True)
class Row:
    """One task in the list. On a public panel ``id``, ``name``, ``worker`` and ``error`` are empty."""

    key: str  # opaque and stable: what the page's script recognises the row by
    label: str
    state: str
    tone: str
    attempts: int
    executions: int
    published_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration: timedelta | None
    progress: Progress | None
    is_child: bool
    id: str = ""
    name: str = ""
    worker: str = ""
    cpu: str = ""  # of the newest attempt, in words
    memory: str = ""
    started_by: str = ""  # in words; empty for those who may not know
    schedule: str = ""  # the entry for which beat sent it; empty for those who may not know
    schedule_url: str = ""
    error: str = ""  # "Class: message", or the class alone for those who may not see payloads
    revoke_requested_at: datetime | None = None
    detail_url: str = ""  # where arguments, result and traceback are; empty without view_payload
    page_url: str = ""  # its page among the operations pages, for those who may see them and have no detail_url
    may_revoke: bool = False
    may_rerun: bool = False
    warning: str = ""  # what to consider before it is run again
    asks: bool = False  # whether that has to be confirmed
    again_of: str = ""  # short ids of other rows
    again_as: str = ""

    @property
    def revoke_outcome(self) -> str:
        """What became of the request to revoke it, empty when there was none."""
        return task_states.revoke_outcome(self.state) if self.revoke_requested_at else ""

    @property
    def delivered(self) -> str:
        """That its message was delivered more than once, empty where it was not."""
        return delivered_words(self.executions)

    @property
    def short_id(self) -> str:
        return self.id[:SHORT_ID]


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter or of the launch menu."""

    value: str
    label: str
    selected: bool = False
    description: str = ""
    asks: bool = False  # whether it has to be confirmed


@dataclass(frozen=True, slots=True)
class PanelPage:
    """The part of a panel that a poll replaces."""

    url: str  # of this panel's fragment and forms; empty when celery_ops.urls is not included
    object_label: Any  # what the site calls it, worked out when shown; empty on a public panel, which names no key
    rows: tuple[Row, ...]
    total: int  # rows after filtering, on all pages
    number: int  # of this page, from 1
    pages: int
    states: tuple[Choice, ...]
    names: tuple[Choice, ...]
    launchable: tuple[Choice, ...]
    prefix: str  # of the query parameters on the host's page, such as "ops-1a2b-"
    query: str  # the host page's other query parameters, encoded, with a trailing "&" when there are any
    public: bool
    available: bool  # False when the store did not answer
    active: bool  # something still waits or runs: polling is worth it
    next_url: str  # where a form without script returns to
    submission: str = ""  # makes a second click no second run
    shown_at: str = ""  # what came later was not there to be confirmed

    @property
    def filtered(self) -> bool:
        return any(choice.selected for choice in (*self.states, *self.names))

    @property
    def has_revocable(self) -> bool:
        return any(row.may_revoke for row in self.rows)

    @property
    def has_rerunnable(self) -> bool:
        return any(row.may_rerun for row in self.rows)

    @property
    def has_asking(self) -> bool:
        return any(row.asks for row in self.rows)

    @property
    def asks_to_launch(self) -> bool:
        return any(choice.asks for choice in self.launchable)

    @property
    def other_parameters(self) -> tuple[tuple[str, str], ...]:
        """``query`` as pairs, for a form without script."""
        return tuple(parse_qsl(self.query, keep_blank_values=True))

    @property
    def first(self) -> int:
        """The number of the first row of this page among all, from 1."""
        return self.last - len(self.rows) + 1

    @property
    def last(self) -> int:
        return self.total if self.next_number is None else self.number * len(self.rows)

    @property
    def page_query(self) -> str:
        """The query string of another page of this list, up to its number."""
        chosen = {"state": _selected(self.states), "name": _selected(self.names)}
        kept = query_string({f"{self.prefix}{name}": value for name, value in chosen.items() if value})
        return f"{self.query}{kept}{kept and '&'}{self.prefix}page="

    @property
    def next_parameter(self) -> str:
        """What the address of a page needs to lead back here."""
        return f"&next={quote(self.next_url, safe='')}" if self.next_url else ""

    @property
    def previous_number(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next_number(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None


def _selected(choices: tuple[Choice, ...]) -> str:
    return next((choice.value for choice in choices if choice.selected), "")
