"""How far a bulk is, as its row in the journal keeps it: bounded, whatever it meets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..formatting import clean
from ..sentences import Sentence as _
from ..sentences import heard, said_of

RUNNING: Final = "running"
STOPPED: Final = "stopped"
DONE: Final = "done"

#: Ids that are kept for each reason, and reasons that are told apart.
SAMPLE: Final = 20
MOST_REASONS: Final = 30


@dataclass(frozen=True, slots=True)
class Skipped:
    """How many tasks were left out for one reason, and some of their ids."""

    count: int = 0
    sample: tuple[str, ...] = ()

    def and_(self, other: "Skipped") -> "Skipped":
        return Skipped(self.count + other.count, (*self.sample, *other.sample)[:SAMPLE])


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of some tasks: ``sent`` has some pairs of an old id and the new one."""

    done: int = 0
    sent: tuple[tuple[str, str], ...] = ()
    skipped: Mapping[str, Skipped] = field(default_factory=dict)

    def and_(self, other: "Tally") -> "Tally":
        skipped = dict(self.skipped)
        for reason, more in other.skipped.items():
            is_kept = reason in skipped or len(skipped) < MOST_REASONS
            kept = reason if is_kept else _("Another reason.")
            skipped[kept] = skipped.get(kept, Skipped()).and_(more)
        return Tally(self.done + other.done, (*self.sent, *other.sent)[:SAMPLE], skipped)

    @property
    def left_out(self) -> int:
        return sum(skipped.count for skipped in self.skipped.values())


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """``cursor`` is where the next chunk begins, ``step`` counts the writes, ``touched`` is the time of the last one.

    ``trouble`` says why it was stopped when nobody asked for that.
    """

    state: str = RUNNING
    tally: Tally = field(default_factory=Tally)
    cursor: str = ""
    step: int = 0
    touched: float = 0.0
    trouble: str = ""

    @property
    def handled(self) -> int:
        return self.tally.done + self.tally.left_out

    def changed(self, now: float, **changes: Any) -> "BulkProgress":
        return replace(self, step=self.step + 1, touched=now, **changes)

    def plain(self) -> dict[str, Any]:
        """Return the progress in JSON types, as a row keeps it."""
        skipped = {
            reason: {"count": skipped.count, "sample": list(skipped.sample), "said": said_of(reason)}
            for reason, skipped in self.tally.skipped.items()
        }
        return {
            "state": self.state,
            "done": self.tally.done,
            "sent": [list(pair) for pair in self.tally.sent],
            "skipped": skipped,
            "cursor": self.cursor,
            "step": self.step,
            "touched": self.touched,
            "trouble": self.trouble,
            "trouble_said": said_of(self.trouble),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "BulkProgress":
        """Return what ``plain`` wrote, in the language of now."""
        skipped: dict[str, Skipped] = {}
        for text, kept in plain.get("skipped", {}).items():
            reason = heard(text, kept.get("said"))  # two people's languages may have had two texts for it
            skipped[reason] = skipped.get(reason, Skipped()).and_(Skipped(kept["count"], tuple(kept["sample"])))
        tally = Tally(plain.get("done", 0), tuple(_pairs(plain.get("sent", ()))), skipped)
        return cls(
            plain.get("state", STOPPED),
            tally,
            plain.get("cursor", ""),
            plain.get("step", 0),
            plain.get("touched", 0.0),
            heard(plain.get("trouble", ""), plain.get("trouble_said")),
        )


def _pairs(lists: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    return [(old, new) for old, new in lists]


def left_out(reasons: Mapping[str, str]) -> Tally:
    """Return the tally of tasks that were not taken, from their ids and why."""
    skipped: dict[str, Skipped] = {}
    for task_id, reason in reasons.items():
        skipped[reason] = skipped.get(reason, Skipped()).and_(Skipped(1, (clean(task_id),)))
    return Tally(skipped=skipped)
