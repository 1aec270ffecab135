"""Numbers that name money: payment cards, by Luhn's check, and IBANs, by ISO 7064's."""

import re
import string
from collections.abc import Iterator
from typing import Final

from .budget import Budget

#: Characters of the shortest text that may hold one of these.
SHORTEST: Final = 13
#: Digits with room for a card number; such a pattern begins with a plain set of characters, so it is found quickly.
DIGITS: Final = re.compile(r"[0-9](?=[0-9 -]{12})[0-9]*(?:[ -]{1,3}[0-9]+)*")
DATES: Final = re.compile(r"(?:(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)[ -]{0,3})+")
GROUP: Final = re.compile("[0-9]+")
#: Groups, or one, in which a card number is written.
GROUPED: Final = re.compile(r"(?<![0-9])(?:[0-9]{3,6}[ -]{1,3}){2,}[0-9]{3,6}(?![0-9])|[0-9]{13}")
#: UUIDs and digests: their digits are no card number.
HEX: Final = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b[0-9a-f]{32,}\b")
HEX_OR_DASH: Final = frozenset("-0123456789abcdefABCDEF")
#: Characters beside a card number that may belong to the same UUID or digest.
AROUND: Final = 64
CARD: Final = range(13, 20)
USUAL: Final = range(3, 7)
#: What one group of digits costs with which a card number may begin, with those that follow it.
GROUP_STEPS: Final = 4
#: Groups of digits that cost a step to be looked over.
GROUPS_A_STEP: Final = 4
DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
ZERO: Final = ord("0")

IBAN: Final = re.compile(r"[A-Z][A-Z][0-9][0-9](?=((?: ?[A-Z0-9]{4}){2}(?: ?[A-Z0-9]{1,4}){1,6}))")
#: Characters within which a number is recognised that begins before the end.
LONGEST_NUMBER: Final = 128
IBAN_STEPS: Final = 3
AS_NUMBERS: Final = {ord(letter): str(int(letter, 36)) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
#: Characters of an IBAN by country: the IBAN Registry of SWIFT (ISO 13616).
LENGTHS: Final = {
    country: length
    for length, countries in (
        (15, "NO"),
        (16, "BE"),
        (18, "DK FK FI FO GL NL SD"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU MN XK"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT ST"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HU LB NI PL SV"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU YE"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    )
    for country in countries.split()
}

#: What a card number is written with as "0", and the shortest of them; letters and digits, and an IBAN's first.
IN_CARDS: Final = bytes(ord("0" if chr(code) in "0123456789 -" else "x") for code in range(256))
CARD_LONG: Final = b"0" * SHORTEST
_IN_IBAN: Final = {**dict.fromkeys(string.ascii_uppercase, "A"), **dict.fromkeys(string.digits, "0")}
IN_IBANS: Final = bytes(ord(_IN_IBAN.get(chr(code), "x")) for code in range(256))
IBAN_HEAD: Final = b"AA00"


def may_have(raw: bytes) -> bool:
    """Return whether an ASCII text may have either, without looking closely."""
    return CARD_LONG in raw.translate(IN_CARDS) or IBAN_HEAD in raw.translate(IN_IBANS)


def is_quiet(text: str) -> bool:
    """Return whether a text of at most 64 characters has neither, where that is told at once."""
    if text.isascii() and text.isdecimal():
        return len(text) < CARD.stop and not is_card(text)
    dates = DATES.match(text)
    return DIGITS.search(text, dates.end() if dates else 0) is None and IBAN.search(text) is None


def spans(text: str, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """Yield where card numbers and IBANs stand that begin before ``end``."""
    for match in DIGITS.finditer(text, 0, end + LONGEST_NUMBER):
        if not budget.step():
            yield match.start(), len(text)
            return
        yield from _cards(text, *match.span(), budget)
    for match in IBAN.finditer(text, 0, end + LONGEST_NUMBER):
        if not budget.step(IBAN_STEPS):
            yield match.start(), len(text)
            return
        if iban := _iban(match[0] + match[1]):
            yield match.start(), match.start() + iban


def _cards(text: str, start: int, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """A number beside a card's, such as its expiry, does not hide it."""
    if dates := DATES.match(text, start, end):
        start = dates.end()
    if end - start < CARD.start:
        return
    is_decimal = text[start - 2 : start].endswith(".") and text[start - 2 : start - 1].isdigit()
    if is_decimal and (decimals := GROUP.match(text, start, end)):
        start = decimals.end()
    if not _may_hold_card(text[start:end]):
        return
    groups = [group.span() for group in GROUP.finditer(text, start, end)]
    if not budget.step(len(groups) // GROUPS_A_STEP):
        yield start, len(text)
        return
    for first, (start, stop) in enumerate(groups):
        if first and not _is_usual(stop - start):
            continue
        if not budget.step(GROUP_STEPS):
            yield start, len(text)
            return
        card = _card(text, groups, first)
        if card and not _is_hex(text, start, card):
            yield start, card


def _card(text: str, groups: list[tuple[int, int]], first: int) -> int:
    """Return where the longest card number ends that begins with this group of digits, or 0."""
    digits, usual, whole_end = "", True, 0
    for last in range(first, min(len(groups), first + CARD.stop)):
        begin, end = groups[last]
        size = end - begin
        digits += text[begin:end] if size < CARD.stop else "0" * CARD.stop
        usual = usual and _is_usual(size)
        if len(digits) >= CARD.stop or not (usual or first == 0):
            break
        is_whole = usual or (first == 0 and last == len(groups) - 1)
        if len(digits) in CARD and is_whole and is_card(digits):
            whole_end = end
    return whole_end


def _may_hold_card(text: str) -> bool:
    digits = len(text) - text.count(" ") - text.count("-")
    return digits in CARD or (digits >= CARD.start and GROUPED.search(text) is not None)


def _is_usual(size: int) -> bool:
    """Return whether a card number is written in groups of this size, or in one."""
    return size in USUAL or size >= CARD.start


def _is_hex(text: str, start: int, end: int) -> bool:
    if text[start - 1 : start] not in HEX_OR_DASH and text[end : end + 1] not in HEX_OR_DASH:
        return False
    low = max(0, start - AROUND)
    return any(
        low + match.start() < end and start < low + match.end() for match in HEX.finditer(text[low : end + AROUND])
    )


def is_card(digits: str) -> bool:
    """Luhn, and a first digit that payment cards have: timestamps and snowflake ids begin with 1."""
    if digits[0] in "01" or not digits.isascii():
        return False
    raw = digits.encode()
    single, doubled = raw[-1::-2], raw[-2::-2].translate(DOUBLED)
    return (sum(single) - ZERO * len(single) + sum(doubled)) % 10 == 0


def _iban(text: str) -> int:
    """Return how many characters of the text are an IBAN, 0 when it begins with none."""
    length = LENGTHS.get(text[:2], 0)
    plain = text.replace(" ", "")[:length]
    if not length or len(plain) < length:
        return 0
    if int((plain[4:] + plain[:4]).translate(AS_NUMBERS)) % 97 != 1:
        return 0
    taken = 0
    for at, character in enumerate(text, 1):
        taken += character != " "
        if taken == length:
            return at
    return 0
