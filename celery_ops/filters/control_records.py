"""What a request asks of the journal of control actions."""

from django.utils.translation import gettext_lazy as _

from ..control.commands import LABELS
from .base import ChoiceFilter, SearchFilter
from .journal import JournalFilterSet


class ControlRecordFilterSet(JournalFilterSet):
    """The parameters of one request for the journal of control actions."""

    target = SearchFilter(label=_("Target"), lookup_expr="icontains", placeholder=_("Worker, queue or task id"))
    action = ChoiceFilter(label=_("Action"), choices=[("", _("any")), *LABELS.items()])
