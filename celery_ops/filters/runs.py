"""What a request asks of the list of tasks that may be run."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django_filters import Filter

from ..catalog import Offer
from .base import SearchFilter
from .in_memory import PlainFilterSet

YES: Final = "1"


class FlagInput(forms.CheckboxInput):
    """A box that says ``1`` when it is ticked, and shows as it came what the URL says."""

    def __init__(self) -> None:
        super().__init__(check_test=lambda value: value == YES)

    def format_value(self, value: Any) -> str:
        return YES

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name, "")


class FlagField(forms.Field):
    """``1``, or nothing and ``0``."""

    widget = FlagInput

    def to_python(self, value: Any) -> str:
        text = str(value or "").strip()
        if text not in ("", "0", YES):
            raise ValidationError(_("Enter 1, or leave it out."), code="invalid")
        return YES if text == YES else ""


class FlagFilter(Filter):
    field_class = FlagField


class RunFilterSet(PlainFilterSet):
    q = SearchFilter(label=_("Search"))
    runnable = FlagFilter(label=_("Runnable only"))

    def matches(self, value: Offer, wanted: dict[str, Any]) -> bool:
        task = value.runnable
        part = wanted.get("q", "").lower()
        texts = (task.name, task.label, task.description)
        return any(part in text.lower() for text in texts) and (value.is_runnable or not wanted.get("runnable"))
