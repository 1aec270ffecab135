"""The fenced blocks of every page, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^(?P<indent> *)(?P<mark>`{3,}|:{3,}|~{3,})(?P<language>\S*)[^\n]*\n(?P<code>.*?)^ *(?P=mark) *$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page that is written by hand, those about the repository too."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")]
    return sorted(page for page in found if "_build" not in page.parts)


def blocks(language: str = "") -> Iterator[Block]:
    """Yield the blocks of every page, or those in one language; Sphinx's directives are none."""
    for page in pages():
        text = page.read_text()
        for match in FENCE.finditer(text):
            if match["language"].startswith("{") or language not in ("", match["language"]):
                continue
            line = text.count("\n", 0, match.start()) + 1
            yield Block(str(page.relative_to(ROOT)), line, match["language"], dedent(match["code"]))
