"""Words and characters of redacted text, for whoever writes or reads it."""

from .redaction.text import CUT, DIRTY, REDACTED, cut

__all__ = ["CUT", "DIRTY", "REDACTED", "cut"]
