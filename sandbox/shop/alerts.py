"""Who is told when an objective breaks, and when it holds again: here a log, in a real shop a chat or a phone."""

import logging

logger = logging.getLogger("shop.alerts")


def tell_the_office(alert):
    """Called with each alert: see ``ALERTS`` in the settings."""
    logger.warning(
        "%s: %s of %s is %s (%s, limit %s)",
        alert.name,
        alert.measure,
        alert.target,
        alert.state,
        alert.value,
        alert.limit,
    )
