"""Single messages of a queue in Redis: found by their task's id, deleted, and moved."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from kombu import Connection

from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.broker.transports import changes
from celery_ops.backends.broker.transports.base import HEAD
from celery_ops.models import ControlRecord
from tests.conftest import broker, browser_of, make_user
from tests.servers import PATIENCE
from tests.shop.tasks import untracked

from .conftest import forget

pytestmark = [pytest.mark.django_db]

HERE, THERE = "messages", "elsewhere"


@pytest.fixture
def url(redis_server, settings):
    settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore", "CONTROL_TIMEOUT": 0.05}
    with broker(f"{redis_server.url}/15") as found:
        forget()
        with Connection(found) as connection:
            connection.default_channel.client.flushdb()
        yield found
        forget()


@pytest.fixture
def waiting(url):
    """Three messages in one queue, the second more urgent, and none in another."""
    untracked.apply_async(queue=THERE)
    with Connection(url) as connection:
        connection.default_channel.queue_purge(THERE)
    return [untracked.apply_async(queue=HERE, priority=priority).id for priority in (9, 0, 9)]


@pytest.fixture
def operator(db):
    client = Client(headers={"accept": "application/json"})
    client.force_login(make_user("operator", "celery_ops.manage_queues", "celery_ops.revoke_task"))
    return client


@pytest.fixture
def tell(operator):
    return lambda action, **given: operator.post(
        reverse("celery_ops:queue-control"), {"action": action, "queue": HERE, **given}
    )


def ids(queue):
    forget()
    return [message.task_id for message in BrokerQueueBackend().queue(queue).messages]


def test_a_waiting_message_is_found_in_whichever_queue_it_waits(waiting):
    backend = BrokerQueueBackend()
    queue, message = backend.waiting_message(waiting[1])
    assert (queue, message.task_id, message.name) == (HERE, waiting[1], untracked.name)
    assert backend.waiting_message("gone") is None


def test_a_message_behind_the_head_of_its_queue_is_found_in_the_list_of_tasks_by_its_whole_id(url, settings, contexts):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.results.ResultsTaskBackend"}
    ids = [untracked.apply_async(queue=HERE).id for _ in range(HEAD + 5)]
    page = browser_of(make_user("staff", is_staff=True)).get(reverse("celery_ops:task-list"), {"q": ids[-1]})
    assert [(row.id, row.state) for row in page.context["table"].data.data] == [(ids[-1], "PENDING")]


def test_a_task_that_nobody_knows_yet_can_be_revoked_while_its_message_waits(waiting, operator):
    answer = operator.post(reverse("celery_ops:revoke"), {"task_id": waiting[2]})
    assert (answer.status_code, ControlRecord.objects.get().target) == (200, waiting[2])


def test_a_queue_is_looked_at_anew_once_it_is_paused(waiting, tell):
    tell("pause")
    new = untracked.apply_async(queue=HERE).id
    assert new in [message.task_id for message in BrokerQueueBackend().queue(HERE).messages]


def test_chosen_messages_are_deleted_whatever_their_priority(waiting, tell):
    answer = tell("delete", message=waiting[:2]).json()
    assert (sorted(answer["deleted"]), answer["missing"], ids(HERE)) == (sorted(waiting[:2]), [], waiting[2:])
    assert sorted(ControlRecord.objects.get().replies["deleted"]) == sorted(waiting[:2])


def test_a_message_is_moved_to_the_end_of_another_queue(waiting, tell):
    untracked.apply_async(task_id="first", queue=THERE, priority=9)
    answer = tell("move", message=waiting[0], to=THERE).json()
    assert (answer["moved"], ids(HERE), ids(THERE)) == (waiting[:1], [waiting[1], waiting[2]], ["first", waiting[0]])


def test_a_moved_message_goes_back_to_where_it_was_moved(waiting, tell, url):
    """When a worker that holds it ends, it is put back by the address that it carries."""
    tell("move", message=waiting[1], to=THERE)
    with Connection(url) as connection:
        (raw,) = connection.default_channel.client.lrange(THERE, 0, -1)
    assert json.loads(raw)["properties"]["delivery_info"] == {"exchange": "", "routing_key": THERE}


def test_what_is_gone_already_is_404_and_no_record(waiting, tell):
    assert (tell("delete", message="no such id").status_code, ControlRecord.objects.count()) == (404, 0)


def test_what_a_worker_takes_meanwhile_is_not_deleted_and_said(waiting, tell, monkeypatch):
    """Found, and then gone: only the exact bytes are deleted."""
    find = changes.find

    def and_taken(keys, queue, task_ids):
        found = find(keys, queue, task_ids)
        if len(calls) == 1:
            keys.client.lrem(found[0].key, -1, found[0].raw)
        calls.append(1)
        return found

    calls = []
    monkeypatch.setattr(changes, "find", and_taken)
    answer = tell("delete", message=waiting[0]).json()
    assert (answer["deleted"], answer["missing"]) == ([], [waiting[0]])


def test_the_page_offers_what_can_be_chosen(waiting, db):
    client = browser_of(make_user("manager", "celery_ops.view_ops", "celery_ops.manage_queues"))
    html = client.get(reverse("celery_ops:queue-detail", args=[HERE])).text
    assert [html.count(f'name="message" value="{task_id}"') for task_id in waiting] == [1, 1, 1]
    assert f"<option>{THERE}</option>" in html


# -- long messages -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=[200_000, 3_000_000], ids=["200 kB", "3 MB"])
def long_one(url, request):
    """The id of a waiting task with so many characters for an argument, behind a short one."""
    untracked.apply_async(queue=HERE)
    return untracked.apply_async(('\\"x' * (request.param // 3),), queue=HERE).id


@pytest.fixture
def patient(monkeypatch):
    """A broker that is slow to carry so much, on a busy machine, does answer."""
    monkeypatch.setattr("celery_ops.connections.CONNECT_TIMEOUT", PATIENCE)


def test_the_head_says_which_task_a_long_message_is_of(long_one, request):
    forget()
    message = BrokerQueueBackend().queue(HERE).messages[1]
    assert (message.task_id, message.name) == (long_one, "tests.shop.tasks.untracked")
    assert message.size > request.node.callspec.params["long_one"]


def test_a_task_whose_message_is_long_has_a_page(long_one, db):
    client = browser_of(make_user("viewer", "celery_ops.view_ops"))
    assert "tests.shop.tasks.untracked" in client.get(reverse("celery_ops:task-detail", args=[long_one])).text


@pytest.mark.usefixtures("patient")
def test_a_long_message_is_deleted(long_one, tell):
    assert tell("delete", message=long_one).json()["deleted"] == [long_one]
    assert len(ids(HERE)) == 1


@pytest.mark.usefixtures("patient")
def test_a_long_message_is_moved_whole(long_one, tell, url):
    untracked.apply_async(queue=THERE)
    assert tell("move", message=long_one, to=THERE).json()["moved"] == [long_one]
    with Connection(url) as connection:
        (raw, _) = connection.default_channel.client.lrange(THERE, 0, -1)
        assert len(raw) > 200_000


def test_a_body_that_is_no_base64_is_left_out_too(url):
    forget()
    message = {"body": f'["{"x" * 300_000}", "\\\\"]', "headers": {"id": "abc", "task": "x"}, "properties": {}}
    with Connection(url) as connection:
        connection.default_channel.client.lpush(HERE, json.dumps(message))
    untracked.apply_async(queue=HERE)
    assert BrokerQueueBackend().waiting_message("abc")[1].name == "x"
