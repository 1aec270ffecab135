"""A beat's sign of life, in a slot of its own among those of the site's beats."""

import os
import time
from math import isfinite
from socket import gethostname
from typing import Any, Final
from uuid import uuid4

from . import board
from .board import SIGN_EVERY, SLOTS, HeardSign, Sign
from .loop import Loop
from .noting import Notes

#: Seconds without a sign after which a slot is another beat's to take.
FREE_AFTER: Final = 120.0


class Signing:
    """Gives the signs of one beat. ``slot`` is where, None before the first."""

    def __init__(self, service: Any, loop: Loop) -> None:
        scheduler = service.scheduler
        self._loop = loop
        self._token = uuid4().hex[:12]
        self._kind = f"{type(scheduler).__module__}.{type(scheduler).__qualname__}"[:200]
        self._app = str(getattr(service.app, "main", "") or "")[:200]
        self._scheduler = scheduler
        self._given = float("-inf")
        self._was_standby = False
        self._leaves = False
        self.slot: int | None = None

    def leave(self) -> None:
        """Have the next sign be a goodbye."""
        self._leaves = True

    def sign(self, notes: Notes) -> None:
        """Give a sign where it is time for one. Two round trips. Raises StoreUnavailable."""
        is_standby = self._loop.is_waiting_for_lock and not self._leaves  # who ends gives its lock back first
        is_due = time.monotonic() - self._given >= SIGN_EVERY or is_standby != self._was_standby or self._leaves
        if not is_due:
            return
        heard = board.signs()
        if heard is None:
            return
        self.slot = self._place(heard)
        in_hand = self._loop.entries
        board.give(self._sign(notes.entries if in_hand is None else in_hand, is_standby), self.slot)
        self._given, self._was_standby = time.monotonic(), is_standby

    def _place(self, heard: list[HeardSign]) -> int:
        """Return the slot that this beat has, or takes now."""
        by_slot = {beat.slot: beat for beat in heard}
        own = [slot for slot, beat in by_slot.items() if beat.sign.token == self._token]
        if own:
            return own[0]
        free = [slot for slot in range(SLOTS) if slot not in by_slot]
        gone = sorted((beat for beat in heard if beat.age > FREE_AFTER), key=lambda beat: -beat.age)
        ended = sorted((beat for beat in heard if beat.sign.has_ended), key=lambda beat: -beat.age)
        # the place of one that is gone says so until another one takes it
        return next(iter([*(beat.slot for beat in ended), *free, *(beat.slot for beat in gone), SLOTS - 1]))

    def _sign(self, entries: int, is_standby: bool) -> Sign:
        interval = getattr(self._scheduler, "max_interval", 0)
        is_number = isinstance(interval, (int, float)) and isfinite(interval) and 0 <= interval < 1e9
        up = time.monotonic() - self._loop.began
        return Sign(
            self._token,
            gethostname()[:200],
            os.getpid(),
            self._kind,
            self._app,
            int((time.time() - up) * 1000),  # each time anew: a clock may have been set meanwhile
            round(up, 1),
            round(self._loop.still, 1),
            float(interval) if is_number else 0.0,
            entries,
            is_standby,
            self._leaves,
        )
