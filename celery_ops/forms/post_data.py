"""What came with a POST: what is in its fields, and what is in none."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from ..running.kinds.limits import named


def text_of(data: Mapping[str, Any] | None, key: str) -> str:
    """Return what was typed into a field, empty when it was nothing or is no text."""
    value = (data or {}).get(key)
    return value if isinstance(value, str) else ""


def is_filled(form: forms.Form, data: Mapping[str, Any]) -> bool:
    """Return whether something of a person's is in one of the fields."""
    for name, field in form.fields.items():
        value = field.widget.value_from_datadict(data, {}, form.add_prefix(name))
        if field.has_changed(form.get_initial_for_field(field, name), value):
            return True
    return False


def keys_of(form: forms.Form) -> dict[str, bool]:
    """Return the names that the fields have in a POST, each with whether several values may come for it."""
    return {
        form.add_prefix(name): getattr(field.widget, "allow_multiple_selected", False)
        for name, field in form.fields.items()
    }


def strays(data: Mapping[str, Any], fields: Mapping[str, bool], prefixes: tuple[str, ...]) -> list[str]:
    """Say which names that begin with one of the ``prefixes`` are of none of the ``fields``, and which came twice.

    ``fields`` are as ``keys_of`` has them.
    """
    ours = [key for key in data if isinstance(key, str) and key.startswith(prefixes)]
    unknown = ", ".join(named(key) for key in ours if key not in fields)[:300]
    twice = ", ".join(named(key) for key in ours if not fields.get(key, True) and _count(data, key) > 1)
    problems = []
    if unknown:
        problems.append(_("There is no field “%(names)s”.") % {"names": unknown})
    if twice:
        problems.append(_("Sent twice: %(names)s.") % {"names": twice})
    return problems


def _count(data: Mapping[str, Any], key: str) -> int:
    getlist = getattr(data, "getlist", None)
    return len(getlist(key)) if getlist else 1
