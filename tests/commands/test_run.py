"""``run`` and ``retry``: a task sent from a terminal, held to the allowlist, in the journal, waited for on demand."""

import pytest
from django.contrib.auth.models import User

from celery_ops.models import TaskRunRecord
from tests.commands.conftest import call
from tests.conftest import broker, make_user
from tests.ops.task_backends import Held, a_task, use
from tests.shop import tasks

UNTRACKED, FAILS, LONG = (task.name for task in (tasks.untracked, tasks.fails, tasks.long))
RUNNABLE = {UNTRACKED: {}, FAILS: {}, LONG: {}, tasks.process_payment.name: {"permission": "shop.change_order"}}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alone(memory_store, settings, loaded_tasks):
    """A site without workers: whatever is sent stays in the memory of this process."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": RUNNABLE, "CONTROL_TIMEOUT": 0.1}
    with broker("memory://"):
        yield


@pytest.fixture
def held(alone, settings, no_live_task):
    """A site whose task backend knows what a test gives it."""
    use(settings, Held, RUNNABLE_TASKS=RUNNABLE, CONTROL_TIMEOUT=0.1)
    yield Held
    Held.hold()


def test_a_task_is_sent_and_in_the_journal_without_a_name(alone):
    said = call("run", UNTRACKED, "--args", "[5]")
    record = TaskRunRecord.objects.get()

    assert said.code == 0
    assert said.data == {"task_id": record.task_id, "record": record.pk, "state": "PENDING", "result": None}
    assert (record.username, record.user, record.send_state, record.args) == ("", None, "SENT", [5])


def test_text_says_what_was_sent(alone):
    said = call("run", UNTRACKED, output="text")
    assert said.lines == [f"{UNTRACKED} was sent as {TaskRunRecord.objects.get().task_id}"]


def test_with_a_user_the_journal_has_the_user(alone):
    user = make_user("ada", "celery_ops.add_taskrunrecord")
    assert call("run", UNTRACKED, "--user", "ada").code == 0
    assert TaskRunRecord.objects.get().user == user


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["shop.nosuch"], "RUNNABLE_TASKS"),
        ([tasks.noop.name], "RUNNABLE_TASKS"),
        (["celery.map"], "RUNNABLE_TASKS"),
        ([UNTRACKED, "--args", "{not json"], "JSON"),
        ([UNTRACKED, "--args", "{}"], "list"),
        ([UNTRACKED, "--kwargs", "[]"], "object"),
        ([UNTRACKED, "--args", "[1, 2, 3]"], ""),
        ([UNTRACKED, "--kwargs", '{"nosuch": 1}'], "nosuch"),
        ([UNTRACKED, "--kwargs", '{"number": {"__type__": "uuid"}}'], "__type__"),
        ([UNTRACKED, "--args", "[NaN]"], "NaN"),
        ([UNTRACKED, "--user", "nobody"], "nobody"),
        ([UNTRACKED, "--user", "poor"], "poor"),
    ],
)
def test_what_is_refused_sends_nothing(alone, words, names):
    make_user("poor")
    said = call("run", *words)

    assert (said.code, said.out) == (1, "")
    assert names in said.error
    assert "\n" not in said.error
    assert not TaskRunRecord.objects.exists()


def test_the_tasks_own_permission_holds_for_a_user(alone):
    make_user("ada", "celery_ops.add_taskrunrecord")
    assert call("run", tasks.process_payment.name, "--args", "[1]", "--user", "ada").code == 1
    assert call("run", tasks.process_payment.name, "--args", "[1]").code == 0


@pytest.mark.parametrize("words", [["--wait", "0"], ["--wait", "soon"], ["--nosuch"]])
def test_usage(alone, words):
    assert call("run", UNTRACKED, *words).code == 2


def test_a_wait_that_expires_is_nothing_answered(alone):
    said = call("run", UNTRACKED, "--wait", "0.1")
    assert (said.code, said.data["state"]) == (3, "PENDING")


def test_a_broker_that_is_away_is_one_line(alone, dead_broker):
    said = call("run", UNTRACKED)
    assert said.code == 1
    assert "could not be sent" in said.error
    assert "\n" not in said.error
    assert TaskRunRecord.objects.get().send_state == "FAILED"


# -- a real worker


def test_the_end_is_waited_for(make_worker, redis_store, settings, loaded_tasks):
    make_worker(None, "-P", "solo")
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": RUNNABLE}

    good = call("run", UNTRACKED, "--args", "[5]", "--wait", "60")
    bad = call("run", FAILS, "--args", '[1, "password=hunter22"]', "--wait", "60")
    make_user("ada", "celery_ops.add_taskrunrecord")
    blind = call("run", UNTRACKED, "--args", "[6]", "--wait", "60", "--user", "ada")

    assert (good.code, good.data["state"], good.data["result"]) == (0, "SUCCESS", 5)
    assert (bad.code, bad.data["state"]) == (1, "FAILURE")
    assert bad.data["result"].startswith("ValueError")
    assert "hunter22" not in bad.out
    assert (blind.code, blind.data["state"], blind.data["result"]) == (0, "SUCCESS", None)


# -- retry


@pytest.fixture
def failed(held):
    """The id of a task that somebody ran with 7 and that failed."""
    task_id = call("run", UNTRACKED, "--args", "[7]").data["task_id"]
    held.hold(a_task(1, id=task_id, state="FAILURE", name=UNTRACKED))
    return task_id


def test_a_task_runs_again_with_the_arguments_that_it_had(failed):
    said = call("retry", failed)
    record = TaskRunRecord.objects.get(retry_of=failed)

    assert said.code == 0
    assert said.data["asked"] == [failed]
    assert said.data["answered"][failed]["task_id"] == record.task_id
    assert (said.data["silent"], said.data["refused"]) == ([], {})
    assert (record.args, record.username) == ([7], "")


def test_each_refused_id_has_its_reason(failed):
    said = call("retry", failed, "two")
    assert (said.code, list(said.data["answered"]), list(said.data["refused"])) == (1, [failed], ["two"])


def test_the_allowlist_holds_without_a_user(failed, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {}}
    said = call("retry", failed)
    assert (said.code, list(said.data["refused"])) == (1, [failed])
    assert TaskRunRecord.objects.count() == 1


def test_the_policy_is_asked_for_a_user(failed):
    User.objects.create_user("poor")
    assert call("retry", failed, "--user", "poor").code == 1
    assert TaskRunRecord.objects.count() == 1


def test_retry_without_an_id_is_usage(held):
    assert call("retry").code == 2
