"""A workflow run again as a whole: the same messages once more, under new ids, or the reason why not."""

from uuid import uuid4

import pytest
from celery import chain, chord, group

from celery_ops import states
from celery_ops.exceptions import NotKnown, RerunRefused
from celery_ops.models import TaskRunRecord
from celery_ops.rerun import rerun_whole, whole_candidate
from celery_ops.rerun.workflow import first_tasks
from celery_ops.tracking.workflows import canvas
from celery_ops.tracking.workflows.members import Member, membership
from celery_ops.workflows.workflow import Workflow
from tests.conftest import make_user, results_at
from tests.ops.task_backends import Held, use
from tests.shop import tasks

from .workflow_messages import Messages, sent

pytestmark = pytest.mark.django_db

NOOP, RETURNS, PAY = (f"tests.shop.tasks.{name}" for name in ("noop", "returns", "process_payment"))


@pytest.fixture(autouse=True)
def _with_results():
    with results_at("cache+memory://"):
        yield


def noop(order):
    return tasks.noop.si(order.pk)


def returns(order, value=7):
    return tasks.returns.si(order.pk, value)


def pay(order):
    return tasks.process_payment.si(order.pk)


def after(order):
    """A step that takes the result of the one before it."""
    return tasks.named.s(order_id=order.pk)


SHAPES = {
    "a chain": lambda order: chain(noop(order), after(order), returns(order).set(priority=3)),
    "a group": lambda order: group(noop(order), returns(order), noop(order)),
    "a chord": lambda order: chord([noop(order), returns(order)], after(order)),
    "a chain, a chord, a chain": lambda order: chain(
        noop(order), group(returns(order, 1), returns(order, 2)), after(order), noop(order)
    ),
    "a chord, then a chain": lambda order: chain(group(noop(order), returns(order)), after(order), noop(order)),
    "a group of chains": lambda order: group(chain(noop(order), returns(order)), chain(returns(order), after(order))),
    "a group of groups": lambda order: group(
        returns(order, 0), group(returns(order, 1), noop(order)), group(returns(order, 3), returns(order, 4))
    ),
    "a chord of chains": lambda order: chord(
        [chain(noop(order), returns(order)), pay(order)], chain(after(order), noop(order))
    ),
    "a group of chords": lambda order: group(chord([noop(order), pay(order)], after(order)), returns(order)),
    "a chord of chords": lambda order: chord(
        [chord([noop(order), pay(order)], after(order)), returns(order)], after(order)
    ),
    "a chain that ends in a group": lambda order: chain(noop(order), group(returns(order), after(order))),
    "a group, a step, a group": lambda order: chain(
        group(noop(order), pay(order)), after(order), group(returns(order), after(order)), after(order)
    ),
    "a group, a step, a group at the end": lambda order: chain(
        group(noop(order), pay(order)), returns(order), group(returns(order), after(order))
    ),
    "a chord whose body is a group": lambda order: chord([noop(order), pay(order)], group(after(order), noop(order))),
    "a chord that ends in a group, in a chord": lambda order: chord(
        [returns(order), chord([noop(order)], group(after(order), noop(order))), pay(order)], after(order)
    ),
    "a chord of a chord, beside chains": lambda order: group(
        chord([chord([noop(order)], pay(order))], returns(order)), chain(noop(order), pay(order)), noop(order)
    ),
    "callbacks": lambda order: tasks.noop.signature((order.pk,), link=[after(order), returns(order)]),
    "errbacks of a chain": lambda order: chain(noop(order).on_error(pay(order)), returns(order).on_error(pay(order))),
    "callbacks of a chord": lambda order: chord([noop(order), pay(order)], after(order).set(link=[returns(order)])),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_whole_is_sent_as_it_was_but_for_its_ids(order, staff, name):
    first = sent(SHAPES[name](order))
    with Messages() as again:
        rerun_whole(first.ids[-1], staff)
    assert again.shape == first.shape
    assert not set(again.ids) & set(first.ids)
    assert again.key != first.key


def test_the_whole_can_be_run_again_again(order, staff):
    messages = sent(SHAPES["a chain, a chord, a chain"](order))
    for _time in range(2):
        with Messages() as again:
            rerun_whole(messages.ids[0], staff)
        again.end()
        assert again.shape == messages.shape
        messages = again


def test_each_first_task_has_a_row_and_leads_to_the_one_that_it_was(order, staff):
    first = sent(chord([noop(order), returns(order)], after(order)))
    records = rerun_whole(first.key, staff)
    assert [record.retry_of for record in records] == first.ids
    assert [(row.task_name, row.send_state, row.options) for row in TaskRunRecord.objects.order_by("pk")] == [
        (NOOP, "SENT", {"whole": 3}),
        (RETURNS, "SENT", {"whole": 3}),
    ]
    known = membership(records[0].task_id)
    assert {record.task_id for record in records} == {m.task_id for m in known.members if m.published}


@pytest.mark.parametrize(
    ("queue", "priority", "again"),
    [("slow", 0, {"queue": "slow", "priority": 0}), ("given up", 3, {"priority": 3}), (None, None, {})],
)
def test_first_tasks_keep_their_own_queue_where_that_may_be_chosen_and_their_priority(
    order, staff, settings, queue, priority, again
):
    use(settings, Held, RUNNABLE_TASKS={NOOP: {"queues": ["slow"]}})
    own = noop(order).set(queue=queue, priority=priority)
    first = sent(group(own, chain(own.clone(), returns(order)), noop(order)))
    with Messages() as messages:
        records = rerun_whole(first.key, staff)
    assert [record.options for record in records] == [{**options, "whole": 4} for options in (again, again, {})]
    chosen = again.get("queue", "celery")
    assert [key for *_rest, key in messages.all] == [chosen, chosen, "celery"]


def test_members_of_a_group_keep_their_own_objects(order, staff):
    other = type(order)(pk=order.pk + 1)
    first = sent(group(noop(order), noop(other)))
    records = rerun_whole(first.key, staff)
    assert [(row.object_type, row.object_id) for row in records] == [
        ("shop.order", str(order.pk)),
        ("shop.order", str(other.pk)),
    ]
    assert [str(membership(row.task_id).refs[0].pk) for row in records] == [str(order.pk), str(other.pk)]


def test_a_task_that_published_all_the_others_is_run_again_alone(order, staff):
    with Messages() as messages:
        tasks.process_payment.apply_async((order.pk,), link=noop(order))
    messages.end()
    with Messages() as again:
        rerun_whole(messages.ids[0], staff)
    assert again.shape == messages.shape


# -- why not ----------------------------------------------------------------------------------------------------------


def refusal(task_id, user):
    with pytest.raises(RerunRefused) as caught:
        whole_candidate(task_id, user)
    return caught.value


def test_a_task_alone_is_no_workflow(order, staff):
    with pytest.raises(NotKnown):
        whole_candidate(tasks.noop.delay(order.pk).id, staff)


def test_what_goes_on_is_not_run_again(order, staff):
    with Messages() as messages:
        chain(noop(order), returns(order)).apply_async()
    assert "not over yet" in str(refusal(messages.ids[0], staff))


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (lambda order: tasks.process_payment.si(order.pk, card="4111111111111111"), PAY),
        (lambda order: tasks.returns.si(order.pk, "x" * 3000), RETURNS),
        (lambda order: tasks.process_payment.si(order.pk, "4111111111111111"), PAY),
    ],
)
def test_a_later_step_whose_arguments_are_not_kept_is_named(order, staff, memory_store, step, named):
    messages = sent(chain(noop(order), step(order)))
    assert named in str(refusal(messages.ids[0], staff))
    assert "41111111" not in str(memory_store.__dict__)


def test_what_follows_a_result_is_named_by_the_parameters_that_it_has_then(order, staff, memory_store):
    """``card`` is the second parameter of a step whose first is the result of the one before it."""
    messages = sent(chain(returns(order, order.pk), tasks.process_payment.s("hunter2hunter2")))
    assert PAY in str(refusal(messages.ids[0], staff))
    assert "hunter2" not in str(memory_store.__dict__)


@pytest.mark.parametrize("canvas_of", [lambda step: chain(*step), lambda step: chord([step[0]], step[1])])
def test_one_task_that_may_not_be_run_refuses_the_whole_and_is_named(order, staff, canvas_of):
    messages = sent(canvas_of([noop(order), tasks.internal_cleanup.si(order.pk)]))
    error = refusal(messages.ids[0], staff)
    assert "internal_cleanup" in str(error)
    assert error.is_closed


def test_the_permission_of_each_task_is_asked(order, settings):
    user = make_user("one", "celery_ops.view_ops", "celery_ops.add_taskrunrecord")
    use(settings, Held, RUNNABLE_TASKS={RETURNS: {"permission": "shop.change_order"}})
    messages = sent(chain(noop(order), returns(order)))
    error = refusal(messages.ids[0], user)
    assert error.is_forbidden
    assert RETURNS in str(error)


@pytest.mark.parametrize("work", [lambda: tasks.noop.chunks([(1,), (2,)], 1), lambda: tasks.noop.map([1, 2])])
def test_celerys_own_tasks_are_never_sent(order, staff, work):
    messages = sent(chain(noop(order), work()))
    assert "celery." in str(refusal(messages.ids[0], staff))


def test_a_type_in_the_arguments_of_a_step_is_refused(order, staff):
    step = tasks.returns.si(order.pk, {"__type__": "uuid", "__value__": "x"})
    messages = sent(chain(noop(order), step))
    assert "__type__" in str(refusal(messages.ids[0], staff))


@pytest.mark.parametrize("members", [(0, 1), (1, 0), (0, 0, 1)])
def test_a_group_of_which_some_are_not_tracked_is_not_known_whole(order, staff, members):
    made = [tasks.untracked.si(1) if number else noop(order) for number in members]
    messages = sent(group(made))
    assert "some are not tracked" in str(refusal(messages.key, staff))


def test_later_steps_of_many_bytes_are_not_kept(order, staff):
    messages = sent(chain(noop(order), *[returns(order, "y" * 1000) for _ in range(100)]))
    assert "64 KiB" in str(refusal(messages.ids[0], staff))


def test_a_site_that_keeps_no_arguments_says_so(order, staff, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none"}
    messages = sent(chain(noop(order), returns(order)))
    assert "ARGS_CAPTURE" in str(refusal(messages.ids[0], staff))


def test_what_comes_at_once_has_room_in_the_minute_or_is_refused(order, staff, settings):
    use(settings, Held, RUNNABLE_TASKS={NOOP: {"max_per_minute": 2}})
    messages = sent(group([noop(order)] * 3))
    assert "max_per_minute" in str(refusal(messages.key, staff))


# -- once -------------------------------------------------------------------------------------------------------------


def test_the_same_form_sends_it_once(order, staff, published):
    messages = sent(chord([noop(order), returns(order)], after(order)))
    published.clear()
    key = uuid4()
    one, other = (rerun_whole(messages.key, staff, submission=key) for _time in range(2))
    assert [row.pk for row in one] == [row.pk for row in other]
    assert len(published) == 2


def test_who_saw_it_before_somebody_else_ran_it_is_refused(order, staff, published):
    from celery_ops.rerun import rerun_whole_candidate

    messages = sent(chord([noop(order), returns(order)], after(order)))
    seen = whole_candidate(messages.key, staff)
    rerun_whole(messages.key, staff)
    published.clear()
    with pytest.raises(RerunRefused):
        rerun_whole_candidate(seen, staff)
    assert published == []
    assert next(doubt.kind for doubt in whole_candidate(messages.key, staff).doubts) == "again"


# -- what is kept -----------------------------------------------------------------------------------------------------


def kept(messages):
    return membership(messages.ids[0], with_canvases=True).canvases


def test_a_body_is_kept_once(order):
    messages = sent(chord([noop(order) for _ in range(20)], after(order)))
    assert list(kept(messages)) == messages.ids[:1]


def test_a_group_of_single_tasks_keeps_nothing(order):
    assert kept(sent(group([noop(order) for _ in range(20)]))) == {}


def test_what_a_task_publishes_keeps_nothing_beside_its_steps(order):
    messages = sent(chain(noop(order), returns(order)))
    assert len(kept(messages)[messages.ids[0]]) < 100


def test_the_arguments_are_those_of_the_publish_whatever_becomes_of_them_later(order, staff, monkeypatch):
    value = [1]
    monkeypatch.setattr("celery_ops.tracking.memory.MemoryStore.is_at_hand", False)
    with Messages() as messages:
        chain(noop(order), returns(order, value)).apply_async()
    value.append(2)
    messages.end()
    with Messages() as again:
        rerun_whole(messages.ids[0], staff)
    assert again.shape == messages.shape


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"n": [], "s": [[0, "=[]"]]}', '{"n": ["a"], "s": 1}', "[" * 10**5])
def test_what_no_process_of_ours_has_written_is_no_canvas(text):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever JSON says
        canvas.canvas_in(text)


def test_the_first_of_many_tasks_are_found_without_comparing_each_with_each(monkeypatch):
    first = [Member(f"first {number}", NOOP, states.SUCCESS, published=True) for number in range(3)]
    later = [Member(f"later {number}", NOOP, states.SUCCESS, True, parent_id="first 0") for number in range(3)]
    compared = []
    monkeypatch.setattr(Member, "__eq__", lambda one, other: compared.append((one, other)) or one is other)
    found = first_tasks(Workflow("flow", (*first, *later)))
    monkeypatch.undo()
    assert (found, compared) == (first, [])
