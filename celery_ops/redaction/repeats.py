"""Texts that were hidden elsewhere, where another text repeats them."""

from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring_ascii
from typing import Final
from urllib.parse import quote

from .budget import Budget

#: Characters of a secret that are looked for.
LONGEST_SECRET: Final = 4096
SHORTEST_SECRET: Final = 4
#: Known secrets that cost as much as one more reading of the text.
SECRETS_A_READING: Final = 32
#: What the texts of numbers begin with.
NUMERIC: Final = frozenset("-0123456789")


class Secrets:
    """Known secrets, in each form in which a text may repeat them."""

    __slots__ = ("_forms", "_texts", "readings", "whole")

    def __init__(self, texts: Sequence[str]) -> None:
        #: What a number is compared with.
        self.whole = frozenset(texts)
        #: Readings that it costs to look for them in a text.
        self.readings = -(-len(texts) // SECRETS_A_READING)
        self._texts = [text for text in texts if len(text) >= SHORTEST_SECRET]
        self._forms: dict[tuple[bool, bool, bool], tuple[str, ...]] = {}

    def are_in(self, text: str) -> bool:
        """Return whether a text repeats any of them."""
        return any(form in text for form in self.forms(text))

    @property
    def have_number(self) -> bool:
        """Whether one of them may be the text of a number."""
        return any(text[:1] in NUMERIC for text in self._texts)

    def forms(self, text: str, *, headless: bool = False) -> tuple[str, ...]:
        """Return the secrets as they are, and as ``repr``, JSON and URLs would write them in this text.

        ``headless``: of long ones the end, since the text is the end of a longer one.
        """
        how = ("\\" in text, "%" in text, headless)
        if how not in self._forms:
            part = slice(-LONGEST_SECRET, None) if headless else slice(LONGEST_SECRET)
            forms = (form for secret in self._texts for form in _forms(secret[part], *how[:2]))
            self._forms[how] = tuple(dict.fromkeys(forms))
        return self._forms[how]

    def spans(self, text: str, end: int, budget: Budget, *, headless: bool = False) -> Iterator[tuple[int, int]]:
        """Yield where they stand in a text, of what begins before ``end``."""
        for form in self.forms(text, headless=headless):
            at = text.find(form)
            while 0 <= at < end:
                if not budget.step():
                    yield at, len(text)
                    return
                yield at, at + len(form)
                at = text.find(form, at + len(form))


def _forms(secret: str, is_escaped: bool, is_quoted: bool) -> Iterable[str]:
    yield secret
    if secret.isalnum() and secret.isascii():
        return
    if is_escaped:
        yield repr(secret)[1:-1]
        yield encode_basestring_ascii(secret)[1:-1]
    if is_quoted:
        yield quote(secret, safe="", errors="replace")
