"""What will not do is refused before anybody hears of it: somebody listens on the control channel and hears nothing."""

import contextlib
import io
from uuid import uuid4

import pytest
import redis
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from celery_ops.backends import control
from celery_ops.backends.memory import MemoryWorkerBackend
from celery_ops.control import queues
from celery_ops.control.commands import refusals
from celery_ops.control.standing import paused_queues
from celery_ops.info import WorkerDetail, WorkerInfo
from celery_ops.models import ControlRecord
from celery_ops.permissions import Policy
from tests.backends.fakes import FakeWorkers, speaking
from tests.celery import app
from tests.conftest import broker, browser_of, make_user

from .conftest import GONE, W1, W2

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def client(operator):
    return browser_of(operator)


def tell(client, kind, given, **headers):
    return client.post(reverse(f"celery_ops:{kind}-control"), given, headers=headers)


JSON = {"accept": "application/json"}


def worker(action, *destination, **given):
    return "worker", {"action": action, "destination": destination or [W1], **given}


def queue(action, **given):
    return "queue", {"action": action, "queue": "mail", **given}


LIMIT = {"task_name": "shop.mail"}
BAD = {
    "nobody": (("worker", {"action": "ping"}), 400, "destination"),
    "an empty name": (worker("ping", ""), 400, "destination"),
    "unknown": (worker("ping", "no@test"), 404, "__all__"),
    "one of them unknown": (worker("ping", W1, "no@test"), 404, "__all__"),
    "twice": (worker("ping", W1, W1), 400, "destination"),
    "no action": (worker(""), 400, "action"),
    "another action": (worker("revoke"), 400, "action"),
    "pool of -5": (worker("pool_grow", n="-5"), 400, "n"),
    "pool of 0": (worker("pool_grow", n="0"), 400, "n"),
    "pool of 10^9": (worker("pool_grow", n="1000000000"), 400, "n"),
    "pool of text": (worker("pool_shrink", n="many"), 400, "n"),
    "pool without a number": (worker("pool_shrink"), 400, "n"),
    "pool of nobody left": (worker("pool_shrink", n="2"), 400, "n"),
    "autoscale upside down": (worker("autoscale", min="3", max="1"), 400, "min"),
    "autoscale to nothing": (worker("autoscale", min="0", max="0"), 400, "max"),
    "a rate of -1/m": (worker("rate_limit", **LIMIT, rate_limit="-1/m"), 400, "rate_limit"),
    "a rate of 10/x": (worker("rate_limit", **LIMIT, rate_limit="10/x"), 400, "rate_limit"),
    "a rate of text": (worker("rate_limit", **LIMIT, rate_limit="fast"), 400, "rate_limit"),
    "a rate of no task": (worker("rate_limit", rate_limit="10/m"), 400, "task_name"),
    "a limit of -1": (worker("time_limit", **LIMIT, soft="-1"), 400, "soft"),
    "a limit of nan": (worker("time_limit", **LIMIT, hard="nan"), 400, "hard"),
    "no limit": (worker("time_limit", **LIMIT), 400, "hard"),
    "soft after hard": (worker("time_limit", **LIMIT, soft="30", hard="20"), 400, "soft"),
    "leaving a queue nobody has": (worker("cancel_consumer", queue="nowhere"), 400, "queue"),
    "consuming a mailbox": (worker("add_consumer", queue="w1@test.celery.pidbox"), 400, "queue"),
    "consuming replies": (worker("add_consumer", queue="id.reply.celery.pidbox"), 400, "queue"),
    "consuming events": (worker("add_consumer", queue="celeryev.id"), 400, "queue"),
    "consuming a queue of the broker's": (worker("add_consumer", queue="amq.gen-1"), 400, "queue"),
    "consuming delayed messages": (worker("add_consumer", queue="celery_delayed_1"), 400, "queue"),
    "consuming no queue": (worker("cancel_consumer", queue=""), 400, "queue"),
    "ending unconfirmed": (worker("shutdown"), 400, "confirm"),
    "ending another": (worker("shutdown", confirm=W2), 400, "confirm"),
    "ending several by one's name": (worker("shutdown", W1, W2, confirm=W1), 400, "confirm"),
    "no queue": (("queue", {"action": "pause"}), 400, "queue"),
    "a queue nobody has": (queue("pause", queue="nowhere"), 404, "__all__"),
    "a queue of 2,000 letters": (queue("pause", queue="x" * 2000), 404, "__all__"),
    "no queue's action": (queue("drop"), 400, "action"),
    "purging unconfirmed": (queue("purge"), 400, "confirm"),
    "purging another": (queue("purge", confirm="other"), 400, "confirm"),
    "deleting where that cannot be": (queue("delete", message="x"), 400, "__all__"),
    "moving to nobody's queue": (queue("move", message="x", to="nowhere"), 400, "to"),
    "moving to itself": (queue("move", message="x", to="mail"), 400, "to"),
}


@pytest.mark.parametrize(("given", "status", "field"), BAD.values(), ids=BAD)
def test_what_will_not_do_is_refused_and_nobody_hears_of_it(given, status, field, client, spy, caplog):
    response = tell(client, *given, **JSON)
    assert (response.status_code, list(response.json()["errors"])) == (status, [field])
    assert tell(client, *given).status_code == status
    assert (spy.heard(), list(ControlRecord.objects.all())) == ([], [])
    assert caplog.text.count("Refused (") == 2


@pytest.mark.parametrize("make", ["SET {name} x", "HSET {name} a b", "ZADD {name} 1 a", "SADD {name} a"])
def test_a_queue_is_not_begun_where_redis_has_something_else(make, client, spy):
    name = f"kept-{uuid4().hex[:6]}"
    with contextlib.closing(redis.Redis.from_url(app.conf.broker_url)) as broker_client:
        broker_client.execute_command(*make.format(name=name).split())
        response = tell(client, *worker("add_consumer", queue=name), **JSON)
        broker_client.delete(name)
    assert (response.status_code, list(response.json()["errors"]), spy.heard()) == (400, ["queue"], [])


def test_a_command_refuses_such_names_as_well(spy, operator):
    with pytest.raises(CommandError, match="keeps this name"):
        call_command("celery_ops", "control", "add_consumer", W1, "--queue", "celeryev.id", "--user", operator.username)
    assert spy.heard() == []


def test_a_worker_that_answers_and_is_then_silent_is_no_success(client, spy, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 2}
    with FakeWorkers(app.conf.broker_url) as fakes:
        fakes.answer = speaking({W1: {"add_consumer": {"ok": "add consumer other"}}})
        answer = tell(client, *worker("add_consumer", queue="other"), **JSON).json()
    assert (answer["answered"], answer["lost"]) == ({W1: "add consumer other"}, [W1])
    assert "gives no sign of life since" in answer["message"]
    assert ControlRecord.objects.get().replies["failed"] == [W1]


@pytest.mark.parametrize("pool", ["solo", "thread"])
@pytest.mark.parametrize(
    "given",
    [{"action": "pool_grow", "n": "1"}, {"action": "pool_restart"}, {"action": "time_limit", **LIMIT, "hard": "9"}],
    ids=lambda given: given["action"],
)
def test_what_a_pool_cannot_do_is_refused_with_the_reason(pool, given, client, spy):
    with MemoryWorkerBackend.holding(WorkerDetail(WorkerInfo(W1, pool=pool, concurrency=1))):
        response = tell(client, "worker", {"destination": [W1], **given}, **JSON)
    assert response.status_code == 400
    assert response.json()["errors"]["action"] == [f"{W1}: {refusals(pool)[given['action']]}"]
    assert spy.heard() == []


@pytest.mark.parametrize(("soft", "status", "heard"), [("5", 400, 0), ("", 200, 1)], ids=["soft", "hard alone"])
def test_a_soft_limit_is_refused_where_the_pool_drops_it(soft, status, heard, client, spy):
    with MemoryWorkerBackend.holding(WorkerDetail(WorkerInfo(W1, pool="gevent", concurrency=1))):
        response = tell(client, *worker("time_limit", **LIMIT, soft=soft, hard="9"), **JSON)
    assert (response.status_code, len(spy.heard())) == (status, heard)
    assert list(response.json().get("errors", [])) == ["soft"][heard:]


@pytest.mark.parametrize(("may_create", "status", "heard"), [(True, 200, 1), (False, 400, 0)])
def test_a_new_queue_is_consumed_where_celery_may_create_it(client, spy, may_create, status, heard, monkeypatch):
    monkeypatch.setitem(app.conf, "task_create_missing_queues", may_create)
    assert tell(client, *worker("add_consumer", queue="new"), **JSON).status_code == status
    assert len(spy.heard()) == heard


@pytest.mark.parametrize("given", [worker("ping"), queue("pause")], ids=["worker", "queue"])
@pytest.mark.parametrize("protected", [True, False], ids=["site with CsrfViewMiddleware", "site without"])
def test_without_the_csrf_token_nobody_hears_of_it(given, protected, operator, spy, settings):
    if not protected:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert (tell(client, *given).status_code, spy.heard()) == (403, [])


def test_a_policy_that_refuses_one_of_the_workers_refuses_all(client, spy, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.OnlyTheFirst"}
    assert tell(client, *worker("ping", W1, W2), **JSON).status_code == 403
    assert (spy.heard(), tell(client, *worker("ping", W1), **JSON).status_code) == ([], 200)


class OnlyTheFirst(Policy):
    def may_control_workers(self, user, hostname=None):
        return hostname == W1


def test_what_is_accepted_is_heard_and_a_silent_worker_is_named(client, spy):
    answer = tell(client, *worker("ping", W1, GONE), **JSON).json()
    assert (answer["asked"], answer["answered"], answer["silent"]) == ([GONE, W1], {}, [GONE, W1])
    assert len(spy.heard()) == 1


@pytest.mark.database
def test_the_same_form_sent_twice_acts_once(client, spy):
    given = worker("pool_grow", n="1", submission=str(uuid4()))
    first, second = (tell(client, *given, **JSON).json() for _ in range(2))
    assert (len(spy.heard()), ControlRecord.objects.count()) == (1, 1)
    assert (second["asked"], second["message"]) == (first["asked"], "This had been asked already: it is done once.")


def test_another_form_of_the_same_page_acts_too(client, spy):
    submission = str(uuid4())
    for n in ("1", "2"):
        tell(client, *worker("pool_grow", n=n, submission=submission), **JSON)
    assert len(spy.heard()) == 2


def test_a_shutdown_does_not_wait_for_who_ends(client, spy, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 30}
    answer = tell(client, *worker("shutdown", W1, W2, confirm="shutdown"), **JSON).json()
    assert (answer["silent"], len(spy.heard())) == ([W1, W2], 1)


def test_what_is_still_missing_is_asked_for_first(client, spy):
    response = tell(client, *worker("rate_limit", W1, W2, ask="1"))
    assert (response.status_code, spy.heard()) == (200, [])
    html = response.text
    assert f'name="destination" value="{W1}"' in html
    assert 'name="rate_limit"' in html
    assert ('list="celery-ops-tasks"' in html, '<datalist id="celery-ops-tasks"' in html) == (True, True)


def test_whatever_is_wrong_is_said_at_once_and_beside_its_field(client, spy):
    given = worker("time_limit", soft="<soon>\0", hard="9" * 20)
    errors = tell(client, *given, **JSON).json()["errors"]
    assert list(errors) == ["task_name", "soft", "hard"]
    html = tell(client, *given).text
    assert [html.count(text) for text in ("Enter a name.", errors["soft"][0], "&lt;soon&gt;\ufffd")] == [1, 2, 1]
    assert (html.count('aria-invalid="true"'), spy.heard()) == (3, [])


def test_what_needs_nothing_more_is_done_at_once(client, spy):
    response = tell(client, *worker("ping", W1, ask="1", next="/ops/"))
    assert (response.status_code, response.url, len(spy.heard())) == (302, "/ops/", 1)


def test_a_foreign_next_is_not_followed(client, spy):
    response = tell(client, *worker("ping", next="https://example.com/"))
    assert response.url == reverse("celery_ops:worker-detail", args=[W1])


def test_a_broker_that_is_away_is_said_and_its_pause_does_not_count(client, spy, settings):
    with broker("redis://127.0.0.1:1/0"):
        response = tell(client, *queue("pause"), **JSON)
    assert (response.status_code, paused_queues()) == (503, {})
    assert "error" in ControlRecord.objects.get().replies


def test_a_paused_queue_is_shown_so_with_who_and_since_when(client, spy, operator):
    queues.pause("mail", operator)
    listed = client.get(reverse("celery_ops:api-queues")).json()["results"]
    assert {item["name"]: item["paused"] for item in listed}["mail"] is True
    for url in (reverse("celery_ops:queue-list"), reverse("celery_ops:queue-detail", args=["mail"])):
        assert "by operator" in client.get(url).text


def test_a_paused_queue_that_nobody_else_knows_can_be_resumed(client, spy, operator):
    queues.pause("forgotten", operator)
    assert client.get(reverse("celery_ops:queue-detail", args=["forgotten"])).status_code == 200
    assert tell(client, *queue("resume", queue="forgotten")).status_code == 302
    assert client.get(reverse("celery_ops:queue-detail", args=["forgotten"])).status_code == 404


@pytest.mark.database
def test_a_pause_that_holds_is_not_pruned(client, spy, operator):
    for name in ("mail", "other"):
        queues.pause(name, operator)
    queues.resume("other", operator)
    call_command("celery_ops", "prune", "--older-than", "0s", stdout=io.StringIO())
    assert [(row.action, row.target) for row in ControlRecord.objects.all()] == [("pause", "mail")]
    assert list(paused_queues()) == ["mail"]


def test_a_worker_is_not_told_to_consume_what_is_paused(client, spy, operator):
    queues.pause("mail", operator)
    spy.heard()
    assert tell(client, *worker("add_consumer", queue="mail"), **JSON).status_code == 400
    assert spy.heard() == []


def test_those_whom_the_policy_refuses_see_no_form(spy, db):
    viewer = browser_of(make_user("viewer", is_staff=True))
    for url in (
        reverse("celery_ops:worker-list"),
        reverse("celery_ops:worker-detail", args=[W1]),
        reverse("celery_ops:queue-detail", args=["mail"]),
    ):
        html = viewer.get(url).text
        assert [html.count(part) for part in ('method="post"', 'name="destination"', 'name="message"')] == [0, 0, 0]


def test_the_replies_of_strangers_are_those_of_celerys_own_command(spy, monkeypatch):
    """A worker that does not have our command is told by Celery's, when it consumes the queue."""
    told = []

    def broadcast(command, arguments, destination=None, **_):
        told.append((command, destination))
        if destination is None:
            return control.Replies((W1, W2), {W1: {"ok": "no longer"}, W2: {"error": "unknown"}})
        return control.Replies((W2,), {W2: {"ok": "theirs"}})

    active = {W2: {"active_queues": [{"name": "mail"}]}}
    monkeypatch.setattr(queues.control, "broadcast", broadcast)
    monkeypatch.setattr(queues.gather, "ask", lambda *_: queues.gather.Answers((W2,), active, None))
    assert queues.pause("mail", None).data["answered"] == {W1: "no longer", W2: "theirs"}
    queues.resume("mail", None)
    assert [destination for command, destination in told if command == "add_consumer"] == [[W2]]
