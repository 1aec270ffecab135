"""What may be run, as JSON, and the document that describes all of it."""

import pytest
from django.utils.timezone import now
from openapi_spec_validator import validate

from celery_ops.backends.memory import MemoryWorkerBackend
from celery_ops.backends.queue_flow import QueueFlow
from celery_ops.info import NO_REPLY, QueueInfo, RegisteredTask, StartedBy, TaskInfo, WorkerDetail, WorkerInfo
from celery_ops.openapi.schemas import PAYLOAD, SCHEMAS
from celery_ops.views.api.serializers import queue_item, task_item, worker_item
from tests.conftest import broker, browser_of, make_user
from tests.shop import tasks

pytestmark = pytest.mark.django_db

URL = "/behind/a/prefix/api/tasks/"
SCHEMA = "/behind/a/prefix/api/openapi.json"
PAYMENT, UNTRACKED, ELSEWHERE = tasks.process_payment.name, tasks.untracked.name, "elsewhere.tasks.only_there"


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks):
    allowed = {PAYMENT: {"label": "Charge", "permission": "shop.change_order"}, UNTRACKED: None, ELSEWHERE: None}
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "RUNNABLE_TASKS": allowed,
        "WORKER_BACKEND": "celery_ops.backends.memory.MemoryWorkerBackend",
    }
    with broker("memory://"):
        yield
    MemoryWorkerBackend.hold()


@pytest.fixture
def ask():
    def ask(user, query="", url=URL):
        client = browser_of(user)
        return client.get(url + query)

    return ask


@pytest.fixture
def runner(db):
    return make_user("runner", "celery_ops.add_taskrunrecord")


def names(response):
    return [task["name"] for task in response.json()["tasks"]]


def test_a_runner_sees_what_they_may_run_and_nothing_else(ask, runner):
    assert names(ask(runner)) == [UNTRACKED]


def test_staff_see_every_task_of_the_site(ask):
    viewer = make_user("viewer", is_staff=True)
    found = ask(viewer, "?limit=200").json()
    assert {tasks.noop.name, PAYMENT} <= {task["name"] for task in found["tasks"]}
    assert not any(task["runnable"] or task["name"].startswith("celery.") for task in found["tasks"])


def test_only_what_may_be_run_is_listed_on_request(ask, superuser):
    assert names(ask(superuser, "?runnable=1")) == [PAYMENT, UNTRACKED]


def test_a_task_says_what_it_takes(ask, superuser):
    (task,) = ask(superuser, f"?search={UNTRACKED}&limit=1").json()["tasks"]
    assert task == {
        "name": UNTRACKED,
        "runnable": True,
        "parameters": [{"name": "number", "type": "json", "required": False, "default": 1}],
    }


def test_a_secret_default_is_not_told(ask, superuser, monkeypatch):
    monkeypatch.setattr(tasks.process_payment.run, "__defaults__", ("4111111111111111",))
    (task,) = ask(superuser, "?search=process_payment").json()["tasks"]
    assert [(each["name"], each["default"]) for each in task["parameters"]][1] == ("card", None)


def test_a_search_looks_at_names_and_labels(ask, superuser):
    assert names(ask(superuser, "?search=cHaRgE&runnable=1")) == [PAYMENT]


def test_pages_are_counted_from_an_offset(ask, superuser):
    everything = ask(superuser, "?limit=200").json()
    page = ask(superuser, "?offset=2&limit=3").json()
    assert page == {"tasks": everything["tasks"][2:5], "total_count": len(everything["tasks"])}


@pytest.mark.parametrize(("query", "number"), [("limit=0", 1), ("limit=-5", 1), (f"limit={10**20}", 2), ("limit=", 2)])
def test_numbers_are_clamped(query, number, ask, superuser):
    assert len(names(ask(superuser, f"?runnable=1&{query}"))) == number


@pytest.mark.parametrize("query", ["offset=x", "limit=1.5", "runnable=yes", f"search={'x' * 301}"])
def test_a_value_that_cannot_be_read_is_400(query, ask, superuser):
    response = ask(superuser, f"?{query}")
    assert (response.status_code, list(response.json()["errors"])) == (400, [query.partition("=")[0]])


def test_who_may_neither_run_nor_look_is_refused(ask):
    assert ask(make_user("nobody")).status_code == 403


def test_a_task_that_only_a_worker_has_may_be_run(ask, runner):
    worker = WorkerDetail(WorkerInfo("w1@there"), registered=(RegisteredTask(ELSEWHERE),))
    with MemoryWorkerBackend.holding(worker):
        assert names(ask(runner)) == [ELSEWHERE, UNTRACKED]


def test_a_task_that_only_a_silent_worker_had_may_not(ask, runner):
    worker = WorkerDetail(WorkerInfo("w1@there", NO_REPLY), registered=(RegisteredTask(ELSEWHERE),))
    with MemoryWorkerBackend.holding(worker):
        assert names(ask(runner)) == [UNTRACKED]


# -- the document


def test_the_document_is_valid(ask, superuser):
    validate(ask(superuser, url=SCHEMA).json())


def test_the_document_has_the_addresses_of_this_site(ask, superuser):
    paths = ask(superuser, url=SCHEMA).json()["paths"]
    assert {URL, "/behind/a/prefix/api/runs/{task_id}/"} <= set(paths)


def test_a_runner_may_read_the_document(ask, runner):
    assert ask(runner, url=SCHEMA).status_code == 200


def told_task():
    """A task of which everything is known."""
    starter = StartedBy("1", "ada", "order-detail")
    return TaskInfo(
        "x", args=[], result=1, revoke_requested_at=now(), started_by=starter, cpu_seconds=0.5, peak_memory=1024
    )


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("Task", lambda: task_item(told_task(), shows_payload=True)),
        ("Worker", lambda: worker_item(WorkerInfo("w"))),
        ("Queue", lambda: queue_item(QueueInfo("q"), QueueFlow(arrival_rate=1.0))),
    ],
)
def test_the_document_names_what_an_item_has(name, item):
    assert set(SCHEMAS[name]["properties"]) == set(item())


def test_what_needs_view_payload_is_not_promised():
    assert not set(SCHEMAS["Task"]["required"]) & set(PAYLOAD)
