"""All checks together."""

from collections.abc import Mapping, Sequence
from typing import Final

from ..conf import conf
from ..logs import get_logger
from ..running.allowlist import site_tasks
from . import cluster, journal, people, results, settings, store
from .finding import Finding
from .side_by_side import Part, alone, side_by_side

logger = get_logger("celery_ops.diagnosis")

#: What is asked at once; each name is that of the check which says when there is no answer at all.
PARTS: Final[Mapping[str, Part]] = {
    "broker": cluster.check,
    "result-backend": results.check,
    "store": store.check,
    "journal": journal.check,
    "permissions": people.check,
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
    found = alone("settings", settings.check)
    return [*side_by_side(PARTS, seconds), *found]
