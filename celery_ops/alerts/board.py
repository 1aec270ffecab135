"""What the site's processes keep for each other of objectives, as notes in the store: whose turn it is, and how all is.

Times to live are the store's, so no host's clock counts. Everything raises StoreUnavailable.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from math import isfinite
from typing import Any, Final

from ..exceptions import StoreUnavailable
from ..tracking import prefix
from ..tracking.recorder import recorder
from .alert import BREACHED, RECOVERED
from .conditions import Condition, Conditions, Key

VERSION: Final = 1
#: Seconds after an evaluation in which another one would say the same.
DUE_AFTER: Final = 30.0
#: Seconds that one turn may take, and that must be left of it when it writes what it found.
TURN: Final = 20.0
LEFT: Final = 2.0
#: Seconds that the state is kept: longer than a site stands still.
STATE_KEPT: Final = 7 * 86_400.0
#: Conditions that are kept, bytes of a state that is read, and failures that are remembered to have been told of.
MOST_CONDITIONS: Final = 1000
LONGEST_STATE: Final = 1_000_000
MOST_HANDLED: Final = 5000
#: Turns that a state names.
TURNS_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class State:
    """How everything is, and which failures were told of, by when that was. ``age`` in seconds; None when unknown.

    ``turns`` are the last that were ended, the newest last.
    """

    conditions: Conditions = field(default_factory=dict)
    handled: Mapping[str, float] = field(default_factory=dict)
    turns: tuple[str, ...] = ()
    age: float | None = None

    @property
    def is_recent(self) -> bool:
        """Whether an evaluation by now would come soon after the last."""
        return self.age is not None and self.age < DUE_AFTER


class Board:
    """The notes of one site, or of one tenant."""

    def __init__(self) -> None:
        whose = f"-{_digest(prefix.current())}" if prefix.is_asked() else ""
        self._first = f"alerts-{VERSION}{whose}"
        self.token = ""

    def state(self) -> State:
        """Return how everything was when it was evaluated last. One round trip."""
        (note,) = self._read("state")
        return _state(note)

    def is_due(self) -> bool:
        """Return whether it is time to evaluate. One round trip."""
        (done,) = self._read("done")
        return done is None

    def take_turn(self, *, only_if_due: bool) -> State | None:
        """Return how everything is, if it is for this process to evaluate it now. Two round trips."""
        token = secrets.token_hex(8)
        if not recorder().ask(lambda store: store.add_note(self._name("turn"), token.encode(), TURN)):
            return None
        self.token = token
        turn, done, state = self._read("turn", "done", "state")
        if turn is None or turn.value != token.encode():  # a store that takes no notes, or somebody else's after all
            return None
        if only_if_due and done is not None:
            self.give_up()
            return None
        return _state(state)

    def quiet(self, keys: Iterable[str]) -> frozenset[str] | None:
        """Return of which alerts it is too early to tell again. None when the turn has taken too long."""
        keys = list(keys)
        turn, *notes = self._read("turn", *map(_quiet_name, keys))
        if turn is None or turn.value != self.token.encode() or (turn.left is not None and turn.left < LEFT):
            return None
        return frozenset(key for key, note in zip(keys, notes, strict=True) if note is not None)

    def end_turn(self, state: State, told: Iterable[str], cool_down: float) -> bool:
        """Keep what was found, and that these alerts are told of. Return whether that was done. One round trip."""
        state = replace(state, turns=(*state.turns, self.token)[-TURNS_NAMED:])
        notes: dict[str, tuple[bytes, float]] = {_quiet_name(key): (b"1", cool_down) for key in told}
        notes |= {"state": (_packed(state), STATE_KEPT), "done": (b"1", DUE_AFTER), "turn": (b"", 0)}
        return self._write(notes)

    def give_up(self) -> None:
        """Let another one evaluate."""
        self._write({"turn": (b"", 0)})

    def _read(self, *names: str) -> list[Any]:
        notes = recorder().ask(lambda store: store.read_notes([self._name(name) for name in names]))
        if notes is None:
            raise StoreUnavailable("it keeps no notes")
        return notes

    def _write(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        named = {self._name(name): note for name, note in notes.items()}
        return recorder().ask(lambda store: store.write_notes(named))

    def _name(self, name: str) -> str:
        return f"{self._first}-{name}"


def _quiet_name(key: str) -> str:
    return f"quiet-{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


# -- how a state lies in a note ---------------------------------------------------------------------------------------


def _packed(state: State) -> bytes:
    newest = sorted(state.conditions.items(), key=lambda item: -item[1].since)[:MOST_CONDITIONS]
    handled = sorted(state.handled.items(), key=lambda item: -item[1])[:MOST_HANDLED]
    content = {
        "conditions": [[*key, *astuple(condition)] for key, condition in newest],
        "handled": {key: round(at) for key, at in handled},
        "turns": state.turns,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _state(note: Any) -> State:
    """A note is no more than whatever lies under that key: what is none of ours is left out."""
    if note is None or len(note.value) > LONGEST_STATE:
        return State()
    try:
        content = json.loads(note.value)
        conditions = dict(filter(None, map(_condition, content["conditions"])))
        handled = {str(key): float(at) for key, at in content["handled"].items()}
        turns = tuple(map(str, content["turns"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return State()
    return State(conditions, handled, turns, None if note.left is None else max(0.0, STATE_KEPT - note.left))


def _condition(row: Any) -> tuple[Key, Condition] | None:
    name, target, state, told, since, measured, value, others = row
    texts = all(isinstance(text, str) for text in (name, target)) and state in (BREACHED, RECOVERED)
    numbers = all(type(number) in (int, float) and isfinite(number) for number in (since, measured, value, others))
    if not (texts and numbers and told in ("", BREACHED, RECOVERED)):
        return None
    return Key(name, target), Condition(state, told, float(since), float(measured), value, int(others))
