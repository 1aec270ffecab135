"""Who may see how far a workflow is, though no operations page: who may see the objects that it is about."""

from typing import Any, Final

from ..models import account_key
from ..objects import visible_names
from ..permissions import VIEW_OPS, allows
from ..tracking.refs import ObjectRef
from .workflow import Glance

#: Objects that the policy is asked about; a workflow of more is for those who see all tasks.
MOST_OBJECTS: Final = 20


def may_view(user: Any, workflow: Glance) -> bool:
    """Return whether ``user`` may see how far a workflow is: all tasks, or every object that it was asked for by.

    Somebody's own account counts as theirs: what they started belongs to it.
    """
    if allows(user, VIEW_OPS):
        return True
    foreign = [ref for ref in workflow.refs if not _is_own(user, ref)]
    if not workflow.refs or len(foreign) > MOST_OBJECTS:
        return False
    return len(visible_names(foreign, user)) == len(foreign) if foreign else True


def _is_own(user: Any, ref: ObjectRef) -> bool:
    """Return whether an object is the account of who asks."""
    is_account = bool(getattr(user, "is_active", False)) and account_key(user) is not None
    return is_account and ref == ObjectRef.of(user)
