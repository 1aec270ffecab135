"""Celery's signal in the process that publishes, counted: an append."""

from typing import Any

from ..tracking import prefix
from ..tracking.decorators import receiver
from ..tracking.stamp import WHOSE
from .flushing import flusher
from .switch import is_asked, is_on
from .tally import minute


@receiver
def after_task_publish(sender: str, exchange: Any, routing_key: str, headers: Any, **_: Any) -> None:
    if not is_on():
        return
    current = flusher()
    current.counting.sent((minute(), _whose(headers) if is_asked() else "", sender, exchange, routing_key))
    if not current.is_awake:
        current.wake()


def _whose(headers: Any) -> str:
    """Return the tenant that a message names, else that of here and now."""
    return (headers.get(WHOSE) if isinstance(headers, dict) else None) or prefix.current()
