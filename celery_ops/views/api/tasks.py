"""``api-tasks``: what may be run, with the parameters of each."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _

from ... import catalog, redaction
from ...catalog import Offer
from ...conf import conf
from ...formatting import clean
from ...openapi import document
from ...permissions import VIEW_OPS, allows
from ...running.parameters import Parameter, parameters_of
from ..ops import OpsView

#: More than any list has.
MOST_TASKS: int = 10**6


class Clamped(forms.Field):
    """A whole number, taken as the nearest one that is allowed."""

    default_error_messages = {"invalid": _("Enter a whole number.")}

    def __init__(self, least: int, most: int, otherwise: int) -> None:
        super().__init__(required=False)
        self.least, self.most, self.otherwise = least, most, otherwise

    def to_python(self, value: Any) -> int:
        text = str(value or "").strip()
        if not text:
            return self.otherwise
        digits = text.lstrip("+-")
        if not (digits.isascii() and digits.isdigit()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        sign = -1 if text.startswith("-") else 1
        return max(self.least, min(self.most, sign * int(digits[:9])))


class TasksQuery(forms.Form):
    """The parameters of ``api-tasks``."""

    search = forms.CharField(required=False, max_length=300)
    runnable = forms.ChoiceField(required=False, choices=[("1", "1"), ("0", "0")])

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        size = max(1, min(conf.PAGE_SIZE, conf.MAX_PAGE_SIZE))
        self.fields["offset"] = Clamped(0, MOST_TASKS, 0)
        self.fields["limit"] = Clamped(1, conf.MAX_PAGE_SIZE, size)


class TasksApi(OpsView):
    """For those who may run tasks, and for those with ``view_ops``, who see every task of the site."""

    is_json = True

    def authorise(self) -> None:
        if not (catalog.may_run_something(self.user) or allows(self.user, VIEW_OPS)):
            raise PermissionDenied

    def get(self, request: HttpRequest) -> HttpResponse:
        query = TasksQuery(request.GET)
        if not query.is_valid():
            return JsonResponse({"errors": query.errors}, status=400)
        wanted = query.cleaned_data
        offers = [offer for offer in catalog.offers(self.user).tasks if _matches(offer, wanted)]
        shown = offers[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        return JsonResponse({"tasks": [_item(offer) for offer in shown], "total_count": len(offers)})


def _matches(offer: Offer, wanted: dict[str, Any]) -> bool:
    if wanted["runnable"] and offer.may_run != (wanted["runnable"] == "1"):
        return False
    words = wanted["search"].lower()
    return words in offer.runnable.name.lower() or words in offer.runnable.label.lower()


def _item(offer: Offer) -> dict[str, Any]:
    parameters = parameters_of(offer.runnable.name)
    return {
        "name": clean(offer.runnable.name),
        "runnable": offer.may_run,
        "parameters": [_parameter(parameter) for parameter in parameters.named],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    shows_default = not (parameter.required or parameter.sensitive)
    return {
        "name": parameter.name,
        "type": parameter.kind.label,
        "required": parameter.required,
        "default": redaction.redact(parameter.default, name=parameter.name) if shows_default else None,
    }


class SchemaApi(TasksApi):
    """``api-schema``: the OpenAPI document, for those who may use any of it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(document())
