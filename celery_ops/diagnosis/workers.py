"""Whether workers answer, which Celery they run, and whether their clocks agree with ours."""

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Final

import celery
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..backends import gather, presence, registered, replies
from ..backends.gather import Answers
from ..connections import BrokerUnavailable
from . import clocks, visibility
from .finding import Finding, error, listed, ok, warning

QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stats": {},
    "report": {},
    "scheduled": {},
    **registered.QUESTION,
}
VERSION: Final = re.compile(r"\bcelery:(\d[\w.+-]{0,30})")
#: Seconds by which clocks may differ before times on the pages mislead.
DRIFT: Final = 2.0


def check() -> Generator[Finding, None, Answers | None]:
    """Say how the workers are and return their answers, None when they could not be asked."""
    try:
        presence.learn()
        answers = gather.ask(QUESTIONS)
    except BrokerUnavailable:
        hint = _("Look at the broker's own log: it lets us connect and then does not answer.")
        yield error("control", _("The workers cannot be asked: the broker carries no question to them."), hint)
        return None
    if not answers.replies:
        hint = _("Start one: celery -A yourproject worker. If one runs, compare its broker_url and control_exchange.")
        yield error("control", _("No worker answers."), hint)
        return answers
    number = len(answers.replies)
    yield ok("control", ngettext("%(n)s worker answers.", "%(n)s workers answer.", number) % {"n": number})
    offsets = clocks.offsets(answers.replies)
    yield from _each(answers, offsets)
    yield _silent(answers)
    yield _versions(answers)
    yield _clocks(offsets)
    yield from visibility.check(answers)
    return answers


def _each(answers: Answers, offsets: Mapping[str, float]) -> Iterator[Finding]:
    for host, parts in sorted(answers.replies.items()):
        info = replies.detail(host, parts, ["stats"]).info
        said = {
            "host": listed([host]),
            "version": _version(parts) or "?",
            "pool": info.pool or "?",
            "size": "?" if info.concurrency is None else info.concurrency,
            "clock": f"{round(offsets[host], 1) + 0:+g} s" if host in offsets else "?",
        }
        yield ok("worker", _("%(host)s: Celery %(version)s, %(pool)s x %(size)s, clock %(clock)s") % said)


def _silent(answers: Answers) -> Finding:
    if not answers.silent:
        return ok("silent-workers", _("Every worker that is known answers."))
    message = _("These do not answer: %(names)s.") % {"names": listed(answers.silent)}
    hint = _(
        "Look whether they run and are busy. A worker that was killed is forgotten when one of its name ends well."
    )
    return warning("silent-workers", message, hint)


def _versions(answers: Answers) -> Finding:
    found = {host: _version(parts) for host, parts in answers.replies.items()}
    others = {f"{host} ({version})" for host, version in found.items() if version and version != celery.__version__}
    if not others:
        return ok("versions", _("All run Celery %(version)s, as this process does.") % {"version": celery.__version__})
    said = {"version": celery.__version__, "names": listed(others)}
    message = _("This process has Celery %(version)s, and others have another: %(names)s.") % said
    return warning("versions", message, _("Install the same version everywhere and restart the workers."))


def _version(parts: Mapping[str, Any]) -> str:
    said = (replies.mapping(parts.get("report")) or {}).get("ok")
    found = VERSION.search(said[:10_000]) if isinstance(said, str) else None
    return found[1] if found else ""


def _clocks(offsets: Mapping[str, float]) -> Finding:
    wrong = {f"{host} ({offset:+.1f} s)" for host, offset in offsets.items() if abs(offset) > DRIFT}
    if not wrong:
        return ok("clocks", _("The workers' clocks agree with this machine's, as far as they tell."))
    message = _("These clocks differ from this machine's: %(names)s.") % {"names": listed(wrong)}
    return warning("clocks", message, _("Let NTP set the time on every machine."))
