"""Links to the site's own objects, for those who may see them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model

from ..logs import get_logger
from ..objects import visible_names
from ..tables.links import PageLink
from ..tracking.refs import ObjectRef
from ..tracking.task_bindings import describe

logger = get_logger("celery_ops.details")


def object_links(refs: Iterable[ObjectRef], user: Any) -> dict[ObjectRef, PageLink]:
    """Return the links of those objects that ``user`` may see, by their names, with one query for each model.

    One that is gone has no address. Of one that the policy refuses there is no link.
    """
    named = visible_names(refs, user)
    return {ref: PageLink(name, own_page(instance) if instance else "") for ref, (name, instance) in named.items()}


def own_page(instance: Model) -> str:
    """Return the address of an object's own page, empty when it has none."""
    page = getattr(instance, "get_absolute_url", None)
    if page is None:
        return ""
    try:
        return str(page())
    except Exception:  # the site's own code: its page is only missing a link
        logger.warning("get_absolute_url of %s failed", describe(instance), exc_info=True)
        return ""
