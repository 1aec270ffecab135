"""Arguments that come as JSON, held to what the task's fields, or the site's own form, would take."""

from typing import Any

from django.utils.translation import gettext as _

from ..exceptions import BadInput
from ..formatting import clean
from ..logs import get_logger
from ..running import wire
from ..running.allowlist import Runnable
from ..running.arguments import bound, check
from ..running.kinds.objects import sees_all
from ..running.parameters import parameters_of, seen_by
from .arguments import unsendable
from .prefill import by_name

logger = get_logger("celery_ops.running")


def carried_arguments(
    runnable: Runnable, user: Any, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return what the task's serializer carries of JSON arguments that ``user`` gives. Raises BadInput by parameter.

    A ``user`` of None is whoever may use a shell of the site: every object may be named.
    """
    if runnable.form:
        args, kwargs = [], _through_form(runnable, args, kwargs)
    else:
        sees = sees_all if user is None else seen_by(user)
        args, kwargs = bound(parameters_of(runnable.name, sees), args, kwargs)
    try:
        check(wire.plain([*args, kwargs]))
        return wire.carried_all(runnable.task, args, kwargs)
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(str(error)) from error


def _through_form(runnable: Runnable, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Ask the site's own form, which knows more of what will do than a signature does."""
    check([*args, kwargs])
    given, lost = by_name(parameters_of(runnable.name), args, kwargs)
    form = runnable.form_class(given)
    for problem in unsendable(form.fields):
        raise BadInput(problem)
    errors = _errors(form)
    unknown = [name for name in (*lost, *given) if name not in form.fields]
    if unknown:
        problem = _("The form of this task has no field “%(name)s”.")
        errors["kwargs"] = [problem % {"name": clean(name, 100)} for name in unknown]
    if errors:
        raise BadInput(errors)
    return dict(form.cleaned_data)


def _errors(form: Any) -> dict[str, list[str]]:
    """Return a form's messages by field. A field may break on what is no text: a browser sends nothing else."""
    try:
        return {name: list(messages) for name, messages in form.errors.items()}
    except (AttributeError, TypeError):
        logger.warning("%s could not read what was sent", type(form).__name__, exc_info=True)
        raise BadInput({"kwargs": [_("The form of this task cannot read these values: give text.")]}) from None
