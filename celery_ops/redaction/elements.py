"""Values inside elements whose name gives them away: ``<password>…</password>``, also where a text has it escaped."""

import re
from typing import Final

from .matchers import matcher

#: Characters before a key in which its element's name begins, and of the attributes behind it.
NAME: Final = 64
#: What stands before the rest of a name, backwards: ``<``, ``&lt;`` or ``\u003c``.
OPENING: Final = re.compile(r"[\w.:\-]*(?P<sign><|;tl&|c300u\\{1,4})")
CLOSING: Final = re.compile(r"(?P<attributes>(?:\s[^<>]{0,512}?)?)(?<![/-])(?:>|&gt;|\\{1,4}u003e)")
SIGNS: Final = (">", "&gt;", "u003e", "u003E")
#: An attribute, where ``<Session object at 0x7f>`` has none.
ATTRIBUTE: Final = re.compile(r"""=\s?\\{0,4}(?:["']|&quot;|&#)""")
#: The value of an element without an end: a text may be cut. A sign after ``<key>`` is that of a sentence.
WORD: Final = matcher(r"""(?:(?![.,:;)\]"'])[^\s<&]+)?""")


def may_have(text: str) -> bool:
    """Return whether a text may have an element."""
    return any(map(text.__contains__, SIGNS))


class Elements:
    """Reads the elements of one text, which has ``lower`` in lower case; an end is looked for once."""

    def __init__(self, text: str, lower: str) -> None:
        self._text, self._lower = text, lower
        self._ends: dict[str, int] = {}

    def value(self, start: int, end: int) -> tuple[int, int] | None:
        """Return where the value of the element stands whose name has a key from ``start`` to ``end``, if it is one."""
        opening = OPENING.match(self._lower[max(0, start - NAME) : start][::-1])
        closing = CLOSING.match(self._lower, end) if opening else None
        if opening is None or closing is None:
            return None
        begin = closing.end()
        sign, name = opening["sign"][::-1], self._lower[start - opening.start("sign") : end]
        for slash in ("/", "\\/"):  # JSON may write one so
            over = self._end(f"{sign}{slash}{name}", begin)
            if over >= begin:
                return begin, over
        if closing["attributes"].strip() and not ATTRIBUTE.search(closing["attributes"]):
            return None
        return WORD(self._text, begin).span()

    def _end(self, tag: str, begin: int) -> int:
        """Return where the next one of such a tag is, -1 for nowhere."""
        end = self._ends.get(tag, 0)
        if 0 <= end < begin or tag not in self._ends:
            end = self._ends[tag] = self._lower.find(tag, begin)
        return end
