"""What to consider before a task is run again, and what of that is worth a question."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from .. import states
from ..formatting import SHORT_ID, ago, clean
from ..models import TaskRunRecord
from ..running.allowlist import Runnable
from ..timezones import aware
from .policy import warning


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to consider; ``asks`` says that nothing is sent before somebody has confirmed it."""

    kind: str
    text: str
    asks: bool = True


def doubts_of(runnable: Runnable, state: str, last: TaskRunRecord | None) -> tuple[Doubt, ...]:
    """Return what speaks against running a task again that ended so, and whose ``last`` run again is this one."""
    doubts = []
    if last is not None:
        doubts.append(Doubt("again", rerun_text(last)))
    if state == states.SUCCESS:
        doubts.append(Doubt("success", _("It succeeded: what it did would be done a second time.")))
    if state == states.LOST:
        doubts.append(Doubt("lost", _("It was begun, and its worker was lost: it may have done its work in part.")))
    if runnable.confirm:
        doubts.append(Doubt("confirm", _("This task asks before it is run.")))
    if text := warning(runnable):
        doubts.append(Doubt("late", text, asks=False))
    return tuple(doubts)


def known_rerun(task_id: str) -> Doubt:
    """Return the doubt of a task of which nothing is known but the id of its newest run again."""
    return Doubt("again", _("It was run again already, as %(id)s.") % {"id": clean(task_id)[:SHORT_ID]})


def rerun_text(last: TaskRunRecord) -> str:
    """Return that a task was run again already, when and as which."""
    sent = ago(aware(last.created_at), aware(timezone.now()))
    text = _("It was run again already, %(ago)s, as %(id)s.")
    return text % {"ago": sent, "id": clean(last.task_id)[:SHORT_ID]}
