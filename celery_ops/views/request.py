"""What views read of a request, whatever it is for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from ..exceptions import BadInput
from ..filters.task_fields import MomentField

#: Django refuses a redirect to a longer one, and by then the action is done.
LONGEST_URL: Final = 2048
#: Characters of a UUID, however it is written.
LONGEST_KEY: Final = 45


def wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def wants_page(request: HttpRequest) -> bool:
    """Whether it is a browser, which says so: of an address whose answer is JSON for everybody else."""
    return "text/html" in request.headers.get("Accept", "") and not wants_json(request)


def next_url(request: HttpRequest) -> str:
    """Return where the person came from, when that is on this site and no longer than a redirect may be."""
    return leading_back(request, request.POST.get("next") or request.GET.get("next") or "")


def page_before(request: HttpRequest) -> str:
    """Return the page of this site from which the browser says that it came, if it says so and it was another one."""
    url = leading_back(request, request.headers.get("Referer", ""))
    return "" if url and urlsplit(url).path == request.path else url


def leading_back(request: HttpRequest, url: str) -> str:
    """Return an address when it is on this site and no longer than a redirect may be, else nothing."""
    if not url or len(url) > LONGEST_URL:
        return ""
    safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if safe else ""


def form_key(posted: QueryDict) -> UUID | None:
    """Return the form's own key, which makes a second click no second run; None for what comes without one."""
    text = posted.get("submission", "")
    try:
        return UUID(text) if len(text) <= LONGEST_KEY else None
    except ValueError:
        return None


def is_confirmed(posted: QueryDict, shown: str) -> bool:
    """Return whether ``confirm=1`` came; where the form says what it had ``previewed``, for what is ``shown`` now."""
    previewed = posted.get("previewed", "")
    return posted.get("confirm") == "1" and (not previewed or constant_time_compare(previewed, shown))


def submission_of(posted: QueryDict, user: Any, *what: Any) -> UUID | None:
    """Return what makes the same form, filled in the same way, one action; None for what comes without a key.

    The form's key is mixed with the person and what is asked for: a form that is sent again after a change, as the
    browser's way back allows, is another action.
    """
    key = form_key(posted)
    return key and uuid5(key, repr((user.pk, *what)))


def moment_of(posted: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time that came with a form, None where none did. Raises BadInput."""
    try:
        return MomentField(required=False).clean(posted.get(name))
    except ValidationError as error:
        raise BadInput({name: list(error.messages)}) from error
