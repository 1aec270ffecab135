"""Passwords in command lines: ``mysql -phunter2`` in a text, ``["login", "--token", "hunter2"]`` in a list."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from .budget import Budget
from .keys import NAME, Rules

#: The options by which programs take a password, or a user with one.
OPTIONS: Final = {"mysql": "-p", "mariadb": "-p", "sshpass": "-p", "redis-cli": "-a", "curl": "-u"}
NOWHERE: Final[frozenset[int]] = frozenset()
NAMES: Final = re.compile("|".join(OPTIONS))
OPTION: Final = re.compile(r"""[\s"']-[apu]""")
PROGRAM: Final = re.compile(
    rf"""(?P<program>{"|".join(OPTIONS)})|(?P<over>[\n;|&]+)"""
    r"""|[\s"'](?P<option>-[apu])(?:["'],)?[ ]?["']?(?P<secret>[^\s"']+)"""
)


def spans(text: str, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """Yield where passwords stand that begin before ``end``, on the line of such a program."""
    if OPTION.search(text) is None or NAMES.search(text) is None:
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
    hidden = set()
    for position, word in enumerate(words):
        if own and word.startswith(own) and word != own:
            hidden.add(position)
        if word.startswith("-") and "=" not in word and (word == own or rules.hides(word)):
            hidden.add(position + 1)
    return frozenset(position for position in hidden if not _is_option(words, position, own))


def _is_option(words: Sequence[str], position: int, own: str) -> bool:
    word = words[position] if position < len(words) else ""
    return word.startswith("--") or (word.startswith("-") and not (own and word.startswith(own)))
