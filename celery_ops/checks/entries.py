"""The entries of ``RUNNABLE_TASKS`` and ``TRACKED_TASKS``: each is told by its own name."""

from collections.abc import Mapping
from typing import Any, Final

from django.apps import apps
from django.forms import FileField
from django.utils.module_loading import import_string

from ..conf import NAME
from ..logs import get_logger
from .messages import Messages, failure
from .values import RUNNABLE_OPTIONS, RUNNABLE_VALUES, description, dotted_path, is_form, is_text, unknown_options

logger = get_logger("celery_ops.checks")

TRACKED_OPTIONS: Final = ("model", "id_query", "launch_args", "launch_kwargs", "hidden", "label", "sensitive")


def runnable_tasks(value: Any) -> Messages:
    for name in () if isinstance(value, str) else value:
        where = f"{NAME}['RUNNABLE_TASKS']"
        if not is_text(name):
            yield failure(6, f"{where} has an entry that is no task name: {description(name)}.", "Use names of tasks.")
            continue
        if name.startswith("celery."):
            yield failure(
                7, f"{where} names {name}.", "Take it out: celery.map runs any task, whatever is listed here."
            )
        options = value[name] if isinstance(value, dict) else None
        if options is not None and not isinstance(options, dict):
            yield failure(6, f"{where}[{name!r}] is not valid: {description(options)}.", "Use a dict of options.")
        else:
            yield from _runnable_options(f"{where}[{name!r}]", options or {})


def _runnable_options(where: str, options: Mapping[Any, Any]) -> Messages:
    yield from unknown_options(6, where, options, RUNNABLE_OPTIONS)
    for option in (option for option in RUNNABLE_OPTIONS if options.get(option) is not None):
        valid, remedy = RUNNABLE_VALUES[option]
        if not valid(options[option]):
            yield failure(6, f"{where}: {option!r} is not valid: {description(options[option])}.", f"Use {remedy}.")
        elif option == "form":
            form = f"{where}: 'form'"
            yield from dotted_path(form, options[option], is_form, "a form", "a subclass of django.forms.Form")
            yield from _files(form, options[option])


def _files(where: str, form: Any) -> Messages:
    """Say which of a form's fields take files; one that cannot be had has been told already."""
    try:
        fields = getattr(import_string(form) if isinstance(form, str) else form, "base_fields", {})
    except Exception:
        logger.debug("%s cannot be had", where, exc_info=True)
        return
    if files := [name for name, field in fields.items() if isinstance(field, FileField)]:
        text = f"{where} has fields for files, which no message carries: {', '.join(files)}."
        yield failure(5, text, "Have files uploaded on a page of your own, and give the task the key or the path.")


def tracked_tasks(value: dict[Any, Any]) -> Messages:
    for name, entry in value.items():
        where = f"{NAME}['TRACKED_TASKS'][{name!r}]" if isinstance(name, str) else f"{NAME}['TRACKED_TASKS']"
        if not is_text(name):
            yield failure(8, f"{where} has a key that is no task name: {description(name)}.", "Use names of tasks.")
            continue
        for binding in entry if isinstance(entry, (list, tuple)) else (entry,):
            yield from _binding(where, binding)


def _binding(where: str, binding: Any) -> Messages:
    if not isinstance(binding, dict):
        yield failure(
            8, f"{where} is not valid: {description(binding)}.", "Use {'model': 'app.Model', …}, or a list of it."
        )
        return
    yield from unknown_options(8, where, binding, TRACKED_OPTIONS)
    if "model" not in binding:
        yield failure(8, f"{where} has no 'model'.", "Add 'model': 'app.Model'.")
    elif not _is_model(binding["model"]):
        model = binding["model"]
        told = f"{model!r}, which is no model of this site" if isinstance(model, str) else description(model)
        yield failure(9, f"{where}: 'model' is not valid: {told}.", "Use the label of an installed model.")
    else:
        from ..tracking.task_bindings import make_binding

        options = {option: binding[option] for option in TRACKED_OPTIONS[1:] if option in binding}
        try:
            make_binding(binding["model"], options)
        except TypeError as error:
            yield failure(8, f"{where} is not valid: {error}.", "Correct the option, or leave it out.")


def _is_model(model: Any) -> bool:
    if not isinstance(model, str):
        return isinstance(model, type) and hasattr(model, "_meta")
    try:
        apps.get_model(model)
    except (LookupError, ValueError):
        return False
    return True
