"""What workers are told on their pages, and that they do it: on Redis and on RabbitMQ, seen by asking them."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from kombu import Exchange, Queue

from celery_ops.models import ControlRecord
from tests.celery import app
from tests.control.conftest import consumed, eventually, said
from tests.shop.tasks import too_long, untracked, untracked_paced

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tell(site, operator):
    """Tell workers something as a program does."""
    client = Client(headers={"accept": "application/json"})
    client.force_login(operator)

    def post(action, *destination, **given):
        response = client.post(
            reverse("celery_ops:worker-control"), {"action": action, "destination": destination, **given}
        )
        assert response.status_code == 200, response.content
        return response.json()

    return post


def processes(hostname):
    return said(hostname, "stats")["pool"]["processes"]


def limits(hostname):
    lines = said(hostname, "registered", taskinfoitems=["rate_limit", "soft_time_limit", "time_limit"])
    return next(line for line in lines if line.split(" ")[0] == untracked.name)


def test_a_ping_is_answered_by_each_of_several(tell, fleet):
    answer = tell("ping", *fleet.names)
    assert (sorted(answer["asked"]), set(answer["answered"].values())) == (sorted(fleet.names), {"pong"})


def test_a_pool_grows_and_shrinks(tell, fleet):
    host = fleet.one.hostname
    tell("pool_grow", host, n=1)
    eventually(lambda: len(processes(host)) == 2, "the pool to grow")
    tell("pool_shrink", host, n=1)
    eventually(lambda: len(processes(host)) == 1, "the pool to shrink")


def test_a_pool_is_restarted_where_that_is_enabled(tell, fleet):
    before = processes(fleet.one.hostname)
    assert tell("pool_restart", fleet.one.hostname)["answered"] == {fleet.one.hostname: "reload started"}
    eventually(lambda: set(processes(fleet.one.hostname)).isdisjoint(before), "the pool to restart")


def test_the_bounds_of_an_autoscaler_are_set(tell, fleet):
    host = fleet.two.hostname
    tell("autoscale", host, min=1, max=3)
    bounds = said(host, "stats")["autoscaler"]
    assert (bounds["min"], bounds["max"]) == (1, 3)


def test_what_a_worker_cannot_do_is_no_success(tell, fleet):
    answer = tell("autoscale", fleet.one.hostname, min=1, max=3)
    assert answer["answered"] == {fleet.one.hostname: "error: it was started without --autoscale"}
    assert ControlRecord.objects.get().replies["failed"] == [fleet.one.hostname]


def test_a_worker_begins_and_stops_to_consume_a_queue(tell, fleet):
    host = fleet.two.hostname
    tell("add_consumer", host, queue="kept")
    eventually(lambda: consumed(host) == ["other", "kept"], "the queue to be consumed")
    tell("cancel_consumer", host, queue="kept")
    eventually(lambda: consumed(host) == ["other"], "the queue to be left alone")


def test_a_worker_declares_a_queue_that_it_did_not_know_as_the_settings_have_it(tell, fleet, monkeypatch):
    """RabbitMQ refuses any other way to declare one that is there, and the worker would come to an end."""
    host, name = fleet.two.hostname, f"ranked-{uuid.uuid4().hex[:8]}"
    ranked = Queue(name, Exchange(f"{name}-topic", "topic"), "ranked.#", max_priority=9)
    monkeypatch.setitem(app.conf, "task_queues", [ranked])
    with app.connection_for_write() as connection:
        ranked.bind(connection.default_channel).declare()
    assert "lost" not in tell("add_consumer", host, queue=name)
    eventually(lambda: consumed(host) == ["other", name], "the queue to be consumed")
    described = said(host, "active_queues")[1]
    assert (described["exchange"]["name"], described["exchange"]["type"]) == (f"{name}-topic", "topic")
    assert (described["routing_key"], described["queue_arguments"]) == ("ranked.#", {"x-max-priority": 9})
    tell("cancel_consumer", host, queue=name)
    eventually(lambda: consumed(host) == ["other"], "the queue to be left alone")


def test_a_rate_limit_reaches_the_workers_that_were_chosen_and_no_other(tell, fleet):
    tell("rate_limit", fleet.one.hostname, task_name=untracked.name, rate_limit="10/m")
    found = {host: "[rate_limit=10/m]" in limits(host) for host in fleet.names}
    assert found == {fleet.one.hostname: True, fleet.two.hostname: False}
    tell("rate_limit", fleet.one.hostname, task_name=untracked.name, rate_limit="0")


def test_time_limits_are_set(tell, fleet):
    tell("time_limit", fleet.two.hostname, task_name=untracked.name, soft="20", hard="30.5")
    assert "soft_time_limit=20.0 time_limit=30.5" in limits(fleet.two.hostname)


def test_a_time_limit_ends_what_is_begun_after_it_was_set(tell, fleet, tmp_path):
    tell("time_limit", *fleet.names, task_name=untracked_paced.name, hard="0.2")
    (pace := tmp_path / "pace").touch()
    task = untracked_paced.apply_async((str(tmp_path / "begun"), str(pace)), queue="other")
    ended = f"Hard time limit (0.2s) exceeded for {untracked_paced.name}[{task.id}]"
    try:
        eventually(lambda: any(ended in worker.text() for worker in (fleet.one, fleet.two)), "the limit to end it")
    finally:
        pace.write_text("it may go on")


def test_a_limit_that_messages_carry_is_not_said_to_be_another_one(tell, fleet):
    host = fleet.one.hostname
    answer = tell("time_limit", host, task_name=too_long.name, hard="20")
    assert answer["answered"] == {host: "error: the task's messages carry a limit of their own, and that one counts"}
    assert tell("time_limit", host, task_name=too_long.name, soft="20")["answered"] == {
        host: "time limits set successfully"
    }


def test_events_are_turned_on_and_off(tell, fleet):
    host = fleet.one.hostname
    tell("enable_events", host)
    assert tell("enable_events", host)["answered"] == {host: "task events already enabled"}
    tell("disable_events", host)
    assert tell("disable_events", host)["answered"] == {host: "task events already disabled"}


def test_a_silent_worker_is_not_done(tell, fleet, settings, operator):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.5}
    with fleet.two.frozen():
        answer = tell("ping", *fleet.names)
    assert (list(answer["answered"]), answer["silent"]) == ([fleet.one.hostname], [fleet.two.hostname])
    assert answer["message"] == f"Asked 2 workers, 1 answered, {fleet.two.hostname} is silent."
    record = ControlRecord.objects.get()
    assert (record.user, record.username, record.replies["silent"]) == (operator, "operator", [fleet.two.hostname])
