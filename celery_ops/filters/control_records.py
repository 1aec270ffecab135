"""What a request asks of the journal of control actions."""

from typing import ClassVar

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..control.labels import LABELS
from .journal import SHARED, SORTS, JournalFilterSet
from .plain import ChoiceFilter, SizeFilter, TextFilter
from .tasks import MomentFilter


class ControlRecordFilterSet(JournalFilterSet):
    """The parameters of one request for the journal of control actions."""

    target = TextFilter(
        label=_("Target"),
        widget=forms.TextInput(
            attrs={"type": "search", "data-search": "", "placeholder": _("Worker, queue or task id")}
        ),
    )
    action = ChoiceFilter(label=_("Action"), choices=[("", _("any")), *LABELS.items()])
    user = TextFilter(label=_("Who"), widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false"}))
    since = MomentFilter(label=_("Since"))
    until = MomentFilter(label=_("Until"), ends_day=True)
    sort = ChoiceFilter(
        label=_("Order"),
        choices=[(sort, sort) for sort in SORTS],
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This list has no such order.")},
    )
    page_size = SizeFilter(label=_("Rows a page"))

    conditions: ClassVar = {
        **SHARED,
        "target": lambda text: Q(target__icontains=text),
        "action": lambda name: Q(action=name),
    }
