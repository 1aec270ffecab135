"""What a worker's request, or the headers of a message, say of a task: anybody may have written them."""

from collections.abc import Mapping
from typing import Any


def details_of(request: Any) -> dict[str, Any]:
    """Return all that a request says: a worker's main process has it beside the request, its pool on it.

    There each header of the message is an attribute, one that is called ``request_dict``, too.
    """
    details: dict[str, Any] = request.request_dict if hasattr(type(request), "request_dict") else vars(request)
    return details


def header_in(details: Mapping[str, Any], name: str) -> Any:
    """Return a header of a task by what its request or message says; None where there is none.

    Some come among the details, and where Celery runs a task itself in a mapping called ``headers``, which may be
    what a header of that name holds, too.
    """
    headers = details.get("headers")
    return details.get(name) or (headers.get(name) if isinstance(headers, Mapping) else None)
