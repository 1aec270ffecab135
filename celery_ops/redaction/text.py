"""Where a text gives a secret away: by the key before it, by what it looks like, or because it is known.

Bounded: a text is read a little beyond what will be shown of it, and no further; see ``budget`` for the rest.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote

from . import commands, numbers, shapes
from .budget import Budget
from .keys import Rules, pairs

REDACTED: Final = "[redacted]"
CUT: Final = "…"

OVERSCAN: Final = 4096  # read beyond what is shown, so that a secret across the cut is still recognised
SHORTEST_SECRET: Final = 4
#: Known secrets that cost as much as one more reading of the text.
SECRETS_A_READING: Final = 32
#: What a text costs in which something may be hidden, beside what is looked at in it.
TEXT_STEPS: Final = 3

#: An option of a command, or a PEM block.
DASHES: Final = re.compile(f"--|{commands.OPTION.pattern}")
#: Characters of the shortest text that may hold a key or a number.
QUIET: Final = min(shapes.SHORTEST_KEY, numbers.SHORTEST)

DIRTY = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def cut(text: str, limit: int, tail: bool = False) -> str:
    if len(text) <= limit and text.isascii():
        return text
    raw = text.encode()
    if len(raw) <= limit:
        return text
    room = limit - len(CUT.encode())
    if tail:
        return CUT + raw[-room:].decode(errors="ignore")
    return raw[:room].decode(errors="ignore") + CUT


class Found:
    """What was hidden in the texts of a value, and where: ``texts`` are what others may repeat."""

    __slots__ = ("_places", "_read", "texts")

    def __init__(self, places: "dict[tuple[str, int], list[tuple[int, int]]] | None" = None) -> None:
        self.texts: list[str] = []
        self._read = places
        self._places: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def once_more(self) -> "Found":
        """Return what knows where the rules hide something in the texts that were read for this one."""
        return Found(self._places)

    def add(self, text: str, end: int, spans: list[tuple[int, int]]) -> None:
        self._places[text, end] = spans
        if spans:
            self.texts += [secret_at(text, *span) for span in spans]

    def again(self, text: str, end: int) -> list[tuple[int, int]] | None:
        """Return where the rules hide something before ``end``; None for a text that was not read."""
        return self._read.get((text, end)) if self._read else None


def scrub(
    text: str,
    limit: int,
    rules: Rules | None,
    secrets: Sequence[str] = (),
    tail: bool = False,
    budget: Budget | None = None,
    found: "Found | None" = None,
) -> tuple[str, bool]:
    """Return at most ``limit`` bytes of ``text`` without secrets, and whether that is all of it unchanged.

    What is hidden is added to ``found``, and where: the same text is not read by the rules again.
    """
    budget = budget or Budget()
    size = str.__len__(text)
    reach = limit + OVERSCAN
    window = str.__getitem__(text, slice(-reach, None) if tail else slice(reach))
    low = max(0, len(window) - limit) if tail else 0
    high = len(window) if tail else min(limit, len(window))
    known = found.again(window, high) if found is not None else None
    readings = (rules is not None and known is None) + -(-len(secrets) // SECRETS_A_READING)
    if not budget.read(len(window) * readings):
        return CUT, False
    headless = tail and size > reach
    spans = known
    if spans is None:
        budget.step(TEXT_STEPS)
        spans = sorted(spans_of(window, rules, (), headless=headless, end=high, budget=budget))
        if found is not None:
            found.add(window, high, spans)
    if secrets:
        spans = sorted((*spans, *spans_of(window, None, secrets, headless=headless, end=high, budget=budget)))
    shown = _without(window, spans, low, high)
    if not shown.isprintable():
        shown = DIRTY.sub("\ufffd", shown.replace("\r\n", "\n"))
    exact = size <= limit and not spans and shown == window
    if size > limit:
        shown = CUT + shown if tail else shown + CUT
    short = cut(shown, limit, tail)
    return short, exact and short is shown


def secret_at(text: str, start: int, end: int) -> str:
    """Return what is secret of what is hidden here: of a URL's login its password, which others repeat by itself."""
    hidden = text[start:end]
    is_login = text[max(0, start - 3) : start] == "://"
    return (is_login and hidden.partition(":")[2]) or hidden


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
    text: str,
    rules: Rules | None,
    secrets: Sequence[str],
    *,
    headless: bool = False,
    end: int | None = None,
    budget: Budget | None = None,
) -> Iterator[tuple[int, int]]:
    """Yield where ``text`` must not show, of what begins before ``end``.

    ``headless``: a PEM block may have begun before the text.
    """
    budget = budget or Budget()
    end = len(text) if end is None else end
    if rules is not None:
        if "=" in text or ":" in text or "--" in text:
            yield from pairs(text, rules, end, budget)
        if len(text) >= shapes.SHORTEST:
            yield from shapes.spans(text, end, budget, headless=headless)
        if len(text) >= numbers.SHORTEST:
            yield from numbers.spans(text, end, budget)
        if "-" in text:
            yield from commands.spans(text, end, budget)
    for secret in secrets:
        if len(secret) < SHORTEST_SECRET:
            continue
        for form in _forms(secret[-OVERSCAN:] if headless else secret[:OVERSCAN], text):
            yield from _places(text, form, end, budget)


def is_quiet(text: str, rules: Rules) -> bool:
    """Return whether none of that is in a short text with which what the rules hide begins."""
    if "eyJ" in text or "earer " in text or ("-" in text and DASHES.search(text)):
        return False
    if ("=" in text or ":" in text) and (not text.isascii() or "://" in text or rules.names.search(text)):
        return False
    size = len(text)
    if size < QUIET:
        return True
    if shapes.KEYS.search(text) or not numbers.is_quiet(text):
        return False
    return size < shapes.SHORTEST_RUN or shapes.RUN.search(text) is None


def repeats(texts: Iterable[str], secrets: Sequence[str], budget: Budget) -> bool:
    """Return whether any of these secrets may be in the texts; True where that is too much to look for."""
    text = "\n".join(texts)
    if not budget.read(len(text) * -(-len(secrets) // SECRETS_A_READING)):
        return True
    return any(form in text for secret in secrets for form in _forms(secret, text))


def _places(text: str, part: str, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    at = text.find(part)
    while 0 <= at < end:
        if not budget.step():
            yield at, len(text)
            return
        yield at, at + len(part)
        at = text.find(part, at + len(part))


def _forms(secret: str, text: str) -> Iterable[str]:
    """A secret as it is, and as ``repr``, JSON and URLs would write it in this text."""
    if secret.isalnum() and secret.isascii():
        return (secret,)
    forms = {secret}
    if "\\" in text:
        forms |= {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    if "%" in text:
        forms.add(quote(secret, safe="", errors="replace"))
    return forms
