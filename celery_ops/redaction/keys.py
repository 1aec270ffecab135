"""Values that the key before them gives away: ``password=…``, ``"token": …``, ``Cookie: …``, ``--password …``.

So do ``("password", …)``, ``<password>…</password>`` and what is indented below ``password:``.

Keys are looked for, never values. What a match has read is not read again by the next one, so the work grows with the
length of a text and with nothing else.
"""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final

from .alternatives import any_of
from .budget import Budget
from .elements import Elements, may_have
from .indented_blocks import TAGS, block
from .matchers import matcher

NAME: Final = 64
LONGEST_NAME: Final = 256
#: Before a word of ``REDACT_KEYS``: it is a whole word of a name (``user_pin``, ``pinCode``), no part (``shipping``).
WHOLE: Final = "="
#: What a key with its value costs beside one that has none, and what may be a command's option.
VALUE_STEPS: Final = 2
OPTION_STEPS: Final = 2
ELEMENT_STEPS: Final = 2

OPENER: Final = re.compile(r"""[bBrRuUfF]{0,2}(\\{0,16}(?:\"""|'''|["']))""")
NESTING: Final = re.compile(r"""[\[({]+|[\])}]+|["']""")
CLOSING: Final = {
    '"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
    "'": re.compile(r"[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
}
BARE: Final = matcher(r"""(?:(?:bearer|basic|digest|token|negotiate)[ ]+)?[^\s,;&"'<>]+|""", re.IGNORECASE)
REST_OF_LINE: Final = matcher(r"[^\n]*")
FIRST_WORD: Final = matcher(r"\w*")
SPACE: Final = matcher(r"\s{0,64}")
BACKWARDS: Final = matcher(r"[\w-]*")
OPTION_VALUE: Final = re.compile(r"""(?:\\{0,4}["'],)?\s{1,8}(?!-)""")
SEPARATOR: Final = r"(?:=>|:=|={1,3}|:(?!:|//))"
#: "KeyError: 'x'" and "CardDeclined: why" name exceptions, not keys.
EXCEPTIONS: Final = ("Error", "Exception", "Warning", "Failure", "NotFound", "DoesNotExist")
BAD_WORDS: Final = ("Invalid", "Bad", "Missing")
BAD: Final = re.compile(rf"(?:{'|'.join(BAD_WORDS)})[A-Z]")
HEADERS: Final = ("authorization", "cookie")
#: What stands between a name and its value where each has a word before it: ``name="token" value="x"``.
NAMED_VALUE: Final = r"""(?:,\s{0,8}\\{0,4}["']value\\{0,4}["'][ \t]{0,8}:|\s{1,8}value[ ]?=)"""
COMMA: Final = ","
#: What stands before the name of a pair, backwards: a bracket that no call and no index begins with.
PAIR_BEFORE: Final = re.compile(r"""[\w.\-]*["']\\{0,4}[bru]?\s{0,16}[\[(](?![\w)\]])""")
PAIR_AFTER: Final = re.compile(r"""(?:\\{0,4}["']{1,3})?\s{0,16},?\s{0,16}[\])]|\Z""")
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
            rf"\\{{0,4}}[\"'][ \t]{{0,8}}(?P<quoted>{SEPARATOR}|{NAMED_VALUE}|{COMMA})\s{{0,8}})?"
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
    values = _Values(text, lower, rules, budget)
    for match in rules.pairs.finditer(lower, 0, end + LONGEST_NAME):
        if match.start() >= end:
            return
        if not budget.step():
            yield match.start(), len(text)
            return
        yield from values.spans(match)
        if budget.steps < 0:
            return


def may_have_key(text: str) -> bool:
    """Return whether a text has what may stand between a key, which is no command's option, and its value."""
    return "=" in text or ":" in text or "'," in text or '",' in text or may_have(text)


def lowered(text: str) -> str:
    """Return the text in lower case, each character at its place."""
    if text.isascii():
        return text.lower()
    lower = text.replace("\u017f", "s").replace("\u0130", "i").lower()
    return lower if len(lower) == len(text) else text


class _Values:
    """Reads the values of one text; a quote that is never closed is looked for once."""

    def __init__(self, text: str, lower: str, rules: Rules, budget: Budget) -> None:
        self._text, self._lower, self._rules, self._budget = text, lower, rules, budget
        self._done = 0  # what comes before belongs to a value
        self._unclosed: set[str] = set()
        self._has_options = "--" in text
        self._elements = Elements(text, lower) if may_have(lower) else None

    @cached_property
    def _has_headers(self) -> bool:
        return any(word in self._lower for word in HEADERS)

    @cached_property
    def _has_bad(self) -> bool:
        return any(word in self._text for word in BAD_WORDS)

    def spans(self, match: re.Match[str]) -> Iterator[tuple[int, int]]:
        """Yield where what a key gives away stands; to the text's end where there is no budget to find it."""
        sign = match["sep"] or match["quoted"]
        if sign is None and self._elements is not None:
            yield from self._element(self._elements, *match.span())
        second = self._in_pair(match) if sign == COMMA else None
        start = second if second is not None else self._start(match, sign)
        if start is None or start < self._done or not self._is_hidden(match.start(), start):
            return
        if not self._budget.step(VALUE_STEPS):
            yield start, len(self._text)
            return
        span = self._span(match, start) if second is None else self._second(start)
        if span is not None:
            self._done = span[1]
            if start < self._done:
                yield span

    def _start(self, match: re.Match[str], sign: str | None) -> int | None:
        if sign is not None and sign != COMMA:
            return match.end()
        if not self._has_options:
            return None
        return self._after_option(match.start(), match.start("rest") if sign == COMMA else match.end())

    def _span(self, match: re.Match[str], start: int) -> tuple[int, int] | None:
        span = self.after_colon(match) if match["sep"] == ":" else NOT_YET
        return self.value(start) if span is NOT_YET else span

    def _is_hidden(self, key: int, end: int) -> bool:
        return not self._rules.has_whole or self._rules.names.search(self._text, key, end) is not None

    def _element(self, elements: Elements, key: int, end: int) -> Iterator[tuple[int, int]]:
        if not self._is_hidden(key, end):
            return
        if not self._budget.step(ELEMENT_STEPS):
            yield key, len(self._text)
        elif (span := elements.value(key, end)) and span[0] < span[1]:
            yield span

    def _after_option(self, start: int, end: int) -> int | None:
        """Return where the value of a command's ``--option`` begins, if the key is one."""
        before = self._text[max(0, start - NAME) : start]
        if "--" not in before:
            return None
        if not self._budget.step(OPTION_STEPS) or not BACKWARDS(before[::-1], 0)[0].endswith("--"):
            return None
        value = OPTION_VALUE.match(self._text, end)
        return value.end() if value else None

    def _in_pair(self, match: re.Match[str]) -> int | None:
        """Return where the second of a pair begins, if the key is the first: ``("password", …)``."""
        if " " in (match["rest"] or "") or not self._budget.step(OPTION_STEPS):
            return None
        before = self._lower[max(0, match.start() - NAME) : match.start()]
        return SPACE(self._text, match.end()).end() if PAIR_BEFORE.match(before[::-1]) else None

    def _second(self, start: int) -> tuple[int, int] | None:
        """Return where the second of a pair stands, None where there are more than two."""
        begin, end = self.value(start)
        value = self._text[begin:end]
        is_bare = begin == start and value[:1] not in ("[", "(", "{")
        if is_bare and value[-1:] in (")", "]"):
            return begin, begin + len(value.rstrip(")]"))
        return (begin, end) if PAIR_AFTER.match(self._text, end) else None

    def after_colon(self, match: re.Match[str]) -> tuple[int, int] | None:
        """Return the rest of a header's line, None where an exception stands before the colon, else ``NOT_YET``."""
        begin, end = max(0, match.start() - NAME), match.start("sep")
        if self._is_exception(self._text[begin:end].rstrip()):
            return None
        if self._has_headers and any(self._lower.find(word, begin, end) >= 0 for word in HEADERS):
            return REST_OF_LINE(self._text, match.end()).span()
        if below := block(self._text, match.start(), match.end("sep"), self._budget):
            return below
        tags = TAGS(self._text, match.end()).end()
        return (match.end(), self.value(tags)[1]) if tags > match.end() else NOT_YET

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
