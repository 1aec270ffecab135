"""What is wrong with beat, with its reason and what to do: nobody sends, two do, or one goes by a wrong clock."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext_lazy as _

from .info import BEAT_SILENT, BeatInfo, Problem

TWO_BEATS, BEAT_CLOCK = "two_beats", "beat_clock"

#: How long two beats must have run at once: a deploy ends one a moment after it has begun the next.
OVERLAP: Final = timedelta(seconds=10)
#: By how much the clock of a beat may differ from the one here.
MOST_AHEAD: Final = timedelta(minutes=1)

START_ONE: Final = _("Start one: celery beat, or a worker with -B. It loads this site's settings, and tells of itself.")
NEVER_HEARD: Final = Problem(BEAT_SILENT, _("No beat was ever heard: nothing is sent."), START_ONE)
NOT_HEARD: Final = Problem(BEAT_SILENT, _("No beat is heard: nothing is sent."), START_ONE)
WAITS_FOR_LOCK: Final = Problem(
    BEAT_SILENT,
    _("Beat at %(name)s waits for the lock of another one, which gives no sign of life."),
    _("Wait until the lock expires (redbeat_lock_timeout), or delete it if the other one is gone."),
)
STANDS_STILL: Final = Problem(
    BEAT_SILENT,
    _("Beat at %(name)s lives, and its loop stands still: nothing is sent."),
    _("Look what it waits for (broker, database, lock), and start it anew."),
)
BEAT_HAS_ENDED: Final = Problem(
    BEAT_SILENT, _("Beat at %(name)s has ended, and no other one runs: nothing is sent."), START_ONE
)
IS_SILENT: Final = Problem(BEAT_SILENT, _("Beat at %(name)s is silent: nothing is sent."), START_ONE)
ARE_TWO: Final = Problem(
    TWO_BEATS,
    _("Two beats run at once, and everything is sent by each: %(names)s."),
    _("Stop all of them but one."),
)
_SET_IT: Final = _("Set both clocks (NTP): until then do not trust what is said to be due, late or overdue.")
IS_AHEAD: Final = Problem(
    BEAT_CLOCK, _("The clock of beat at %(name)s is %(time)s ahead of this one's, and it sends by its own."), _SET_IT
)
IS_BEHIND: Final = Problem(
    BEAT_CLOCK, _("The clock of beat at %(name)s is %(time)s behind this one's, and it sends by its own."), _SET_IT
)


def of_beats(beats: Sequence[BeatInfo], heard: bool, entries: int) -> Iterator[Problem]:
    """Yield what is wrong with beat. ``heard`` says whether one ever was, as far back as signs are kept."""
    if entries and all(beat.is_silent or beat.is_standby for beat in beats):
        yield _silence(beats, heard)
    if twins := _twins(beats):
        yield ARE_TWO.of(names=", ".join(map(_name_of, twins)))
    for beat in beats:
        if beat.sends and abs(beat.ahead) > MOST_AHEAD.total_seconds():
            is_other = IS_AHEAD if beat.ahead > 0 else IS_BEHIND
            yield is_other.of(name=_name_of(beat), time=timedelta(seconds=round(abs(beat.ahead))))


def _silence(beats: Sequence[BeatInfo], heard: bool) -> Problem:
    newest = max(beats, key=lambda beat: beat.seen, default=None)
    if not heard or newest is None:
        return NOT_HEARD if heard else NEVER_HEARD
    return _silence_of(newest).of(name=_name_of(newest))


def _silence_of(beat: BeatInfo) -> Problem:
    if beat.is_standby:
        return WAITS_FOR_LOCK
    if beat.is_stuck:
        return STANDS_STILL
    return BEAT_HAS_ENDED if beat.has_ended else IS_SILENT


def _name_of(beat: BeatInfo) -> str:
    return f"{beat.hostname} ({beat.pid})"


def _twins(beats: Sequence[BeatInfo]) -> list[BeatInfo]:
    """Return beats that send the same: of one app and kind, the first of which went on when the second had begun."""
    sending = sorted((other for other in beats if other.sends), key=lambda other: other.started)
    for beat in sending:
        twins = [other for other in sending if (other.app, other.scheduler) == (beat.app, beat.scheduler)]
        if len(twins) > 1 and twins[-2].seen > twins[-1].started + OVERLAP:
            return twins
    return []
