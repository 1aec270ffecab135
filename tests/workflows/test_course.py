"""A workflow while it runs and after something went wrong: what is to come, what never comes, and what is run again."""

import pytest
import redis
from celery import chain, chord, group

from celery_ops.tracking import workflows
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.workflows.members import membership
from celery_ops.tracking.workflows.sizes import WorkflowSizes
from tests.servers import PATIENCE
from tests.shop import tasks

from .conftest import seen, shape

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def pace(tmp_path):
    """A file with a byte for each step that may be taken."""
    path = tmp_path / "pace"
    path.touch()
    return path


def go_on(pace, steps=1):
    with open(pace, "a") as file:
        file.write("." * steps)


def to_come(workflow):
    return [task.name.rpartition(".")[2] for task in workflow.tasks if not task.published]


def test_a_chord_of_twenty_before_during_and_after(order, pace):
    result = chord([tasks.paced.si(order.pk, str(pace), 1) for _ in range(20)], tasks.noop.si(order.pk)).delay()
    workflow = seen(result.id, done=0, total=21, to_come=1)
    assert to_come(workflow) == ["noop"]
    assert shape(workflow) == [("paced", "noop")] * 20
    go_on(pace)
    workflow = seen(result.id, done=21, total=21)
    assert to_come(workflow) == []
    assert shape(workflow) == [("paced", "noop")] * 20


def test_the_third_step_of_a_chain_is_known_before_it_is_published(order, pace):
    result = chain(tasks.paced.si(order.pk, str(pace), 1), tasks.noop.si(order.pk), tasks.untracked.si()).delay()
    workflow = seen(result.id, done=0, total=3)
    assert to_come(workflow) == ["noop", "untracked"]
    assert [task.task_id for task in workflow.tasks][-1] == result.id
    go_on(pace)
    seen(result.id, done=3, total=3)


def test_the_body_of_a_chord_whose_header_fails_never_comes_and_has_not_failed(order):
    header = [tasks.noop.si(order.pk) for _ in range(19)] + [tasks.fails.si(order.pk)]
    result = chord(header, tasks.untracked.si()).delay()
    workflow = seen(result.id, done=19, failed=1, total=21)
    assert to_come(workflow) == ["untracked"]
    assert workflow.progress.is_over


def test_what_is_to_come_after_an_untracked_first_step_is_known_once_a_tracked_one_is_published(order):
    result = chain(tasks.untracked.si(), tasks.noop.si(order.pk), tasks.untracked.si()).delay()
    workflow = seen(result.id, done=2)
    assert shape(workflow) == [("", "noop"), ("noop", "untracked")]


def test_a_task_that_replaces_itself_stays_one(order):
    result = tasks.replaces.delay(order.pk)
    result.get(PATIENCE)
    known = membership(result.id)
    assert known is None or [member.task_id for member in known.members] == [result.id]


def test_a_task_whose_replacement_never_comes_is_to_come_and_not_well(order):
    result = tasks.replaces_by_chain.delay(order.pk, "fails")
    workflow = seen(result.id, failed=1, to_come=1, total=2)
    assert workflow.progress.is_over


def test_a_retried_task_is_one_task(order):
    result = chain(tasks.retries.si(order.pk, 2), tasks.noop.si(order.pk)).delay()
    seen(result.id, done=2, total=2)


def test_a_task_alone_writes_nothing_of_workflows(order):
    result = tasks.process_payment.delay(order.pk)
    result.get(PATIENCE)
    recorder().flush()
    assert recorder().store.read([workflows.place(result.id)]) == [{}]


def test_everything_kept_has_a_time_to_live(order, site):
    result = chain(tasks.noop.si(order.pk), *[tasks.noop.si(order.pk) for _ in range(100)]).delay()
    seen(result.id, total=101)
    client = redis.Redis.from_url(site.store)
    assert [key for key in client.scan_iter("*") if client.ttl(key) < 0] == []


def test_the_objects_of_its_tasks_are_those_of_the_workflow(order, other):
    result = group(tasks.noop.si(order.pk), tasks.noop.si(other.pk)).delay()
    seen(result.id, done=2)
    assert set(membership(result.id).refs) == {ObjectRef.of(order), ObjectRef.of(other)}
    assert membership(result.results[0].id).refs == (ObjectRef.of(order),)


def test_beyond_its_room_a_workflow_takes_no_more(order, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.workflows.sizes.sizes", WorkflowSizes(most=3))
    result = group([tasks.noop.si(order.pk) for _ in range(5)]).delay()
    workflow = seen(result.id, done=3, total=3)
    assert workflow.is_partial
    late = result.results[-1].id
    assert membership(late).key == result.id
