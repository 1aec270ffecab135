"""What the templates of the operations pages say of times."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from .. import masking, wording

register = template.Library()


@register.filter
def moment(value: datetime | None) -> wording.Moment | None:
    """Return a time for ``celery_ops/parts/moment.html``."""
    return wording.Moment.of(value, timezone.now())


@register.filter
def grouped(value: int | None) -> str | None:
    """Return a count as people read it: ``1,234``."""
    return None if value is None else number_format(value, force_grouping=True)


@register.filter
def duration(value: timedelta | None) -> str:
    return wording.duration(value)


@register.filter
def without_secrets(value: object) -> str:
    """Return a sentence of a backend as a page may show it."""
    return masking.text(value)


@register.simple_tag
def relative_words() -> dict[str, str]:
    """Return what relative times are made of, for the script that keeps them true."""
    units = [_("%(n)s s"), _("%(n)s min"), _("%(n)s h"), _("%(n)s d")]
    return {"now": _("just now"), "ago": _("%(time)s ago"), "to_come": _("in %(time)s"), "units": "|".join(units)}
