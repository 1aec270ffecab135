"""The documentation says what the code does: reference pages are held to it, examples compile, links lead somewhere."""

import dataclasses
import re
from configparser import ConfigParser
from functools import cache
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from textwrap import dedent

import pytest

import celery_ops
from celery_ops import checks, permissions, states
from celery_ops.checks.values import RUNNABLE_OPTIONS
from celery_ops.conf import DEFAULTS
from celery_ops.connections.redis import SCHEMES
from celery_ops.info import Progress, TrackedTask
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.panels.token import MAX_AGE
from celery_ops.tags import panel as tags
from celery_ops.tracking import counters
from celery_ops.tracking.task_bindings import OPTIONS

from .blocks import FENCE, ROOT, pages

PAGES = [page for page in pages() if ".github" not in page.parts]
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)|\b(?:href|src|srcset)=\"(?P<attribute>[^\"]+)\"")
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
CSS = ROOT / "celery_ops" / "static" / "celery_ops" / "panel.css"


def each_page(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text()


@cache
def source() -> str:
    """Every template and module of the package."""
    package = ROOT / "celery_ops"
    return "\n".join(file.read_text() for kind in ("*.html", "*.py") for file in sorted(package.rglob(kind)))


@cache
def rows(name: str) -> dict[str, list[str]]:
    """The table rows of a page by each name in code that their first cell holds."""
    found = {}
    for line in text(name).splitlines():
        if line.startswith("|"):
            cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            found.update(dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), cells))
    return found


def code_blocks(page: Path, language: str) -> list[str]:
    return [dedent(match["code"]) for match in FENCE.finditer(page.read_text()) if match["language"] == language]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Sphinx and code hosts make them."""
    prose = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ +(.+)$", prose, re.M)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", prose, re.M))


@pytest.mark.parametrize("key", DEFAULTS)
def test_the_settings_page_has_each_key_with_its_default(key):
    default = DEFAULTS[key]
    shown = repr(default).replace("'", '"')

    assert rows("docs/reference/settings.md")[key][1] == f"`{shown}`"


def test_the_settings_page_has_no_key_that_does_not_exist():
    first_cells = {name for name in rows("docs/reference/settings.md") if name.isupper()}

    assert first_cells == set(DEFAULTS)


@pytest.mark.parametrize("option", RUNNABLE_OPTIONS)
def test_the_settings_page_has_each_option_of_runnable_tasks(option):
    assert f"`{option}`" in text("docs/reference/settings.md")


def test_the_checks_page_has_each_check_with_what_it_says_and_no_other():
    shown = {name: cells[1].replace("`", "") for name, cells in rows("docs/reference/checks.md").items()}

    assert shown == checks.IDS


@pytest.mark.parametrize("action", permissions.ACTIONS)
def test_the_permissions_page_has_each_action(action):
    assert action in rows("docs/reference/permissions.md")


def test_the_permissions_page_has_each_permission_that_migrate_creates():
    created = [name for model in (TaskRunRecord, ControlRecord) for name, _ in model._meta.permissions]

    assert [name for name in created if f"`celery_ops.{name}`" not in text("docs/reference/permissions.md")] == []


def test_the_template_tags_page_has_each_tag_and_no_other():
    sections = re.findall(r"^## `(\w+)`$", text("docs/reference/template-tags.md"), re.M)

    assert sorted(sections) == sorted({**tags.register.tags, **tags.register.filters})


def test_the_template_tags_page_has_each_option_of_a_panel_with_its_default():
    page = rows("docs/reference/template-tags.md")
    parameters = list(signature(tags.instance_tasks).parameters.values())[1:]
    expected = {p.name: "" if p.default is Parameter.empty else f"`{p.default!r}`" for p in parameters}

    assert {name: page[name][1].replace('`""`', "`''`") for name in expected} == expected


def test_the_panel_page_has_each_option_of_a_panel():
    options = list(signature(tags.instance_tasks).parameters)[2:]

    assert [option for option in options if option not in rows("docs/panel.md")] == []


def test_the_states_page_has_each_state_and_says_which_are_final():
    page = rows("docs/reference/states.md")

    assert {state: page[state][2] == "yes" for state in states.ALL} == {s: states.is_final(s) for s in states.ALL}


@pytest.mark.parametrize("name", celery_ops.__all__)
def test_the_python_page_describes_each_public_name(name):
    described = re.findall(r"^```\{py:\w+\} (\w+)", text("docs/reference/python.md"), re.M)

    assert name in described


def test_each_name_that_the_python_page_describes_is_imported_from_where_it_says():
    page = text("docs/reference/python.md")
    modules = re.findall(r"\{py:module\} (\S+)\n```\n(.*?)(?=\n## |\Z)", page, re.S)
    described = [(m, name) for m, part in modules for name in re.findall(r"^```\{py:\w+\} (\w+)", part, re.M)]

    assert ("celery_ops", "StartedBy") in described
    assert [pair for pair in described if not hasattr(import_module(pair[0]), pair[1])] == []


@pytest.mark.parametrize("value", [TrackedTask, Progress], ids=lambda value: value.__name__)
def test_the_python_page_has_each_attribute_of_what_is_handed_out(value):
    own = [name for name, member in vars(value).items() if isinstance(member, property)]
    expected = [field.name for field in dataclasses.fields(value)] + own

    assert [name for name in expected if name not in rows("docs/reference/python.md")] == []


@pytest.mark.parametrize("model", [TaskRunRecord, ControlRecord], ids=lambda model: model.__name__)
def test_the_python_page_has_each_field_of_the_journal(model):
    fields = [field.name for field in model._meta.fields if field.name != "id"]

    assert [name for name in fields if f"`{name}`" not in text("docs/reference/python.md")] == []


def test_the_python_page_has_each_option_of_track():
    (line,) = re.findall(r"^```\{py:decorator\} (track\(.*)$", text("docs/reference/python.md"), re.M)

    assert re.findall(r"(\w+)=", line) == list(OPTIONS)


def test_the_tracking_page_has_each_counter():
    assert [name for name in counters.NAMES if f"\n`{name}`\n: " not in text("docs/track.md")] == []


def test_the_panel_page_has_each_custom_property_of_the_style_sheet_and_no_other():
    declared = re.findall(r"^ +(--celery-ops-[\w-]+):", CSS.read_text().partition("\n    }")[0], re.M)
    table = [cells[0] for cells in rows("docs/panel.md").values() if "--celery-ops-" in cells[0]]
    shown = {"--celery-ops-" + name for cell in table for name in re.findall(r"`(?:--celery-ops)?-([\w-]+)`", cell)}

    assert shown == set(declared)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("docs/troubleshooting.md", "No tasks yet."),
        ("docs/panel.md", "no tasks"),
        ("docs/panel.md", "The task could not be sent"),
        ("docs/panel.md", "Requested, but no worker is up: nobody has heard of it yet."),
        ("docs/panel.md", "Requested, but the broker could not be reached: no worker has heard of it."),
        ("docs/panel.md", "This task has already ended: "),
        ("docs/panel.md", "revoke requested"),
        ("docs/store.md", "The list of tasks cannot be read just now."),
        ("docs/track.md", "started by another task"),
        ("docs/troubleshooting.md", "Cannot be run again as it was."),
        ("docs/troubleshooting.md", "two of this name"),
        ("docs/troubleshooting.md", "No reply"),
        ("docs/troubleshooting.md", "The broker does not answer."),
    ],
)
def test_words_that_a_page_quotes_are_those_of_the_panel(page, words):
    assert f'"{words}' in " ".join(text(page).split())
    assert words in source()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_install_page_has_each_scheme_of_a_store_url(scheme):
    assert f"`{scheme}://`" in text("docs/install.md")


def test_the_architecture_page_has_the_layers_that_are_enforced():
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    enforced = config["importlinter:contract:layers"]["layers"].replace("celery_ops.", "").strip()

    assert enforced in code_blocks(ROOT / "docs" / "architecture.md", "text")[0]


def test_the_panel_page_says_for_how_long_a_page_may_stay_open():
    assert f"open for {MAX_AGE // 3600} hours" in text("docs/panel.md")


@pytest.mark.parametrize("page", PAGES, ids=each_page)
def test_python_examples_compile(page):
    for number, code in enumerate(code_blocks(page, "python")):
        compile(code, f"{page.name}[{number}]", "exec")


@pytest.mark.parametrize("page", PAGES, ids=each_page)
def test_each_fence_is_closed(page):
    assert "```" not in FENCE.sub("", page.read_text())


@pytest.mark.parametrize("page", pages(), ids=each_page)
def test_links_within_the_repository_lead_somewhere(page):
    for match in LINK.finditer(FENCE.sub("", page.read_text())):
        target = match["target"] or match["attribute"]
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        linked = (page.parent / path).resolve() if path else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", pages(), ids=each_page)
def test_a_test_that_a_page_names_is_there(page):
    named = NAMED_TEST.findall(page.read_text())
    missing = [(path, name) for path, name in named if not (ROOT / path).is_file()]
    missing += [(path, name) for path, name in named if name and f"def {name}(" not in text(path)]
    assert missing == []


def test_each_page_is_reached_from_the_index():
    listed = re.findall(r"^[\w/-]+$", "\n".join(code_blocks(ROOT / "docs" / "index.md", "{toctree}")), re.M)
    docs = {str(page.relative_to(ROOT / "docs").with_suffix("")) for page in PAGES if "docs" in page.parts}

    assert set(listed) == docs - {"index"}


def test_the_newest_entry_of_the_changelog_is_this_version():
    versions = re.findall(r"^## (\S+)", text("CHANGELOG.md"), re.M)

    assert versions[0] == celery_ops.__version__


def test_a_log_that_the_documentation_names_is_one_that_is_written():
    named = set(re.findall(r"\blog(?:ger)? \(?`(celery_ops\.\w+)`", "".join(path.read_text() for path in PAGES)))
    written = set(re.findall(r'get_logger\("([\w.]+)"\)', source()))
    assert named
    assert named <= written
