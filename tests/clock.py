"""The suite at another time of day: ``TEST_CLOCK=05:00 make test`` has the tests and their workers begin at 05:00 UTC.

Servers and browsers keep the machine's clock.
"""

import os
import time
from datetime import datetime, timedelta, timezone
from typing import Final

import time_machine

#: How exactly; so that processes that work it out a moment apart agree.
PRECISION: Final = timedelta(minutes=10)


def travel(clock: str) -> None:
    """Move this process's clock to the next ``HH:MM`` UTC, from where it goes on; its children follow."""
    seconds = float(os.environ.setdefault("TEST_CLOCK_AHEAD", str(_ahead(clock))))
    time_machine.travel(time.time() + seconds, tick=True).start()


def _ahead(clock: str) -> float:
    now = datetime.now(timezone.utc)
    hour, minute = map(int, clock.split(":"))
    moment = now.replace(hour=hour, minute=minute)
    return ((moment - now) % timedelta(days=1)) // PRECISION * PRECISION.total_seconds()
