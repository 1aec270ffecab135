"""Celery's signal in the process that publishes, counted: an append."""

from typing import Any

from ..tracking import prefix
from ..tracking.edge import receiver
from ..tracking.stamp import WHOSE
from .counting import Counting
from .flushing import flusher
from .queues import queue_named
from .switch import is_on
from .tally import Subject, minute


@receiver
def after_task_publish(sender: str, exchange: Any, routing_key: str, headers: Any, **_: Any) -> None:
    if not is_on():
        return
    queue = queue_named(exchange if isinstance(exchange, str) else exchange.name, routing_key or "")
    whose = (headers.get(WHOSE) if isinstance(headers, dict) else None) or prefix.current()
    current = flusher()
    current.source(Counting).sent(Subject(minute(), whose, sender, queue))
    current.wake()
