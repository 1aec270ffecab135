"""What a site wants to hold, whether it does, and who is told when it does not.

``mail_admins`` and ``webhook`` are what ``ALERTS`` may name; what they need is imported when there is an alert.
"""

from .alert import BREACHED as BREACHED
from .alert import RECOVERED as RECOVERED
from .alert import Alert as Alert


def mail_admins(alert: Alert) -> None:
    """Mail an alert to the site's ``ADMINS``. Raises what Django's mail raises."""
    from .mail import send

    send(alert)


def webhook(alert: Alert) -> None:
    """Post an alert as JSON to ``ALERT_WEBHOOK``. Raises WebhookFailed."""
    from .posting import post

    post(alert)
