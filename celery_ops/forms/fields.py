"""A form field for one parameter of a task: what its kind reads, and the widget that suits it."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..formatting import clean
from ..redaction import redact
from ..running import wire
from ..running.kinds import Kind
from ..running.kinds.any_json import shown
from ..running.kinds.containers import DictKind, ManyKind
from ..running.parameters import Parameter, Parameters
from ..timezones import is_certain

#: What HTML's own inputs for dates and times take; they drop anything else without a word.
FITTING: Final = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,3})?)?"),
    "datetime-local": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?"),
}


class LeftOut:
    """Stands for a blank field of a parameter with a default: nothing is sent, the task's own default holds."""


LEFT_OUT: Final = LeftOut()


class KindField(forms.Field):
    """Takes what its kind takes; a field that may be blank says what that means."""

    def __init__(self, kind: Kind, *, has_default: bool = False, is_sensitive: bool = False, **options: Any) -> None:
        self.kind = kind
        self.has_default = has_default
        self.is_sensitive = is_sensitive
        required = not has_default and not kind.accepts_none
        super().__init__(required=required, widget=_unfilled(kind, is_sensitive), **options)

    def clean(self, value: Any) -> Any:
        if self._is_blank(value):
            return self._blank()
        try:
            return self.kind.parse(value.replace("\r\n", "\n"))  # a form's own line ends
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether something of a person's is in it: what is there beforehand counts as theirs."""
        return not self._is_blank(data)

    def _is_blank(self, text: Any) -> bool:
        if not isinstance(text, str) or not text:
            return True
        return not self.kind.is_blank_meant and not text.strip()

    def _blank(self) -> Any:
        if self.has_default:
            return LEFT_OUT
        if self.kind.accepts_none:
            return None
        if self.kind.rows and self.kind.label != "json":
            raise forms.ValidationError(_("Enter a value: an empty one is [] or {}."))
        raise forms.ValidationError(_("Enter a value: it is required."))

    def dress(self, text: str, blank: str) -> None:
        """Choose the widget: for what there is to choose from, and for the ``text`` that will be in it."""
        if self.is_sensitive or self.kind.joined_by:
            return
        choices = self.kind.choices()
        if choices is not None:
            self.widget = forms.Select(choices=[("", blank), *choices])
        elif self.kind.rows or "\n" in text:
            self.widget = forms.Textarea(attrs={"rows": max(self.kind.rows, 2), "spellcheck": "false"})
        else:
            self.widget = _input(self.kind, text)


class SelectJoined(forms.SelectMultiple):
    """A choice of several, which are one text: what stands between them is ``joined_by``."""

    def __init__(self, joined_by: str, choices: Iterable[tuple[str, str]]) -> None:
        self.joined_by = joined_by
        super().__init__(choices=choices)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        values = super().value_from_datadict(data, files, name) or ""
        return values if isinstance(values, str) else self.joined_by.join(values)

    def format_value(self, value: Any) -> list[str]:
        return value.split(self.joined_by) if isinstance(value, str) else super().format_value(value)


def _unfilled(kind: Kind, is_sensitive: bool) -> forms.Widget:
    """Return the widget that reads a POST: any reads one value, and only that of several reads these."""
    if is_sensitive:
        return secret()
    return SelectJoined(kind.joined_by, kind.choices() or ()) if kind.joined_by else forms.TextInput()


def signature_fields(parameters: Parameters) -> dict[str, KindField]:
    """Return a field for each parameter, and one each for ``*args`` and ``**kwargs``."""
    fields = {parameter.name: _parameter_field(parameter) for parameter in parameters.named}
    if parameters.takes_args:
        name = parameters.args_name
        fields[name] = _rest_field(name, ManyKind("list"), _("more values: a JSON list"))
    if parameters.takes_kwargs:
        name = parameters.kwargs_name
        fields[name] = _rest_field(name, DictKind("dict"), _("more values by name: a JSON object"))
    return fields


def _parameter_field(parameter: Parameter) -> KindField:
    """Its label is the name that the task's code has."""
    has_default = not parameter.required
    return KindField(
        parameter.kind,
        has_default=has_default,
        is_sensitive=parameter.sensitive,
        label=parameter.name,
        help_text=_help(parameter),
    )


def _rest_field(name: str, kind: Kind, help_text: str) -> KindField:
    return KindField(kind, has_default=True, label=name, help_text=help_text)


def default_text(parameter: Parameter) -> str:
    """Return a default as code, without what is not to be seen."""
    if parameter.required or parameter.sensitive:
        return ""
    default = parameter.default
    if isinstance(default, Enum):  # which may be a number or text, too
        return clean(str(redact(_shown_member(parameter.kind, default), parameter.name)), 60)
    if default is None or isinstance(default, (str, int, float)):
        return clean(repr(redact(default, parameter.name)), 60)
    return clean(str(redact(_shown_default(parameter.kind, default), parameter.name)), 60)


def _shown_member(kind: Kind, member: Enum) -> str:
    """As it can be chosen."""
    text = _shown_default(kind, member)
    return dict(kind.choices() or ()).get(text, text)


def _shown_default(kind: Kind, default: Any) -> str:
    """A default need not be of its parameter's kind: ``()`` is a usual one for a list."""
    for text in (kind.text, lambda value: shown(wire.plain(value))):
        try:
            return text(default)
        except (ValueError, TypeError, AttributeError):
            continue
    return f"[{type(default).__name__}]"


def secret() -> forms.PasswordInput:
    """Return the widget of a value that never shows again."""
    return forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"})


def default_words(parameter: Parameter) -> str:
    """Return a default in words for people, empty where there is none to be seen."""
    if parameter.required or parameter.sensitive:
        return ""
    if parameter.default is None:
        return _("nothing")
    if isinstance(parameter.default, bool):
        return _("true") if parameter.default else _("false")
    return default_text(parameter)


def blank_words(parameter: Parameter | None) -> str:
    """Return what an empty choice means; None is a field of no parameter."""
    if parameter is None:
        return "---------"
    if parameter.required:
        return pgettext("value", "none") if parameter.kind.accepts_none else "---------"
    default = default_words(parameter)
    return _("left empty: %(default)s") % {"default": default} if default else _("left empty: the default")


def _help(parameter: Parameter) -> str:
    words, default = parameter.kind.words, default_words(parameter)
    if not default or (parameter.default is None and parameter.kind.accepts_none):
        return words
    return _("%(kind)s; left empty: %(default)s") % {"kind": words, "default": default}


def _input(kind: Kind, text: str) -> forms.TextInput:
    attrs = {"autocomplete": "off"}
    if kind.input_mode:
        attrs["inputmode"] = kind.input_mode
    input_type = kind.input_type
    if input_type in FITTING:
        if text and not fits(input_type, text):
            input_type = "text"
        elif input_type != "date":
            attrs["step"] = "any"
    widget = forms.TextInput(attrs=attrs)
    widget.input_type = input_type
    return widget


def fits(input_type: str, text: str) -> bool:
    """Return whether such an input of HTML's can hold a text: none takes an offset, which a doubtful time needs."""
    if not FITTING[input_type].fullmatch(text):
        return False
    return input_type != "datetime-local" or is_certain(text)
