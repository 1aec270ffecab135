"""The form of one run: a task's parameters as fields, the same as JSON, and how to send it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import BadInput
from ..running import wire
from ..running.allowlist import Runnable
from ..running.arguments import bind, check, load, misfits
from ..running.kinds import Kind
from ..running.kinds.limits import named
from ..running.kinds.many import DictKind, ManyKind
from ..running.kinds.plain import shown
from ..running.options import SendOptions
from ..running.parameters import Parameters, parameters_of, seen_by
from .entered import entered
from .fields import LEFT_OUT, KindField, default_words, parameter_field, rest_field, secret
from .options import OptionsForm
from .prefill import Arguments, Prefill, by_name, is_hidden, prefill

#: Prefixes of the three forms' names in a POST.
FIELDS, JSON, OPTIONS = "arg", "json", "opt"


class JsonForm(forms.Form):
    """All arguments as JSON."""

    args = forms.CharField(label="args", help_text=gettext_lazy("a JSON list"), required=False, strip=False)
    kwargs = forms.CharField(label="kwargs", help_text=gettext_lazy("a JSON object"), required=False, strip=False)

    def __init__(self, *args: Any, hides: bool, **kwargs: Any) -> None:
        super().__init__(*args, use_required_attribute=False, **kwargs)
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


class RunForm:
    """What a person asks for when they run a task: ``fields`` or ``json``, and ``options``.

    ``data`` is a request's POST; None shows an empty form, or one with the arguments of ``initial``, args and kwargs,
    and with the priority and the queue of ``options``.
    Once ``is_valid()``, ``args`` and ``kwargs`` are what the task's serializer carries and ``send_options`` how to send
    it; else ``errors`` has the messages by name in the POST. ``left_out`` names what ``initial`` holds and no field can
    show.
    """

    def __init__(
        self,
        runnable: Runnable,
        user: Any,
        data: Mapping[str, Any] | None = None,
        *,
        initial: Arguments | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.runnable = runnable
        self.user = user
        self.data = data
        self.parameters: Parameters = parameters_of(runnable.name, seen_by(user))
        self.args: list[Any] = []
        self.kwargs: dict[str, Any] = {}
        self._problems: list[str] = []
        self._is_dressed = False
        self._prefill = Prefill()
        self._kinds: dict[str, Kind] = {}
        self._fields = self._site_form(initial) if runnable.form else self._fields_form(initial)
        hides = any(each.sensitive for each in self.parameters.named)
        self.json = JsonForm(data, prefix=JSON, hides=hides, initial=self._json_initial(initial))
        self.options = OptionsForm(
            data, prefix=OPTIONS, queues=runnable.choosable_queues, initial=_place_in_line(options)
        )

    @property
    def fields(self) -> forms.Form | None:
        """The form of the parameters, ready to be shown; None when nobody here knows them."""
        if self._fields is not None and not self._is_dressed:
            self._is_dressed = True
            for name, field in self._fields.fields.items():
                if isinstance(field, KindField):
                    field.dress(str(self._fields[name].value() or ""), self._blank(name))
        return self._fields

    @property
    def is_json(self) -> bool:
        """Whether the arguments were given as JSON."""
        return any(self._typed(f"{JSON}-{name}").strip() for name in ("args", "kwargs"))

    @property
    def left_out(self) -> tuple[str, ...]:
        return self._prefill.left_out

    @property
    def opens_options(self) -> bool:
        """Whether something is said in the options, or wrong with them."""
        if not self.options.is_bound:
            return bool(self.options.initial)
        return bool(self.options.errors or any(self.options.cleaned_data.values()))

    @property
    def send_options(self) -> SendOptions:
        return self.options.send_options

    @property
    def non_field_errors(self) -> list[str]:
        """What is wrong and no field's fault."""
        return self.errors.get("__all__", [])

    def is_valid(self) -> bool:
        return self.data is not None and not self.errors

    @cached_property
    def errors(self) -> dict[str, list[str]]:
        """Messages by name in the POST; ``__all__`` has those that are no field's."""
        if self.data is None:
            return {}
        self._problems += self._strangers(self.data)
        self._read()
        found: dict[str, list[str]] = {"__all__": list(self._problems)}
        for form in filter(None, (self._fields, self.json, self.options)):
            for name, messages in form.errors.items() if form.is_bound else ():
                found.setdefault(name if name == "__all__" else form.add_prefix(name), []).extend(messages)
        found = {name: messages for name, messages in found.items() if messages}
        if found:
            self.args, self.kwargs = [], {}
        return found

    # What was asked for

    def _read(self) -> None:
        self.options.is_valid()
        if self.json.is_valid() and (self.is_json or self._fields is None):
            self._read_json()
        elif self._fields is not None and self._fields.is_valid():
            self._read_fields(self._fields.cleaned_data)

    def _read_json(self) -> None:
        if self._fields is not None and self._fields.is_bound:
            self._problems.append(_("Use the fields or JSON, not both."))
        args, kwargs = self.json.values()
        if self.json.errors:
            return
        if self.runnable.form:
            self._enter(args, kwargs)
            return
        found = bind(self.parameters, args, kwargs)
        for problem in found.problems:
            self.json.add_error(problem.place, _said(problem.name, problem.message))
        if not found.problems:
            self._carry(found.args, found.kwargs)

    def _enter(self, args: Any, kwargs: Any) -> None:
        """Put JSON through the site's own form: it knows more of what will do than a signature does."""
        unfit = tuple(misfits(args, kwargs))
        for problem in unfit:
            self.json.add_error(problem.place, problem.message)
        if unfit:
            return
        try:
            self.args, self.kwargs = entered(self.runnable, self.user, args, kwargs)
        except BadInput as error:
            for name, messages in error.errors.items():
                place = "args" if name == "args" else "kwargs"
                known = "" if name in ("args", "kwargs", "__all__") else name
                self.json.add_error(place, [_said(known, message) for message in messages])

    def _read_fields(self, cleaned: dict[str, Any]) -> None:
        given = {name: value for name, value in cleaned.items() if value is not LEFT_OUT}
        if self.runnable.form:
            self._check_names(given)
            rest: dict[str, Any] = {}
            more: list[Any] = []
        else:
            more = given.pop(self.parameters.args_name, []) if self.parameters.takes_args else []
            rest = given.pop(self.parameters.kwargs_name, {}) if self.parameters.takes_kwargs else {}
        args = self._by_position(given, more)
        for name in rest:
            if any(name == each.name for each in self.parameters.named):
                self._wrong(self.parameters.kwargs_name, _("“%(name)s” is given twice.") % {"name": name})
        if not self._problems and not (self._fields and self._fields.errors):
            self._carry(args, {**given, **rest})

    def _by_position(self, given: dict[str, Any], more: list[Any]) -> list[Any]:
        """Take what goes by position out of ``given``: what must, and all that comes before ``*args``."""
        args: list[Any] = []
        skipped = ""
        for parameter in self.parameters.positional:
            if not (more or parameter.positional_only):
                break
            if parameter.name not in given:
                skipped = skipped or parameter.name
            elif skipped:
                more = more or [given[parameter.name]]
            else:
                args.append(given.pop(parameter.name))
        if more and skipped:
            self._wrong(skipped, _("Enter a value: others come after it by position."))
        return [*args, *more]

    def _check_names(self, given: dict[str, Any]) -> None:
        """A site's form may have fields that the task does not know, or lack some that it needs."""
        if not self.parameters.is_known:
            return
        known = {each.name for each in self.parameters.named}
        if not self.parameters.takes_kwargs:
            for name in sorted(given.keys() - known):
                self._problems.append(_("There is no parameter “%(name)s”.") % {"name": named(name)})
        for each in self.parameters.named:
            if each.required and each.name not in given:
                self._problems.append(_("The parameter “%(name)s” is missing.") % {"name": each.name})

    def _carry(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        try:
            check(wire.plain([*args, kwargs]))
            self.args, self.kwargs = wire.carried_all(self.runnable.task, args, kwargs)
        except ValueError as error:
            self._problems.append(str(error))

    def _wrong(self, name: str, message: str) -> None:
        if self._fields is not None and name in self._fields.fields:
            self._fields.add_error(name, message)
        else:
            self._problems.append(message)

    # What came with the request

    def _typed(self, key: str) -> str:
        value = (self.data or {}).get(key)
        return value if isinstance(value, str) else ""

    def _filled(self, form: forms.Form) -> Iterator[bool]:
        """Yield for each field whether something of a person's is in it."""
        for name, field in form.fields.items():
            value = field.widget.value_from_datadict(self.data, {}, form.add_prefix(name))
            yield field.has_changed(form.get_initial_for_field(field, name), value)

    def _strangers(self, data: Mapping[str, Any]) -> list[str]:
        """Say which names in the POST are of no field, and which came twice."""
        known = {form.add_prefix(name) for form in (self.json, self.options) for name in form.fields}
        if self._fields is not None:
            known |= {self._fields.add_prefix(name) for name in self._fields.fields}
        prefixes = tuple(
            f"{prefix}-" for prefix in ((JSON, OPTIONS) if self.runnable.form else (FIELDS, JSON, OPTIONS))
        )
        ours = [key for key in data if isinstance(key, str) and key.startswith(prefixes)]
        unknown = ", ".join(named(key) for key in ours if key not in known)[:300]
        twice = ", ".join(named(key) for key in ours if key in known and self._count(key) > 1)
        said = [_("There is no field “%(names)s”.") % {"names": unknown}] if unknown else []
        return [*said, _("Sent twice: %(names)s.") % {"names": twice}] if twice else said

    def _count(self, key: str) -> int:
        getlist = getattr(self.data, "getlist", None)
        return len(getlist(key)) if getlist else 1

    # The forms

    def _fields_form(self, initial: Arguments | None) -> forms.Form | None:
        parameters = self.parameters
        if not parameters.is_known:
            return None
        fields = {each.name: parameter_field(each) for each in parameters.named}
        if parameters.takes_args:
            fields[parameters.args_name] = rest_field(
                parameters.args_name, ManyKind("list"), _("more values: a JSON list")
            )
        if parameters.takes_kwargs:
            fields[parameters.kwargs_name] = rest_field(
                parameters.kwargs_name, DictKind("dict"), _("more values by name: a JSON object")
            )
        self._prefill = prefill(parameters, {name: field.kind for name, field in fields.items()}, initial)

        def make(data: Mapping[str, Any] | None) -> forms.Form:
            form = forms.Form(data, prefix=FIELDS, initial=self._prefill.texts)
            form.fields.update(fields)
            return form

        return self._made(make)

    def _site_form(self, initial: Arguments | None) -> forms.Form:
        values = by_name(self.parameters, *initial)[0] if initial else {}
        hidden = [name for name, value in values.items() if is_hidden(value)]
        self._prefill = Prefill(left_out=tuple(hidden))
        sensitive = {each.name for each in self.parameters.named if each.sensitive}
        values = {name: value for name, value in values.items() if name not in sensitive and name not in hidden}
        form_class = self.runnable.form_class
        form = self._made(lambda data: form_class(data, prefix=FIELDS, initial=values))
        for name in sensitive & form.fields.keys():
            form.fields[name].widget = secret()
        return form

    def _made(self, make: Callable[[Mapping[str, Any] | None], forms.Form]) -> forms.Form:
        """Make the form with what was typed into it; without, when the arguments came as JSON alone."""
        form = make(None)
        if self.data is not None and not (self.is_json and not any(self._filled(form))):
            form = make(self.data)
        form.use_required_attribute = False  # it would keep JSON from being sent
        return form

    def _json_initial(self, initial: Arguments | None) -> dict[str, str]:
        if initial is None or self._fields is not None:
            return {}
        given = {"args": list(initial[0])} | initial[1]
        hidden = tuple(name for name, value in given.items() if is_hidden(value))
        self._prefill = Prefill(left_out=hidden)
        args = [] if "args" in hidden else initial[0]
        kwargs = {name: value for name, value in initial[1].items() if name not in hidden}
        try:
            return {"args": shown(wire.plain(args)), "kwargs": shown(wire.plain(kwargs))}
        except ValueError:
            return {}

    def _blank(self, name: str) -> str:
        """What an empty choice means."""
        parameter = next((each for each in self.parameters.named if each.name == name), None)
        if parameter is None or parameter.required:
            return _("none") if parameter and parameter.kind.accepts_none else "---------"
        default = default_words(parameter)
        return _("left empty: %(default)s") % {"default": default} if default else _("left empty: the default")


def _place_in_line(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of an earlier run's options holds for another one: when it ran was for that time."""
    return {name: value for name, value in (options or {}).items() if name in ("priority", "queue")}


def _said(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message
