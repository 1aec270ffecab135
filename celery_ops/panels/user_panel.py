"""The panel of what one account started: whose it is, and who may see it."""

from typing import Any

from ..info import StartedBy
from ..models import account_key
from ..permissions import VIEW_INSTANCE, VIEW_OPS, allows


def is_account(user: Any, started_by: StartedBy) -> bool:
    """Return whether ``user`` is who started something."""
    key = account_key(user)
    return key is not None and str(key) == started_by.pk


def may_view(user: Any, instance: Any, *, started: bool) -> bool:
    """Return whether ``user`` may see a panel of an object's tasks, or of what it ``started``, an account then."""
    if not started:
        return allows(user, VIEW_INSTANCE, instance)
    if account_key(instance) is None:
        return False
    is_own = bool(getattr(user, "is_active", False)) and account_key(user) == account_key(instance)
    return is_own or allows(user, VIEW_OPS)
