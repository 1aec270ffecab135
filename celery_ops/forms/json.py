"""The form of all arguments as JSON."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from ..exceptions import BadInput
from ..running.arguments import load


class JsonForm(forms.Form):
    """All arguments as JSON."""

    use_required_attribute = False
    args = forms.CharField(label="args", help_text=gettext_lazy("a JSON list"), required=False, strip=False)
    kwargs = forms.CharField(label="kwargs", help_text=gettext_lazy("a JSON object"), required=False, strip=False)

    def __init__(self, *args: Any, hides: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("args", 3), ("kwargs", 6)):
            widget = _Forgetful if hides else forms.Textarea
            self.fields[name].widget = widget(attrs={"rows": rows, "spellcheck": "false", "autocomplete": "off"})
            self.fields[name].validators = []  # the limits have better words for NUL

    def values(self) -> tuple[Any, Any]:
        """Return args and kwargs; errors are added for what is not JSON."""
        return self._value("args", []), self._value("kwargs", {})

    def _value(self, name: str, blank: Any) -> Any:
        text = self.cleaned_data.get(name) or ""
        try:
            return load(text) if text.strip() else blank
        except BadInput as error:
            self.add_error(name, str(error))
            return blank


class _Forgetful(forms.Textarea):
    """Does not show again what was typed: there are secrets in it."""

    def format_value(self, value: Any) -> str:
        return ""
