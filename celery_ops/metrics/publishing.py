"""Celery's signal in the process that publishes, counted: an append."""

from typing import Any

from ..tracking import prefix
from ..tracking.edge import receiver
from ..tracking.stamp import WHOSE
from .flushing import flusher
from .switch import is_asked, is_on
from .tally import minute


@receiver
def after_task_publish(sender: str, exchange: Any, routing_key: str, headers: Any, **_: Any) -> None:
    if not is_on():
        return
    whose = ((headers.get(WHOSE) if isinstance(headers, dict) else None) or prefix.current()) if is_asked() else ""
    current = flusher()
    current.counting.sent((minute(), whose, sender, exchange, routing_key))
    if not current.is_awake:
        current.wake()
