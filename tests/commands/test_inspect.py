"""``inspect``: what workers say, without secrets, in a stable order, on the terminal or whole in a file."""

import json
import subprocess
import sys
import time
from datetime import datetime

import pytest
import redis
from celery import Celery

from celery_ops.management.inspection import ALL, METHODS, USUAL, shown
from celery_ops.redaction.text import REDACTED
from tests.backends.fakes import FakeWorkers, speaking
from tests.commands.conftest import call
from tests.commands.planted import ended
from tests.servers import free_port

BINDINGS = "_kombu.binding.celery.pidbox"
SECRET = "s3cr3t-4711"


@pytest.fixture
def fakes(empty_broker):
    with FakeWorkers(empty_broker) as workers:
        yield workers


# -- a real worker


def test_alone_it_asks_what_is_usual(hostname):
    said = call("inspect").data

    assert sorted(said) == ["collected_at", "no_reply", "workers"]
    assert datetime.fromisoformat(said["collected_at"]).tzinfo is not None
    assert list(said["workers"]) == [hostname]
    assert set(said["workers"][hostname]) == set(USUAL)
    assert said["no_reply"] == []


def test_every_method_there_is_answers(hostname):
    said = call("inspect", *METHODS).data["workers"][hostname]

    assert {name for name, reply in said.items() if reply is None or "error" in reply} <= {"memdump", "memsample"}
    assert set(said) == set(METHODS)


def test_all_asks_for_all_that_costs_a_worker_nothing(hostname):
    assert set(call("inspect", "all").data["workers"][hostname]) == set(ALL)


def test_it_ends_as_soon_as_all_have_answered(hostname):
    begin = time.monotonic()
    call("inspect", "ping")
    assert time.monotonic() - begin < 2  # of the five seconds that it would wait


@pytest.fixture
def gone(alone_url):
    """The hostname of a worker that was killed: the broker still has its queue."""
    member = b"\x06\x16\x06\x16gone@test.celery.pidbox"
    with redis.Redis.from_url(alone_url) as client:
        client.sadd(BINDINGS, member)
        yield "gone@test"
        client.srem(BINDINGS, member)


def test_only_the_destination_is_asked(hostname, gone):
    said = call("inspect", "ping", "--destination", hostname, "--destination", gone, "--timeout", "0.2")

    assert said.code == 0
    assert list(said.data["workers"]) == [hostname]
    assert said.data["no_reply"] == [gone]


def test_nobody_of_the_destination_answers(hostname, gone):
    said = call("inspect", "ping", "--destination", gone, "--timeout", "0.2")
    assert (said.code, said.data["workers"], said.data["no_reply"]) == (3, {}, [gone])


def test_a_worker_that_nobody_knows_is_usage_and_the_others_are_named(hostname):
    said = call("inspect", "ping", "--destination", hostname, "--destination", "slip@test")
    assert (said.code, said.out, said.error) == (2, "", f"no worker 'slip@test'; there are {hostname}")


def test_a_worker_that_was_killed_is_named(hostname, gone):
    said = call("inspect", "ping", "--timeout", "0.2")

    assert said.code == 0
    assert said.data["no_reply"] == [gone]


def test_text_names_each_worker_and_method(hostname):
    said = call("inspect", "active", "ping", output="text").lines
    assert said[:3] == [hostname, "  active: nothing", "  ping: {"]


# -- nobody


def test_without_a_worker_nothing_answered(empty_broker):
    said = call("inspect")
    assert (said.code, said.data["workers"]) == (3, {})


def test_a_dead_broker_is_one_line(dead_broker):
    said = call("inspect")
    assert (said.code, said.out) == (3, "")
    assert said.error.startswith("the broker does not answer")
    assert "\n" not in said.error


# -- as a process of its own


@pytest.mark.django_db
@pytest.mark.parametrize(("words", "code"), [(["ping", "--format", "json"], 0), (["ping"], 3)])
def test_a_terminal_gets_the_code_and_one_line(words, code, plain_worker, alone_url):
    url = alone_url if code != 3 else f"redis://127.0.0.1:{free_port()}/0"
    ended_with, out, err = ended("inspect", *words, TEST_BROKER_URL=url)

    assert (ended_with, len(err.splitlines())) == (code, 0 if code == 0 else 1)
    assert (list(json.loads(out)["workers"]) if out else []) == ([plain_worker] if code == 0 else [])


# -- usage


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["nosuch"], "active_queues"),
        (["--destination", "two words@test"], "celery@web1"),
        (["--destination", "web1"], "celery@web1"),
        (["--destination", ""], "celery@web1"),
        (["--timeout", "0"], "above 0"),
        (["--timeout", "nan"], "above 0"),
        (["--timeout", "soon"], "above 0"),
    ],
)
def test_what_cannot_be_asked_is_usage(words, names):
    said = call("inspect", *words)
    assert said.code == 2
    assert names in said.error
    assert "\n" not in said.error


# -- secrets


def test_arguments_are_redacted_by_the_parameters_of_their_task(fakes):
    task = {"id": "1", "name": "tests.shop.tasks.process_payment", "args": [7, SECRET], "kwargs": {"token": SECRET}}
    held = {"active": [task], "reserved": [task], "scheduled": [{"eta": "2026-11-21T10:00:00Z", "request": task}]}
    fakes.answer = speaking({"w1@test": held})

    said = call("inspect", *held)

    assert SECRET not in said.out
    assert said.data["workers"]["w1@test"]["active"][0]["args"] == [7, REDACTED]
    assert said.data["workers"]["w1@test"]["scheduled"][0]["request"]["kwargs"] == {"token": REDACTED}


def test_arguments_go_by_the_task_and_not_by_its_callers_shadow(fakes):
    task = {"id": "1", "name": "sign in", "type": "tests.shop.tasks.process_payment", "args": [7, SECRET], "kwargs": {}}
    fakes.answer = speaking({"w1@test": {"reserved": [task], "scheduled": [{"eta": None, "request": task}]}})
    assert SECRET not in call("inspect", "reserved", "scheduled").out


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        (
            "conf",
            {"beat_schedule": {"pay": {"task": "tests.shop.tasks.process_payment", "args": [7, SECRET], "kwargs": {}}}},
        ),
        ("conf", {"broker_url": f"redis://user:{SECRET}@host/0", "SECRET_KEY": SECRET, "DATABASES": {"x": SECRET}}),
        ("stats", {"broker": {"transport_options": {"sentinel_kwargs": {"password": SECRET}}}}),
        ("stats", {"broker": {"password": [{"deep": SECRET}]}}),
        ("report", {"ok": f"settings -> x\n\nAPI_TOKEN: '{SECRET}'\nurl: redis://a:{SECRET}@h/0"}),
        ("active", {"error": f"redis://user:{SECRET}@host/0"}),
        ("active", [[f"redis://user:{SECRET}@host/0"]]),
    ],
)
def test_no_method_lets_a_secret_through(method, reply):
    assert SECRET not in json.dumps(shown(method, reply))


def test_a_report_hides_all_lines_of_what_a_name_hides():
    app = Celery("reported", set_as_current=False)
    app.conf.broker_transport_options = {
        "credentials": {"user": SECRET, "value": SECRET, "what": 12 * f"{SECRET} "},
        "visibility_timeout": 3600,
    }
    lines = shown("report", {"ok": app.bugreport()})["ok"]
    assert SECRET not in "".join(lines)
    assert "    'visibility_timeout': 3600}" in lines
    assert shown("report", {"ok": f"worker_credentials: \n    'user': '{SECRET}',\n    'x': '{SECRET}'}}"}) == {
        "ok": ["worker_credentials: [redacted]"]
    }


def test_what_only_sounds_like_a_secret_shows():
    queue = {"name": "celery", "routing_key": "celery", "passive": False}
    assert shown("active_queues", [queue]) == [queue]
    assert shown("stats", {"total": {"shop.send_token": 5}}) == {"total": {"shop.send_token": 5}}


@pytest.mark.parametrize("reply", [None, "text", 5, float("nan"), [None, {1: 2}], {"a": {"b": [b"\xff", object]}}])
@pytest.mark.parametrize("method", ["active", "scheduled", "stats", "conf", "report", "clock"])
def test_any_reply_is_json(method, reply):
    json.dumps(shown(method, reply), allow_nan=False)


def test_a_bottomless_reply_ends():
    deep = []
    for _ in range(500):
        deep = [deep]
    assert len(json.dumps(shown("clock", {"a": deep}))) < 500


def test_an_endless_reply_is_not_gone_through():
    assert shown("clock", [[0] * 1000] * 1000) == "[too large]"


def test_lists_are_in_one_order_whatever_the_workers_was():
    assert shown("revoked", ["b", "a"]) == shown("revoked", ["a", "b"]) == ["a", "b"]


# -- files


def test_the_file_has_the_json(hostname, tmp_path):
    file = tmp_path / "workers.json"
    said = call("inspect", "ping", "--output", str(file), output="text")

    assert list(json.loads(file.read_text())["workers"]) == [hostname]
    assert str(file) in said.out
    assert list(tmp_path.iterdir()) == [file]


def test_a_missing_folder_is_one_line(tmp_path):
    said = call("inspect", "--output", str(tmp_path / "missing" / "x.json"))
    assert said.code == 1
    assert "missing" in said.error
    assert "\n" not in said.error


def test_a_dead_broker_leaves_the_old_file(dead_broker, tmp_path):
    file = tmp_path / "workers.json"
    file.write_text("old")
    assert call("inspect", "--output", str(file)).code == 3
    assert file.read_text() == "old"


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
from celery_ops.management import files
try:
    files.replace(sys.argv[1], "x" * 100_000)
except OSError:
    sys.exit(9)
"""


def test_a_full_disk_leaves_the_old_file_whole(tmp_path):
    file = tmp_path / "workers.json"
    file.write_text("old")
    ended = subprocess.run([sys.executable, "-c", FULL_DISK, str(file)], check=False, timeout=60)

    assert ended.returncode == 9
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_and_the_rights_of_a_file_stay(tmp_path):
    from celery_ops.management import files

    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    files.replace(str(link), "new")

    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
