"""Figures as text for a terminal, as JSON to keep, and as the Markdown of docs/benchmarks.md and docs/scaling.md."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .figures import Figure, Target, number
from .registry import PARTS, SCALING

DOCS = Path(__file__).parents[2] / "docs"
KEPT, PAGE, SCALING_PAGE = DOCS / "benchmarks.json", DOCS / "benchmarks.md", DOCS / "scaling.md"
#: What stands before it in a page is written by hand, what stands behind it by this module.
MARK = "<!-- From here on `python -m tests.benchmarks --write` writes. -->\n"
HEADS = ("figure", "ours", "10-90 %", "theirs", "peer", "ratio", "to reach")


@dataclass(frozen=True)
class Record:
    """What one benchmark measured, on which day, at which commit (empty outside of a clone), beside which versions.

    ``load`` is the machine's average of the minute before: what else it had to do.
    """

    name: str
    part: str
    about: str
    day: str
    commit: str
    load: float
    versions: dict[str, str]
    figures: tuple[Figure, ...]


def cells(figure: Figure) -> tuple[str, ...]:
    unit = f" {figure.unit}" if figure.unit else ""
    ratio, spread = figure.ratio, figure.spread
    targets = [str(figure.target) + unit] if figure.target else []
    targets += [f"{figure.ratio_target} of theirs"] if figure.ratio_target else []
    return (
        figure.what,
        number(figure.ours) + unit,
        f"{number(spread[0])}-{number(spread[1])}" if spread else "",
        "" if figure.theirs is None else number(figure.theirs) + unit,
        figure.peer,
        "" if ratio is None else number(ratio),
        ", ".join(targets) + " (missed)" * (figure.is_reached is False),
    )


def text_head() -> str:
    return _text_line(HEADS)


def text_line(figure: Figure) -> str:
    return _text_line(cells(figure))


def _text_line(words: tuple[str, ...]) -> str:
    what, ours, spread, theirs, peer, ratio, reach = words
    return f"{what:<58} {ours:>12} {spread:>15} {theirs:>12} {peer:<16} {ratio:>7} {reach}".rstrip()


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; the first column is of words, all others of numbers."""
    heads = list(heads)
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *([_escaped(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def pages(records: Iterable[Record]) -> dict[Path, str]:
    """Return the written part of each page.

    The benchmarks' is what is behind, the versions, and a table for each of them; those of scaling have their own page.
    """
    records = sorted(records, key=lambda record: (PARTS.index(record.part), record.name))
    scaling = [record for record in records if record.part == SCALING]
    others = [record for record in records if record.part != SCALING]
    return {
        PAGE: "\n".join([_behind(records), _versions(records), *_parts(others)]),
        SCALING_PAGE: "\n".join(_parts(scaling)),
    }


def _behind(records: list[Record]) -> str:
    behind = [(record.name, *row) for record in records for row in _rows_behind(record)]
    said = table(("benchmark", *HEADS), behind) if behind else "Nowhere, of what is measured here.\n"
    return f"## Where ours is behind\n\nA target missed, or a peer that is better.\n\n{said}"


def _rows_behind(record: Record) -> Iterator[tuple[str, ...]]:
    """Yield the rows, those that begin with dots with what they go on from."""
    before = ""
    for figure in record.figures:
        before = before if figure.what.startswith("…") else figure.what
        what, *rest = cells(figure)
        if figure.is_behind:
            yield (what if what == before else f"{before} {what}", *rest)


def _versions(records: list[Record]) -> str:
    known: dict[str, set[str]] = {}
    for record in records:
        for name, version in record.versions.items():
            known.setdefault(name, set()).add(version)
    rows = ((name, ", ".join(sorted(versions))) for name, versions in known.items())
    return f"## What took part\n\n{table(('what', 'version'), rows)}"


def _parts(records: list[Record]) -> Iterator[str]:
    part = ""
    for record in records:
        if record.part != part:
            part = record.part
            yield f"## {part}\n"
        yield f"### {record.name}\n\n{record.about}\n\n{_filled(record)}\nMeasured {_when(record)}.\n"


def _filled(record: Record) -> str:
    """Return the table without the columns in which nothing stands."""
    rows = [cells(figure) for figure in record.figures]
    used = [column for column in range(len(HEADS)) if column < 2 or any(row[column] for row in rows)]
    return table((HEADS[column] for column in used), ([row[column] for column in used] for row in rows))


def _when(record: Record) -> str:
    commit = f" at {record.commit}" if record.commit else ""
    return f"{record.day}{commit}, the machine's load before was {record.load:.1f}"


def kept() -> dict[str, Record]:
    """Return what was measured last, by the benchmarks' names."""
    return {item["name"]: _record(item) for item in json.loads(KEPT.read_text())} if KEPT.exists() else {}


def _record(item: dict) -> Record:
    return Record(**{**item, "figures": tuple(map(_figure, item["figures"]))})


def _figure(item: dict) -> Figure:
    targets = {name: Target(**item[name]) for name in ("target", "ratio_target") if item[name]}
    spread = tuple(item["spread"]) if item["spread"] else None
    return Figure(**{**item, **targets, "spread": spread})


def keep(records: Iterable[Record]) -> None:
    """Let these take the place of what those benchmarks measured before, and write the page anew."""
    all_records = {**kept(), **{record.name: record for record in records}}
    items = [asdict(all_records[name]) for name in sorted(all_records)]
    KEPT.write_text(json.dumps(items, indent=1, ensure_ascii=False) + "\n")
    write(all_records.values())


def write(records: Iterable[Record]) -> None:
    for page, text in pages(records).items():
        page.write_text(by_hand(page.read_text()) + MARK + "\n" + text)


def by_hand(page: str) -> str:
    """Return what stands before the mark."""
    before, mark, _written = page.partition(MARK)
    assert mark, "a page has lost its mark"
    return before
