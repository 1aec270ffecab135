"""Queues that nobody names but Redis: found by a search beside the questions of pages."""

import json
import uuid

import pytest
from django.urls import reverse
from kombu import Exchange, Queue

from celery_ops.backends.broker import backend as broker
from celery_ops.backends.broker import strays
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.connections.target import target
from celery_ops.info import Binding
from tests.backends.brokers import LONG, consuming, declare, make_app, publish, timed, using
from tests.conftest import browser_of, make_user
from tests.servers import free_port


@pytest.fixture
def prefix():
    return f"{uuid.uuid4().hex[:8]}[a]*:"


@pytest.fixture
def app(settings, redis_server, prefix):
    """The site's app, under a prefix of this test's own."""
    with using(settings, make_app(f"{redis_server.url}/6", Queue("mail"), **prefixed(prefix))) as app:
        yield app


@pytest.fixture
def other(redis_server, prefix):
    """Somebody else who publishes there."""
    return make_app(f"{redis_server.url}/6", **prefixed(prefix))


def prefixed(prefix):
    return {"broker_transport_options": {"global_keyprefix": prefix}}


def listed():
    """Return the queues by name, all searches done."""
    broker.forget()
    backend = BrokerQueueBackend()
    backend.learn(LONG)
    return {queue.name: queue for queue in backend.queues().queues}


def test_a_queue_that_somebody_mistyped_is_listed(app, other):
    publish(other, "tpyo", times=3)
    mistyped = listed()["tpyo"]
    assert (mistyped.depth, mistyped.consumers, mistyped.sources) == (3, 0, ("broker",))


def test_a_search_that_was_waited_for_counts_more_than_what_others_looked_at_a_moment_ago(app, other):
    publish(other, "tpyo")
    broker.forget()
    backend = BrokerQueueBackend()
    assert "tpyo" not in {queue.name for queue in backend.queues().queues}
    backend.learn(LONG)
    assert "tpyo" in {queue.name for queue in backend.queues().queues}


def test_its_messages_are_counted_whatever_their_priority(app, other):
    publish(other, "tpyo", priority=9)
    assert listed()["tpyo"].depth == 1


def test_an_empty_one_is_not_listed_and_can_be_opened(app, other):
    declare(other, "tpyo")
    assert "tpyo" not in listed()
    detail = BrokerQueueBackend().queue("tpyo")
    assert (detail.info.depth, detail.info.sources) == (0, ("broker",))
    assert [bound.exchange for bound in detail.bindings] == ["tpyo"]


def test_messages_that_are_no_tasks_are_somebody_elses(app, tell):
    tell("SADD", "_kombu.binding.other", b"other\x06\x16\x06\x16other")
    tell("LPUSH", "other", json.dumps({"body": "e30=", "headers": {}}))
    assert "other" not in listed()


def test_a_message_too_long_to_be_read_may_be_a_tasks(app, tell):
    tell("SADD", "_kombu.binding.other", b"other\x06\x16\x06\x16other")
    tell("LPUSH", "other", b"x" * 300_000)
    assert listed()["other"].depth == 1


def test_celerys_own_queues_are_no_strays(app, tell):
    for name in ("w@x.celery.pidbox", "4f1c.reply.celery.pidbox", "celeryev.4f1c"):
        tell("SADD", "_kombu.binding.other", f"\x06\x16\x06\x16{name}")
        tell("LPUSH", name, json.dumps({"headers": {"task": "x", "id": "1"}}))
    assert set(listed()) == {"celery", "mail"}


def test_the_task_that_waits_there_is_found(app, other):
    (task_id,) = publish(other, "tpyo")
    listed()
    queue, message = BrokerQueueBackend().waiting_message(task_id)
    assert (queue, message.name) == ("tpyo", "brokers.task")


def test_a_broker_that_runs_no_scripts_is_searched_too(settings, own_redis):
    own_redis.tell("ACL", "SETUSER", "clerk", "on", ">clerk", "~*", "&*", "+@all", "-@scripting")
    url = f"redis://clerk:clerk@127.0.0.1:{own_redis.port}/0"
    with using(settings, make_app(url)):
        publish(make_app(url), "tpyo")
        assert listed()["tpyo"].depth == 1


def test_a_search_that_was_too_long_goes_on_where_it_stopped(app, other, tell):
    for number in range(0, 6000, 1000):
        tell("MSET", "x", 1, *(word for n in range(number, number + 1000) for word in (f"other-{n}", 1)))
    publish(other, "tpyo")
    search = strays.StraySearch(target().identity, patience=0)
    rounds = 0
    while "tpyo" not in search.strays.waiting:
        search._go_on(strays.keyspace(target().identity), 0)
        rounds += 1
        assert rounds < 100
    search._go_on(strays.keyspace(target().identity), 0)
    assert "tpyo" in search.strays.waiting


def test_a_search_rests_before_the_next(app, other):
    listed()
    publish(other, "tpyo")
    BrokerQueueBackend().learn(LONG)
    assert "tpyo" not in strays.of(target()).waiting


def test_a_dead_broker_is_not_searched_for_long(settings):
    with using(settings, make_app(f"redis://127.0.0.1:{free_port()}/0")):
        _, seconds = timed(lambda: BrokerQueueBackend().learn(LONG))
        assert seconds < 2
        assert BrokerQueueBackend().queues().trouble


def test_other_brokers_are_not_searched(settings):
    with using(settings, make_app("memory://")):
        BrokerQueueBackend().learn(LONG)
        assert strays.of(target()) == strays.NONE


# -- on pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pages(db, other):
    """Pages of a site on which somebody mistyped a queue."""
    publish(other, "tpyo", times=2)
    client = browser_of(make_user("operator", "celery_ops.view_ops", "celery_ops.manage_queues"))
    broker.forget()
    return client


def test_the_list_shows_it_without_being_told(app, pages):
    assert "tpyo" in pages.get(reverse("celery_ops:queue-list")).text


def test_json_has_it(app, pages):
    queues = {queue["name"]: queue for queue in pages.get(reverse("celery_ops:api-queues")).json()["results"]}
    assert (queues["tpyo"]["depth"], queues["tpyo"]["consumers"]) == (2, 0)


def test_it_has_a_page(app, pages):
    assert pages.get(reverse("celery_ops:queue-detail", args=["tpyo"])).status_code == 200


def test_it_can_be_emptied_and_its_page_stays(app, pages):
    posted = {"action": "purge", "queue": "tpyo", "confirm": "tpyo"}
    answer = pages.post(reverse("celery_ops:queue-control"), posted, HTTP_ACCEPT="application/json")
    assert answer.json()["purged"] == 2
    assert pages.get(reverse("celery_ops:queue-detail", args=["tpyo"])).status_code == 200


def test_others_stay_when_one_is_emptied(app, pages, other, monkeypatch):
    """A search takes minutes where there are millions of keys."""
    publish(other, "tpyo2")
    assert {"tpyo", "tpyo2"} <= {queue["name"] for queue in queues_of(pages)}
    monkeypatch.setattr(strays.StraySearch, "begin", lambda search: None)
    pages.post(reverse("celery_ops:queue-control"), {"action": "purge", "queue": "tpyo", "confirm": "tpyo"})
    assert {queue["name"]: queue["depth"] for queue in queues_of(pages)} == {"celery": 0, "mail": 0, "tpyo2": 1}


def queues_of(client):
    return client.get(reverse("celery_ops:api-queues")).json()["results"]


def test_the_overview_says_first_that_nobody_takes_them(app, pages):
    html = pages.get(reverse("celery_ops:overview")).text
    assert "has 2 messages and nobody to take them." in html


# -- many queues ------------------------------------------------------------------------------------------------------

MANY = [f"q{number:04}" for number in range(5000)]


@pytest.fixture
def crowded(settings, redis_server, prefix, unhurried):
    """A site of very many queues, half of them named by the settings alone, half by a worker; no look is given up."""
    app = make_app(f"{redis_server.url}/6", *map(Queue, MANY[:2500]), **prefixed(prefix))
    with using(settings, app, {"w@x": consuming(*MANY[2500:])}):
        yield app


@pytest.mark.parametrize("name", [MANY[2400], MANY[4999]])
def test_each_of_very_many_queues_has_a_page(crowded, name):
    publish(crowded, name)
    assert BrokerQueueBackend().queue(name).info.depth == 1


def test_very_many_queues_are_listed_and_cut(crowded):
    report = BrokerQueueBackend().queues()
    assert len(report.queues) == 1000
    assert "There may be more queues" in report.trouble


def test_a_mistyped_queue_is_listed_beside_very_many(crowded, other):
    publish(other, "tpyo")
    assert listed()["tpyo"].depth == 1


def test_a_queue_that_the_settings_name_has_its_binding_once_when_a_search_has_found_it_too(
    settings, redis_server, prefix
):
    ours = make_app(f"{redis_server.url}/6", Queue("print", Exchange("print"), "print"), **prefixed(prefix))
    with using(settings, ours) as app:
        publish(app, "print")
        listed()
        assert BrokerQueueBackend().queue("print").bindings == (Binding("print", "direct", "print"),)
