"""What a panel's URL carries: which object, for whom, shown how. Signed, and good for one viewer."""

import zlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any, Final, TypeVar

from django.core import signing
from django.urls import NoReverseMatch, reverse

from ..exceptions import BadToken, StoreUnavailable
from ..info import TrackedTask
from ..tracking import prefix

SALT: Final = "celery_ops.panel"
#: Seconds for which a page may stay open and still refresh.
MAX_AGE: Final = 12 * 3600

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class PanelOptions:
    label: str  # of the model, a proxy's own: it has a permission and a name of its own
    pk: str  # canonical text of the key
    user: str  # the viewer's key as text, empty for an anonymous one
    limit: int
    launch: bool
    public: bool
    serial: int = 1  # which of the page's panels of this object
    started: bool = False  # the object is an account, and the tasks are those that it started
    using: str = ""  # the database that the object was read from, where the routers would ask another

    def chosen(self, tasks: Iterable[TrackedTask]) -> list[TrackedTask]:
        """Return those of the object's tasks that this panel is about."""
        return [task for task in tasks if not self.started or (task.started_by and task.started_by.pk == self.pk)]

    def token(self) -> str:
        values = astuple(self) if self.using else astuple(self)[:-1]  # it is on the page many times
        return signing.dumps(values, salt=salted(SALT))  # a compressed one begins with a dot, which servers refuse

    @property
    def url(self) -> str:
        """The panel's own URL, empty when the site has not included ``celery_ops.urls``."""
        try:
            return reverse("celery_ops:panel", args=[self.token()])
        except NoReverseMatch:
            return ""

    @property
    def prefix(self) -> str:
        """What keeps two panels' ids and parameters apart on one page, the same at each visit."""
        which = f"{self.label}:{self.pk}" + (f":{self.serial}" if self.serial > 1 else "")
        which += ":started" if self.started else ""
        return f"ops-{zlib.crc32(which.encode('utf-8', 'surrogatepass')):08x}-"


def options_of(token: str) -> PanelOptions:
    """Return the options of a panel's URL. Raises BadToken."""
    return options_in(token, PanelOptions, SALT)


def options_in(token: str, kind: type[Options], salt: str) -> Options:
    """Return the ``kind`` of options whose values were signed with this salt. Raises BadToken."""
    try:
        return kind(*signing.loads(token, salt=salted(salt), max_age=MAX_AGE))
    except (signing.BadSignature, StoreUnavailable, TypeError, ValueError) as error:
        raise BadToken(str(error)) from error


def salted(salt: str) -> str:
    """Return a salt of this tenant's own: a token is nothing on another's site, though a user has the same key there.

    Raises StoreUnavailable when nobody can tell whose site it is.
    """
    return f"{salt}:{prefix.current()}" if prefix.is_asked() else salt


def viewer(user: Any) -> str:
    """Return what stands for a user in a token."""
    return "" if user is None or user.pk is None else str(user.pk)
