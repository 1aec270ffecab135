"""What the subcommands that ask the broker have in common."""

from argparse import ArgumentTypeError
from typing import Final

from ...backends import presence
from ...connections import BrokerUnavailable
from ...redaction import capture_text
from ...wording import clean
from ..tables import printable

#: Seconds: nobody waits longer for an answer.
LONGEST: Final = 86_400.0


def learnt() -> frozenset[str]:
    """Have the next question end as soon as all workers have answered; return those that the broker says there are.

    None are returned when the broker is away: whoever asks next says so.
    """
    try:
        return presence.learn() or frozenset()
    except BrokerUnavailable:
        return frozenset()


def seconds(text: str) -> float:
    """Read a number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= LONGEST:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to {LONGEST:g}")
    return number


def one_line(error: BaseException) -> str:
    """Return what an error says, fit for one line of a terminal, without secrets."""
    return printable(clean(" ".join(capture_text(str(error)).text.split()), 300))
