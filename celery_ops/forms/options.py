"""The form of how a task is sent: countdown, ETA, expiry, priority and queue."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import BadInput
from ..formatting import clean
from ..running.kinds.limits import check_text
from ..running.kinds.simple import FloatKind, IntKind
from ..running.kinds.times import DatetimeKind
from ..running.options import SendOptions, read_options
from .fields import fits


class OptionsForm(forms.Form):
    """What is blank is the task's own way. ``send_options`` stands once it is valid."""

    use_required_attribute = False

    countdown = forms.CharField(
        label=gettext_lazy("Countdown"), help_text=gettext_lazy("seconds"), required=False, strip=True
    )
    eta = forms.CharField(label=gettext_lazy("ETA"), required=False)
    expires = forms.CharField(
        label=gettext_lazy("Expires"),
        help_text=gettext_lazy("seconds, or a time such as 2026-01-31T14:30"),
        required=False,
    )
    priority = forms.CharField(label=gettext_lazy("Priority"), help_text=gettext_lazy("0 to 255"), required=False)
    queue = forms.CharField(label=gettext_lazy("Queue"), required=False)

    def __init__(self, *args: Any, queues: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queues = tuple(queues)
        self.send_options = SendOptions()
        fields = self.fields
        fields["countdown"].widget.attrs = {"inputmode": "decimal", "autocomplete": "off"}
        fields["priority"].widget.attrs = {"inputmode": "numeric", "autocomplete": "off"}
        fields["expires"].widget.attrs = {"autocomplete": "off"}
        fields["eta"].widget = self._moment_input("eta")
        choices = [("", _("as the task is routed")), *((name, clean(name, 100)) for name in self.queues)]
        fields["queue"].widget = forms.Select(choices=choices)
        for field in fields.values():
            field.validators = [_sendable]  # in place of Django's word on NUL

    def _moment_input(self, name: str) -> forms.TextInput:
        text = str(self[name].value() or "")
        widget = forms.TextInput(attrs={"step": "any"})
        widget.input_type = "datetime-local" if not text or fits("datetime-local", text) else "text"
        return widget

    def clean(self) -> dict[str, Any]:
        given = {name: value for name, value in self.cleaned_data.items() if value}
        for name, read in _READ.items():
            if name in given:
                given[name] = self._read(name, read, given[name])
        try:  # what cannot be read is left out, so that all that is wrong is told at once
            self.send_options = read_options(given, self.queues)
        except BadInput as error:
            for name, messages in error.errors.items():
                self.add_error(name if name in self.fields else None, messages)
        return self.cleaned_data

    def _read(self, name: str, read: Callable[[str], Any], text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            self.add_error(name, str(error))
            return None


def _sendable(text: str) -> None:
    try:
        check_text(text)
    except BadInput as error:
        raise forms.ValidationError(str(error)) from None


def _number(text: str) -> float:
    try:
        return IntKind().parse(text)
    except ValueError:
        return FloatKind().parse(text)


def _expires(text: str) -> Any:
    try:
        return _number(text)
    except ValueError:
        return DatetimeKind().parse(text)


_READ = {"countdown": _number, "eta": DatetimeKind().parse, "expires": _expires, "priority": IntKind().parse}
