"""Asking in a thread of its own, so that nobody waits longer than they mean to: what hangs goes on without them."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .databases import own_connections
from .exceptions import NoAnswer

T = TypeVar("T")


class Asked(Generic[T]):
    """What is asked in a thread from now on: ``answer`` waits for it.

    The thread has database connections of its own, which are closed when it ends, and nobody's context: no language,
    no time zone, no transaction.
    """

    def __init__(self, ask: Callable[[], T], name: str) -> None:
        self._ask = ask
        self._answers: list[T] = []
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"celery_ops {name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with own_connections():
                self._answers.append(self._ask())
        except Exception as error:  # raised where the answer is waited for
            self._failure = error

    def answer(self, seconds: float) -> T:
        """Return what was answered. Raises what asking raised, and NoAnswer after so many seconds."""
        self._thread.join(max(0.0, seconds))
        if self._failure is not None:
            raise self._failure
        if not self._answers:
            raise NoAnswer
        return self._answers[0]
