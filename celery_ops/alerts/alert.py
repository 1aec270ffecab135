"""What is told of an objective."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

#: It does not hold.
BREACHED: Final = "breached"
#: It holds again.
RECOVERED: Final = "recovered"


@dataclass(frozen=True, slots=True)
class Alert:
    """One objective that broke, or holds again.

    ``name`` is the objective's, ``target`` the queue, task, schedule or worker that it is about. ``value`` was measured
    over ``window``, such as ``"15m"``, empty where it is that of the moment; both numbers are in the measure's unit
    (seconds, messages, or a part from 0 to 1), and None where the measure has none. ``at`` is an aware datetime.
    """

    name: str
    measure: str
    value: float | None
    limit: float | None
    target: str
    window: str
    at: datetime
    state: str

    @property
    def is_breached(self) -> bool:
        return self.state == BREACHED

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can carry."""
        return {**asdict(self), "at": self.at.isoformat()}
