"""The recorder of this process: made when it is first needed, anew in a child, and ended with the process."""

import atexit
import os
import threading
from typing import Any

from ..conf import conf
from ..logs import get_logger
from . import counters
from .recording.per_process import end_with_the_process
from .recording.recorder import Recorder as Recorder  # where it has always been found
from .store import NoStore, Store

logger = get_logger("celery_ops.tracking")

#: Seconds that an ending process gives the store to come back.
EXIT_PATIENCE = 1.0

_recorder: Recorder | None = None
_process = os.getpid()  # whose it is: not every server tells Python that it forks
_ends_with = 0  # the process with whose end ours is tied
_is_ending = False
_built_for: tuple[Any, ...] = ()
_source: Any = None
_lock = threading.Lock()


def recorder() -> Recorder:
    """Return this process's recorder, made anew when the settings that it depends on change."""
    global _recorder, _built_for, _source, _ends_with
    current, source, process = _recorder, conf.source, os.getpid()
    if current is not None and source is _source and process == _process:
        return current
    if process != _process:
        forget()
    with _lock:
        wanted = (conf.STORE, conf.STORE_URL, conf.STORE_TIMEOUT, conf.STORE_PREFIX)
        if _recorder is not None and wanted != _built_for:
            _recorder.pause()
            if _recorder.kept:
                _recorder.try_again()
            _recorder.store.close()
            _recorder = None
        if _recorder is None:
            _recorder, _built_for = Recorder(_store(), EXIT_PATIENCE, at_once=_is_ending), wanted
        _source = source
        if process != _ends_with:
            _ends_with = process
            end_with_the_process(flush_at_exit, priority=0)
        return _recorder


def new_store() -> Store:
    """Return a store as the settings say. Raises ImportError or ValueError when they are wrong."""
    return conf.load("STORE")()


def _store() -> Store:
    try:
        return new_store()
    except Exception as error:
        logger.warning("There is no tracking store: %s. Tasks are not affected and not tracked.", error)
        return NoStore(error)


def flush_at_exit() -> None:
    """Write what waits before the process ends."""
    if _recorder is not None and _process == os.getpid():
        _recorder.end()


def _at_exit() -> None:
    global _is_ending
    _is_ending = True
    if _recorder is not None:
        _recorder.at_once = True  # no thread would write what is published from now on
    flush_at_exit()


def before_fork() -> None:
    """Write what waits: the child must not, and the parent may end at once, as daemons do."""
    if _recorder is not None and _process == os.getpid():
        _recorder.hold()


def after_fork() -> None:
    """Go on in the parent with what other threads' events were meanwhile."""
    if _recorder is not None:
        _recorder.go_on()


def forget() -> None:
    """Start anew, as a forked child must: connections, locks and events are its parent's."""
    global _recorder, _lock, _process
    _recorder, _lock, _process = None, threading.Lock(), os.getpid()
    counters.reset()


atexit.register(_at_exit)
os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=forget)
