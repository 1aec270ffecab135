"""The lists as JSON: the Contract's items and codes."""

import json
from datetime import datetime, timedelta, timezone
from unittest.mock import Mock

import pytest
from django.test import Client
from django.urls import reverse

from celery_ops.backends.memory import MemoryQueueBackend, MemoryTaskBackend, MemoryWorkerBackend
from celery_ops.exceptions import BackendUnavailable, StoreUnavailable
from celery_ops.info import NO_REPLY, QueueDetail, QueueInfo, TaskInfo, WorkerDetail, WorkerInfo
from celery_ops.models import TaskRunRecord
from celery_ops.tracking import accounts, facts
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import browser_of, make_user
from tests.planting import plant

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
FAILED = TaskInfo(
    id="id-1",
    name="tests.shop.tasks.noop",
    state="FAILURE",
    worker="celery@a",
    created_at=NOW,
    started_at=NOW + timedelta(seconds=1),
    finished_at=NOW + timedelta(seconds=3),
    error="ValueError: the token tok_1 was refused",
    args=[1],
    kwargs={"password": "hunter2", "note": "x"},
    result=None,
    traceback="Traceback (most recent call last):\nValueError: no",
)


class AwayTaskBackend(MemoryTaskBackend):
    def page(self, query, **options):
        raise BackendUnavailable("The service sleeps.")


@pytest.fixture(autouse=True)
def _memory(settings):
    memory = "celery_ops.backends.memory.Memory{}Backend"
    settings.CELERY_OPS = {f"{kind.upper()}_BACKEND": memory.format(kind) for kind in ("Task", "Worker", "Queue")}


@pytest.fixture
def reader():
    """May look, and not at payload."""
    return browser_of(make_user("reader", is_staff=True))


@pytest.fixture
def privileged():
    return browser_of(make_user("privileged", "celery_ops.view_payload", is_staff=True))


def asked(client, name, **parameters):
    return client.get(reverse(f"celery_ops:{name}"), parameters)


def items(client, name, **parameters):
    return asked(client, name, **parameters).json()["results"]


def test_a_task_has_the_items_of_the_contract(reader):
    with MemoryTaskBackend.holding(FAILED):
        assert items(reader, "api-history") == [
            {
                "task_id": "id-1",
                "name": "tests.shop.tasks.noop",
                "state": "FAILURE",
                "worker": "celery@a",
                "created_at": "2026-11-20T08:00:00+00:00",
                "started_at": "2026-11-20T08:00:01+00:00",
                "finished_at": "2026-11-20T08:00:03+00:00",
                "error": "ValueError",
            }
        ]


def test_who_may_see_payload_gets_it(privileged):
    with MemoryTaskBackend.holding(FAILED):
        (item,) = items(privileged, "api-history")
    assert {"args": item["args"], "result": item["result"]} == {"args": [1], "result": None}


def test_payload_is_redacted(privileged):
    with MemoryTaskBackend.holding(FAILED):
        (item,) = items(privileged, "api-history")
    assert item["kwargs"] == {"password": "[redacted]", "note": "x"}


def test_payload_comes_from_results_too(privileged, settings):
    from django_celery_results.models import TaskResult

    settings.CELERY_OPS = {}
    TaskResult.objects.create(
        task_id="a", task_name="x", status="SUCCESS", result='{"total": 3}', task_args='"(1, 2)"', task_kwargs='"{}"'
    )
    (item,) = items(privileged, "api-history")
    assert (item["args"], item["result"]) == ([1, 2], {"total": 3})


@pytest.fixture
def failed_row(memory_store, order):
    """A result that does not say what its task was given, as without CELERY_RESULT_EXTENDED, and repeats it."""
    from django_celery_results.models import TaskResult

    said = "declined hunter2"
    result = json.dumps({"exc_type": "ValueError", "exc_message": [said], "exc_module": "builtins"})
    TaskResult.objects.create(task_id="a", status="FAILURE", result=result, traceback=f"Traceback: {said}")
    return plant(order, task_id="a", state="FAILURE", error="ValueError: declined [redacted]")


def stars(name, value):
    return "***" if name == "who" else value


def give(order, fact):
    recorder().record([(ObjectRef.of(order), {facts.field("a", facts.ARGUMENTS): fact})])
    recorder().flush()


@pytest.mark.parametrize("hidden", ["[redacted]", "[redaction failed]"])
def test_a_row_without_arguments_shows_nothing_of_what_tracking_hid(privileged, order, failed_row, hidden):
    give(order, f'~[1],{{"password":"{hidden}"}}')
    (item,) = items(privileged, "api-history")
    assert (item["args"], item["kwargs"]) == ([1], {"password": "[redacted]"})
    assert (item["error"], item["traceback"]) == ("ValueError: declined [redacted]", "[redacted]")


def test_a_row_without_arguments_shows_nothing_of_what_the_sites_redactor_hid(privileged, order, failed_row, settings):
    give(order, '~[1],{"who":"***"}')
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REDACTOR": f"{__name__}.stars"}
    (item,) = items(privileged, "api-history")
    assert (item["kwargs"], item["traceback"]) == ({"who": "***"}, "[redacted]")


def test_a_row_without_arguments_shows_its_outcome_where_nothing_was_hidden(privileged, order, failed_row):
    give(order, '=[1],{"who":"ada"}')
    (item,) = items(privileged, "api-history")
    assert (item["kwargs"], item["traceback"]) == ({"who": "ada"}, "Traceback: declined hunter2")


def test_a_row_without_arguments_shows_nothing_of_what_the_journal_hid(privileged, memory_store):
    from django_celery_results.models import TaskResult

    TaskResult.objects.create(task_id="a", status="SUCCESS", result='"it was hunter2"')
    TaskRunRecord.objects.create(task_name="x", task_id="a", args=[1], kwargs={"password": "[redacted]"})
    (item,) = items(privileged, "api-history")
    assert (item["args"], item["kwargs"]) == ([1], {"password": "[redacted]"})
    assert item["result"] == "[redacted]"


def test_results_are_listed_as_they_are_while_the_store_is_away(privileged, failed_row, monkeypatch):
    monkeypatch.setattr(accounts, "read_kept_of_many", Mock(side_effect=StoreUnavailable))
    (item,) = items(privileged, "api-history")
    assert (item["args"], item["traceback"]) == (None, "Traceback: declined hunter2")


def many(count):
    return [TaskInfo(f"id-{number}", "x", created_at=NOW + timedelta(minutes=number)) for number in range(count)]


def test_next_leads_to_the_next_page(reader):
    with MemoryTaskBackend.holding(*many(5)):
        first = asked(reader, "api-history", page_size=3).json()
        second = reader.get(first["next"]).json()
    assert [item["task_id"] for item in first["results"] + second["results"]] == [f"id-{n}" for n in (4, 3, 2, 1, 0)]


def test_the_last_page_has_no_next(reader):
    with MemoryTaskBackend.holding(*many(3)):
        assert asked(reader, "api-history", page_size=3).json()["next"] is None


def test_next_keeps_the_filters(reader):
    with MemoryTaskBackend.holding(FAILED, *many(5)):
        following = asked(reader, "api-history", page_size=2, state="PENDING").json()["next"]
        assert {item["state"] for item in reader.get(following).json()["results"]} == {"PENDING"}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("state", "BOGUS"), ("since", "soon"), ("sort", "color"), ("page_size", "x"), ("cursor", "x")],
)
def test_a_value_that_cannot_be_read_is_400_and_named(reader, parameter, value):
    response = asked(reader, "api-history", **{parameter: value})
    assert (response.status_code, list(response.json()["errors"])) == (400, [parameter])


def test_numbers_are_clamped(reader, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "MAX_PAGE_SIZE": 2, "PAGE_SIZE": 2}
    with MemoryTaskBackend.holding(*many(3)):
        assert len(items(reader, "api-history", page_size=10**20)) == 2


def test_an_unknown_parameter_is_ignored(reader):
    with MemoryTaskBackend.holding(FAILED):
        assert len(items(reader, "api-history", colour="blue")) == 1


def test_a_source_that_is_away_is_503(reader, settings):
    settings.CELERY_OPS = {"TASK_BACKEND": f"{__name__}.AwayTaskBackend"}
    response = asked(reader, "api-history")
    assert (response.status_code, response.json()) == (503, {"errors": {"__all__": ["The service sleeps."]}})


def test_a_worker_has_the_items_of_the_contract(reader):
    worker = WorkerInfo("celery@a", NO_REPLY, NOW, "prefork", 4, 1, 2, 3, 100, ("celery", "slow"))
    with MemoryWorkerBackend.holding(WorkerDetail(worker)):
        assert items(reader, "api-workers") == [
            {
                "hostname": "celery@a",
                "state": "no_reply",
                "last_seen": "2026-11-20T08:00:00+00:00",
                "pool": "prefork",
                "concurrency": 4,
                "active": 1,
                "reserved": 2,
                "scheduled": 3,
                "processed": 100,
                "queues": ["celery", "slow"],
            }
        ]


def test_workers_are_filtered_as_on_the_page(reader):
    held = [WorkerDetail(WorkerInfo(name)) for name in ("celery@a", "celery@b")]
    with MemoryWorkerBackend.holding(*held):
        assert [item["hostname"] for item in items(reader, "api-workers", q="@B")] == ["celery@b"]


def named(*hostnames):
    return [WorkerDetail(WorkerInfo(name, processed=number)) for number, name in enumerate(hostnames)]


def test_workers_are_paged_as_on_the_page(reader):
    with MemoryWorkerBackend.holding(*named("a", "b", "c")):
        first = asked(reader, "api-workers", page_size=2, state="online").json()
        second = reader.get(first["next"]).json()
    assert [[item["hostname"] for item in page["results"]] for page in (first, second)] == [["a", "b"], ["c"]]
    assert second["next"] is None


def test_a_page_that_is_too_high_is_the_last(reader):
    with MemoryWorkerBackend.holding(*named("a", "b", "c")):
        assert [item["hostname"] for item in items(reader, "api-workers", page_size=2, page=10**20)] == ["c"]


@pytest.mark.parametrize(
    ("sort", "found"), [("hostname", "abc"), ("-hostname", "cba"), ("processed", "cab"), ("pool", "abc")]
)
def test_workers_are_sorted_as_on_the_page(reader, sort, found):
    with MemoryWorkerBackend.holding(*named("c", "a", "b")):
        assert [item["hostname"] for item in items(reader, "api-workers", sort=sort)] == list(found)


def test_what_is_unknown_is_sorted_last(reader):
    ages = {"a": None, "b": timedelta(2), "c": timedelta(1)}
    with MemoryQueueBackend.holding(*[QueueDetail(QueueInfo(name, oldest_age=age)) for name, age in ages.items()]):
        for sort, found in (("oldest", "cba"), ("-oldest", "bca")):
            assert [item["name"] for item in items(reader, "api-queues", sort=sort)] == list(found)


@pytest.mark.parametrize("name", ["api-workers", "api-queues"])
@pytest.mark.parametrize("parameter", ["sort", "page", "page_size"])
def test_of_every_list_a_value_that_cannot_be_read_is_400_and_named(reader, name, parameter):
    response = asked(reader, name, **{parameter: "x"})
    assert (response.status_code, list(response.json()["errors"])) == (400, [parameter])


def test_a_queue_has_the_items_of_the_contract(reader):
    queue = QueueInfo("slow", 3, None, 1, timedelta(minutes=2), False, ("settings",))
    with MemoryQueueBackend.holding(QueueDetail(queue)):
        assert items(reader, "api-queues") == [
            {"name": "slow", "depth": 3, "unacked": None, "consumers": 1, "oldest_age": 120.0, "paused": False}
        ]


@pytest.mark.parametrize("name", ["api-history", "api-workers", "api-queues"])
def test_nobody_is_401_in_json(name):
    response = asked(Client(), name)
    assert (response.status_code, list(response.json())) == (401, ["errors"])


@pytest.mark.parametrize("name", ["api-history", "api-workers", "api-queues"])
def test_who_may_not_is_403_in_json(name):
    client = browser_of(make_user("nobody"))
    response = asked(client, name)
    assert (response.status_code, list(response.json())) == (403, ["errors"])


def test_hostile_text_is_carried(reader):
    with MemoryTaskBackend.holding(TaskInfo("\ud800\x00<b>", "a\x00", worker="\ud800")):
        (item,) = items(reader, "api-history")
    assert json.loads(json.dumps(item))["task_id"] == "\ufffd\ufffd<b>"


def test_answers_are_one_viewers_own(reader):
    assert asked(reader, "api-history")["Cache-Control"] == "private, no-store"
