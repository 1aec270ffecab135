"""Beat's side: a thread of the beat process that gives signs of life, and tells what beat knows of its entries.

Nothing of beat is changed, and its loop waits for nobody: a publish leaves an entry in a queue in memory, and all else
is done in the thread, which asks beat nothing. It reads beat's heap, and which code its loop is in.
"""

import atexit
import os
import sys
import threading
from typing import Any, Final

from celery import signals
from celery.beat import ScheduleEntry

from ..exceptions import StoreUnavailable
from ..logs import get_logger, is_new
from ..tracking.decorators import receiver
from ..tracking.stamp import SCHEDULE, schedule_of
from .loop import Loop
from .noting import Note, Notes
from .signing import Signing

logger = get_logger("celery_ops.schedules")

#: Seconds between two looks of the thread.
LOOK_EVERY: Final = 2.0
#: Seconds that an ending beat's thread is waited for.
PATIENCE: Final = 1.0
#: Frames between the publish and beat's loop at most: each of them costs the loop something.
MOST_FRAMES: Final = 60


class Beat:
    """Tells of one beat process, from ``start`` until ``end``."""

    def __init__(self, service: Any) -> None:
        self.loop_ident = threading.get_ident()
        self.process = os.getpid()
        self._loop = Loop(service, self.loop_ident)
        self.loop_code = self._loop.code
        #: What the loop sends at this moment.
        self.sending: ScheduleEntry | None = None
        self._notes = Notes(service.scheduler)
        self._signing = Signing(service, self._loop)
        self._over = threading.Event()
        self._working = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="celery_ops schedules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether this is the thread of beat's loop."""
        return threading.get_ident() == self.loop_ident and os.getpid() == self.process

    def note(self, note: Note) -> None:
        """Take note of a publish of beat's, in its own thread."""
        self._loop.sent += 1
        self._notes.sent.append(note)

    def end(self) -> None:
        """Write what waits, and say goodbye."""
        if self._over.is_set() or self.process != os.getpid():
            return
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)
        if self._working.acquire(timeout=PATIENCE):
            try:
                self._signing.leave()
                self._work()
            finally:
                self._working.release()

    def _run(self) -> None:
        while True:
            with self._working:
                self._work()
            if self._over.wait(LOOK_EVERY):
                return

    def _work(self) -> None:
        try:
            self._loop.look()
            self._signing.sign(self._notes)
            self._notes.write(self._signing.slot)
        except StoreUnavailable as error:
            logger.debug("What beat tells waits for the store: %s", error)
        except Exception as error:
            if is_new("telling of beat", type(error)):
                logger.warning("Beat goes on, and cannot be told of. Said once.", exc_info=True)


_beat: Beat | None = None


@receiver
def beat_init(sender: Any = None, **_: Any) -> None:
    """Begin to tell of this process's beat: redbeat may wait for its lock from here on."""
    global _beat
    if sender is None or not hasattr(sender, "scheduler"):
        return
    if _beat is not None:
        _beat.end()
    _beat = Beat(sender)
    # only here: no other process has a call more for each publish
    signals.before_task_publish.connect(before_task_publish, weak=False, dispatch_uid="celery_ops.schedules.beat")
    signals.after_task_publish.connect(after_task_publish, weak=False, dispatch_uid="celery_ops.schedules.beat")
    _end_with_the_process()
    _beat.start()


@receiver
def before_task_publish(headers: Any = None, **_: Any) -> None:
    """Find out which entry beat's loop sends a message for, and have that say so."""
    beat = _beat
    if beat is None or not beat.is_here:
        return
    beat.sending = entry = _entry(sys._getframe(2), beat.loop_code)
    if entry is not None and (name := schedule_of(entry.name)) and isinstance(headers, dict):
        headers[SCHEDULE] = name


@receiver
def after_task_publish(headers: Any = None, body: Any = None, **_: Any) -> None:
    """Note which entry a message was sent for, when beat's loop sends one."""
    beat = _beat
    if beat is not None and beat.is_here:
        beat.note(Note.of(headers, body, beat.sending))


def _entry(frame: Any, loop_code: Any) -> ScheduleEntry | None:
    """Return the entry that the loop is sending: the outermost ``entry`` among what its functions call so.

    The innermost may be its successor already, which has been sent. Looking into a frame costs more than walking past.
    """
    frames = []
    for _ in range(MOST_FRAMES):
        if frame is None or (code := frame.f_code) is loop_code:
            break
        names_one = _names_one.get(id(code))
        if names_one is None:
            names_one = _names_one[id(code)] = (code, "entry" in code.co_varnames)
        if names_one[1]:
            frames.append(frame)
        frame = frame.f_back
    while frames:
        if isinstance(entry := frames.pop().f_locals.get("entry"), ScheduleEntry):
            return entry
    return None


#: Functions that have been looked at, by their id, and whether they call something ``entry``.
_names_one: dict[int, tuple[Any, bool]] = {}


def end() -> None:
    """Say goodbye, where this process has a beat."""
    if _beat is not None:
        _beat.end()


def _end_with_the_process() -> None:
    """A child of billiard ends without Python's own exit. This comes before the recorder's end."""
    for name in ("multiprocessing.util", "billiard.util"):
        if (module := sys.modules.get(name)) is not None:
            module.Finalize(None, end, exitpriority=2)


atexit.register(end)
