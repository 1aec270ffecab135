"""Templates, of which a site may have its own: those that the pages name are there, and all can be read."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

import celery_ops

from .test_docs import PAGES, each_page, text

ROOT = Path(celery_ops.__file__).parent / "templates"
TEMPLATES = sorted(ROOT.rglob("*.html"))
BLOCKS = re.compile(r"\bblocks?\s+\(?((?:`\w+`(?:,\s+|\s+and\s+)?)+)")
WIDEST = 120


def each_template(template: Path) -> str:
    return str(template.relative_to(ROOT))


def moved() -> list[tuple[list[str], list[str]]]:
    """The rows of the table of moved templates: the old paths, and the new ones."""
    table = text("CHANGELOG.md").partition("| old path |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if "`" in line]
    return [tuple(re.findall(r"`([\w/]+\.html)`", cell) for cell in row) for row in rows]


def sources() -> dict[str, str]:
    return {each_template(template): template.read_text() for template in TEMPLATES}


def blocks_of(template: Path) -> list[str]:
    return re.findall(r"{% block ([\w.-]+) %}", template.read_text())


@pytest.mark.parametrize("page", PAGES, ids=each_page)
def test_each_template_that_a_page_names_exists(page):
    named = re.findall(r"\bcelery_ops/[\w/]+\.html", page.read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=each_page)
def test_each_block_that_a_page_names_exists(page):
    named = {name for names in BLOCKS.findall(page.read_text()) for name in re.findall(r"`(\w+)`", names)}
    known = {block for template in TEMPLATES for block in blocks_of(template)}

    assert named - known == set()


@pytest.mark.parametrize("block", ["header", "tools", "dialog", "facts", "payload"])
def test_the_panel_page_names_blocks_of_the_panel(block):
    assert f"`{block}`" in text("docs/panel.md")
    assert any(block in blocks_of(template) for template in (ROOT / "celery_ops/panel").glob("*.html"))


@pytest.mark.parametrize("block", ["title", "extra_head", "content", "nav"])
def test_the_base_template_keeps_its_blocks(block):
    assert block in blocks_of(ROOT / "celery_ops/base.html")


def test_a_template_that_moved_is_gone_from_its_old_path_and_there_at_its_new_one():
    old = [path for paths, _ in moved() for path in paths]
    new = [path for _, paths in moved() for path in paths]

    assert old
    assert [path for path in old if (ROOT / "celery_ops" / path).exists()] == []
    assert [path for path in new if not (ROOT / "celery_ops" / path).exists()] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=each_template)
def test_a_template_compiles_and_includes_what_exists(template):
    get_template(each_template(template))
    included = re.findall(r'"(celery_ops/[\w/]+\.html)"', template.read_text())

    assert [name for name in included if not (ROOT / name).exists()] == []


def test_no_line_is_too_long_to_read():
    widths = {name: max(map(len, source.splitlines())) for name, source in sources().items()}

    assert {name: width for name, width in widths.items() if width > WIDEST} == {}


def test_a_table_begins_with_its_caption():
    tables = {name: re.findall(r"<table\b[^>]*>\s*(<\w+)?", source) for name, source in sources().items()}

    assert {name for name, firsts in tables.items() if set(firsts) - {"<caption"}} == set()


def test_each_template_is_used():
    files = [*TEMPLATES, *Path(celery_ops.__file__).parent.rglob("*.py")]
    used = "\n".join(file.read_text() for file in files)
    written = {f"celery_ops/{path}.html" for path in re.findall(r'written\("([\w/]+)"', used)}
    fragments = {f"celery_ops/panel/{name}" for name in re.findall(r'"(detail\w*\.html)"', used)}
    names = set(re.findall(r"celery_ops/[\w/]+\.html", used)) | written | fragments

    assert {each_template(template) for template in TEMPLATES} - names == set()
