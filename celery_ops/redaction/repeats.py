"""Texts that were hidden elsewhere, where another text repeats them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii
from typing import Final
from urllib.parse import quote

from .budget import Budget

#: Characters of a secret that are looked for.
LONGEST_SECRET: Final = 4096
SHORTEST_SECRET: Final = 4
#: Known secrets that cost as much as one more reading of the text.
SECRETS_A_READING: Final = 32
#: Characters of a secret by which it is told that a text does not repeat it in a URL.
HEAD: Final = 16
#: What the texts of numbers begin with.
NUMERIC: Final = frozenset("-0123456789")


class Secrets:
    """Known secrets, in each form in which a text may repeat them."""

    __slots__ = ("_forms", "_heads", "_texts", "have_number", "readings", "whole")

    def __init__(self, texts: Sequence[str]) -> None:
        #: What a number is compared with.
        self.whole = frozenset(texts)
        #: Whether one of them may be the text of a number.
        self.have_number = any(text[:1] in NUMERIC for text in texts)
        #: Readings that it costs to look for them in a text.
        self.readings = -(-len(texts) // SECRETS_A_READING)
        self._texts = [text for text in texts if len(text) >= SHORTEST_SECRET]
        self._forms: dict[tuple[bool, bool], tuple[str, ...]] = {}
        self._heads: dict[bool, list[tuple[str, str]]] = {}

    def are_in(self, text: str) -> bool:
        """Return whether a text repeats any of them."""
        return any(map(text.__contains__, self.forms(text)))

    def forms(self, text: str, *, headless: bool = False) -> Sequence[str]:
        """Return the secrets as they are, and as ``repr``, JSON and URLs would write them in this text.

        ``headless``: of long ones the end, since the text is the end of a longer one.
        """
        how = ("\\" in text, headless)
        if how not in self._forms:
            forms = (_forms(secret, is_escaped=how[0]) for secret in self._parts(headless))
            self._forms[how] = tuple(dict.fromkeys(chain.from_iterable(forms)))
        return (*self._forms[how], *self._quoted(text, headless)) if "%" in text else self._forms[how]

    def _parts(self, headless: bool) -> Iterable[str]:
        part = slice(-LONGEST_SECRET, None) if headless else slice(LONGEST_SECRET)
        return (secret[part] for secret in self._texts)

    def _quoted(self, text: str, headless: bool) -> Iterator[str]:
        """Yield those that a URL in this text may repeat: to quote a long one takes long."""
        if headless not in self._heads:
            parts = (part for part in self._parts(headless) if not _is_simple(part))
            self._heads[headless] = [(_quote(part[:HEAD]), part) for part in parts]
        for head, part in self._heads[headless]:
            if head in text:
                yield _quote(part)

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


def _forms(secret: str, *, is_escaped: bool) -> Iterable[str]:
    yield secret
    if is_escaped and not _is_simple(secret):
        yield repr(secret)[1:-1]
        yield encode_basestring_ascii(secret)[1:-1]


def _is_simple(secret: str) -> bool:
    return secret.isalnum() and secret.isascii()


def _quote(secret: str) -> str:
    return quote(secret, safe="", errors="replace")
