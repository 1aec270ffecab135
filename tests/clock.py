"""The suite at another time of day: ``TEST_CLOCK=05:00 make test`` has the tests and their workers begin at 05:00 UTC.

Servers keep the machine's clock, and so do browsers where a test does not give them its own.
"""

import os
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Final

#: How exactly; so that processes that work it out a moment apart agree.
PRECISION: Final = timedelta(minutes=10)
#: Seconds by which clocks of two processes may differ.
DRIFT: Final = 0.1


_moved: Any = None


def travel() -> None:
    """Move this process's clock to the next ``HH:MM`` UTC of ``TEST_CLOCK``, once; from there it goes on."""
    global _moved
    clock = os.environ.get("TEST_CLOCK")
    if not clock or _moved is not None:
        return
    import time_machine  # workers start without it

    seconds = float(os.environ.setdefault("TEST_CLOCK_AHEAD", str(_ahead(clock))))
    while _moved is None:
        moved = time_machine.travel(time.time() + seconds, tick=True)
        moved.start()
        if abs(time.time() - time_machine.escape_hatch.time.time() - seconds) < DRIFT:
            _moved = moved
        else:  # a busy machine paused in between
            moved.stop()


def _ahead(clock: str) -> float:
    now = datetime.now(timezone.utc)
    hour, minute = map(int, clock.split(":"))
    moment = now.replace(hour=hour, minute=minute)
    return ((moment - now) % timedelta(days=1)) // PRECISION * PRECISION.total_seconds()
