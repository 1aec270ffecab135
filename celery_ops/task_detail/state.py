"""Whether a task has ended, asked again and again by whoever follows it: no worker and no queue is asked."""

from .. import states
from ..conf import conf
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..one_state import state_of
from ..sentences import Sentence as _
from ..tracking.accounts import Account, read_account
from ..tracking.store import TASK


def is_over(task_id: str) -> bool:
    """Return whether nothing is to come of a task any more. Raises BackendUnavailable."""
    return states.is_final(current_state(task_id))


def current_state(task_id: str) -> str:
    """Return the state of a task, which is LOST where its worker is gone. Raises BackendUnavailable."""
    account = _account(task_id)
    tracked = account.places[0][1] if account.places and account.places[0][0].label != TASK else None
    if tracked is not None and states.is_final(tracked.state):
        return tracked.state
    return state_of(conf.load("TASK_BACKEND")().get(task_id), tracked, None)


def _account(task_id: str) -> Account:
    try:
        return read_account(task_id)
    except StoreUnavailable as error:
        raise BackendUnavailable(_("The tracking store does not answer.")) from error
