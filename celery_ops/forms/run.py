"""The form of one run: a task's parameters as fields, the same as JSON, and how to send it."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from ..exceptions import BadInput
from ..running import wire
from ..running.allowlist import Runnable
from ..running.arguments import bind, check, misfits
from ..running.options import SendOptions
from ..running.parameters import Parameters, parameters_of, seen_by
from .arguments import by_position, misnamed, unsendable
from .fields import LEFT_OUT, KindField, blank_words, secret, signature_fields
from .json import JsonForm
from .json_arguments import carried_arguments
from .options import OptionsForm
from .post_data import is_filled, keys_of, strays, text_of
from .prefill import Arguments, Prefill, json_prefill, prefill, sensitive_names, site_prefill

#: Prefixes of the three forms' names in a POST.
FIELDS, JSON, OPTIONS = "arg", "json", "opt"


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
        self._fields = self._site_form(initial) if runnable.form else self._signature_form(initial)
        texts: Mapping[str, Any] = {}
        if self._fields is None:
            self._prefill = json_prefill(initial)
            texts = self._prefill.values
        self.json = JsonForm(data, prefix=JSON, hides=bool(sensitive_names(self.parameters)), initial=texts)
        self.options = OptionsForm(
            data, prefix=OPTIONS, queues=runnable.choosable_queues, initial=_place_in_line(options)
        )

    @property
    def fields(self) -> forms.Form | None:
        """The form of the parameters, ready to be shown; None when nobody here knows them."""
        if self._fields is not None and not self._is_dressed:
            self._is_dressed = True
            parameters = {parameter.name: parameter for parameter in self.parameters.named}
            for name, field in self._fields.fields.items():
                if isinstance(field, KindField):
                    field.dress(str(self._fields[name].value() or ""), blank_words(parameters.get(name)))
        return self._fields

    @property
    def is_json(self) -> bool:
        """Whether the arguments were given as JSON."""
        return any(text_of(self.data, f"{JSON}-{name}").strip() for name in ("args", "kwargs"))

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
        self._problems += self._strays(self.data)
        self._read()
        errors: dict[str, list[str]] = {"__all__": list(self._problems)}
        for form in self._forms:
            for name, messages in form.errors.items() if form.is_bound else ():
                errors.setdefault(name if name == "__all__" else form.add_prefix(name), []).extend(map(str, messages))
        errors = {name: messages for name, messages in errors.items() if messages}
        if errors:
            self.args, self.kwargs = [], {}
        return errors

    @property
    def _forms(self) -> list[forms.Form]:
        return [form for form in (self._fields, self.json, self.options) if form is not None]

    def _strays(self, data: Mapping[str, Any]) -> list[str]:
        """Say which names in the POST are of no field; a widget of a site's form may have several."""
        fields: dict[str, bool] = {}
        for form in self._forms:
            fields |= keys_of(form)
        prefixes = (JSON, OPTIONS) if self.runnable.form else (FIELDS, JSON, OPTIONS)
        return strays(data, fields, tuple(f"{prefix}-" for prefix in prefixes))

    # What was asked for

    def _read(self) -> None:
        self.options.is_valid()
        if self.runnable.form and self._fields is not None and (problems := list(unsendable(self._fields.fields))):
            self._problems += problems
            return
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
        arguments = bind(self.parameters, args, kwargs)
        for problem in arguments.problems:
            self.json.add_error(problem.place, _line(problem.name, problem.message))
        if not arguments.problems:
            self._carry(arguments.args, arguments.kwargs)

    def _enter(self, args: Any, kwargs: Any) -> None:
        """Put JSON through the site's own form: it knows more of what will do than a signature does."""
        unfit = tuple(misfits(args, kwargs))
        for problem in unfit:
            self.json.add_error(problem.place, problem.message)
        if unfit:
            return
        try:
            self.args, self.kwargs = carried_arguments(self.runnable, self.user, args, kwargs)
        except BadInput as error:
            for name, messages in error.errors.items():
                place = "args" if name == "args" else "kwargs"
                parameter = "" if name in ("args", "kwargs", "__all__") else name
                self.json.add_error(place, [_line(parameter, message) for message in messages])

    def _read_fields(self, cleaned: dict[str, Any]) -> None:
        parameters = self.parameters
        given = {name: value for name, value in cleaned.items() if value is not LEFT_OUT}
        more: list[Any] = []
        rest: dict[str, Any] = {}
        if self.runnable.form:
            self._problems += misnamed(parameters, given)
        else:
            more = given.pop(parameters.args_name, []) if parameters.takes_args else []
            rest = given.pop(parameters.kwargs_name, {}) if parameters.takes_kwargs else {}
        args, skipped = by_position(parameters, given, more)
        if skipped:
            self._wrong(skipped, _("Enter a value: others come after it by position."))
        for name in rest:
            if any(name == parameter.name for parameter in parameters.named):
                self._wrong(parameters.kwargs_name, _("“%(name)s” is given twice.") % {"name": name})
        if not self._problems and not (self._fields and self._fields.errors):
            self._carry(args, {**given, **rest})

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

    # The form of the parameters

    def _signature_form(self, initial: Arguments | None) -> forms.Form | None:
        if not self.parameters.is_known:
            return None
        fields = signature_fields(self.parameters)
        self._prefill = prefill(self.parameters, {name: field.kind for name, field in fields.items()}, initial)

        def make(data: Mapping[str, Any] | None) -> forms.Form:
            form = forms.Form(data, prefix=FIELDS, initial=dict(self._prefill.values))
            form.fields.update(fields)
            return form

        return self._make(make)

    def _site_form(self, initial: Arguments | None) -> forms.Form:
        self._prefill = site_prefill(self.parameters, initial)
        form_class = self.runnable.form_class
        form = self._make(lambda data: form_class(data, prefix=FIELDS, initial=self._prefill.values))
        for name in sensitive_names(self.parameters) & form.fields.keys():
            form.fields[name].widget = secret()
        return form

    def _make(self, make: Callable[[Mapping[str, Any] | None], forms.Form]) -> forms.Form:
        """Make the form with what was typed into it; without, when the arguments came as JSON alone."""
        form = make(None)
        if self.data is not None and not (self.is_json and not is_filled(form, self.data)):
            form = make(self.data)
        form.use_required_attribute = False  # it would keep JSON from being sent
        return form


def _place_in_line(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of an earlier run's options holds for another one: when it ran was for that time."""
    return {name: value for name, value in (options or {}).items() if name in ("priority", "queue")}


def _line(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message
