"""What the templates of the operations pages say of times, and of the site around them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django import template
from django.contrib.sites.shortcuts import get_current_site
from django.forms import BaseForm
from django.http import HttpRequest
from django.template.context import Context
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from .. import formatting
from ..payload import mapping
from ..tracking.edge import part_of_a_page

register = template.Library()

#: Characters of a name that the header shows.
LONGEST_NAME: Final = 100
#: Where people log out: Django's own views, those of allauth, the admin.
LOGOUTS: Final = ("logout", "account_logout", "admin:logout")


@dataclass(frozen=True, slots=True)
class Around:
    """What our own base template says of the site; ``username`` is empty for nobody, ``logout_url`` where none is."""

    name: str
    home: str
    username: str
    logout_url: str


@register.simple_tag(takes_context=True)
@part_of_a_page
def around(context: Context) -> Around | str:
    """Return what surrounds the pages where the site gives no ``BASE_TEMPLATE``; nothing without a request."""
    request = context.get("request")
    if request is None:
        return ""
    user = getattr(request, "user", None)
    is_known = getattr(user, "is_authenticated", False)
    name = formatting.clean(str(user.get_username()), LONGEST_NAME) if is_known else ""
    return Around(_site_name(request), get_script_prefix(), name, _logout_url() if is_known else "")


def _site_name(request: HttpRequest) -> str:
    """The name of ``django.contrib.sites``, and without it the host's."""
    try:
        return formatting.clean(get_current_site(request).name, LONGEST_NAME)
    except Exception:  # no row of this site, no such host: the page has other worries
        return ""


def _logout_url() -> str:
    for name in LOGOUTS:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


#: A word of a dotted name with what ends it.
PARTS: Final = re.compile(r"[^._]*[._]+|[^._]+")


@register.filter
def moment(value: datetime | None) -> formatting.Moment | None:
    """Return a time for ``celery_ops/parts/moment.html``."""
    return formatting.Moment.of(value, timezone.now())


@register.filter
def grouped(value: int | None) -> str | None:
    """Return a count as people read it: ``1,234``."""
    return None if value is None else number_format(value, force_grouping=True)


@register.filter
def duration(value: timedelta | None) -> str:
    return formatting.duration(value)


@register.filter
def without_secrets(value: object) -> str:
    """Return a sentence of a backend as a page may show it."""
    return mapping.text(value)


@register.filter
def breakable(name: str) -> list[str]:
    """Return a dotted name in the parts between which a line may break."""
    return PARTS.findall(name)


@register.filter
def says_more(form: BaseForm) -> bool:
    """Return whether a filter's form asks for something beside its search, or has it wrong."""
    return any(field.value() or field.errors for field in form.visible_fields()[1:])


@register.simple_tag
def relative_words() -> dict[str, str]:
    """Return what relative times are made of, for the script that keeps them true."""
    units = [_("%(n)s s"), _("%(n)s min"), _("%(n)s h"), _("%(n)s d")]
    return {"now": _("just now"), "ago": _("%(time)s ago"), "to_come": _("in %(time)s"), "units": "|".join(units)}
