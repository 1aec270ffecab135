"""One answer for all who ask at about the same time."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Answer(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: T
        self.found_at = float("-inf")


class Shared(Generic[T]):
    """Keeps each answer for so many seconds; who asks while it is being found waits for it.

    Only the newest ``most`` keys are kept: a key may be whatever a viewer typed.
    """

    def __init__(self, seconds: float, most: int = 64) -> None:
        self._seconds, self._most = seconds, most
        self._lock = threading.Lock()
        self._answers: dict[Hashable, _Answer[T]] = {}

    def get(self, key: Hashable, find: Callable[[], T], age_of: Callable[[T], float] = lambda _value: 0.0) -> T:
        """Return the answer of ``find``, now or up to so many seconds ago. An error of ``find`` is not kept.

        ``age_of`` says how many seconds old an answer is already when it is found.
        """
        with self._lock:
            answer: _Answer[T] | None = self._answers.pop(key, None)
            if answer is None:
                answer = _Answer()
            self._answers[key] = answer
            while len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]
        with answer.lock:
            if time.monotonic() - answer.found_at > self._seconds:
                answer.value = find()
                answer.found_at = time.monotonic() - age_of(answer.value)
            return answer.value

    def forget(self) -> None:
        with self._lock:
            self._answers.clear()
