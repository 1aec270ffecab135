"""What the person at the terminal reads."""

from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Problem(Exception):
    """Why the sandbox cannot run, in words for the person who started it."""


def say(line: str = "") -> None:
    with suppress(OSError):  # the terminal may be gone while there is still something to stop
        print(line, flush=True)


def shown(path: Path) -> str:
    """``path`` as the person who stands in the working directory would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def last_lines(log: Path, count: int = 15) -> str:
    with suppress(OSError):
        lines = log.read_text(errors="replace").rstrip().splitlines()[-count:]
        return "\n".join(f"  {line}" for line in lines)
    return ""
