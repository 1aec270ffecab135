"""The workers: whether they answer, and have the Celery, the clock and the tasks that this process has."""

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from typing import Any, Final

import celery
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..backends.remote import gather, presence, registered, replies
from ..backends.remote.known_workers import LISTENING
from ..backends.remote.looks import Answers
from ..backends.remote.presence import Presence
from ..conf import conf
from ..exceptions import BrokerUnavailable, StoreUnavailable
from ..formatting import clean
from ..info import GONE
from ..metrics.insight import skewed_tasks
from ..metrics.switch import is_on
from ..running.allowlist import CELERYS, allowed_names, site_tasks
from . import clocks
from .finding import Finding, error, listed, ok, warning

QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stats": {},
    "report": {},
    "scheduled": {},
    "active_queues": {},
    **registered.QUESTION,
}
VERSION: Final = re.compile(r"\bcelery:(\d[\w.+-]{0,30})")
#: Seconds by which clocks may differ before times on the pages mislead.
DRIFT: Final = 2.0
#: The part of what is counted of a task that may come too early: a task that waits for nothing is soon before its time.
SKEWED: Final = 0.05


def check() -> Generator[Finding, None, Answers | None]:
    """Say how the workers are and return their answers, None when they could not be asked."""
    try:
        presence.learn()
        answers, signs = gather.ask(QUESTIONS, listening=LISTENING), presence.look()
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
    offsets = clocks.clock_offsets(answers.replies)
    yield from _answering(answers, offsets)
    yield from _silent(answers, signs)
    yield _doubles(answers.twice | signs.twice | presence.shared_hostnames(answers.replies))
    yield _idle(answers)
    yield _versions(answers)
    yield _clocks(offsets)
    yield from _publishers()
    return answers


def _answering(answers: Answers, offsets: Mapping[str, float]) -> Iterator[Finding]:
    for host, parts in sorted(answers.replies.items()):
        info = replies.detail(host, parts, ["stats"]).info
        facts = {
            "host": listed([host]),
            "version": _version(parts) or "?",
            "pool": info.pool or "?",
            "size": "?" if info.concurrency is None else info.concurrency,
            "clock": f"{round(offsets[host], 1) + 0:+g} s" if host in offsets else "?",
        }
        yield ok("worker", _("%(host)s: Celery %(version)s, %(pool)s x %(size)s, clock %(clock)s") % facts)


def _silent(answers: Answers, signs: Presence) -> Iterator[Finding]:
    departed = presence.departed_workers(answers.silent, signs)
    gone = {host for host in signs.signs.keys() - answers.replies.keys() if signs.of(host).state == GONE}
    if gone:
        message = _("These are gone, without a goodbye: %(names)s.") % {"names": listed(gone)}
        hint = _("Look in their logs and the system's for why: such as no memory, or a machine that is lost.")
        yield warning("gone-workers", message, hint)
    else:
        yield ok("gone-workers", _("No worker is gone without a goodbye."))
    if silent := set(answers.silent) - departed.keys():
        message = _("These do not answer: %(names)s.") % {"names": listed(silent)}
        hint = _(
            "Look whether they run and are busy. A worker that was killed is forgotten when one of its name ends well."
        )
        yield warning("silent-workers", message, hint)
    else:
        yield ok("silent-workers", _("Every worker that is known answers."))


def _doubles(doubles: Collection[str]) -> Finding:
    if doubles:
        message = _("Two workers have one name: %(names)s.") % {"names": listed(doubles)}
        hint = _("Start each with a name of its own, such as -n worker2@%h: what one is told reaches the other.")
        return warning("worker-names", message, hint)
    return ok("worker-names", _("Every worker has a name of its own."))


def _idle(answers: Answers) -> Finding:
    infos = [replies.detail(host, parts, ["stats", "active_queues"]).info for host, parts in answers.replies.items()]
    idle = {info.hostname for info in infos if info.has_no_queue or info.has_no_process}
    if idle:
        message = _("These answer and take nothing: %(names)s.") % {"names": listed(idle)}
        hint = _("Look on their pages: such a worker consumes no queue, or its pool has no process.")
        return warning("idle-workers", message, hint)
    return ok("idle-workers", _("Every worker that answers takes tasks."))


def _versions(answers: Answers) -> Finding:
    versions = {host: _version(parts) for host, parts in answers.replies.items()}
    others = {f"{host} ({version})" for host, version in versions.items() if version and version != celery.__version__}
    if not others:
        return ok("versions", _("All run Celery %(version)s, as this process does.") % {"version": celery.__version__})
    message = _("This process has Celery %(version)s, and others have another: %(names)s.")
    named = {"version": celery.__version__, "names": listed(others)}
    return warning("versions", message % named, _("Install the same version everywhere and restart the workers."))


def _version(parts: Mapping[str, Any]) -> str:
    report = (replies.mapping(parts.get("report")) or {}).get("ok")
    match = VERSION.search(report[:10_000]) if isinstance(report, str) else None
    return match[1] if match else ""


def _clocks(offsets: Mapping[str, float]) -> Finding:
    wrong = {f"{host} ({offset:+.1f} s)" for host, offset in offsets.items() if abs(offset) > DRIFT}
    if not wrong:
        return ok("clocks", _("The workers' clocks agree with this machine's, as far as they tell."))
    message = _("These clocks differ from this machine's: %(names)s.") % {"names": listed(wrong)}
    return warning("clocks", message, _("Let NTP set the time on every machine."))


def _publishers() -> Iterator[Finding]:
    """Say which tasks come from where the clock is ahead: there nobody knows how long they waited."""
    try:
        counts = skewed_tasks() if is_on() else {}
    except StoreUnavailable:  # the store's own check says so
        return
    wrong = {f"{clean(task)} ({skewed})" for task, (skewed, done) in counts.items() if skewed >= SKEWED * done > 0}
    if wrong:
        message = _("Who publishes these has a clock ahead of the workers', so their waits count as 0: %(names)s.")
        yield warning("clocks", message % {"names": listed(wrong)}, _("Let NTP set the time on every machine."))


# -- their tasks ------------------------------------------------------------------------------------------------------


def check_tasks(answers: Answers) -> Iterator[Finding]:
    """Say whether this process and the workers know the same tasks; ``answers`` have what the workers registered."""
    here, there = frozenset(site_tasks()), _registered(answers)
    missing, unknown = here - there, there - here
    if missing:
        message = _("No worker that answers has these tasks, which this site can send: %(names)s.")
        hint = _("Deploy the same code to the workers and restart them.")
        yield warning("tasks-missing", message % {"names": listed(missing)}, hint)
    else:
        message = ngettext(
            "Workers have the %(n)s task of this site.", "Workers have all %(n)s tasks of this site.", len(here)
        )
        yield ok("tasks-missing", message % {"n": len(here)})
    if unknown:
        message = _("Workers have tasks that this process does not know: %(names)s.") % {"names": listed(unknown)}
        hint = _("Deploy the same code here; if other projects share the broker, this is no fault.")
        yield warning("tasks-unknown", message, hint)
    else:
        yield ok("tasks-unknown", _("This process knows every task that workers have."))
    yield _named("runnable-tasks", "RUNNABLE_TASKS", allowed_names(), here | there)
    tracked = conf.TRACKED_TASKS if isinstance(conf.TRACKED_TASKS, dict) else {}
    yield _named("tracked-tasks", "TRACKED_TASKS", (name for name in tracked if isinstance(name, str)), here | there)


def _registered(answers: Answers) -> frozenset[str]:
    names: set[str] = set()
    for host, reply in answers.to("registered").items():
        names.update(task.name for task in replies.registered(reply, host) or ())
    return frozenset(name for name in names if not name.startswith(CELERYS))


def _named(name: str, setting: str, names: Iterable[str], known: frozenset[str]) -> Finding:
    if strange := set(names) - known:
        message = _("%(setting)s names tasks that neither this process nor a worker knows: %(names)s.")
        hint = _("Correct the names in CELERY_OPS, or take them out.")
        return warning(name, message % {"setting": setting, "names": listed(strange)}, hint)
    return ok(name, _("Every task that %(setting)s names is known.") % {"setting": setting})
