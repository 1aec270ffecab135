"""``logs``: a task's lines in a terminal."""

import json

import pytest

from celery_ops.management.subcommands import logs
from tests.commands.conftest import call
from tests.planting import add_lines, logs_of_two_executions, plant, plant_log

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _store(memory_store):
    pass


def test_the_lines_of_each_attempt_are_printed():
    plant_log("one", "asking", "it said\n\x1b[31mno\x1b[0m")
    plant_log("one", "asking again", attempt=1)
    assert call("logs", "one", output="text").lines == [
        "-- attempt 1",
        "2027-01-15 08:00:00.250Z INFO shop.tasks: asking",
        "2027-01-15 08:00:00.250Z INFO shop.tasks: it said",
        "    no",
        "-- attempt 2",
        "2027-01-15 08:00:00.250Z INFO shop.tasks: asking again",
    ]


def test_what_was_not_kept_is_said():
    plant_log("one", *map(str, range(1000)))
    lines = call("logs", "one", output="text").lines
    assert lines[100] == "-- 800 lines were not kept"
    assert len(lines) == 201


def test_a_task_that_logged_nothing_has_no_lines(order):
    said = call("logs", plant(order, "tests.shop.tasks.logs", "SUCCESS"), output="text")
    assert (said.code, said.out) == (0, "No line of this task is kept.\n")


def test_json_is_what_the_address_answers():
    plant_log("one", "asking")
    assert call("logs", "one").data == {
        "lines": [
            {
                "n": 1,
                "at": "2027-01-15T08:00:00.250+00:00",
                "level": "INFO",
                "logger": "shop.tasks",
                "message": "asking",
                "attempt": 1,
            }
        ],
        "next": 1,
        "dropped": 0,
    }


def test_of_a_task_that_runs_twice_at_once_no_line_is_missed_or_said_twice(monkeypatch):
    first, second = logs_of_two_executions("one")
    add_lines(first, "a1")
    add_lines(second, "b1")
    rounds = iter([lambda: add_lines(first, "a2"), lambda: add_lines(second, "b2")])
    monkeypatch.setattr(logs, "FOLLOW_EVERY", 0)

    def current_state(task_id):
        happen = next(rounds, None)
        if happen is None:
            return "SUCCESS"
        happen()
        return "STARTED"

    monkeypatch.setattr(logs, "current_state", current_state)
    said = call("logs", "one", "--follow", output="text").lines
    assert [line.rpartition(" ")[2] for line in said if "INFO" in line] == ["a1", "b1", "a2", "b2"]


def test_a_task_is_followed_until_its_worker_is_gone(order):
    task_id = plant(order, "tests.shop.tasks.logs", "STARTED", worker="gone@host", ago=600)
    plant_log(task_id, "asking")
    said = call("logs", task_id, "--follow", output="text")
    assert (said.code, said.lines[1:]) == (0, ["-- its worker is gone"])
    assert said.lines[0].endswith("shop.tasks: asking")
    (line,) = call("logs", task_id, "--follow").lines
    assert json.loads(line)["message"] == "asking"


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("options", [[], ["--follow"]], ids=["once", "followed"])
def test_an_id_that_no_source_knows_is_refused(empty_broker, options, output):
    said = call("logs", "nobodys", *options, output=output)
    assert (said.code, said.out, said.error) == (1, "", "No source knows a task of this id.")


def test_a_task_that_waits_is_followed(order, empty_broker, monkeypatch):
    task_id = plant(order, "tests.shop.tasks.logs", "PENDING")

    def current_state(task_id):
        plant_log(task_id, "begun after all")
        return "SUCCESS"

    monkeypatch.setattr(logs, "current_state", current_state)
    assert call("logs", task_id, "--follow", output="text").lines[0].endswith("begun after all")
