"""Who started what is published while a request is answered: its user, whom nobody asks for before that."""

import json
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import SynchronousOnlyOperation
from django.db.models import Model

from ..concurrency import Asked
from ..info import StartedBy
from ..logs import get_logger, is_new
from . import counters
from .refs import ObjectRef
from .stamp import encode

logger = get_logger("celery_ops.tracking")

#: Characters of a username and of a URL's name that are kept.
LONGEST_NAME: Final = 150
#: Characters of a header that is ours: JSON writes one of a name as twelve at most.
LONGEST_TEXT: Final = 5000
#: Seconds for which a publish in an async view waits for the user, whom nothing there has asked for yet.
PATIENCE: Final = 2.0


class Origin(NamedTuple):
    """Who started something: as a message's header and a fact say it, and as the object that it belongs to."""

    text: str
    ref: ObjectRef


class Requester:
    """The request that is answered here, and who it comes from as soon as something is published in it."""

    __slots__ = ("_match", "_origin", "_request", "_user")

    def __init__(self, request: Any) -> None:
        self._request = request
        self._user: Any = None
        self._match: Any = None
        self._origin: Origin | None = None

    def origin(self) -> Origin | None:
        """Return who starts what is published now, None for an anonymous visitor. Never raises.

        A view may log somebody in, so this goes by the user that the request has at this moment.
        """
        request = self._request
        user, match = getattr(request, "user", None), getattr(request, "resolver_match", None)
        if user is not self._user or match is not self._match:
            self._user, self._match = user, match
            self._origin = self._asked(user, match)
        return self._origin

    def _asked(self, user: Any, match: Any) -> Origin | None:
        try:
            account = _signed_in(self._request, user)
            return None if account is None else _origin(account, match)
        except Exception as error:
            counters.add("errors")
            if is_new("started_by", type(error)):  # without its words: they may name somebody
                logger.warning("Who starts a task is not known: %s. Said once.", type(error).__name__)
            return None


def text_of(started_by: StartedBy) -> str:
    """Return what a header and a fact say."""
    return encode([started_by.pk, started_by.username, started_by.url_name])


def started_by_of(text: Any) -> StartedBy | None:
    """Return what ``text_of`` wrote, None for what it did not: anybody may have written a header."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT or not text.startswith("["):
        return None
    try:
        pk, username, url_name = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    parts = pk, username, url_name
    if not all(isinstance(part, str) for part in parts) or max(len(username), len(url_name)) > LONGEST_NAME:
        return None
    return StartedBy(pk, username, url_name)


def checked(text: Any) -> str:
    """Return a header's text when it is one that we wrote, else an empty one."""
    return text if text and started_by_of(text) is not None else ""


def _origin(account: Any, match: Any) -> Origin | None:
    if not _is_user_model(account.__class__, settings.AUTH_USER_MODEL):  # an API key's key would be another person's
        return None
    return _origin_of(account.__class__, account.pk, str(account.get_username()), _url_name(match))


@lru_cache(maxsize=64)
def _is_user_model(kind: type, user_model: str) -> bool:
    return issubclass(kind, get_user_model())


@lru_cache(maxsize=1024, typed=True)
def _origin_of(kind: type[Model], pk: Any, username: str, url_name: str) -> Origin:
    """People publish from one page again and again: what is written of that is made once."""
    ref = ObjectRef.build(kind, pk)
    return Origin(text_of(StartedBy(ref.pk, username[:LONGEST_NAME], url_name[:LONGEST_NAME])), ref)


def _url_name(match: Any) -> str:
    """Return the name that ``reverse()`` takes, empty for a URL that has none."""
    name = getattr(match, "url_name", None)
    return ":".join([*match.namespaces, name]) if name else ""


def _signed_in(request: Any, user: Any) -> Any:
    """Return the account that is logged in, None where nobody is.

    To ask makes the site's answer no other one for another visitor, so it gets no ``Vary: Cookie`` for that.
    """
    session = getattr(request, "session", None)
    accessed = getattr(session, "accessed", None)
    try:
        account = _evaluated(request, user)
    finally:
        if accessed is False:
            session.accessed = False  # type: ignore[union-attr]  # it has one
    return account if getattr(account, "is_authenticated", False) else None


def _evaluated(request: Any, user: Any) -> Any:
    """In an async view Django asks the database nothing: what ``auser()`` answered is there, or a thread asks."""
    try:
        getattr(user, "is_authenticated", None)
        return user
    except SynchronousOnlyOperation:
        answered = getattr(request, "_acached_user", None)
        if answered is not None:
            return answered
    Asked(lambda: getattr(user, "is_authenticated", None), "user").answer(PATIENCE)
    return user
