"""What the subcommands have in common: what they take, what they answer, and what their exit codes mean."""

from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NO_ANSWER: Final = 3

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: Longer than any table is old, and within what a date can say.
LONGEST_AGE: Final = timedelta(days=36500)


class CommandRefused(Exception):
    """The subcommand did not do it; the message is one line for the terminal."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What a subcommand found or did: ``data`` for JSON, ``lines`` for people.

    A ``stream`` is printed in their place, in the format that was asked for, each line when it comes.
    """

    data: Mapping[str, Any]
    lines: Sequence[str] = ()
    code: int = DONE
    stream: Iterable[str] | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """How much the person wants to see: ``verbosity`` is Django's, ``is_live`` says that somebody watches."""

    verbosity: int = 1
    is_live: bool = False
    stderr: Any = field(default=None, repr=False)

    @contextmanager
    def progress(self, label: str, length: int | None = None) -> Iterator[Callable[[int], object]]:
        """Lend what is told of each step: a bar where somebody watches, nothing in a hook or a pipe."""
        if not self.is_live or self.verbosity < 1:
            yield lambda number: None
            return
        import click  # dear to import, and only a terminal has use for it

        with click.progressbar(length=length or 0, label=label, file=self.stderr) as bar:
            yield bar.update


class Subcommand(ABC):
    """One thing that ``manage.py celery_ops`` can do."""

    #: Shown under ``--help``, one line each.
    examples: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the subcommand takes."""

    @abstractmethod
    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        """Do it. Raises CommandRefused, and BackendUnavailable, BadInput and NotDone as whoever does it does."""


def duration(text: str) -> timedelta:
    """Read ``30d``, ``12h``, ``2w``, ``45m`` or ``90s``."""
    number, unit = text[:-1], text[-1:]
    if unit in UNITS and number.isascii() and number.isdigit() and len(number) < 10:
        with suppress(OverflowError):  # more weeks than a timedelta can have
            length = timedelta(**{UNITS[unit]: int(number)})
            if length < LONGEST_AGE:
                return length
    raise ArgumentTypeError(_("%(text)r is no length of time: write 90s, 45m, 12h, 30d or 2w") % {"text": text})


def positive(text: str) -> int:
    """Read a whole number above 0."""
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(_("%(text)r is no whole number above 0") % {"text": text})
