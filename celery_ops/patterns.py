"""Where a text gives a secret away: by what it looks like, by the key before it, or because it is known.

Bounded: a text is read a little beyond what will be shown of it, and no further.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

REDACTED: Final = "[redacted]"
CUT: Final = "…"

OVERSCAN: Final = 4096  # read beyond what is shown, so that a secret across the cut is still recognised
NAME: Final = 64
LONGEST_NAME: Final = 256

DIRTY = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
HIDDEN = re.compile(
    r"""(?P<jwt>eyJ[\w-]{5,512}\.[\w-]+(?:\.[\w-]*)?)
    | (?P<pem>-----BEGIN\ [A-Z0-9 ]{1,40}-----.*?(?:-----END\ [A-Z0-9 ]{1,40}-----|\Z))
    | ://(?P<login>[^\s/:@]{0,128}:(?!\d{1,5}(?:[/\s]|\Z))(?:[^\s/]{0,512}|[^\s@]{0,512})|[^\s/:@]{16,512})@
    | [Bb]earer\ (?P<bearer>[\w.~+/=-]{16,})""",
    re.VERBOSE | re.DOTALL,
)
MARKS: Final = ("eyJ", "-----BEGIN", "://", "earer ")  # what HIDDEN needs; looking for these is 20 times faster
AWS_ID = re.compile("A(?:KIA|SIA|ROA|IDA|GPA|NPA|NVA|BIA|CCA)[A-Z0-9]{16}")
PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,40}-----")
# UUIDs, digests and dates come first and are stepped over: their digits are no card number.
DIGITS = re.compile(
    r"""\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b | \b[0-9a-f]{32,}\b
    | (?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)
    | (?<![0-9])(?<![0-9]\.)(?P<digits>[0-9](?:[ -]{0,3}[0-9]){12,})""",
    re.VERBOSE,
)
THIRTEEN = re.compile("[0-9](?:[ -]{0,3}[0-9]){12}")
GROUP = re.compile("[0-9]+")
OPENER = re.compile(r"""[bBrRuUfF]{0,2}(\\*(?:\"""|'''|["']))""")
NESTING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\[({]|[\])}]""", re.DOTALL)
BARE = re.compile(r"""(?:(?:bearer|basic|digest|token|negotiate)[ ]+)?[^\s,;&"'<>]+|""", re.IGNORECASE)
HEADER = re.compile("authorization|cookie", re.IGNORECASE)
REST_OF_LINE = re.compile(r"[^\n]*")
# "KeyError: 'x'" and "CardDeclined: why" name exceptions, not keys.
EXCEPTION = re.compile(
    r"(?:Error|Exception|Warning|Failure|NotFound|DoesNotExist|[A-Z]\w*[a-z]ed)$|\b(?:Invalid|Bad|Missing)[A-Z]\w*$"
)


class Rules:
    """The compiled form of ``REDACT_KEYS``."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        words = "|".join(map(re.escape, keys)) or r"(?!)"
        self.names = re.compile(words, re.IGNORECASE)
        self.pairs = re.compile(
            rf"(?i:{words})(?:[\w.\-]{{0,64}}[\])]?|[\w .\-]{{0,64}}\\{{0,4}}(?P<quoted>[\"']))"
            r"[ \t]{0,8}(?P<sep>=>|:=|={1,3}|:(?!:|//))\s{0,8}"
        )
        self.hides = lru_cache(maxsize=1024)(self._hides)

    def _hides(self, name: str) -> bool:
        return len(name) > LONGEST_NAME or self.names.search(name) is not None


def cut(text: str, limit: int, tail: bool = False) -> str:
    raw = text.encode()
    if len(raw) <= limit:
        return text
    room = limit - len(CUT.encode())
    if tail:
        return CUT + raw[-room:].decode(errors="ignore")
    return raw[:room].decode(errors="ignore") + CUT


def scrub(
    text: str, limit: int, rules: Rules | None, secrets: Sequence[str] = (), tail: bool = False
) -> tuple[str, bool]:
    """Return at most ``limit`` bytes of ``text`` without secrets, and whether that is all of it unchanged."""
    size = str.__len__(text)
    reach = limit + OVERSCAN
    window = str.__getitem__(text, slice(-reach, None) if tail else slice(reach))
    low = max(0, len(window) - limit) if tail else 0
    high = len(window) if tail else min(limit, len(window))
    spans = sorted(spans_of(window, rules, secrets, tail and size > reach))
    shown = _without(window, spans, low, high)
    if not shown.isprintable():
        shown = DIRTY.sub("\ufffd", shown.replace("\r\n", "\n"))
    exact = size <= limit and not spans and shown == window
    if size > limit:
        shown = CUT + shown if tail else shown + CUT
    short = cut(shown, limit, tail)
    return short, exact and short is shown


def _without(text: str, spans: list[tuple[int, int]], low: int, high: int) -> str:
    parts: list[str] = []
    at = low
    for start, end in spans:
        if end <= at or start >= high:
            continue
        if start > at or not parts:  # else it overlaps the one before
            parts += (text[at:start], REDACTED) if start > at else (REDACTED,)
        at = end
    return "".join([*parts, text[at:high]])


def spans_of(
    text: str, rules: Rules | None, secrets: Sequence[str], headless: bool = False
) -> Iterator[tuple[int, int]]:
    """Yield where ``text`` must not show. ``headless``: a PEM block may have begun before it."""
    if rules is not None:
        if any(mark in text for mark in MARKS):
            yield from (match.span(str(match.lastgroup)) for match in HIDDEN.finditer(text))
        yield from (match.span() for match in AWS_ID.finditer(text))
        if "=" in text or ":" in text:
            yield from _pairs(text, rules)
        if THIRTEEN.search(text):
            yield from _cards(text)
        if headless and (match := PEM_END.search(text)) and "-----BEGIN" not in text[: match.start()]:
            yield 0, match.end()
    for secret in secrets:
        if len(secret) < 4:
            continue
        for form in _forms(secret[-OVERSCAN:] if headless else secret[:OVERSCAN]):
            at = text.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = text.find(form, at + len(form))


def _forms(secret: str) -> Iterable[str]:
    """A secret as it is, and as ``repr``, JSON and URLs write it."""
    if secret.isalnum() and secret.isascii():
        return (secret,)
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe="", errors="replace")}


def _pairs(text: str, rules: Rules) -> Iterator[tuple[int, int]]:
    """Where the values of hidden keys stand in ``key=value``, ``"key": value`` and ``Key: value``."""
    done = 0
    for match in rules.pairs.finditer(text):
        start = match.end()
        if start < done:
            continue
        span = _value(text, start)
        if match["sep"] == ":" and not match["quoted"]:
            word = text[max(0, match.start() - NAME) : match.start("sep")].rstrip()
            if EXCEPTION.search(word):
                continue
            if HEADER.search(word):
                span = REST_OF_LINE.match(text, start).span()
        done = span[1]
        if start < done:
            yield span


def _value(text: str, start: int) -> tuple[int, int]:
    """Where the value that begins at ``start`` stands: inside its quotes, its whole brackets, or a word."""
    if opener := OPENER.match(text, start):
        end = text.find(opener[1], opener.end())
        while end > 0 and text[end - 1] == "\\" and end > opener.end():
            end = text.find(opener[1], end + 1)
        return opener.end(), end if end >= 0 else len(text)
    if text[start : start + 1] not in ("[", "(", "{"):
        return BARE.match(text, start).span()
    level = 0
    for token in NESTING.finditer(text, start):
        level += 1 if token[0] in "[({" else -1 if token[0] in "])}" else 0
        if not level:
            return start, token.end()
    return start, len(text)


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand; a number beside one, such as its expiry, does not hide it."""
    for match in DIGITS.finditer(text):
        groups = [group.span() for group in GROUP.finditer(text, *match.span())] if match["digits"] else []
        for first, (start, _) in enumerate(groups):
            digits = ""
            usual = True
            for last, (begin, end) in enumerate(groups[first : first + 19], first):
                digits += text[begin:end]
                usual = usual and (3 <= end - begin <= 6 or end - begin >= 13)
                if len(digits) > 19:
                    break
                if len(digits) > 12 and (usual or len(groups) == last + 1 - first) and is_card(digits):
                    yield start, end


def is_card(digits: str) -> bool:
    """Luhn, and a first digit that payment cards have: timestamps and snowflake ids begin with 1."""
    if digits[0] in "01":
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
