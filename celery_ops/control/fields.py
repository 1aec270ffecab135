"""What the forms of commands are made of: numbers of processes, names, seconds, and how each is shown."""

from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..formatting import clean

#: Processes that a pool may be given at once, and have.
MOST_PROCESSES: Final = 256
#: Seconds of a time limit.
LONGEST_LIMIT: Final = 7 * 86400
LONGEST_NAME: Final = 255
#: Characters of an entry that will not do and is shown once more.
LONGEST_SHOWN: Final = 300


class ProcessesField(forms.IntegerField):
    """A number of processes, from ``least``."""

    def __init__(self, label: Any, *, least: int = 1) -> None:
        super().__init__(label=label, min_value=least, max_value=MOST_PROCESSES)

    def clean(self, value: Any) -> int:
        try:
            return super().clean(value)
        except ValidationError as error:
            numbers = {"least": self.min_value, "most": self.max_value}
            raise ValidationError(_("Enter a whole number from %(least)s to %(most)s."), params=numbers) from error


class NameField(forms.CharField):
    """The name of something, of which ``values`` are suggested."""

    default_error_messages: ClassVar = {"required": gettext_lazy("Enter a name.")}

    def __init__(self, label: Any, *, values: str) -> None:
        widget = forms.TextInput(attrs={"list": f"celery-ops-{values}"})
        super().__init__(label=label, strip=False, widget=widget)

    def validate(self, value: str) -> None:
        if not (0 < len(value) <= LONGEST_NAME and value.isprintable()):
            raise ValidationError(self.error_messages["required"])


class SecondsField(forms.FloatField):
    """A time limit, or nothing."""

    default_error_messages: ClassVar = {"invalid": gettext_lazy("Enter a number of seconds, up to a week.")}

    def __init__(self, label: Any) -> None:
        hint = gettext_lazy("empty for what the worker has")
        super().__init__(label=label, required=False, help_text=hint, widget=forms.TextInput)

    def validate(self, value: float | None) -> None:
        if value is not None and not 0 < value <= LONGEST_LIMIT:
            raise ValidationError(self.error_messages["invalid"])


class Input(forms.BoundField):
    """A field that shows no more than a page can carry of what was entered."""

    def value(self) -> str:
        return clean(super().value(), LONGEST_SHOWN)

    def build_widget_attrs(self, attrs: dict[str, Any], widget: Any = None) -> dict[str, Any]:
        look = "form-control is-invalid" if self.errors else "form-control"
        plain = {"class": look, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        return super().build_widget_attrs({**plain, **attrs}, widget)
