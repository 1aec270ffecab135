"""What the subcommands that ask the broker have in common."""

from argparse import ArgumentTypeError
from collections.abc import Collection, Iterable
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ...backends.remote import presence
from ...conf import conf
from ...exceptions import BrokerUnavailable
from ...formatting import clean
from ...redaction import capture_text
from ..tables import printable
from .base import USAGE, CommandRefused

#: Seconds: nobody waits longer for an answer.
LONGEST_WAIT: Final = 86_400.0

#: Seconds to find the queues that only the broker has.
SEARCH: Final = 1.0


def learn_hosts() -> frozenset[str]:
    """Have the next question end as soon as all workers have answered; return those that the broker says there are.

    None are returned when the broker is away: whoever asks next says so.
    """
    try:
        return presence.learn() or frozenset()
    except BrokerUnavailable:
        return frozenset()


def known_hosts() -> frozenset[str]:
    """Return the workers that answer and those that the broker has. Raises BackendUnavailable when it is away."""
    return learn_hosts() | {worker.hostname for worker in conf.load("WORKER_BACKEND")().workers().workers}


def check_hosts(hostnames: Iterable[str], known: Collection[str]) -> None:
    """Raise CommandRefused for a hostname that is none of the known ones."""
    if unknown := sorted(set(hostnames) - set(known)):
        there = ", ".join(clean(host, 200) for host in sorted(known)) or pgettext("workers", "none")
        text = _("no worker %(name)r; there are %(names)s")
        raise CommandRefused(text % {"name": clean(unknown[0], 200), "names": there}, USAGE)


def seconds(text: str) -> float:
    """Read a number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= LONGEST_WAIT:
        sentence = _("%(text)r is no number of seconds above 0 and up to %(limit)g")
        raise ArgumentTypeError(sentence % {"text": text, "limit": LONGEST_WAIT})
    return number


def one_line(error: BaseException) -> str:
    """Return what an error says, fit for one line of a terminal, without secrets."""
    return printable(clean(" ".join(capture_text(str(error)).text.split()), 300))
