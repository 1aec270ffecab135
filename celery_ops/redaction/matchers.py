"""Patterns that match an empty text as well: wherever they are tried, there is a match."""

import re
from collections.abc import Callable
from typing import cast


def matcher(pattern: str, flags: int = 0) -> "Callable[[str, int], re.Match[str]]":
    """Return the ``match`` of such a pattern, which takes a text and where to begin."""
    return cast("Callable[[str, int], re.Match[str]]", re.compile(pattern, flags).match)
