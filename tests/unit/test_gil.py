"""Who waits for Python's lock gets it in between, but where one task runs at a time."""

import pytest

from celery_ops.stacks import worker
from celery_ops.tracking import costs, gil


@pytest.fixture
def pauses(monkeypatch):
    """Each time that the lock was let go of."""
    taken = []
    monkeypatch.setattr(gil._Process, "is_shared", True)
    monkeypatch.setattr(gil, "let_go", lambda: taken.append(1))
    return taken


def test_the_lock_is_let_go_of_after_so_many(pauses):
    assert list(gil.letting_go(range(10), 4)) == list(range(10))
    assert len(pauses) == 2


def test_a_process_of_a_pool_does_all_in_one_piece(pauses, monkeypatch):
    for name in ("whose", "knows_cpu"):
        monkeypatch.setattr(costs._Process, name, getattr(costs._Process, name))
    worker.worker_process_init()
    assert list(gil.letting_go(range(10), 4)) == list(range(10))
    assert not pauses
