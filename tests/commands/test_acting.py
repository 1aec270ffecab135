"""``revoke``, ``purge`` and ``shutdown``: nothing for those who may not, and all that is done is journalled."""

import pytest
from django_celery_results.models import TaskResult

from celery_ops import tasks_for
from celery_ops.backends import control
from celery_ops.models import ControlRecord, TaskRunRecord
from tests.backends.brokers import make_app, publish
from tests.commands.conftest import call
from tests.conftest import make_user
from tests.shop.tasks import noop, untracked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(monkeypatch):
    """What would have been broadcast, to one worker that answers and one that is silent."""
    seen = []

    def broadcast(command, arguments=None, destination=None, **_):
        seen.append((command, dict(arguments or {}), destination))
        return control.Replies(("w1@host", "w2@host"), {"w1@host": {"ok": "done"}})

    monkeypatch.setattr(control, "broadcast", broadcast)
    return seen


@pytest.fixture(autouse=True)
def _known(db):
    """Two tasks that wait."""
    for task_id in ("one", "two"):
        TaskRunRecord.objects.create(task_id=task_id, task_name=untracked.name, send_state="SENT", args=[], kwargs={})


def test_a_revoke_says_who_answered(told):
    said = call("revoke", "one", "two", "--terminate", "--signal", "INT")
    assert (said.code, said.data) == (
        0,
        {"asked": ["w1@host", "w2@host"], "answered": {"w1@host": "done"}, "silent": ["w2@host"]},
    )
    assert told == [("revoke", {"task_id": ["one", "two"], "terminate": True, "signal": "INT"}, None)]


def test_a_revoke_is_journalled_with_who_asked(told, db):
    make_user("ada", "celery_ops.revoke_task")
    call("revoke", "one", "--user", "ada")
    record = ControlRecord.objects.get()
    assert (record.action, record.target, record.username) == ("revoke", "one", "ada")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("revoke", "one", "--user", "viewer"), 1),
        (("revoke", "one", "--user", "nobody"), 1),
        (("revoke", "one", "--signal", "STOP"), 2),
        (("revoke",), 2),
        (("revoke", "\x00"), 2),
        (("shutdown", "w1@host", "--user", "viewer", "--yes"), 1),
        (("shutdown",), 2),
        (("purge", "celery", "--user", "viewer", "--yes"), 1),
        (("purge",), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_is_refused_tells_nobody_and_leaves_no_record(words, code, told):
    make_user("viewer", is_staff=True)
    assert (call(*words).code, told, ControlRecord.objects.count()) == (code, [], 0)


def test_a_revoke_without_a_broker_says_that_nobody_heard(dead_broker):
    said = call("revoke", "one")
    assert (said.code, said.error.count("\n"), ControlRecord.objects.count()) == (3, 0, 1)


def test_a_revoke_that_no_worker_hears_is_kept_and_says_so(empty_broker):
    said = call("revoke", "one", output="text")
    assert (said.code, said.lines) == (3, ["Requested, but no worker is up: nobody has heard of it yet."])


def test_an_unknown_id_is_told_to_nobody_and_leaves_no_record(told, empty_broker):
    said = call("revoke", "nobodys")
    assert (said.code, told, ControlRecord.objects.count()) == (1, [], 0)
    assert said.error == "no source knows a task 'nobodys': nothing was asked (--unknown asks)"


def test_an_unknown_id_beside_others_is_named(told, empty_broker):
    said = call("revoke", "one", "nobodys", output="text")
    assert (said.code, said.lines[-1]) == (1, "nobodys: no source knows this task, nothing was asked")
    assert [arguments["task_id"] for _command, arguments, _hosts in told] == ["one"]


def test_an_unknown_id_is_asked_for_where_that_is_meant(told, empty_broker):
    assert (call("revoke", "nobodys", "--unknown").code, len(told)) == (0, 1)


def test_what_has_ended_is_told_to_nobody(told):
    TaskResult.objects.create(task_id="one", status="SUCCESS")
    said = call("revoke", "one", output="text")
    assert (said.code, said.lines, told) == (0, ["one: it has ended already, SUCCESS"], [])


def test_the_panel_shows_a_revoke_by_command(told, empty_broker, memory_store, order):
    noop.delay(order.pk)
    call("revoke", tasks_for(order)[0].id)
    (task,) = tasks_for(order)
    assert (task.state, bool(task.revoke_requested_at)) == ("PENDING", True)


def test_a_purge_without_yes_says_how_many_wait_and_deletes_nothing(empty_broker):
    untracked.apply_async(queue="full")
    said = call("purge", "full")
    assert said.code == 1
    assert said.error == "this deletes what waits in full, 1 message now: add --yes"
    assert call("purge", "full", "--yes").data == {"queue": "full", "purged": 1}


def test_a_queue_that_somebody_mistyped_elsewhere_is_listed_paused_and_emptied(empty_broker):
    somebody = make_app(empty_broker)
    publish(somebody, "tpyo", times=2)
    listed = {queue["name"]: queue["depth"] for queue in call("queues").data["results"]}
    assert listed["tpyo"] == 2
    assert call("pause", "tpyo").code == call("resume", "tpyo").code == 0
    assert call("purge", "tpyo", "--yes").data == {"queue": "tpyo", "purged": 2}


def test_a_purge_of_a_queue_that_nobody_has_names_those_there_are(empty_broker):
    said = call("purge", "nowhere", "--yes")
    assert said.code == 2
    assert said.error.startswith("no queue 'nowhere'; there are celery")


def test_a_shutdown_without_yes_ends_nobody(hostname):
    said = call("shutdown", hostname)
    assert (said.code, said.error, call("workers").data["results"][0]["state"]) == (
        1,
        f"this ends {hostname}: add --yes",
        "online",
    )


def test_a_shutdown_of_a_worker_that_is_not_there_names_those_there_are(hostname):
    said = call("shutdown", "gone@test", "--yes")
    assert (said.code, said.error) == (2, f"no worker 'gone@test'; there are {hostname}")


def test_the_whole_of_a_workflow_that_nobody_knows_is_refused():
    said = call("retry", "--whole", "one")
    assert said.code == 1
    assert "no workflow" in said.error


def test_the_whole_of_a_workflow_stands_by_itself():
    assert call("retry", "one", "--whole", "two").code == 2
    assert call("retry", "--whole", "two", "--filter", "state=FAILURE").code == 2
