"""Groups from where the site has them: counted in the store, else by the newest results."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..conf import conf
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..metrics.switch import is_on
from ..metrics.windows import WINDOWS, Window
from . import reading
from .group import Detail, Group, Groups
from .resolving import with_states
from .results import stored_detail, stored_groups


@dataclass(frozen=True, slots=True)
class Listing:
    """The groups of a window with their states; ``is_counted`` says whether by the store, ``trouble`` why not."""

    groups: Groups
    is_counted: bool = True
    trouble: str = ""

    def completed(self, groups: Sequence[Group]) -> list[Group]:
        """Return some of them with what only their own rows say. A store that is away says nothing of it."""
        if not self.is_counted:
            return list(groups)
        try:
            return reading.completed(groups)
        except StoreUnavailable:
            return list(groups)


def listed(window: Window) -> Listing:
    """Return the groups of a window, those seen last first.

    Raises BackendUnavailable when neither store nor results answer.
    """
    trouble = ""
    try:
        if (listing := counted(window)) is not None:
            return listing
    except StoreUnavailable as error:
        trouble = str(error)
    groups = _stored(window, trouble)
    return Listing(replace(groups, groups=with_states(groups.groups)), is_counted=False, trouble=trouble)


def counted(window: Window) -> Listing | None:
    """Return the groups that were counted, None where the site does not count. Raises StoreUnavailable."""
    if not is_on():
        return None
    groups = reading.groups(window)
    return Listing(replace(groups, groups=with_states(groups.groups)))


def detailed(key: str, window: Window) -> tuple[Detail | None, str]:
    """Return all that is known of one group, None when nobody knows it, and why it is by results although counted.

    Raises the same, and so where results do not know it while the store is away: it may well be there.
    """
    detail, trouble = None, ""
    if is_on():
        try:
            detail = reading.group(key, window)
        except StoreUnavailable as error:
            trouble = str(error)
    if detail is None and (trouble or not is_on()):
        detail = _stored_detail(key, window, trouble)
    if detail is None and trouble:
        raise BackendUnavailable(trouble)
    if detail is None:
        return None, ""
    (group,) = with_states([detail.group])
    return replace(detail, group=group), trouble


def group_of(key: str) -> Group | None:
    """Return one group as it is now, None when nobody knows it. Raises the same."""
    detail, _trouble = detailed(key, WINDOWS["30d"])
    return detail.group if detail else None


def _stored(window: Window, trouble: str) -> Groups:
    with _said(trouble):
        return stored_groups(conf.load("TASK_BACKEND")(), window)


def _stored_detail(key: str, window: Window, trouble: str) -> Detail | None:
    with _said(trouble):
        return stored_detail(conf.load("TASK_BACKEND")(), key, window)


@contextmanager
def _said(trouble: str) -> Iterator[None]:
    """Let the first trouble be the one that is told of when results do not answer, either."""
    try:
        yield
    except BackendUnavailable:
        if trouble:
            raise BackendUnavailable(trouble) from None
        raise
