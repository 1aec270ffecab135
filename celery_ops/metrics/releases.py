"""When the running code changed: each worker that starts with another release than the last one says so, once.

What a release is called is a setting, or a variable of the environment, or git's commit, read from its files.
"""

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from ..conf import conf
from ..tracking import prefix
from ..tracking.store import IfAbsent
from ..tracking.tallies import Added, Row
from .flushing import flusher

#: The row that says when which release began: so many at most, and the oldest makes room for the newest.
RELEASES_ROW: Final = "releases"
MOST_RELEASES: Final = 50
_PLACES: Final = tuple(map(str, range(MOST_RELEASES)))
#: Seconds within which a release does not begin twice: workers of the old code may start once more meanwhile.
ROLLING_OUT: Final = 3600
#: Characters of a release's name, and of git's commit.
LONGEST: Final = 100
SHORT_COMMIT: Final = 10
#: The variable in which Sentry's SDK looks for it.
VARIABLE: Final = "SENTRY_RELEASE"
#: Bytes of git's files that are read.
MOST_READ: Final = 4_000_000

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOMENT: Final = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,3})?")
_REFERENCE: Final = re.compile(r"ref: (refs/[\w./+@#=-]+)")


@dataclass(frozen=True, slots=True)
class Release:
    """A release and when the first worker began with it, in seconds since the epoch."""

    name: str
    moment: float


def running_release() -> str:
    """Return what the code of this process is called; empty when nobody says."""
    name = conf.RELEASE or os.environ.get(VARIABLE, "").strip() or commit_of(_project())
    return str(name)[:LONGEST]


def _project() -> Path:
    return Path(getattr(settings, "BASE_DIR", None) or os.getcwd())


def commit_of(folder: Path) -> str:
    """Return the beginning of the commit that is checked out around a folder; empty without git's files."""
    try:
        return _commit(folder.resolve())[:SHORT_COMMIT]
    except (OSError, ValueError):
        return ""


def _commit(folder: Path) -> str:
    git = next((path for parent in (folder, *folder.parents) if (path := parent / ".git").exists()), None)
    if git is None:
        return ""
    if git.is_file():  # of a worktree or a submodule
        git = git.parent / _read(git).removeprefix("gitdir:").strip()
    head = _read(git / "HEAD")
    if (reference := _REFERENCE.fullmatch(head)) is None:
        return head if _COMMIT.fullmatch(head) else ""
    common = git / _read(git / "commondir") if (git / "commondir").is_file() else git
    return _of_reference(reference[1], git, common)


def _of_reference(reference: str, *folders: Path) -> str:
    for folder in folders:
        if ".." not in reference and (folder / reference).is_file():
            commit = _read(folder / reference)
            return commit if _COMMIT.fullmatch(commit) else ""
    packed = folders[-1] / "packed-refs"
    for line in _read(packed).splitlines() if packed.is_file() else ():
        commit, _, name = line.partition(" ")
        if name == reference and _COMMIT.fullmatch(commit):
            return commit
    return ""


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_READ).decode("utf-8", "replace").strip()


class Releases:
    """What a worker has to say of its release. First it asks which ones there are: both go along with the numbers."""

    def __init__(self) -> None:
        self._begun: Release | None = None
        self._row: Row | None = None
        self._is_to_be_told = False

    def begin(self, name: str) -> None:
        """A worker began to run this release now."""
        self._begun = Release(name, time.time())
        self._row = Row(RELEASES_ROW, conf.metrics_seconds, asked=_PLACES)

    def __len__(self) -> int:
        return int(self._row is not None)

    def take(self) -> Mapping[str, list[Row]]:
        row, self._row = self._row, None
        return {prefix.current(): [row]} if row else {}

    def learn(self, whose: str, row: Row, added: Added) -> None:
        begun, self._begun = self._begun, None
        if begun is None or added.before is None or not is_new(begun, read_releases(added.before)):
            return
        place = _place(added.before)
        text = f"{begun.moment:.3f} {begun.name}"
        texts = {place: text if place in added.before else IfAbsent(text)}
        self._row, self._is_to_be_told = Row(RELEASES_ROW, conf.metrics_seconds, texts=texts), True

    def tell(self) -> None:
        """See to it that what was learnt is written soon."""
        if self._is_to_be_told:
            self._is_to_be_told = False
            flusher().wake()


def note_release() -> None:
    """Have this worker's release noted. Its main process calls this once."""
    if name := running_release():
        flusher().source(Releases).begin(name)
        flusher().wake()


def is_new(begun: Release, releases: Iterable[Release]) -> bool:
    """Return whether this is another release than the last one, and none that others are just taking the place of."""
    *_, last = [Release("", 0.0), *releases]
    lately = {release.name for release in releases if begun.moment - release.moment < ROLLING_OUT}
    return begun.name != last.name and begun.name not in lately


def read_releases(fields: Mapping[str, str]) -> list[Release]:
    """Return what a row says, in the order of time. Workers that started together may have said the same."""
    releases: list[Release] = []
    for release in sorted(filter(None, map(_release, fields.values())), key=lambda release: release.moment):
        if not releases or releases[-1].name != release.name:
            releases.append(release)
    return releases


def _release(text: str) -> Release | None:
    moment, _, name = text.partition(" ")
    return Release(name[:LONGEST], float(moment)) if _MOMENT.fullmatch(moment) and name else None


def _place(fields: Mapping[str, Any]) -> str:
    """Return a place that is free, else the oldest one's."""
    free = next((place for place in _PLACES if place not in fields), None)
    return (
        free if free is not None else min(_PLACES, key=lambda place: (_release(fields[place]) or Release("", 0)).moment)
    )
