"""``manage.py celery_ops control``, ``pause`` and ``resume``."""

import contextlib
import io
import json

import pytest
from django.core.management import CommandError, call_command

from celery_ops.control.commands import COMMANDS
from celery_ops.control.standing import paused_queues
from celery_ops.models import ControlRecord

from .conftest import W1, W2

pytestmark = [pytest.mark.django_db]


def run(*words):
    """Return the exit code and what JSON says."""
    out = io.StringIO()
    try:
        call_command("celery_ops", *words, "--format", "json", stdout=out)
    except CommandError as error:
        return error.returncode, None
    except SystemExit as error:
        return error.code, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_workers_that_were_named_are_told_and_silence_is_no_success(spy):
    code, said = run("control", "rate_limit", W1, W2, "--task-name", "shop.mail", "--rate-limit", "10/m")
    assert (code, said["silent"], len(spy.heard())) == (3, [W1, W2], 1)
    assert ControlRecord.objects.get().parameters["rate_limit"] == "10/m"


@pytest.mark.parametrize(
    "words",
    [
        ("control", "ping"),
        ("control", "shutdown", W1),
        ("control", "ping", "no@test"),
        ("control", "ping", W1, W1),
        ("control", "pool_grow", W1, "--n", "-5"),
        ("control", "rate_limit", W1, "--task-name", "shop.mail", "--rate-limit", "10/x"),
        ("pause", "nowhere"),
    ],
    ids=" ".join,
)
def test_what_will_not_do_is_a_usage_error_and_nobody_hears_of_it(words, spy):
    assert (run(*words), spy.heard(), ControlRecord.objects.count()) == ((2, None), [], 0)


def test_each_field_of_what_workers_are_told_is_an_option():
    said = io.StringIO()
    with pytest.raises(SystemExit), contextlib.redirect_stdout(said):
        call_command("celery_ops", "control", "--help")
    told = [command.base_fields for name, command in COMMANDS.items() if name != "shutdown"]
    options = {f"--{field.replace('_', '-')}" for fields in told for field in fields}
    assert {"--n", "--queue", "--rate-limit"} <= options
    assert options <= set(said.getvalue().split())


def test_a_queue_is_paused_and_resumed_although_no_worker_is_up(spy):
    assert run("pause", "mail") == (0, {"asked": [], "answered": {}, "silent": []})
    assert list(paused_queues()) == ["mail"]
    assert (run("resume", "mail")[0], paused_queues()) == (0, {})
