"""Messages that were delivered twice lately, by the likely cause."""

from collections import Counter
from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..exceptions import StoreUnavailable
from ..formatting import clean
from ..redelivery import GIVEN_BACK, Cause, causes_of, patience
from ..tracking.recent_redeliveries import Delivered, recent
from .finding import Finding, listed, ok, warning

NAME = "delivered-twice"


def check() -> Iterator[Finding]:
    """Say of each cause which tasks ran twice for it; the record of them is bounded, and so is what is read."""
    try:
        delivered = recent()
    except StoreUnavailable:  # the store's own check says so
        return
    names: dict[str, Counter[str]] = {}
    causes: dict[str, Cause] = {}
    for delivery in delivered:
        cause = _cause(delivery)
        if cause is not None:
            causes[cause.code] = cause
            names.setdefault(cause.code, Counter())[clean(delivery.task.name)] += 1
    if not causes:
        yield ok(NAME, _("No tracked task ran twice since yesterday because its message came again."))
    for code, cause in causes.items():
        yield warning(NAME, f"{_counted(names[code])} {cause.sentence}", cause.remedy)


def _cause(delivered: Delivered) -> Cause | None:
    """Return why a task was delivered again for the last time, None where its own message was given back."""
    causes = [cause for cause in causes_of(delivered.executions, patience()) if cause and cause.code != GIVEN_BACK]
    return causes[-1] if causes else None


def _counted(names: "Counter[str]") -> str:
    number = names.total()
    text = ngettext(
        "%(n)s task ran twice since yesterday: %(names)s.", "%(n)s tasks ran twice since yesterday: %(names)s.", number
    )
    return text % {"n": number, "names": listed(f"{name} ({count})" for name, count in names.items())}
