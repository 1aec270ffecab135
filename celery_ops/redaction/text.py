"""Where a text gives a secret away: by the key before it, by what it looks like, or because it is known.

Bounded: a text is read a little beyond what will be shown of it, and no further; see ``budget`` for the rest.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from . import commands, numbers, shapes
from .budget import Budget
from .keys import Rules, lowered, may_have_key, pairs
from .repeats import Secrets

REDACTED: Final = "[redacted]"
CUT: Final = "…"

OVERSCAN: Final = 4096  # read beyond what is shown, so that a secret across the cut is still recognised
#: What a text costs in which something may be hidden, beside what is looked at in it.
TEXT_STEPS: Final = 6

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


class HiddenTexts:
    """What was hidden in the texts of a value, and where: ``texts`` are what others may repeat."""

    __slots__ = ("_places", "_read", "texts")

    def __init__(self, places: "dict[tuple[str, int], list[tuple[int, int]]] | None" = None) -> None:
        self.texts: list[str] = []
        self._read = places
        self._places: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def once_more(self) -> "HiddenTexts":
        """Return what knows where the rules hide something in the texts that were read for this one."""
        return HiddenTexts(self._places)

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
    secrets: Secrets | None = None,
    tail: bool = False,
    budget: Budget | None = None,
    hidden: "HiddenTexts | None" = None,
) -> tuple[str, bool]:
    """Return at most ``limit`` bytes of ``text`` without secrets, and whether that is all of it unchanged.

    What is hidden is added to ``hidden``, and where: the same text is not read by the rules again.
    """
    budget = budget or Budget()
    size = str.__len__(text)
    reach = limit + OVERSCAN
    window = str.__getitem__(text, slice(-reach, None) if tail else slice(reach))
    low = max(0, len(window) - limit) if tail else 0
    high = len(window) if tail else min(limit, len(window))
    spans = hidden.again(window, high) if hidden is not None else None
    unread = rules if spans is None else None
    by_rules = unread is not None
    by_secrets = secrets.readings if secrets else 0
    if not budget.read(len(window) * (by_rules + by_secrets)):
        return CUT, False
    headless = tail and size > reach
    budget.step(TEXT_STEPS if by_rules else 1 + by_secrets)
    if unread is not None:
        spans = sorted(_rule_spans(window, unread, high, budget, headless=headless))
        if hidden is not None:
            hidden.add(window, high, spans)
    if secrets:
        spans = sorted((*(spans or ()), *secrets.spans(window, high, budget, headless=headless)))
    shown = _without(window, spans, low, high) if spans else window[low:high]
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


def _without(text: str, spans: Sequence[tuple[int, int]], low: int, high: int) -> str:
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
        yield from _rule_spans(text, rules, end, budget, headless=headless)
    if secrets:
        yield from Secrets(secrets).spans(text, end, budget, headless=headless)


def _rule_spans(text: str, rules: Rules, end: int, budget: Budget, *, headless: bool) -> Iterator[tuple[int, int]]:
    if "--" in text or may_have_key(text):
        yield from pairs(text, rules, end, budget)
    if len(text) >= shapes.SHORTEST:
        yield from shapes.spans(text, end, budget, headless=headless)
    if len(text) >= numbers.SHORTEST:
        yield from numbers.spans(text, end, budget)
    if "-" in text:
        yield from commands.spans(text, end, budget)


def is_quiet(text: str, rules: Rules) -> bool:
    """Return whether none of that is in a short text with which what the rules hide begins."""
    if _has_sign(text, rules):
        return False
    size = len(text)
    if size < QUIET:
        return True
    return numbers.is_quiet(text) and not shapes.has(text)


def are_quiet(lines: str, rules: Rules) -> bool:
    """Return whether each line of an ASCII text is quiet, for many at once: nothing hidden goes on in the next line.

    A pattern reads each character many times; here most are read by what kind they are, and none by a pattern.
    """
    if _has_sign(lines, rules):
        return False
    raw = lines.encode()
    return not numbers.may_have(raw) and not (shapes.may_have(raw) and shapes.has(lines))


def _has_sign(text: str, rules: Rules) -> bool:
    """Return whether a text has what stands before a secret, or begins one."""
    if "eyJ" in text or "earer " in text or ("-" in text and DASHES.search(text)):
        return True
    if "://" in text and "@" in text:
        return True
    return may_have_key(text) and rules.words.search(lowered(text)) is not None
