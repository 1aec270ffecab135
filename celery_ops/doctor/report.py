"""All checks together: independent parts are asked at once, so that several dead ones cost the time of one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Final

from django.db import connections
from django.utils.translation import gettext as _

from ..concurrency import Asked
from ..conf import conf
from ..exceptions import NoAnswer
from ..logs import get_logger
from ..running.allowlist import site_tasks
from . import broker, database, deliveries, objectives, results, schedules, settings, store
from .finding import Finding, error

logger = get_logger("celery_ops.diagnosis")

#: A part yields what it finds out, one check after the other.
Part = Callable[[], Iterable[Finding]]

#: What is asked at once; each name is that of the check which says when there is no answer at all.
PARTS: Final[Mapping[str, Part]] = {
    "broker": broker.check,
    "result-backend": results.check,
    "store": store.check,
    deliveries.NAME: deliveries.check,
    "objectives": objectives.check,
    "schedules": schedules.check,
    "journal": database.check_journal,
    "permissions": database.check_permissions,
}
#: Seconds for everything, beside the time that workers have to answer.
PATIENCE: Final = 2.5


def diagnose() -> Sequence[Finding]:
    """Try every part and return what was found. Never raises; dead parts cost ``CONTROL_TIMEOUT`` and 2.5 seconds."""
    try:
        seconds = PATIENCE + conf.CONTROL_TIMEOUT
        site_tasks()
    except Exception:
        logger.warning("The settings are so wrong that nothing else can be tried", exc_info=True)
        return alone("settings", settings.check_settings)
    # Settings wait for nobody, and importing the site's modules costs the others their time.
    findings = alone("settings", settings.check)
    return [*side_by_side(PARTS, seconds), *findings]


def alone(name: str, part: Part) -> Sequence[Finding]:
    """Return what one part found, however long it takes. Never raises."""
    return _PartCheck(name, part).run()


def side_by_side(parts: Mapping[str, Part], seconds: float) -> Sequence[Finding]:
    """Return what all parts found within so many seconds, in the order of the parts. Never raises.

    Inside a transaction they are asked one after the other, however long it takes: no other thread sees what it wrote.
    """
    findings: list[Finding] = []
    if any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
        for name, part in parts.items():
            findings += alone(name, part)
        return findings
    until = monotonic() + seconds
    checks = [_PartCheck(name, part) for name, part in parts.items()]
    for check, asked in [(check, Asked(check.run, f"doctor {check.name}")) for check in checks]:
        try:
            findings += asked.answer(until - monotonic())
        except NoAnswer:
            message = _("There was no answer within %(n)s s.") % {"n": f"{seconds:g}"}
            hint = _("Look whether it is up and can be reached from here.")
            findings += [*check.findings, error(check.name, message, hint)]
    return findings


class _PartCheck:
    """One part, and what it has found so far: that counts, also when it never comes to its end."""

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self._part = part
        self.findings: list[Finding] = []

    def run(self) -> list[Finding]:
        try:
            for finding in self._part():
                self.findings.append(finding)
        except Exception as failure:
            logger.warning("The part %s could not be checked", self.name, exc_info=True)
            message = _("It could not be checked: %(kind)s.") % {"kind": type(failure).__name__}
            hint = _("The log of %(logger)s has the whole story.") % {"logger": logger.name}
            self.findings.append(error(self.name, message, hint))
        return self.findings
