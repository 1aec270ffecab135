"""Values that the key before them gives away: ``password=…``, ``"token": …``, ``Cookie: …``, ``--password …``.

Keys are looked for, never values. What a match has read is not read again by the next one, so the work grows with the
length of a text and with nothing else.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from .alternatives import any_of
from .always import always
from .budget import Budget

NAME: Final = 64
LONGEST_NAME: Final = 256
#: Before a word of ``REDACT_KEYS``: it is a whole word of a name (``user_pin``, ``pinCode``), no part (``shipping``).
WHOLE: Final = "="
#: What a key with its value costs beside one that has none, and what may be a command's option.
VALUE_STEPS: Final = 2
OPTION_STEPS: Final = 2

OPENER: Final = re.compile(r"""[bBrRuUfF]{0,2}(\\{0,16}(?:\"""|'''|["']))""")
NESTING: Final = re.compile(r"""[\[({]+|[\])}]+|["']""")
CLOSING: Final = {
    '"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
    "'": re.compile(r"[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
}
BARE: Final = always(r"""(?:(?:bearer|basic|digest|token|negotiate)[ ]+)?[^\s,;&"'<>]+|""", re.IGNORECASE)
REST_OF_LINE: Final = always(r"[^\n]*")
FIRST_WORD: Final = always(r"\w*")
BACKWARDS: Final = always(r"[\w-]*")
OPTION_VALUE: Final = re.compile(r"""(?:\\{0,4}["'],)?\s{1,8}(?!-)""")
SEPARATOR: Final = r"(?:=>|:=|={1,3}|:(?!:|//))"
#: "KeyError: 'x'" and "CardDeclined: why" name exceptions, not keys.
EXCEPTIONS: Final = ("Error", "Exception", "Warning", "Failure", "NotFound", "DoesNotExist")
BAD_WORDS: Final = ("Invalid", "Bad", "Missing")
BAD: Final = re.compile(rf"(?:{'|'.join(BAD_WORDS)})[A-Z]")
HEADERS: Final = ("authorization", "cookie")
#: A value whose end is still to be found.
NOT_YET: Final = (-1, -1)


class Rules:
    """The compiled form of ``REDACT_KEYS``."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        whole = [key[len(WHOLE) :].lower() for key in keys if key.startswith(WHOLE) and key != WHOLE]
        parts = [key for key in keys if not key.startswith(WHOLE)]
        patterns = [f"(?i:{re.escape(part)})" for part in parts] + [_whole(word) for word in whole]
        self.names = re.compile("|".join(patterns) or r"(?!)")
        #: Looked for in the lower-cased text: a pattern that begins with plain letters is found many times faster.
        words = any_of(re.escape(word) for word in dict.fromkeys((*map(str.lower, parts), *whole)))
        self.words = re.compile(words)
        self.pairs = re.compile(
            rf"(?:{words})[\w.\-]*"
            rf"(?:[\])]?[ \t]{{0,8}}(?P<sep>{SEPARATOR})\s{{0,8}}"
            # (?=…)(?P=…) reads on without ever stepping back; JSON may write a letter as \u00e9
            rf"|(?=(?P<rest>(?:[\w .\-]|\\{{1,4}}u[0-9a-f]{{4}}){{0,64}}))(?P=rest)"
            rf"\\{{0,4}}[\"'][ \t]{{0,8}}(?P<quoted>{SEPARATOR})\s{{0,8}})?"
        )
        self.hides = lru_cache(maxsize=1024)(self._hides)
        self.has_whole = bool(whole)

    def _hides(self, name: str) -> bool:
        return len(name) > LONGEST_NAME or self.names.search(name) is not None


def _whole(word: str) -> str:
    """Match a word as the words of ``snake_case`` and ``camelCase`` names stand."""
    lower, title, upper = re.escape(word), re.escape(word.capitalize()), re.escape(word.upper())
    return rf"(?<![A-Za-z]){lower}(?![a-z])|{title}(?![a-z])|(?<![A-Z]){upper}(?![A-Za-z])"


def pairs(text: str, rules: Rules, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """Yield where the values of hidden keys stand whose keys begin before ``end``."""
    lower = lowered(text)
    reader = None
    has_options = "--" in text
    done = 0
    start: int | None
    for match in rules.pairs.finditer(lower, 0, end + LONGEST_NAME):
        key = match.start()
        if key >= end:
            return
        if not budget.step():
            yield key, len(text)
            return
        if match["sep"] is not None or match["quoted"] is not None:
            start = match.end()
        else:
            start = _after_option(text, *match.span(), budget) if has_options else None
        if start is None or start < done or (rules.has_whole and not rules.names.search(text, key, start)):
            continue
        if not budget.step(VALUE_STEPS):
            yield start, len(text)
            return
        reader = reader or _Values(text, lower, budget)
        span = reader.after_colon(match) if match["sep"] == ":" else NOT_YET
        if span is None:
            continue
        if span is NOT_YET:
            span = reader.value(start)
        done = span[1]
        if start < done:
            yield span


def lowered(text: str) -> str:
    """Return the text in lower case, each character at its place."""
    if text.isascii():
        return text.lower()
    lower = text.replace("\u017f", "s").replace("\u0130", "i").lower()
    return lower if len(lower) == len(text) else text


def _after_option(text: str, start: int, end: int, budget: Budget) -> int | None:
    """Return where the value of a command's ``--option`` begins, if the key is one."""
    before = text[max(0, start - NAME) : start]
    if "--" not in before:
        return None
    if not budget.step(OPTION_STEPS) or not BACKWARDS(before[::-1], 0)[0].endswith("--"):
        return None
    value = OPTION_VALUE.match(text, end)
    return value.end() if value else None


class _Values:
    """Reads the values of one text; a quote that is never closed is looked for once."""

    def __init__(self, text: str, lower: str, budget: Budget) -> None:
        self._text, self._lower, self._budget = text, lower, budget
        self._unclosed: set[str] = set()
        self._has_headers = any(word in lower for word in HEADERS)
        self._has_bad = any(word in text for word in BAD_WORDS)

    def after_colon(self, match: re.Match[str]) -> tuple[int, int] | None:
        """Return the rest of a header's line, None where an exception stands before the colon, else ``NOT_YET``."""
        begin, end = max(0, match.start() - NAME), match.start("sep")
        if self._is_exception(self._text[begin:end].rstrip()):
            return None
        if self._has_headers and any(self._lower.find(word, begin, end) >= 0 for word in HEADERS):
            return REST_OF_LINE(self._text, match.end()).span()
        return NOT_YET

    def _is_exception(self, text: str) -> bool:
        if text.endswith(EXCEPTIONS):
            return True
        if not text.endswith("ed") and not self._has_bad:
            return False
        word = FIRST_WORD(text[: -NAME - 1 : -1], 0)[0][::-1]
        is_participle = word.endswith("ed") and word[-3:-2].islower() and any(map(str.isupper, word[:-3]))
        return is_participle or BAD.match(word) is not None

    def value(self, start: int) -> tuple[int, int]:
        """Return where the value that begins at ``start`` stands: inside its quotes, its whole brackets, or a word."""
        text = self._text
        if opener := OPENER.match(text, start):
            return opener.end(), self._closed(opener[1], opener.end())
        if text[start : start + 1] not in ("[", "(", "{"):
            return BARE(text, start).span()
        return start, self._nested(start)

    def _closed(self, quote: str, start: int) -> int:
        text = self._text
        end = text.find(quote, start)
        while end > start and text[end - 1] == "\\":
            end = text.find(quote, end + 1) if self._budget.step() else -1
        return end if end >= 0 else len(text)

    def _nested(self, start: int) -> int:
        text, level = self._text, 0
        at = start
        while (token := NESTING.search(text, at)) and self._budget.step():
            at = token.end()
            if token[0] in CLOSING:
                at = self._string(token[0], at)
            elif token[0][0] in "[({":
                level += len(token[0])
            elif level <= len(token[0]):
                return token.start() + level
            else:
                level -= len(token[0])
        return len(text)

    def _string(self, quote: str, start: int) -> int:
        """Return where a string ends, or ``start`` when the quote is none."""
        if quote in self._unclosed:
            return start
        if (closing := CLOSING[quote].match(self._text, start)) is None:
            self._unclosed.add(quote)
            return start
        return closing.end()
