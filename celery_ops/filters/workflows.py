"""The parameters of a list of tasks that is kept to one workflow."""

from django import forms
from django.utils.translation import gettext_lazy as _

from .base import TextFilter
from .tasks import TaskFilterSet


class WorkflowTaskFilterSet(TaskFilterSet):
    workflow = TextFilter(label=_("Workflow"), widget=forms.HiddenInput)
