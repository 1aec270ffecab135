"""``workers`` and ``queues``: the lists of the pages, for terminals."""

import pytest
import redis

from celery_ops.management.tables import table
from tests.commands.conftest import call
from tests.ops import backends
from tests.ops.backends import Queues, Workers, queue, worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def stubs(memory_store, settings):
    """Backends that say what a test gives them."""
    names = {"WORKER_BACKEND": f"{backends.HERE}.Workers", "QUEUE_BACKEND": f"{backends.HERE}.Queues"}
    settings.CELERY_OPS = {**settings.CELERY_OPS, **names}
    yield
    Workers.hold()
    Queues.hold()


def test_workers_are_listed_as_on_the_page(hostname):
    (found,) = call("workers").data["results"]
    assert (found["hostname"], found["state"], found["pool"], found["queues"]) == (
        hostname,
        "online",
        "solo",
        ["celery"],
    )


def test_a_worker_that_was_killed_is_listed_without_a_reply(hostname, alone_url, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 1.0}
    with redis.Redis.from_url(alone_url) as client:
        client.sadd("_kombu.binding.celery.pidbox", gone := b"\x06\x16\x06\x16gone@test.celery.pidbox")
        said = call("workers")
        client.srem("_kombu.binding.celery.pidbox", gone)

    assert said.code == 0
    assert {each["hostname"]: each["state"] for each in said.data["results"]} == {
        hostname: "online",
        "gone@test": "no_reply",
    }


def test_without_workers_nothing_answered(empty_broker):
    said = call("workers")
    assert (said.code, said.data) == (3, {"results": []})
    assert call("workers", output="text").lines == ["No worker answered."]


@pytest.mark.parametrize("subcommand", ["workers", "queues"])
def test_a_dead_broker_is_one_line(dead_broker, subcommand):
    said = call(subcommand)
    assert (said.code, said.out) == (3, "")
    assert said.error
    assert "\n" not in said.error


def test_queues_are_listed_as_on_the_page(hostname):
    found = {each["name"]: each for each in call("queues").data["results"]}
    assert (found["celery"]["depth"], found["celery"]["consumers"]) == (0, 1)


def test_queues_are_listed_without_a_worker(empty_broker):
    said = call("queues")
    assert (said.code, [each["name"] for each in said.data["results"]]) == (0, ["celery"])


def test_text_is_a_plain_aligned_table(stubs):
    Queues.hold(queue("celery", depth=12, paused=True), queue("a-long-name", consumers=None))
    assert call("queues", output="text").lines == [
        "NAME         DEPTH  UNACKED  CONSUMERS  OLDEST      PAUSED",
        "celery          12        2          1  1 min 30 s  yes",
        "a-long-name      5        2          -  1 min 30 s  -",
    ]


def test_names_cannot_take_over_a_terminal(stubs):
    Workers.hold(*map(worker, backends.HOSTILE))
    out = call("workers", output="text").out
    assert len(out.splitlines()) == len(backends.HOSTILE) + 1
    assert all(each.isprintable() for each in out.split("\n"))


def test_what_is_unknown_has_a_sign():
    assert list(table(["A", "B"], [[None, 1], ["x", None]])) == ["A  B", "-  1", "x  -"]
