"""The journal in Django's admin, in a site that has one: a process of its own, asked once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("admin")  # one process is enough

SITE = Path(__file__).with_name("admin_site.py")


@pytest.fixture(scope="module")
def answers():
    done = subprocess.run([sys.executable, str(SITE)], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_journal_is_read_with_djangos_view_permission(answers):
    statuses = {name: answers[f"reader: {name}"][0] for name in ("list", "run", "controls", "control")}
    assert set(statuses.values()) == {200}, statuses


def test_nobody_reads_it_without(answers):
    assert {answers[f"nobody: {name}"][0] for name in ("list", "run", "controls", "control")} == {403}


@pytest.mark.parametrize("name", ["add", "delete", "add control"])
def test_not_even_those_with_every_permission_may_write(name, answers):
    assert answers[f"mighty: {name}"][0] == 403


def test_a_row_cannot_be_changed(answers):
    assert answers["change"] == [403, "ada"]


def test_rows_cannot_be_deleted_together(answers):
    assert answers["delete selected"][1] == 1


def test_arguments_show_redacted_to_those_with_view_payload(answers):
    html = answers["reader: run"][1]
    assert "A-1" in html
    assert "hunter2" not in html
    assert "at 10.0.0.7" in html


def test_arguments_and_messages_do_not_show_without_view_payload(answers):
    status, html = answers["poor: run"]
    assert status == 200
    assert "ValueError" in html
    for secret in ("A-1", "hunter2", "10.0.0.7"):
        assert secret not in html


def test_a_commands_parameters_show_redacted(answers):
    html = answers["reader: control"][1]
    assert "&quot;n&quot;: 2" in html
    assert "hunter2" not in html


def test_texts_of_rows_are_text(answers):
    assert "<b>charge</b>" not in answers["reader: list"][1]


def test_a_task_is_found_by_its_id(answers):
    assert "5e7a1c02" in answers["reader: found"][1]


def test_a_search_counts_the_rows_found_and_not_all(answers):
    assert answers["counts"][1] == 1
