"""The table of faults names tests that there are, and its page says what it says."""

import ast
from pathlib import Path

import pytest

from .table import TABLE, named

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "chaos.md"


@pytest.mark.parametrize("test", list(named()))
def test_a_test_of_the_table_is_there(test):
    path, name = test.split("::")
    module = ast.parse((TESTS / path).read_text())
    assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


def test_the_page_has_every_row():
    page = PAGE.read_text()
    assert [row.fault for row in TABLE if f"| {row.fault} | {row.required} |" not in page] == []
