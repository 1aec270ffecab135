"""What states are, and what the row of a result means, whichever Celery wrote it."""

from datetime import timedelta

import pytest

from celery_ops import states
from celery_ops.timezones import believed_start, now

NOON = now()
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED", "RETRY", "UPLOADING"])
def test_what_waits_or_runs_is_active(state):
    assert states.is_active(state)


@pytest.mark.parametrize("state", [*sorted(states.FINAL), "LOST", ""])
def test_what_is_over_or_lost_is_not_active(state):
    assert not states.is_active(state)


@pytest.mark.parametrize(("state", "custom"), [("UPLOADING", True), ("LOST", False), ("STARTED", False), ("", False)])
def test_a_state_of_a_tasks_own_is_custom(state, custom):
    assert states.is_custom(state) is custom


@pytest.mark.parametrize(
    ("name", "worker", "extended", "confirmed"),
    [
        (None, None, True, False),
        ("", "", True, False),
        ("shop.charge", None, True, True),
        (None, "w@a", True, True),
        (None, None, False, True),
    ],
)
def test_a_row_with_a_name_or_a_worker_was_written_by_one(name, worker, extended, confirmed):
    assert states.is_confirmed(name, worker, is_extended=extended) is confirmed


@pytest.mark.parametrize(
    ("started", "created", "ended", "believed"),
    [
        (NOON, NOON, NOON, True),
        (NOON, None, None, True),
        (NOON + HOUR, None, None, False),
        (NOON + HOUR, NOON, NOON + timedelta(seconds=3), False),
        (NOON - 9 * HOUR, NOON, None, False),
        (NOON + timedelta(seconds=2), NOON, NOON + timedelta(seconds=1), True),
    ],
)
def test_a_start_that_contradicts_its_neighbours_is_not_believed(started, created, ended, believed):
    assert believed_start(started, created=created, ended=ended) == (started if believed else None)


def test_a_start_that_nobody_knows_stays_unknown():
    assert believed_start(None, created=NOON) is None
