"""What a worker's main process says of itself, every few seconds and when it goes."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

#: Characters of a sign that is read: one of ours is shorter.
LONGEST_SIGN: Final = 1000


@dataclass(frozen=True, slots=True)
class Sign:
    """One process's newest sign of life. Times are ms since the epoch, by the store's clock where it has one.

    ``is_leaving`` says that it has said goodbye. ``client`` is the number of its connection to the store and ``token``
    the connection's name: 0 and empty where the store tells neither.
    """

    hostname: str
    pid: int
    started: int
    seen: int = 0
    is_leaving: bool = False
    client: int = 0
    token: str = ""

    @property
    def key(self) -> str:
        """Two processes of one name differ in it."""
        return f"{self.pid}.{self.started}.{self.hostname}"


def encoded(sign: Sign) -> str:
    return json.dumps(asdict(sign), separators=(",", ":"))


def decoded(texts: Iterable[str]) -> list[Sign]:
    """Return the signs that these texts hold; what is none of ours is left out."""
    return [sign for sign in map(_decoded, texts) if sign is not None]


def _decoded(text: str) -> Sign | None:
    try:
        values: dict[str, Any] = json.loads(text) if len(text) <= LONGEST_SIGN else {}
        sign = Sign(**values)
    except (ValueError, TypeError, RecursionError):
        return None
    return sign if all(type(getattr(sign, field.name)) is field.type for field in _FIELDS) else None


_FIELDS: Final = fields(Sign)
