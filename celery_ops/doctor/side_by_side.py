"""Independent parts asked at once, so that several dead ones cost the time of one."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

from django.db import connections
from django.utils.translation import gettext as _

from ..logs import get_logger
from .finding import Finding, error

logger = get_logger("celery_ops.diagnosis")

#: A part yields what it finds out, one check after the other.
Part = Callable[[], Iterable[Finding]]


class _Asked:
    """One part, and what it has found so far: that counts, also when it never comes to its end."""

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self._part = part
        self.found: list[Finding] = []

    def run(self) -> list[Finding]:
        try:
            for finding in self._part():
                self.found.append(finding)
        except Exception as failure:
            logger.warning("The part %s could not be checked", self.name, exc_info=True)
            message = _("It could not be checked: %(kind)s.") % {"kind": type(failure).__name__}
            self.found.append(error(self.name, message, _("The log of celery_ops.doctor has the whole story.")))
        return self.found


class _Thread(threading.Thread):
    def __init__(self, asked: _Asked) -> None:
        super().__init__(name=f"celery_ops doctor {asked.name}", daemon=True)
        self._asked = asked
        self.start()

    def run(self) -> None:
        try:
            self._asked.run()
        finally:
            connections.close_all()

    def findings(self, until: float, seconds: float) -> list[Finding]:
        """Return what was found by then, on the monotonic clock."""
        self.join(max(0.0, until - monotonic()))
        found = list(self._asked.found)
        if self.is_alive():
            hint = _("Look whether it is up and can be reached from here.")
            message = _("There was no answer within %(n)s s.") % {"n": f"{seconds:g}"}
            found.append(error(self._asked.name, message, hint))
        return found


def alone(name: str, part: Part) -> Sequence[Finding]:
    """Return what one part found, however long it takes. Never raises."""
    return _Asked(name, part).run()


def side_by_side(parts: Mapping[str, Part], seconds: float) -> Sequence[Finding]:
    """Return what all parts found within so many seconds, in the order of the parts. Never raises.

    Inside a transaction they are asked one after the other, however long it takes: no other thread sees what it wrote.
    """
    if any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
        return [finding for name, part in parts.items() for finding in alone(name, part)]
    until = monotonic() + seconds
    threads = [_Thread(_Asked(name, part)) for name, part in parts.items()]
    return [finding for thread in threads for finding in thread.findings(until, seconds)]
