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

DIRTY = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def cut(text: str, limit: int, tail: bool = False) -> str:
    raw = text.encode()
    if len(raw) <= limit:
        return text
    room = limit - len(CUT.encode())
    if tail:
        return CUT + raw[-room:].decode(errors="ignore")
    return raw[:room].decode(errors="ignore") + CUT


def scrub(
    text: str,
    limit: int,
    rules: Rules | None,
    secrets: Sequence[str] = (),
    tail: bool = False,
    budget: Budget | None = None,
    found: list[str] | None = None,
) -> tuple[str, bool]:
    """Return at most ``limit`` bytes of ``text`` without secrets, and whether that is all of it unchanged.

    What is hidden is added to ``found``.
    """
    budget = budget or Budget()
    size = str.__len__(text)
    reach = limit + OVERSCAN
    window = str.__getitem__(text, slice(-reach, None) if tail else slice(reach))
    readings = (rules is not None) + -(-len(secrets) // SECRETS_A_READING)
    if not budget.read(len(window) * readings):
        return CUT, False
    low = max(0, len(window) - limit) if tail else 0
    high = len(window) if tail else min(limit, len(window))
    spans = sorted(spans_of(window, rules, secrets, headless=tail and size > reach, end=high, budget=budget))
    if found is not None:
        found += [secret_at(window, start, end) for start, end in spans]
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
