"""What came with a run's form: its key, what was entered, and what of that has to be mended or entered again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final
from uuid import UUID, uuid4

from django.forms import BoundField
from django.http import QueryDict
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from ...formatting import clean
from ...forms.run import RunForm
from ..request import form_key

#: What a person enters: a form that is sent again with other values is another run.
VALUES: Final = ("arg-", "json-", "opt-")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to mend, and where: ``anchor`` is the id of the field, empty for what is no field's."""

    message: str
    label: str = ""
    anchor: str = ""


def mistakes(form: RunForm, problems: Mapping[str, Sequence[str]]) -> list[Mistake]:
    """Return what is wrong, a line for each message, in the order of the page."""
    fields = {field.html_name: field for field in chain(form.fields or (), form.json, form.options)}
    lines = []
    for name, texts in problems.items():
        label, anchor = "" if name == "__all__" else name, ""
        if name in fields:
            label, anchor = str(fields[name].label), fields[name].id_for_label
        lines += [Mistake(str(message), clean(label), anchor) for message in texts]
    return lines


def withheld(form: RunForm) -> str:
    """Return what a person has to enter again, empty when there is nothing: secrets are not written into a page."""
    fields = form.json if form.is_json or form.fields is None else form.fields
    names = ", ".join(clean(str(field.label)) for field in fields if field.data and not _shows(field))
    sentence = _("Enter this again before you run it, since it is not written into the page: %(fields)s.")
    return sentence % {"fields": names} if names else ""


def _shows(field: BoundField) -> bool:
    """Whether a field's widget writes what was typed back into the page."""
    widget = field.field.widget
    return getattr(widget, "render_value", True) and widget.format_value(field.value()) not in ("", None)


def kept_key(posted: QueryDict) -> UUID:
    """Return the form's own key, which the page gave it, or a new one."""
    return form_key(posted) or uuid4()


def digest_of(posted: QueryDict) -> str:
    """Return what tells one set of values from another, and nothing else of them: it stands in the page."""
    return salted_hmac("celery_ops.run", repr(entered_values(posted)), algorithm="sha256").hexdigest()


def entered_values(posted: QueryDict) -> list[tuple[str, list[str]]]:
    """Return what was entered: blank fields say nothing, and those of a hidden tab are not sent at all."""
    pairs = ((field, posted.getlist(field)) for field in posted if field.startswith(VALUES))
    return sorted((field, values) for field, values in pairs if any(values))
