"""Links to the site's own objects, for those who may see them."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseError
from django.db.models import Model

from ..logs import get_logger
from ..permissions import VIEW_INSTANCE, allows
from ..tables.links import Link
from ..tracking.refs import ObjectRef, key_of
from ..tracking.registry import describe
from ..wording import clean

logger = get_logger("celery_ops.details")

#: What a label or a key may be answered with that no longer means anything here.
_UNREADABLE = (LookupError, TypeError, ValueError, OverflowError, ValidationError, DatabaseError)


def object_links(refs: Iterable[ObjectRef], user: Any) -> dict[ObjectRef, Link]:
    """Return the links of those objects that ``user`` may see, with one query for each model.

    Of an object that is gone, or that the policy refuses, there is none.
    """
    asked = list(dict.fromkeys(refs))
    found = {ref: instance for label in {ref.label for ref in asked} for ref, instance in _instances(label, asked)}
    return {
        ref: Link(clean(describe(found[ref])), own_page(found[ref]))
        for ref in asked
        if ref in found and allows(user, VIEW_INSTANCE, found[ref])
    }


def _instances(label: str, refs: list[ObjectRef]) -> list[tuple[ObjectRef, Model]]:
    keys = {ref: key for ref in refs if ref.label == label and (key := _key(ref)) is not None}
    try:
        objects = apps.get_model(label)._base_manager.filter(pk__in=list(keys.values())) if keys else ()
        known = {instance.pk: instance for instance in objects}
    except _UNREADABLE:
        return []
    return [(ref, known[key]) for ref, key in keys.items() if key in known]


def _key(ref: ObjectRef) -> Any:
    """The primary key as the model has it, None when it cannot be one."""
    try:
        model = apps.get_model(ref.label)
        field, key = model._meta.pk, key_of(model, ref.pk)
        parts = getattr(field, "fields", None)  # a CompositePrimaryKey names its fields
        return field.to_python(key) if parts is None else tuple(p.to_python(k) for p, k in zip(parts, key, strict=True))
    except _UNREADABLE:
        return None


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
