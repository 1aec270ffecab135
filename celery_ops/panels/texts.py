"""Texts of the store, as any page may carry them: any worker may have written anything."""

from dataclasses import replace

from .. import redaction
from ..info import Payload, Progress
from ..redaction.text import DIRTY


def clean(text: str) -> str:
    """Return a text from the store without what no page can carry."""
    return DIRTY.sub("\ufffd", text)


def shown_payload(payload: Payload) -> Payload:
    """Return the errors redacted again: a worker with other rules may have stored them as they were."""
    return replace(
        payload,
        error=redaction.capture_text(payload.error or "").text,
        traceback=redaction.capture_text(payload.traceback or "", tail=True).text,
    )


def shown_progress(progress: Progress | None) -> Progress | None:
    return progress and replace(progress, message=redaction.capture_text(progress.message).text)


def class_of(error: str) -> str:
    name = error.partition(":")[0]
    return name if all(part.isidentifier() for part in name.split(".")) else ""
