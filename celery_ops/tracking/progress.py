"""How far a running task says it is, turned into a fact."""

import math
import time
from decimal import Decimal
from numbers import Real
from typing import Any, Final

from .. import redaction
from ..info import Progress
from . import capture, facts, initial_arguments, runs
from .decorators import never_raises
from .recorder import recorder

#: Seconds between two writes of one task's progress; what comes in between is written with the next event.
PROGRESS_EVERY: Final = 0.5
MESSAGE_LENGTH: Final = 200


@never_raises
def set_progress(current: float, total: float, message: str = "") -> None:
    """What ``context.set_progress`` does."""
    request = runs.current_request()
    run = runs.of(request)
    if run is None or not run.stamp.refs:
        return
    if not all(isinstance(n, (Real, Decimal)) and math.isfinite(n) for n in (current, total)):
        raise TypeError(f"set_progress() takes two finite numbers, not {current!r:.40} and {total!r:.40}")
    text = _shown(run, request, str(message)) if message else ""
    run.unsaid.append(facts.progress_text(Progress(float(current), float(total), text)))
    now = time.monotonic()
    if now - run.progress_written >= PROGRESS_EVERY:
        run.progress_written = now
        recorder().record(run.batch, run.whose)


def _shown(run: runs.Execution, request: Any, message: str) -> str:
    """Return a message as everybody may read it who sees the task: without what its arguments hide, and cut last."""
    if run.secrets is None:
        run.secrets = capture.secrets(run.name, *initial_arguments.of_request(request, request.args, request.kwargs))
    return redaction.capture_text(message, secrets=run.secrets).text[:MESSAGE_LENGTH]
