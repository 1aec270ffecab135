"""The trace that a message belongs to: what W3C Trace Context (https://www.w3.org/TR/trace-context/) has it say."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ..conf import conf
from .request_details import header_in

HEADER: Final = "traceparent"
#: Version, trace, span, flags: later versions may have more behind them.
_PARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


def trace_id_of(details: Mapping[str, Any]) -> str:
    """Return the trace of a worker's request, empty where its message names none, or the site asks for none."""
    if conf.TRACE_URL is None:
        return ""
    header = header_in(details, HEADER)
    match = _PARENT.fullmatch(header[:200]) if isinstance(header, str) else None
    return match[1] if match else ""


def trace_url(trace_id: str | None) -> str:
    """Return where the site shows a trace, empty for none."""
    template = conf.TRACE_URL
    if template is None or not trace_id or not _ID.fullmatch(trace_id) or not is_template(template):
        return ""
    return template.replace("{trace_id}", trace_id)


def is_template(value: Any) -> bool:
    """Return whether ``TRACE_URL`` may be this: nobody is led elsewhere than to a page of the web or of this host."""
    return isinstance(value, str) and value.startswith(("https://", "http://", "/")) and "{trace_id}" in value
