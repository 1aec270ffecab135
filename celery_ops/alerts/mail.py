"""An alert as mail to the site's ``ADMINS``."""

from django.core import mail

from . import words
from .alert import Alert


def send(alert: Alert) -> None:
    """Raises what Django's mail raises."""
    lines = [words.sentence(alert), "", f"{alert.at:%Y-%m-%d %H:%M:%S} UTC"]
    mail.mail_admins(words.title(alert), "\n".join(lines))
