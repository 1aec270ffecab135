"""On whose behalf a command acts: nobody's in particular, or a user's, whom the policy is asked about."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ...models import users_named
from ...permissions import allows
from .base import CommandRefused


def add_user(parser: CommandParser) -> None:
    parser.add_argument("--user", metavar="NAME", help="act as this user, under the site's policy")


def user_named(name: str | None) -> Any:
    """Return the user of this name, None for none. Raises CommandRefused for a name that nobody has."""
    if name is None:
        return None
    user = users_named(name).first()
    if user is None:
        raise CommandRefused(_("there is no user %(name)r") % {"name": name})
    return user


def check(user: Any, action: str, obj: Any = None) -> None:
    """Raise Refused when the policy does not allow it; a command without a user acts as the site itself."""
    if user is not None and not allows(user, action, obj):
        text = _("%(user)s may not do this: the policy refuses %(action)s")
        raise CommandRefused(text % {"user": user.get_username(), "action": action})
