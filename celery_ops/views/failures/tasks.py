"""The tasks of one group, wherever tasks are listed."""

from ...backends.base import TaskBackend
from ...failures.group import Group
from ...failures.listing import group_of
from ...failures.members import GroupTaskBackend
from ..absent import no_group


def within_group(backend: TaskBackend, key: str) -> TaskBackend:
    """Return a backend of a group's tasks alone; without a key that which it is. Raises Http404, BackendUnavailable."""
    if not key:
        return backend
    group = group_of(key)
    if group is None:
        raise no_group()
    return GroupTaskBackend(backend, group)


def within_group_or_nothing(backend: TaskBackend, key: str) -> TaskBackend:
    """Return the same, for a group that nobody knows any more a backend without tasks."""
    return GroupTaskBackend(backend, group_of(key) or Group(key, "")) if key else backend
