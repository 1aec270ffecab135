"""A previous step's result is told from what the caller gave: on Celery's own canvas, run without a worker."""

from types import SimpleNamespace

import pytest
from celery import chain, chord, group
from celery.app.trace import build_tracer
from celery.signals import before_task_publish

from celery_ops import tasks_for, tracking
from celery_ops.tracking import runs
from celery_ops.tracking.workflows import chains
from celery_ops.tracking.workflows.members import membership
from celery_ops.workflows.workflow import Workflow
from tests.celery import app
from tests.conftest import broker, results_at
from tests.shop import tasks
from tests.shop.models import Order


@pytest.fixture
def steps():
    """Tasks ``a``, ``b`` and ``c`` that give back what they got, and some that do more."""
    before = set(app.tasks)

    def task(name, **options):
        return app.task(name=f"steps.{name}", shared=False, **options)

    @task("a")
    def a(*args):
        return args[0]

    @task("b")
    def b(*args):
        return args[0]

    @task("c")
    def c(*args):
        return args[0]

    @task("fails")
    def fails(*args):
        raise ValueError(args)

    @task("launches")
    def launches(*args):
        b.delay(*args)
        return args[0]

    @task("launches_with_its_id", bind=True)
    def launches_with_its_id(self, *args):
        b.delay(self.request.id)

    @task("told")
    def told(task_id):
        return task_id

    @task("replaces", bind=True)
    def replaces(self, *args):
        raise self.replace(a.s(*args) | b.s())

    yield SimpleNamespace(
        a=a,
        b=b,
        c=c,
        fails=fails,
        launches=launches,
        launches_with_its_id=launches_with_its_id,
        told=told,
        replaces=replaces,
    )
    for name in set(app.tasks) - before:
        del app.tasks[name]


@pytest.fixture
def prepended(steps):
    """Run a canvas to its end and return what ``chains`` says of each message: ``[(task, arguments, prepended)]``."""
    said = []

    def listen(sender, headers, body, **_):
        count = chains.prepended_count(runs.current_request(), headers, body[0], body[1])
        said.append((sender.removeprefix("steps."), list(body[0]), count))

    def run(canvas, **options):
        run_to_its_end(canvas, **options)
        return [entry for entry in said if not entry[0].startswith("celery.")]

    before_task_publish.connect(listen)
    with broker("memory://chains"), results_at("cache+memory://"):
        yield run
    before_task_publish.disconnect(listen)


def run_to_its_end(canvas, **options):
    with app.connection_for_read() as connection:
        simple = connection.SimpleQueue("celery")
        simple.clear()  # of what other tests have sent in this process's memory
        result = canvas.apply_async(**options)
        queue = simple.queue(connection.default_channel)
        while (message := queue.get(no_ack=True)) is not None:
            execute(message)
    return result


def execute(message):
    """Do what a worker does with a message."""
    args, kwargs, embedded = message.decode()
    headers = message.headers
    request = {**headers, **embedded, "args": args, "kwargs": kwargs, "delivery_info": {}, "hostname": "here"}
    task = app.tasks[headers["task"]]
    build_tracer(task.name, task, app=app)(headers["id"], args, kwargs, request)


CANVASES = {
    "a step": (lambda t: chain(t.a.s(1), t.b.s()), [("b", [1], 1)]),
    "a step with arguments of its own": (lambda t: chain(t.a.s(1), t.b.s(5)), [("b", [1, 5], 1)]),
    "an immutable step": (lambda t: chain(t.a.s(1), t.b.si(5)), [("b", [5], 0)]),
    "an immutable step with the same value": (lambda t: chain(t.a.s(1), t.b.si(1)), [("b", [1], 0)]),
    "a step after an immutable one": (lambda t: chain(t.a.s(1), t.b.si(5), t.c.s()), [("b", [5], 0), ("c", [5], 1)]),
    "the same task twice": (lambda t: chain(t.a.s(1), t.a.s()), [("a", [1], 1)]),
    "a chain in a chain": (lambda t: chain(t.a.s(1), chain(t.b.s(), t.c.s())), [("b", [1], 1), ("c", [1], 1)]),
    "a group in a chain": (lambda t: chain(t.a.s(1), group(t.b.s(), t.c.si(5))), [("b", [1], 1), ("c", [5], 0)]),
    "chains in a group in a chain": (
        lambda t: chain(t.a.s(1), group(chain(t.b.s(), t.c.s()), t.b.s(7))),
        [("b", [1], 1), ("b", [1, 7], 1), ("c", [1], 1)],
    ),
    "a chord's body": (lambda t: chord([t.a.s(1), t.a.s(2)], t.b.s()), [("a", [2], 0), ("b", [[1, 2]], 1)]),
    "a chord's immutable body": (lambda t: chord([t.a.s(1), t.a.s(2)], t.b.si(5)), [("a", [2], 0), ("b", [5], 0)]),
    "a group's chord in a chain": (
        lambda t: chain(t.c.s(1), group(t.a.s(), t.a.si(2)), t.b.s()),
        [("a", [1], 1), ("a", [2], 0), ("b", [[1, 2]], 1)],
    ),
    "a callback": (lambda t: t.a.s(1).set(link=t.b.s()), [("b", [1], 1)]),
    "a callback with arguments": (lambda t: t.a.s(1).set(link=t.b.s(5)), [("b", [1, 5], 1)]),
    "an immutable callback": (lambda t: t.a.s(1).set(link=t.b.si(5)), [("b", [5], 0)]),
    "several callbacks": (lambda t: t.a.s(1).set(link=[t.b.s(), t.c.si(1)]), [("b", [1], 1), ("c", [1], 0)]),
    "a callback's callback": (lambda t: t.a.s(1).set(link=t.b.s().set(link=t.c.s())), [("b", [1], 1), ("c", [1], 1)]),
    "a chain as a callback": (lambda t: t.a.s(1).set(link=chain(t.b.s(), t.c.s())), [("b", [1], 1), ("c", [1], 1)]),
    "an errback": (lambda t: t.fails.s(1).set(link_error=t.told.s()), [("told", None, 1)]),
    "a launch by the task itself": (lambda t: t.launches.s(1), [("b", [1], 0)]),
    "a launch of the task that comes next": (lambda t: chain(t.launches.s(1), t.b.s()), [("b", [1], 0), ("b", [1], 1)]),
    # A callback has no id before it is sent: which is which cannot be told, and no link is better than a wrong one.
    "a launch of the callback": (lambda t: t.launches.s(1).set(link=t.b.s()), [("b", [1], 1), ("b", [1], 1)]),
    "another launch of the callback's task": (
        lambda t: t.launches.s(1, 2).set(link=t.b.s()),
        [("b", [1, 2], 2), ("b", [1], 1)],
    ),
    "a replacement's second step": (lambda t: t.replaces.s(1), [("a", [1], 0), ("b", [1], 1)]),
}


@pytest.mark.parametrize("name", CANVASES)
def test_results_of_the_previous_step_are_counted_and_the_callers_arguments_are_not(prepended, steps, name):
    canvas, expected = CANVASES[name]
    messages = prepended(canvas(steps))[1:]
    found = [(task, None if task == "told" else args, count) for task, args, count in messages]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_celerys_own_task_that_waits_for_a_chords_header_is_none_of_its_workflow(memory_store, tmp_path):
    """As most result backends have it, whose chord is published in a tracked task or in a block for an object."""
    pay = tasks.process_payment.si(1)
    with broker("memory://chains"), results_at(f"file://{tmp_path}"), tracking(Order(pk=1)):
        result = run_to_its_end(chord([pay, chain(pay, group(pay, pay), pay)], tasks.noop.si(1)))
    workflow = Workflow.of(membership(result.id))
    assert (workflow.progress.done, workflow.progress.total) == (6, 6)
    assert {task.name.rpartition(".")[2] for task in workflow.tasks} == {"process_payment", "noop"}


def test_the_first_step_is_the_callers(prepended, steps):
    assert prepended(chain(steps.a.s(1), steps.b.s()))[0] == ("a", [1], 0)


def test_its_own_id_that_a_task_gives_to_another_is_the_callers(prepended, steps):
    """An object may be called by the id of the task that works on it."""
    assert prepended(steps.launches_with_its_id.s(), task_id="job")[1:] == [("b", ["job"], 0)]
    canvas = steps.launches_with_its_id.s().set(link_error=steps.told.s())
    assert prepended(canvas, task_id="another")[-1] == ("b", ["another"], 0)


def test_the_id_that_an_errback_gets_of_a_killed_task_is_not_the_callers():
    """The worker's main process publishes it, outside of any task."""
    assert chains.prepended_count(None, {"id": "1", "task": "told", "parent_id": "killed"}, ("killed",), {}) == 1


def test_outside_a_task_nothing_is_prepended():
    assert chains.prepended_count(None, {}, (1,), {}) == 0


def test_a_signature_of_any_shape_does_no_harm():
    request = SimpleNamespace(
        callbacks=[None, 5, "x", {}, {"kwargs": {"tasks": 5}}, {"options": {"link": [None]}}],
        errbacks=None,
        chain=[{"args": None, "kwargs": None, "options": None}],
        chord="x",
        get=lambda key: None,
    )
    assert chains.prepended_count(request, {"id": "1", "task": "a"}, (1,), {}) == 0


class Array:
    """As an array or a table: what comparing it gives is neither true nor false."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = None


def test_a_task_that_is_given_an_array_is_linked(memory_store):
    with broker("memory://"):
        result = tasks.named.apply_async((Array(),), {"order_id": 7}, serializer="pickle")
    assert [task.id for task in tasks_for(Order(pk=7))] == [result.id]


def test_arrays_among_what_is_called_back_are_the_callers():
    callback = {"task": "steps.b", "args": [Array()], "options": {}}
    request = SimpleNamespace(id="me", task="steps.a", callbacks=[callback], errbacks=None, chord=None, get=str)
    headers = {"id": "other", "task": "steps.b", "parent_id": "me"}
    assert chains.prepended_count(request, headers, [1, Array()], {}) == 0
