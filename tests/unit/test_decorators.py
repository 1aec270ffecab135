"""Faults of ours and the host: nothing of ours ends a task or a worker, and what ends them is not held up by us."""

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from celery_ops.tracking import capture, counters, decorators
from tests.shop import tasks

pytestmark = pytest.mark.usefixtures("memory_store", "loaded_tasks")

NOOP = tasks.noop.name


class Fatal:
    """Whoever asks it anything ends the process."""

    def _end(self, *_):
        raise SystemExit("asked")

    __str__ = __repr__ = __len__ = __bool__ = __iter__ = __getitem__ = __index__ = __format__ = _end


@decorators.receiver
def failing(error):
    raise error


@pytest.mark.parametrize("error", [RuntimeError("no"), RecursionError(), MemoryError(), StopIteration(), OSError()])
def test_whatever_goes_wrong_in_a_receiver_is_counted_and_goes_no_further(error):
    assert failing(error) is None
    assert counters.counts()["errors"] == 1


@pytest.mark.parametrize("error", [SystemExit("no"), KeyboardInterrupt(), GeneratorExit()])
def test_what_ends_a_process_is_not_swallowed(error):
    with pytest.raises(type(error)):
        failing(error)


def test_a_soft_time_limit_of_a_task_that_renders_a_page_is_the_tasks():
    @decorators.part_of_a_page
    def tag():
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        tag()


@pytest.mark.parametrize("made", [Fatal, lambda: [Fatal()], lambda: {"a": Fatal()}, lambda: (1, [{"b": [Fatal()]}])])
def test_a_value_that_ends_whoever_asks_it_is_not_asked(made):
    """Celery itself asks for its ``repr`` in what it logs; a worker that does not log it goes on."""
    value = made()
    texts = capture.arguments(NOOP, (1, value), {"b": value}), capture.result(NOOP, value, (1,), {})
    assert all(Fatal.__name__ in text for text in texts)
