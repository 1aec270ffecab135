"""What messages of the same failure have in common: what differs from one task to the next is taken out of them."""

import re
from typing import Final

from ..redaction.text import CUT

#: Characters of a message that are looked at, and those that are left of what is shown.
READ: Final = 2000
LONGEST: Final = 300

#: In this order: what comes first may have the others in it. No part can be matched in more ways than one, and none
#: but the last begins inside a word, so that a text is gone through once.
_PARTS: Final = {
    "url": r"(?<![a-z0-9])[a-z][a-z0-9+.-]{1,15}://[^\s'\"<>]{1,2000}",
    "email": r"(?<![\w.+*/=~-])[\w.!#$%&*+/=?^{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,20}",
    "text": (
        r"(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)\"[^\"\n]*\"(?!\w)|`[^`\n]*`|“[^“”\n]*”|\u2018[^\u2018\u2019\n]*\u2019|«[^«»\n]*»|„[^„“”\n]*[“”]"
        r"|(?<==\()[^()\n]*(?=\))"  # as PostgreSQL names values: Key (email)=(ada@example.com)
    ),
    "address": (
        r"\b0x[0-9a-f]+\b"
        r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.])"
        r"|(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])"
        r"|(?<![\w:])(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4}::[0-9a-f:]{0,30}(?![\w:])"
    ),
    "date": r"(?<!\w)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\w)",
    "id": (
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
        r"|\b(?=\d{0,60}[a-f])[0-9a-f]{8,}\b"
        r"|\b(?=[a-z_-]{0,60}\d)(?=[\d_-]{0,60}[a-z])[\w-]{1,400}"  # a word with a digit in it
        r"|\b(?=\d{0,60}[^\W\d])\w{40,}"
    ),
    # With its unit, for 2s is a word with a digit in it, and 1.5s is none.
    "number": r"[-+]?\d[\d_]*(?:[.,:/eT+-]+\d+)*(?:%|[a-z\u00b5\u03bc]{1,20})?",
}
#: A date is in the form that it has before what may be an id, and reads as any other number.
_NAMES: Final = {name: f"<{name}>" for name in _PARTS} | {"date": "<number>"}
_VARYING: Final = re.compile("|".join(f"(?P<{name}>{part})" for name, part in _PARTS.items()), re.IGNORECASE)
#: The same thing several times in a row, as in a list.
_REPEATED: Final = re.compile(r"<(\w+)>(?:[\s,;:/|.+-]{0,4}<\1>)+")
#: The beginning of a quoted text whose end was cut off.
_OPEN: Final = re.compile(r"(?<!\w)['\"][^'\"\n]*\Z|[`“\u2018«„][^`”\u2019»“\n]*\Z")
_SPACE: Final = re.compile(r"\s+")


def _named(match: "re.Match[str]") -> str:
    return _NAMES[str(match.lastgroup)]


def normalised(message: str) -> str:
    """Return a message without its numbers, ids, quoted texts and addresses: in their place is what they were.

    At most 2,000 characters are looked at, and 300 returned. The work is in proportion to them whatever they are.
    """
    text = message[:READ]
    text = _VARYING.sub(_named, text)
    if len(message) > READ or message.endswith(CUT):
        text = _OPEN.sub("<text>", text)
    text = _REPEATED.sub(r"<\1>", _SPACE.sub(" ", text)).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + CUT


def compared(message: str) -> str:
    """Return what a normalised message is compared by: one hexadecimal id in fifty is a number by its looks."""
    return _REPEATED.sub(r"<\1>", message.replace("<id>", "<number>"))
