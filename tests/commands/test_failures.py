"""``failures``: the groups of the page, for terminals."""

import pytest

from celery_ops.control.journal import write_record
from celery_ops.exceptions import BackendUnavailable, StoreUnavailable
from celery_ops.models import ControlRecord
from tests.commands.conftest import call
from tests.planting_counts import FAILURE, fail, flush

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("memory_store")]


def test_groups_are_listed_as_on_the_page():
    for number in range(3):
        fail(task_id=f"t{number}", frame="shop.tasks.charge")
    flush()
    (item,) = call("failures").data["results"]
    assert (item["exception"], item["count"], item["state"]) == ("ValueError", 3, "open")
    assert item["message"] == FAILURE.message
    said = call("failures", output="text")
    assert said.code == 0
    assert "shop.tasks.charge" in said.out


def test_what_is_resolved_is_left_out():
    fail()
    flush()
    write_record(ControlRecord.RESOLVE, FAILURE.key, {}, None)
    assert call("failures", "--window", "1h").data["results"] == []


def test_without_store_and_results_nothing_answers(monkeypatch):
    def away(self, *_args, **_kwargs):
        raise StoreUnavailable("away")

    def gone(self, *_args, **_kwargs):
        raise BackendUnavailable("gone")

    monkeypatch.setattr("celery_ops.tracking.memory.MemoryStore.tallies", away)
    monkeypatch.setattr("celery_ops.backends.results.ResultsTaskBackend.page", gone)
    assert call("failures").code == 3
