"""How many tasks of each workflow a process has published is remembered of some workflows, and no more."""

from celery_ops.tracking.workflows import FULL
from celery_ops.tracking.workflows.sizes import WorkflowSizes


def test_a_workflow_has_room_up_to_its_most():
    sizes = WorkflowSizes(most=2)
    assert [sizes.counted("flow", task_id) for task_id in "abc"] == ["flow", "flow", FULL + "flow"]


def test_a_task_that_is_published_again_is_counted_once():
    sizes = WorkflowSizes(most=1)
    assert [sizes.counted("flow", "a") for _time in range(2)] == ["flow", "flow"]


def test_what_the_store_says_to_be_full_has_no_room():
    sizes = WorkflowSizes(most=2)
    sizes.fill("flow")
    assert sizes.counted("flow", "a") == FULL + "flow"


def test_the_workflow_that_was_published_in_longest_ago_is_forgotten():
    sizes = WorkflowSizes(most=1, remembered=2)
    for number, key in enumerate(("first", "second", "third")):
        sizes.counted(key, str(number))
    assert sizes.counted("third", "next") == FULL + "third"
    assert sizes.counted("first", "another") == "first"


def test_full_workflows_are_forgotten_too():
    sizes = WorkflowSizes(remembered=2)
    for key in ("first", "second", "third"):
        sizes.fill(key)
    assert sizes.counted("first", "a") == "first"
