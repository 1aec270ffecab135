"""Secrets that are known by what they look like: keys in the formats that their makers publish, and long random text.

Each pattern reads what it has begun to its end, or stops after a fixed number of characters.
"""

import re
from collections.abc import Iterator
from typing import Final

from .alternatives import any_of
from .budget import Budget
from .matchers import matcher

JWT: Final = re.compile(r"eyJ(?P<head>[\w-]{5,})(?P<rest>\.[\w-]+(?:\.[\w-]*)?)?")
PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----")
PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]{1,40}-----")
BEARER: Final = re.compile(r"[Bb]earer (?P<secret>[\w.~+/=-]{16,})")
#: A URL's user and the colon before the password, unless that is a port; or a user that is long enough for a token.
LOGIN: Final = re.compile(r"://(?:(?P<user>[^\s/:@]{0,128}:)(?!\d{1,5}(?:[/\s]|\Z))|(?=[^\s/:@]{16}))")
HOST: Final = matcher(r"[^\s/]*")
WORD: Final = matcher(r"\S*")
LONGEST_PASSWORD: Final = 512
STRIPE: Final = ("pk", "rk", "sk")
#: Characters of the shortest text that may hold one of these.
SHORTEST: Final = 8
SHORTEST_KEY: Final = 13
SHORTEST_RUN: Final = 32
#: As their makers document them, see docs/security.md; the shortest that are in use. Each begins with plain letters:
#: so it is found many times faster, and what must not stand before it is looked at afterwards.
KEYS: Final = re.compile(
    any_of(
        (
            r"A[KSRIGNBC][IODPVC]A(?<=KIA|SIA|ROA|IDA|GPA|NPA|NVA|BIA|CCA)[A-Z0-9]{16}",  # AWS
            r"AIza[\w-]{30,}",  # Google
            r"GOCSPX-[\w-]{20,}",
            r"ya29\.[\w-]{20,}",
            r"gh[oprsu]_[A-Za-z0-9]{16,}",  # GitHub
            r"github_pat_\w{20,}",
            r"gl(?:pat|ptt|dt|rt|cbt|soat)-[\w-]{16,}",  # GitLab
            r"xox[a-z]-[\w-]{8,}",  # Slack
            r"xapp-[\w-]{10,}",
            r"hooks\.slack\.com/services/[\w/]{20,}",
            *(rf"{kind}_(?:(?<=\\n{kind}_)|(?<![A-Za-z0-9]{kind}_))(?:live|test)_[A-Za-z0-9]{{8,}}" for kind in STRIPE),
            r"whsec_[\w+/=-]{16,}",
            r"sk-(?:ant|proj|svcacct|admin)[\w]*-[\w-]{20,}",  # Anthropic, OpenAI
            r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
            r"npm_[A-Za-z0-9]{30,}",
            r"pypi-[\w-]{50,}",
            r"hf_[A-Za-z0-9]{30,}",
            r"sq0[a-z]{3}-[\w-]{20,}",  # Square
            r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
            r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
        )
    )
)

#: Text that may be random. MD5, SHA-1 and UUIDs are hexadecimal and shorter than what is hidden; see ``_is_random``.
RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
HEXADECIMAL: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
SHORTEST_HEX_KEY: Final = 48
DIGEST: Final = re.compile(r"sha(?:256|384|512)[:=-]\Z", re.IGNORECASE)
ESCAPE: Final = re.compile(r"\\[nrt]")  # of the repr of a text: its letter is no part of what follows
#: What a run costs that is looked at closely, and characters of it that cost one more.
RANDOM_STEPS: Final = 3
RANDOM_A_STEP: Final = 64
#: Characters within which a key is recognised that begins before the end.
LONGEST_KEY: Final = 1024
PART: Final = re.compile(r"[A-Za-z0-9]+")
#: A small letter, a capital and a digit for every one, and the pairs in which one kind follows another.
KINDS: Final = bytes.maketrans(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", b"a" * 26 + b"A" * 26 + b"0" * 10
)
CHANGES: Final = (b"aA", b"Aa", b"a0", b"0a", b"A0", b"0A")
SHORTEST_RANDOM: Final = 24
#: Random text changes between small letters, capitals and digits at every other of its characters, names seldom do.
LEAST_CHANGES: Final = 0.45

#: Each character that may be in a key or in a run as "a", and as many as the shortest key has.
INSIDE: Final = bytes(ord("a" if re.match(r"[\w./+=-]", chr(code), re.ASCII) else " ") for code in range(256))
KEY_LONG: Final = b"a" * SHORTEST_KEY


def may_have(raw: bytes) -> bool:
    """Return whether an ASCII text has a word that is long enough for any of ``has``."""
    return KEY_LONG in raw.translate(INSIDE)


def has(text: str) -> bool:
    """Return whether a text has a key, or what may be random."""
    return KEYS.search(text) is not None or (len(text) >= SHORTEST_RUN and RUN.search(text) is not None)


def spans(text: str, end: int, budget: Budget, *, headless: bool = False) -> Iterator[tuple[int, int]]:
    """Yield where secrets stand that begin before ``end``. ``headless``: a PEM block may have begun before the text."""
    if "-----" in text:
        yield from _pem(text, end, headless=headless)
    if "eyJ" in text:
        yield from _matches(JWT, text, end, budget, group="rest")
    if "earer " in text:
        yield from _matches(BEARER, text, end, budget, group="secret")
    if "://" in text and "@" in text:
        yield from _logins(text, end, budget)
    if len(text) >= SHORTEST_KEY:
        yield from _matches(KEYS, text, end, budget)
    if len(text) >= SHORTEST_RUN:
        yield from _random(text, end, budget)


def _random(text: str, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    for match in RUN.finditer(text, 0, end + LONGEST_KEY):
        start, end_of_run = match.span()
        start += ESCAPE.match(text, max(0, start - 1), start + 1) is not None
        run = text[start:end_of_run]
        is_alike = run.isalpha() or run.islower() or run.isupper()
        is_short = is_alike and len(run) < SHORTEST_HEX_KEY
        if not budget.step(1 if is_short else RANDOM_STEPS + len(run) // RANDOM_A_STEP):
            yield start, len(text)
            return
        if (_is_hex_key(run) if is_alike else _is_random(run)) and not DIGEST.search(text, max(0, start - 7), start):
            yield start, end_of_run


def _matches(
    pattern: re.Pattern[str], text: str, end: int, budget: Budget, group: str = ""
) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text, 0, end + LONGEST_KEY):
        if not budget.step():
            yield match.start(), len(text)
            return
        if not group or match[group]:
            yield match.span("secret" if group == "secret" else 0)


def _pem(text: str, end: int, *, headless: bool) -> Iterator[tuple[int, int]]:
    begin = PEM.search(text)
    if headless and (closing := PEM_END.search(text)) and not (begin and begin.start() < closing.start()):
        yield 0, closing.end()
    while begin and begin.start() < end:
        closing = PEM_END.search(text, begin.end())
        yield begin.start(), closing.end() if closing else len(text)
        begin = PEM.search(text, closing.end()) if closing else None


def _logins(text: str, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    sign = space = -1
    for match in LOGIN.finditer(text):
        start = match.start() + 3
        if start >= end:
            return
        if not budget.step(2):
            yield start, len(text)
            return
        at = text.rfind("@", start, HOST(text, start).end())
        if at < 0 and match["user"]:  # a password with a slash, up to the first "@" of the same word
            if sign < start:
                sign = text.find("@", start)
                sign = len(text) if sign < 0 else sign
            if space < start:
                space = WORD(text, start).end()
            at = sign if sign < min(space, start + LONGEST_PASSWORD) else -1
        if at > start:
            yield start, at


def _is_hex_key(run: str) -> bool:
    run = run.rstrip("=")
    return len(run) >= SHORTEST_HEX_KEY and HEXADECIMAL.fullmatch(run) is not None


def _is_random(run: str) -> bool:
    """Return whether a long run of letters and digits is a key, and no name, path, UUID or digest."""
    run = run.rstrip("=")
    if run.isdecimal():
        return len(run) >= SHORTEST_HEX_KEY
    parts = [part for part in PART.findall(run) if not HEXADECIMAL.fullmatch(part)]
    size = sum(map(len, parts))
    if size < SHORTEST_RANDOM:
        return False
    text = " ".join(parts)
    if text.islower() or text.isupper() or text.replace(" ", "").isalpha():
        return False
    kinds = text.encode().translate(KINDS)
    return len(parts) + sum(map(kinds.count, CHANGES)) >= LEAST_CHANGES * size
