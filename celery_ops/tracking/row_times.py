"""When a task was published and began, kept beside its result: django-celery-results stores what ``request.meta`` says.

Its columns say when a row was written, which is not before a worker has the task, and begin by the database's clock.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

KEY: Final = "celery_ops"
#: Characters of a row's meta that are enough to read it: it comes first.
LENGTH: Final = 60

_TIMES: Final = re.compile(rf'{{"{KEY}": \[(null|\d{{1,14}}), (null|\d{{1,14}})\]')


def note(request: Any, published: int | None, begun: int) -> None:
    """Have the result of a request carry these, in milliseconds since the epoch, before what else is in its meta."""
    meta = getattr(request, "meta", None)
    others = meta if isinstance(meta, Mapping) else {}
    request.meta = {KEY: [published, begun], **{name: value for name, value in others.items() if name != KEY}}


def noted(meta: str | None) -> tuple[int | None, int | None]:
    """Return when the task of a row was published and when it began, None for what is not known."""
    match = _TIMES.match(meta or "")
    if match is None:
        return None, None
    published, begun = (None if text == "null" else int(text) for text in match.groups())
    return published, begun
