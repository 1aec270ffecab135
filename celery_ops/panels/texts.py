"""Texts of the store, as any page may carry them: any worker may have written anything."""

from dataclasses import replace

from .. import redaction
from ..info import Payload, Progress


def shown_payload(payload: Payload) -> Payload:
    """Return the errors redacted again: a worker with other rules may have stored them as they were."""
    return replace(
        payload,
        error=redaction.capture_text(payload.error or "").text,
        traceback=redaction.capture_text(payload.traceback or "", tail=True).text,
    )


def shown_progress(progress: Progress | None) -> Progress | None:
    return progress and replace(progress, message=redaction.capture_text(progress.message).text)
