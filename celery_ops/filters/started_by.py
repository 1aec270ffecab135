"""The tasks that somebody started, by the username: what tracking keeps of that account says which these are."""

from django.conf import settings
from django.db import Error as DatabaseError

from ..exceptions import StoreUnavailable
from ..logs import get_logger
from ..models import users_named
from ..tracking.reading import read_tasks
from ..tracking.refs import ObjectRef

logger = get_logger("celery_ops.filters")


def is_installed() -> bool:
    """Return whether the site notes who starts its tasks."""
    return any(str(path).endswith("StartedByMiddleware") for path in settings.MIDDLEWARE)


def tasks_of_name(username: str) -> tuple[str, ...]:
    """Return the ids of what this account started, none for a name that nobody has, or while a source is away.

    One query by the unique name, and a round trip or two: no row is searched for a name.
    """
    try:
        account = users_named(username).first()
        if account is None:
            return ()
        ref = ObjectRef.of(account)
        tasks = read_tasks([ref])[0]
    except (DatabaseError, StoreUnavailable, ValueError) as error:
        logger.warning("Tasks by who started them cannot be listed: %s", type(error).__name__)
        return ()
    return tuple(task.id for task in tasks if task.started_by and task.started_by.pk == ref.pk)
