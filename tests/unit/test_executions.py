"""Each execution of a task that was delivered more than once, from the facts of all of them."""

import itertools
import os

import pytest

from celery_ops.info import TaskExecution
from celery_ops.tracking import delivery, facts, workers
from celery_ops.tracking.accounts import read_account
from celery_ops.tracking.executions import MOST_TOLD
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms
from tests.shop import tasks

REF = ObjectRef("shop.order", "1")
ID = "7f2b1c9e-0000-4000-8000-00000000abcd"
NOW = now_ms() - 600_000
pytestmark = pytest.mark.usefixtures("memory_store")


def begun(delivery="aa", at=10, attempt=0, host="celery@here", pid=4242, **ends):
    """The batches of an execution: its start, and each end at its time."""
    batches = []
    for kind in (None, *ends):
        run = Execution(ID, "shop.tasks.charge", attempt, Stamp((REF,), (), NOW), delivery=delivery)
        for fact, value in facts.started(NOW + at, NOW + at - 5, host, NOW, pid).items():
            run.note(fact, value)
        if kind is not None:
            run.note(kind, str(ends[kind]))
        batches.append(run.first_batch())
    return batches


def told(*executions):
    for batch in itertools.chain(*executions):
        recorder().record(batch)
    recorder().flush()
    return read_account(ID).executions


def at(milliseconds):
    return facts.moment(NOW + milliseconds)


def test_a_task_that_was_delivered_once_has_none_to_tell():
    assert told(begun(S=30)) == ()


def test_each_says_where_it_ran_and_when_and_what_it_came_to():
    first, second = told(begun("aa", 10, pid=35, F=30), begun("bb", 50, host="celery@there", pid=4194303, S=90))
    assert first == TaskExecution(1, "FAILURE", "celery@here", 35, at(5), at(10), at(30))
    assert second == TaskExecution(1, "SUCCESS", "celery@there", 4194303, at(45), at(50), at(90))


def test_one_that_began_before_the_other_was_over_overlaps():
    assert [execution.overlaps for execution in told(begun("aa", 10, S=90), begun("bb", 50, S=60))] == [False, True]


def test_one_of_which_no_end_is_told_is_not_over():
    first, second = told(begun("aa", now_ms() - NOW - 1000), begun("bb", now_ms() - NOW, S=700_000))
    assert (first.state, first.finished_at, second.overlaps) == ("STARTED", None, True)


def test_one_whose_worker_is_gone_is_lost_and_nothing_overlaps_it():
    first, second = told(begun("aa", 10), begun("bb", 50, host="celery@there", S=90))
    assert (first.state, second.overlaps) == ("LOST", False)


def test_one_whose_worker_lives_on_runs_still(memory_store):
    memory_store.beat("celery@here", NOW - 1000)
    assert told(begun("aa", 10), begun("bb", 50, S=90))[0].state == "STARTED"


def test_one_that_gave_its_message_back_is_over():
    first, second = told(begun("aa", 10, r=20), begun("bb", 50, S=90))
    assert (first.state, first.finished_at, second.overlaps) == ("PENDING", at(20), False)


def test_a_retry_overlaps_nothing():
    states = told(begun("aa", 10, t=30), begun("bb", 20, t=40), begun("cc", 35, attempt=1, S=60))
    assert [(one.attempt, one.state, one.overlaps) for one in states] == [
        (1, "RETRY", False),
        (1, "RETRY", True),
        (2, "SUCCESS", False),
    ]


def test_of_many_the_newest_are_told():
    executions = told(*(begun(f"{number:02}", number, r=number + 1) for number in range(10, 10 + 3 * MOST_TOLD)))
    assert len(executions) == MOST_TOLD
    assert executions[-1].started_at == at(10 + 3 * MOST_TOLD - 1)


@pytest.mark.parametrize("pid", [0, 1, 35, 36, 4711, 2**22, 2**32 - 1])
def test_a_process_comes_back_as_it_was(pid):
    value = facts.started(NOW + 10, None, "celery@here", NOW, pid)[facts.STARTED]
    assert facts.start_in(value, NOW) == (NOW + 10, None, pid, "celery@here")


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("10 5 celery@here", (NOW + 10, NOW + 5, None, "celery@here")),  # as earlier snapshots wrote it
        ("10 - celery@here", (NOW + 10, None, None, "celery@here")),
        ("10 5.! celery@here", (NOW + 10, NOW + 5, None, "celery@here")),
        ("10 5.zzzzzzzzzzzz celery@here", (NOW + 10, NOW + 5, None, "celery@here")),
        ("10 5.²", (NOW + 10, NOW + 5, None, "")),
        ("ten", (None, None, None, "")),
        (None, (None, None, None, "")),
    ],
)
def test_a_start_that_says_less_is_read_for_what_it_says(value, start):
    assert facts.start_in(value, NOW) == start


def test_long_hostnames_are_told_whole():
    host = f"celery@{'pod-' * 12}"
    first, _second = told(begun("aa", 10, host=host, F=30), begun("bb", 50, S=90))
    assert first.worker == host


# -- tags, which tell executions apart --------------------------------------------------------------------------------


def test_no_two_deliveries_to_a_worker_have_the_same_tag():
    tags = {facts.execution_tag() for _delivery in range(4096)}
    assert len(tags) == 4096
    assert all(facts.FIELD.fullmatch(facts.field(ID, "b", 0, facts.life_tag(NOW) + tag)) for tag in tags)


def test_a_process_that_was_forked_does_not_tag_as_its_parent(monkeypatch):
    beginnings = iter([b"\0\0", b"\1\0"])
    monkeypatch.setattr(os, "urandom", lambda size: next(beginnings))
    facts._tags.cache_clear()
    tags = [facts.execution_tag(), facts.execution_tag()]
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert [*tags, facts.execution_tag()] == ["AA", "AB", "EA"]


class Held:
    """What a worker's main process has of a message that it has not acknowledged."""

    acknowledged, _already_cancelled, hostname = False, True, "celery@here"

    def __init__(self, task_id):
        self.id, self.args, self.kwargs, self.task = task_id, ("1",), {}, tasks.outlives
        self.request_dict = {"id": task_id, "retries": 0, "headers": {}}


def test_each_task_of_a_worker_that_ends_says_that_its_message_went_back(monkeypatch):
    monkeypatch.setattr(facts, "execution_tag", lambda: "aa")
    monkeypatch.setattr(delivery, "unacknowledged", {})
    told = []
    monkeypatch.setattr(workers, "unacknowledged", delivery.unacknowledged)
    monkeypatch.setattr(workers, "note_interruption", lambda task, request, received: told.append(request.id))
    held = [Held(str(number)) for number in range(3)]
    for request in held:
        delivery.task_received(sender=None, request=request)
    workers.worker_shutting_down()
    assert told == ["0", "1", "2"]
