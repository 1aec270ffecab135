"""How many tasks of each workflow a process has published is remembered of some workflows, and no more."""

from celery_ops.tracking.crowd import Crowd
from celery_ops.tracking.workflows import FULL


def test_a_workflow_has_room_up_to_its_most():
    crowd = Crowd(most=2)
    assert [crowd.entered("flow", task_id) for task_id in "abc"] == ["flow", "flow", FULL + "flow"]


def test_a_task_that_is_published_again_is_counted_once():
    crowd = Crowd(most=1)
    assert [crowd.entered("flow", "a") for _time in range(2)] == ["flow", "flow"]


def test_what_the_store_says_to_be_full_has_no_room():
    crowd = Crowd(most=2)
    crowd.fill("flow")
    assert crowd.entered("flow", "a") == FULL + "flow"


def test_the_workflow_that_was_published_in_longest_ago_is_forgotten():
    crowd = Crowd(most=1, remembered=2)
    for number, key in enumerate(("first", "second", "third")):
        crowd.entered(key, str(number))
    assert crowd.entered("third", "next") == FULL + "third"
    assert crowd.entered("first", "another") == "first"


def test_full_workflows_are_forgotten_too():
    crowd = Crowd(remembered=2)
    for key in ("first", "second", "third"):
        crowd.fill(key)
    assert crowd.entered("first", "a") == "first"
