"""Queues, as the broker has them: what is declared, what waits, and who takes from them."""

from .backend import BrokerQueueBackend

__all__ = ["BrokerQueueBackend"]
