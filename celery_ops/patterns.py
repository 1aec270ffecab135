"""Words and characters of redacted text, for whoever writes or reads it."""

from .redaction.keys import LONGEST_NAME, NAME, Rules
from .redaction.numbers import is_card
from .redaction.text import CUT, DIRTY, OVERSCAN, REDACTED, cut, scrub, spans_of

__all__ = [
    "CUT",
    "DIRTY",
    "LONGEST_NAME",
    "NAME",
    "OVERSCAN",
    "REDACTED",
    "Rules",
    "cut",
    "is_card",
    "scrub",
    "spans_of",
]
