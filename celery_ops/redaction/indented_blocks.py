"""What is indented below a key, as YAML has it: a block of text, a list or a mapping."""

import re
from typing import Final

from .budget import Budget
from .matchers import matcher

#: Between the colon and the line's end: a tag or an anchor, ``|`` or ``>``, a comment.
REST_OF_KEY: Final = re.compile(
    r"[ \t]{0,8}(?:[!&][\w!./-]{0,64}[ \t]{0,8}){0,2}(?:[|>][-+\d]{0,2}[ \t]{0,8})?"
    r"(?:#[^\n]{0,64})?(?P<break>\n|\\{1,4}n)"
)
#: A tag or an anchor before a value on the key's own line.
TAGS: Final = matcher(r"(?:[!&][\w!./-]{1,64}[ \t]{1,8}){0,2}")
SPACES: Final = matcher(r"[ ]*")
#: What it costs to tell whether there is something, beside a step a line.
BLOCK_STEPS: Final = 3
#: Characters of a line in which it is looked for how far it is indented.
LINE: Final = 256


def block(text: str, key: int, colon: int, budget: Budget) -> tuple[int, int] | None:
    """Return where the lines stand that belong to the key before a colon because they are indented further, if any."""
    if (rest := REST_OF_KEY.match(text, colon)) is None:
        return None
    if not budget.step(BLOCK_STEPS):
        return colon, len(text)
    line_break, first = rest["break"], rest.end()
    line = text.rfind(line_break, max(0, key - LINE), key)
    line = line + len(line_break) if line >= 0 else max(0, key - LINE)
    outer = SPACES(text, line)[0]
    inner = SPACES(text, first)[0]
    start = first + len(inner)
    if text.startswith("- ", start) and len(inner) >= len(outer):
        signs: tuple[str, ...] = (f"{inner}-", f"{inner} ")
    elif len(inner) > len(outer):
        signs = (inner,)
    else:
        return None
    end = first
    while text.startswith((*signs, line_break), end):
        if not budget.step():
            return start, len(text)
        next_break = text.find(line_break, end)
        if next_break < 0:
            return start, len(text)
        end = next_break + len(line_break)
    return start, end - len(line_break)
