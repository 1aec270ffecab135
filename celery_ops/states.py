"""The states of a task: Celery's own, and LOST, which is derived on reading and never stored."""

from typing import Final

PENDING: Final = "PENDING"
RECEIVED: Final = "RECEIVED"
STARTED: Final = "STARTED"
RETRY: Final = "RETRY"
SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
REVOKED: Final = "REVOKED"
REJECTED: Final = "REJECTED"
IGNORED: Final = "IGNORED"
LOST: Final = "LOST"

#: In the order in which a person meets them.
ALL: Final = (PENDING, RECEIVED, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, REJECTED, IGNORED, LOST)

#: Nothing more is expected to happen. LOST is not among them: any real event undoes it.
FINAL: Final = frozenset({SUCCESS, FAILURE, REVOKED, REJECTED, IGNORED})

#: Which of two final states of one attempt counts, weakest first.
FINAL_ORDER: Final = (IGNORED, REJECTED, REVOKED, FAILURE, SUCCESS)


def is_final(state: str) -> bool:
    """Return whether a task in ``state`` has ended for good."""
    return state in FINAL


def is_active(state: str) -> bool:
    """Return whether a task in ``state`` still waits or runs."""
    return state in {PENDING, RECEIVED, STARTED, RETRY}


#: What became of a request to revoke a task.
REQUESTED: Final = "requested"
CONFIRMED: Final = "confirmed"
TOO_LATE: Final = "too late"


def revoke_outcome(state: str) -> str:
    """Return what became of a request to revoke a task that is in ``state`` now."""
    if state == REVOKED:
        return CONFIRMED
    return TOO_LATE if is_final(state) else REQUESTED


def tone(state: str) -> str:
    """Return the CSS modifier of a state's badge; ``unknown`` for a state that is not Celery's or ours."""
    return state.lower() if state in ALL else "unknown"
