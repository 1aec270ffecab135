"""What the actions are called where people read of them."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from .commands import COMMANDS, PurgeQueue

#: What is written down, by the names that the rows have.
LABELS: Final[Mapping[str, Any]] = {
    "revoke": _("Revoke"),
    "revoke_by_stamped_headers": _("Revoke by stamped headers"),
    "bulk_revoke": _("Revoke all that match"),
    "retry": _("Run again"),
    **{name: command.label for name, command in COMMANDS.items()},
    "pause": _("Pause a queue"),
    "resume": _("Resume a queue"),
    PurgeQueue.name: PurgeQueue.label,
    "delete": _("Delete messages"),
    "move": _("Move messages"),
}
