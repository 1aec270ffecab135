"""The way from a task to the workflow that it is part of."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...exceptions import BackendUnavailable, StoreUnavailable
from ...links import workflow_url
from ...tables.links import PageLink
from ...tracking import index, workflows
from ...tracking.recorder import recorder
from ...workflows.reading import glance_at

#: Fields of a workflow in the store up to which its tasks are counted for a line on another page.
MOST_COUNTED: Final = 3000


def link_of(task_id: str) -> PageLink | None:
    """Return where the workflow of a task is, None for a task in none and while nobody can say."""
    try:
        return workflow_link(index.search(task_id).workflow)
    except StoreUnavailable:
        return None


def workflow_link(key: str) -> PageLink | None:
    """Return where a workflow is, with how many tasks it has where that is soon said; None for none."""
    if not key:
        return None
    number = _number(key)
    text = ngettext("one of %(n)s task", "one of %(n)s tasks", number) if number else _("one of many tasks")
    text %= {"n": number}
    return PageLink(text, workflow_url(key))


def _number(key: str) -> int:
    try:
        if sum(recorder().ask(lambda store: store.sizes([workflows.place(key)]))) > MOST_COUNTED:
            return 0
        glance = glance_at(key)
    except (StoreUnavailable, BackendUnavailable):
        return 0
    return glance.progress.total if glance is not None else 0
