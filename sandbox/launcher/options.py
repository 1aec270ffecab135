"""What the environment asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from .console import Problem


@dataclass(frozen=True)
class Options:
    port: int = 8000
    redis_url: str = ""
    exit_after: float | None = None  # seconds, for a trial run by a machine
    tour: str = ""  # the folder for pictures

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Options":
        return cls(
            port=port(environ.get("SANDBOX_PORT") or "8000"),
            redis_url=environ.get("REDIS_URL", "").strip(),
            exit_after=seconds(environ.get("SANDBOX_EXIT_AFTER")),
            tour=environ.get("SANDBOX_TOUR", "").strip(),
        )


def port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Problem(f"SANDBOX_PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def seconds(text: str | None) -> float | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Problem(f"SANDBOX_EXIT_AFTER must be a whole number of seconds, not {text!r}.")
    return float(text)
