"""What the actions are called where people read of them."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

#: What is written down, by the names that the rows have.
LABELS: Final[Mapping[str, Any]] = {
    "revoke": _("Revoke"),
    "revoke_by_stamped_headers": _("Revoke by stamped headers"),
    "bulk_revoke": _("Revoke all that match"),
    "retry": _("Run again"),
    "ping": _("Ping"),
    "pool_grow": _("Grow the pool"),
    "pool_shrink": _("Shrink the pool"),
    "pool_restart": _("Restart the pool"),
    "autoscale": _("Set autoscale"),
    "add_consumer": _("Consume a queue"),
    "cancel_consumer": _("Stop consuming a queue"),
    "rate_limit": _("Set a rate limit"),
    "time_limit": _("Set time limits"),
    "enable_events": _("Turn events on"),
    "disable_events": _("Turn events off"),
    "shutdown": _("Shut down"),
    "pause": _("Pause a queue"),
    "resume": _("Resume a queue"),
    "purge": _("Delete all messages"),
    "delete": _("Delete messages"),
    "move": _("Move messages"),
}
