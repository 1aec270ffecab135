"""Passwords in command lines: ``mysql -phunter2`` in a text, ``["login", "--token", "hunter2"]`` in a list."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from .budget import Budget
from .keys import NAME, Rules

#: The options by which programs take a password, or a user with one.
OPTIONS: Final = {"mysql": "-p", "mariadb": "-p", "sshpass": "-p", "redis-cli": "-a", "curl": "-u"}
NOWHERE: Final[frozenset[int]] = frozenset()
OPTION: Final = re.compile(r"""[\s"']-[apu]""")
PROGRAM: Final = re.compile(
    rf"""(?P<program>{"|".join(OPTIONS)})|(?P<over>[\n;|&]+)"""
    r"""|[\s"'](?P<option>-[apu])(?:["'],)?[ ]?["']?(?P<secret>[^\s"']+)"""
)


def spans(text: str, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """Yield where passwords stand that begin before ``end``, on the line of such a program."""
    if not ("-p" in text or "-a" in text or "-u" in text) or not any(text.find(name, 0, end) >= 0 for name in OPTIONS):
        return
    if OPTION.search(text, 0, end + 3) is None:
        return
    option = None
    for match in PROGRAM.finditer(text):
        if match.start() >= end:
            return
        if not budget.step():
            yield match.start(), len(text)
            return
        if match["program"]:
            option = OPTIONS[match["program"]]
        elif match["over"]:
            option = None
        elif match["option"] == option:
            yield match.span("secret")


def places(items: Sequence[Any], rules: Rules) -> frozenset[int]:
    """Return the positions of a list's items that are passwords of a command line."""
    for item in items:
        if type(item) is str and item[:1] == "-":
            break
    else:
        return NOWHERE
    words = [item[:NAME] if type(item) is str else "" for item in items]
    program = words[0].rpartition("/")[2]
    own = next((option for name, option in OPTIONS.items() if program.startswith(name)), "")
    if not own and not any(word[:1] == "-" and rules.hides(word) for word in words):
        return NOWHERE
    hidden, options = set(), set()
    for position, word in enumerate(words):
        if word[:1] != "-":
            continue
        is_own = own != "" and word.startswith(own)
        if is_own and word != own:
            hidden.add(position)
        if not is_own or word[1] == "-":
            options.add(position)
        if "=" not in word and (word == own or rules.hides(word)):
            hidden.add(position + 1)
    return frozenset(hidden - options)
