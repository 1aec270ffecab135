"""``manage.py celery_ops`` as a shell sees it: exit codes, and what is printed where."""

import json
import os
import pty
import sys
from contextlib import suppress
from io import BytesIO, TextIOWrapper

import pytest
from django.contrib.auth.models import User
from django.core.management import ManagementUtility, call_command
from django.utils import translation

from celery_ops.management.subcommands.base import CommandRefused
from celery_ops.management.subcommands.users import user_named
from celery_ops.models import TaskRunRecord
from tests.commands import planted


def usage(capsys, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the one line of a command line that is refused."""
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", "celery_ops", *arguments]).execute()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "inspect, logs, metrics, pause, prune"),
        (["pruen"], "'prune'"),
        (["prune", "--results", "--states", "SUCCES"], "SUCCESS, FAILURE, REVOKED, REJECTED, IGNORED"),
        (["prune", "--results", "--states", "STARTED"], "SUCCESS, FAILURE, REVOKED, REJECTED, IGNORED"),
        (["prune", "--results", "--states", ","], "SUCCESS, FAILURE, REVOKED, REJECTED, IGNORED"),
        (["prune", "--states", "SUCCESS"], "add --results"),
        (["prune", "--keep-failures"], "add --results"),
        (["prune", "--results", "--keep-failures", "--states", "FAILURE"], "leaves nothing"),
        (["prune", "--older-than", "30"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--older-than", "30y"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--older-than=-1d"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--older-than", "99999999w"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--older-than", "999999999w"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--older-than", "\N{ARABIC-INDIC DIGIT ONE}d"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--max-time", "soon"], "write 90s, 45m, 12h, 30d or 2w"),
        (["prune", "--batch-size", "0"], "no whole number above 0"),
        (["prune", "--batch-size", "1e3"], "no whole number above 0"),
        (["prune", "--format", "xml"], "json"),
        (["prune", "--forever"], "--forever"),
        (["prune", "two\nlines\x1b[31m"], "two\N{REPLACEMENT CHARACTER}lines"),
    ],
)
def test_bad_usage_is_exit_code_2_and_one_line_that_names_what_is_allowed(capsys, arguments, named):
    code, line = usage(capsys, *arguments)
    assert (code, line.count("\n"), named in line) == (2, 1, True)


@pytest.mark.django_db
def test_what_an_encoding_has_not_is_written_as_an_escape():
    stdout = TextIOWrapper(BytesIO(), "ascii")
    with translation.override("de"):
        call_command("celery_ops", "prune", "--dry-run", stdout=stdout)
    assert b"gel\\xf6scht" in stdout.buffer.getvalue()


@pytest.mark.django_db
def test_a_user_whose_name_is_no_number_is_nobody_where_names_are_numbers(monkeypatch):
    monkeypatch.setattr(User, "USERNAME_FIELD", "id")
    with pytest.raises(CommandRefused, match="there is no user 'ada'"):
        user_named("ada")


def test_help_shows_examples(capsys):
    with suppress(SystemExit):
        ManagementUtility(["manage.py", "celery_ops", "prune", "--help"]).execute()
    assert "manage.py celery_ops prune --results --older-than 30d --keep-failures" in capsys.readouterr().out


@pytest.mark.xdist_group("shell")
@pytest.mark.django_db(transaction=True)
class TestAProcess:
    def test_text_goes_to_a_file_without_a_bar_or_colours(self, shell):
        planted.runs(2)
        lines = "2 task runs deleted\n0 control actions deleted\n"
        assert shell.ended("prune", "--force-color") == (0, lines, "")

    def test_json_is_all_that_is_printed(self, shell):
        planted.runs(1)
        code, stdout, stderr = shell.ended("prune", "--format", "json")
        assert (code, json.loads(stdout)["records"]["deleted"], stderr) == (0, 1, "")

    def test_a_hook_is_told_nothing(self, shell):
        planted.runs(1)
        assert shell.ended("prune", "--verbosity", "0") == (0, "", "")

    def test_usage_is_exit_code_2_and_one_line(self, shell):
        code, stdout, stderr = shell.ended("inspect", "nosuch")
        assert (code, stdout, len(stderr.splitlines())) == (2, "", 1)

    def test_a_terminal_sees_a_bar(self, shell):
        planted.runs(3)
        terminal, stderr = pty.openpty()
        child = shell.start("prune", stderr=os.ttyname(stderr))
        assert shell.code(child) == 0
        os.close(stderr)
        drawn = os.read(terminal, 65536).decode()
        os.close(terminal)
        assert ("task runs" in drawn, "100%" in drawn, "%" in child.stdout.read_text()) == (True, True, False)


@pytest.mark.django_db
@pytest.mark.parametrize("closed", [["stderr"], ["stdout"], ["stdin", "stdout", "stderr"]])
def test_what_a_hook_has_closed_is_no_failure(monkeypatch, closed):
    planted.runs(1)
    for stream in closed:
        monkeypatch.setattr(sys, stream, None)  # as Python has it when it was closed before it began
    call_command("celery_ops", "prune")
    assert not TaskRunRecord.objects.exists()


def test_a_refusal_that_nobody_can_read_has_its_exit_code(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", "celery_ops", "prune", "--states", "SUCCESS"]).execute()
    assert ended.value.code == 2


def test_a_database_that_is_down_is_exit_code_1_and_one_line():
    environment = {"TEST_DATABASE": "postgresql", "TEST_POSTGRES_HOST": "/nowhere", "TEST_DATABASE_NAME": "none"}
    code, stdout, stderr = planted.ended("prune", **environment)
    beginning = "CommandError: the database does not answer: "
    assert (code, stdout, stderr.count("\n"), stderr.startswith(beginning)) == (1, "", 1, True)
