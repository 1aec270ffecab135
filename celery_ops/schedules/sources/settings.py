"""The entries of ``beat_schedule``: what the site's settings say, and what Celery adds to that."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from celery.beat import ScheduleEntry
from celery.schedules import crontab
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ...formatting import clean
from ...logs import get_logger
from ..info import SETTINGS, Entry
from ..words import expression
from .base import ACTIONS, MOST_ENTRIES, RUN, ScheduleSource, not_given, offered

logger = get_logger("celery_ops.schedules")

#: What Celery's own schedulers send besides, where results would stay for ever.
CLEANUP: Final = "celery.backend_cleanup"


class SettingsSource(ScheduleSource):
    name = SETTINGS
    label = gettext_lazy("Settings (beat_schedule)")

    def is_used(self, heard: Collection[str]) -> bool:
        return True

    def is_read_by(self, scheduler: str) -> bool:
        return True

    def entries(self) -> Sequence[Entry]:
        configured = self._configured()
        return [self._entry(name, entry) for name, entry in islice(configured.items(), MOST_ENTRIES)]

    def _configured(self) -> dict[str, Any]:
        schedule = self.app.conf.beat_schedule
        configured = dict(schedule) if isinstance(schedule, Mapping) else {}
        if configured and CLEANUP not in configured and self._is_cleanup_added():  # a site without beat has none
            configured[CLEANUP] = {"task": CLEANUP, "schedule": crontab("0", "4", "*", app=self.app)}
        return configured

    def _is_cleanup_added(self) -> bool:
        """As ``Scheduler.install_default_entries`` has it."""
        try:
            return bool(self.app.conf.result_expires) and not self.app.backend.supports_autoexpire
        except Exception:  # of a result backend that cannot be made
            logger.debug("It is not known whether beat cleans up results", exc_info=True)
            return False

    def _entry(self, name: Any, configured: Any) -> Entry:
        actions, refused = _offered(get_language())
        name = clean(str(name))
        try:
            entry = (
                configured
                if isinstance(configured, ScheduleEntry)
                else ScheduleEntry(**dict(configured, name=name, app=self.app))
            )
        except Exception as error:  # beat would not start with it
            broken = _("Beat cannot make an entry of it: %(error)s") % {"error": clean(str(error), 300)}
            task = configured.get("task") if isinstance(configured, Mapping) else ""
            task = clean(str(task or ""))
            return Entry(name, task, SETTINGS, "", actions=actions, refused=refused, broken=broken, unreadable=broken)
        options = entry.options if isinstance(entry.options, Mapping) else {}
        queue, wrong = options.get("queue"), not_given(entry.args, entry.kwargs)
        return Entry(
            name,
            clean(str(entry.task)),
            SETTINGS,
            expression(entry.schedule),
            args=() if wrong else tuple(entry.args),
            kwargs={} if wrong else dict(entry.kwargs),
            queue=clean(str(getattr(queue, "name", queue))) if queue else None,
            actions=actions,
            refused=refused,
            schedule=entry.schedule,
            broken=wrong,
            unreadable=wrong,
        )

    def reason(self, action: str) -> str:
        return _("Its entry is in the settings: change beat_schedule, and start beat anew.")


@lru_cache(maxsize=8)
def _offered(language: str | None) -> tuple[frozenset[str], Mapping[str, str]]:
    """Return what can be done to any entry, and why not the rest, in ``language``."""
    source = SettingsSource()
    actions, refused = offered({action: "" if action == RUN else source.reason(action) for action in ACTIONS})
    return actions, MappingProxyType(refused)
