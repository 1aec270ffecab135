"""Celery's signals become facts: in eager mode, where a task runs in the process that calls it."""

import json
from functools import partial
from socket import gethostname

import pytest
from celery import chain
from celery.app.trace import build_tracer

from celery_ops import logs, tasks_for, tracking
from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import counters, decorators, histories
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import HEADER, Stamp, now_ms
from tests.celery import app
from tests.conftest import results_at
from tests.shop import tasks
from tests.shop.models import Item, Order, Page, Seat, Warehouse

pytestmark = pytest.mark.usefixtures("eager", "memory_store")

ORDER = Order(pk=1)
KEY = "12345678-1234-5678-1234-567812345678"


def only(obj=ORDER):
    (task,) = tasks_for(obj)
    return task


def payload(obj=ORDER):
    return read_payload(ObjectRef.of(obj), only(obj).id)


# -- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1,), {}), (("1",), {}), (("01",), {}), ((), {"order_id": 1})],
    ids=["position", "text", "zeros", "keyword"],
)
def test_a_task_bound_by_default_is_linked(args, kwargs):
    tasks.process_payment.delay(*args, **kwargs)
    assert only().name == tasks.process_payment.name


@pytest.mark.parametrize(
    ("call", "obj"),
    [
        (lambda: tasks.named.delay("hello", 1), ORDER),
        (lambda: tasks.named.delay("hello", order_id=1), ORDER),
        (lambda: tasks.by_number.delay(1), ORDER),
        (lambda: tasks.by_callable.delay(order=1), ORDER),
        (lambda: tasks.restock.delay(5, 1), ORDER),
        (lambda: tasks.restock.delay(5, 1), Warehouse(pk=5)),
        (lambda: tasks.label_item.delay(KEY), Item(pk=KEY)),
        (lambda: tasks.render_page.delay("/ : * ? [ ] { }\n"), Page(pk="/ : * ? [ ] { }\n")),
        (lambda: tasks.reserve.delay(["A", 1]), Seat(row="A", number=1)),
        (lambda: tasks.process_payment.apply_async((1,)), ORDER),
        (lambda: tasks.process_payment.apply((1,)), ORDER),
        (lambda: tasks.process_payment.s(1).delay(), ORDER),
    ],
)
def test_every_form_of_binding_links(call, obj):
    call()
    assert only(obj).state == "SUCCESS"


def test_a_look_up_links(order):
    tasks.fulfill_order.delay(order.account_id, order.reference)
    assert only(order).name == tasks.fulfill_order.name


def test_a_task_of_another_object_is_not_this_ones():
    tasks.process_payment.delay(2)
    assert tasks_for(ORDER) == []


def test_a_task_whose_argument_names_no_object_runs_and_is_counted():
    assert tasks.process_payment.delay("nothing").get() == {"order": "nothing"}
    assert counters.counts()["unlinked"] == 1


def test_whatever_runs_inside_tracking_is_linked():
    with tracking(ORDER):
        tasks.untracked.delay()
    assert only().name == tasks.untracked.name


def test_tracking_adds_to_what_the_task_is_bound_to():
    with tracking(Warehouse(pk=5)):
        tasks.process_payment.delay(1)
    assert only().id == only(Warehouse(pk=5)).id


def test_a_task_bound_twice_to_one_object_is_listed_once():
    with tracking(ORDER):
        tasks.process_payment.delay(1)
    assert only()


def test_a_setting_links(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {tasks.untracked.name: {"model": "shop.Order"}}}
    tasks.untracked.delay(1)
    assert only().name == tasks.untracked.name


def test_an_immutable_step_of_a_chain_is_linked():
    chain(tasks.untracked.si(5), tasks.process_payment.si(1)).delay()
    assert only().name == tasks.process_payment.name


# -- children ---------------------------------------------------------------------------------------------------------


def family():
    tasks.parent.delay(1)
    found = {task.name.rpartition(".")[2]: task for task in tasks_for(ORDER)}
    return found["parent"], found["child"]


def test_a_task_launched_by_a_tracked_one_inherits_its_object():
    assert family()[1].state == "SUCCESS"


def test_a_child_is_told_apart_and_names_its_parent():
    parent, child = family()
    assert (parent.is_child, child.is_child, child.parent_id) == (False, True, parent.id)


def test_a_task_launched_by_an_untracked_one_inherits_nothing():
    tasks.launches.delay(1)
    assert not only().is_child


def test_a_child_that_is_bound_to_the_same_object_is_no_child(settings):
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "TRACKED_TASKS": {tasks.child.name: {"model": "shop.Order", "id_query": lambda args, kwargs: 1}},
    }
    assert not family()[1].is_child


def test_a_child_that_is_tracked_for_the_model_belongs_to_the_object_that_its_arguments_name_alone(settings):
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "TRACKED_TASKS": {tasks.child.name: {"model": "shop.Order", "id_query": lambda args, kwargs: 2}},
    }
    tasks.parent.delay(1)
    assert only().name == tasks.parent.name
    assert only(Order(pk=2)).name == tasks.child.name


# -- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "state"),
    [
        (tasks.process_payment, "SUCCESS"),
        (tasks.fails, "FAILURE"),
        (tasks.ignores, "IGNORED"),
        (tasks.rejects, "REJECTED"),
        (tasks.retries, "SUCCESS"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_task_ends_in_its_state(task, state):
    task.delay(1)
    assert only().state == state


def test_a_task_that_succeeded_has_its_times_in_order():
    tasks.process_payment.delay(1)
    task = only()
    assert task.published_at <= task.started_at <= task.finished_at


def test_retries_are_attempts_of_one_task():
    tasks.retries.delay(1, times=2)
    assert only().attempts == 3


def test_retries_that_run_out_are_a_failure():
    tasks.retries.delay(1, times=9)
    task = only()
    assert (task.state, task.attempts, task.error) == ("FAILURE", 4, "ConnectionError: the carrier did not answer")


def test_a_failure_tells_the_exceptions_class_and_message():
    tasks.fails.delay(1)
    assert only().error == "ValueError: the card was refused"


def test_a_failure_that_an_eager_task_propagates_is_a_failure():
    with pytest.raises(ValueError, match="the card was refused"):
        tasks.fails.apply((1,), throw=True)
    assert only().state == "FAILURE"


@pytest.fixture
def an_hour_later(monkeypatch):
    """Return the task as it is seen an hour later: nobody gives any sign of life meanwhile."""

    def look():
        later = now_ms() + 3_600_000
        with monkeypatch.context() as patch:
            patch.setattr(histories, "now_ms", lambda: later)
            return only()

    return look


def executed(task, args, **headers):
    """Do what a worker does with a message, but for its result: Celery 5.5 stores a start that is to be ignored."""
    request = {"id": "4f1c", "hostname": "celery@here", "is_eager": False, "ignore_result": True, **headers}
    with results_at("disabled://"):
        build_tracer(task.name, task, app=app)("4f1c", args, {}, request)


def test_an_eager_task_that_runs_for_long_is_not_lost(an_hour_later):
    seen = []
    tasks.does.apply((1, lambda: seen.append(an_hour_later())))
    assert [(task.state, task.worker) for task in seen] == [("STARTED", gethostname())]


def test_what_a_task_was_given_is_kept_again_where_it_has_waited_for_long():
    stamp = Stamp((ObjectRef.of(ORDER),), published=now_ms() - 3 * 86_400_000)
    executed(tasks.returns, (1, "a parcel"), **{HEADER: stamp.encoded()})
    assert json.loads(payload().args)["args"] == [1, "a parcel"]


def test_an_eager_task_inside_of_a_workers_is_lost_with_the_worker(an_hour_later):
    seen = []
    inside = partial(tasks.does.apply, (1, lambda: seen.append(an_hour_later())))
    executed(tasks.untracked_does, (inside,))
    assert [(task.state, task.worker) for task in seen] == [("LOST", "celery@here")]


def test_a_failures_traceback_is_kept():
    tasks.fails.delay(1)
    assert payload().traceback.rstrip().endswith("ValueError: the card was refused")


def test_a_task_that_failed_is_not_shown_with_what_it_would_have_returned():
    tasks.fails.delay(1)
    assert payload().result is None


def test_the_label_of_the_binding_is_told():
    tasks.process_payment.delay(1)
    assert only().label == "Charge the card"


# -- what is kept -----------------------------------------------------------------------------------------------------


def everything(store):
    return "\n".join(f"{name} {value}" for fields in store._objects.values() for name, value in fields.items())


SECRET = "tok-5up3r-s3cret-value"


@pytest.mark.parametrize(
    "call",
    [
        lambda: tasks.process_payment.delay(1, SECRET),
        lambda: tasks.process_payment.delay(1, card=SECRET),
        lambda: tasks.returns.delay(1, {"password": SECRET}),
        lambda: tasks.returns.delay(1, [{"api_key": {"deep": SECRET}}]),
        lambda: tasks.fails.delay(1, f"password={SECRET}"),
        lambda: tasks.fails.delay(1, f"https://user:{SECRET}@host/"),
    ],
    ids=["sensitive by position", "sensitive by keyword", "result", "deep", "message", "url"],
)
def test_a_secret_is_nowhere_in_the_store(memory_store, call):
    call()
    assert SECRET not in everything(memory_store)


def test_a_secret_argument_that_the_error_repeats_is_nowhere_in_the_store(memory_store, settings):
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "TRACKED_TASKS": {tasks.fails.name: {"model": "shop.Order", "sensitive": ("message",)}},
    }
    tasks.fails.delay(1, SECRET)
    assert SECRET not in everything(memory_store)


def test_nothing_else_than_the_secret_was_left_out(memory_store):
    tasks.returns.delay(1, "an ordinary value")
    assert "an ordinary value" in everything(memory_store)


@pytest.mark.parametrize("key", ["ARGS_CAPTURE", "RESULT_CAPTURE"])
def test_what_is_not_to_be_captured_is_not_kept(memory_store, settings, key):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none", "RESULT_CAPTURE": "none", key: "none"}
    tasks.returns.delay(1, "an ordinary value")
    assert "an ordinary value" not in everything(memory_store)


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, ["é" * 100] * 10**4, {str(n): n for n in range(10**5)}, 10**4000],
    ids=["text", "list", "dict", "number"],
)
def test_a_huge_result_is_kept_in_2_kib(memory_store, value):
    tasks.returns.apply((1, value))
    assert max(len(text.encode()) for fields in memory_store._objects.values() for text in fields.values()) <= 2049


def test_a_huge_error_is_kept_in_2_kib(memory_store):
    tasks.fails.delay(1, "x" * 10**7)
    assert max(len(text.encode()) for fields in memory_store._objects.values() for text in fields.values()) <= 2049


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_result_that_cannot_be_printed_does_not_keep_the_task_from_success():
    tasks.returns.apply((1, Unprintable()))
    assert only().state == "SUCCESS"


def test_an_exception_that_cannot_be_printed_is_a_failure_with_its_class(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {"here.raises": {"model": "shop.Order"}}}

    @app.task(name="here.raises", shared=False)
    def raises(order_id):
        raise Unprintable

    try:
        raises.delay(1)
    finally:
        del app.tasks["here.raises"]
    assert only().error == "Unprintable: [its message cannot be shown]"


def test_no_receiver_failed_meanwhile():
    for task in (tasks.process_payment, tasks.fails, tasks.retries, tasks.parent, tasks.ignores, tasks.rejects):
        task.delay(1)
    assert counters.counts()["errors"] == 0


# -- the store --------------------------------------------------------------------------------------------------------


class FailingStore(MemoryStore):
    """Counts what it is asked, and fails when it is told to."""

    error = None
    asked = 0

    def _ask(self):
        self.asked += 1
        if self.error is not None:
            raise self.error

    def write(self, batch):
        self._ask()
        return super().write(batch)

    def read(self, refs):
        self._ask()
        return super().read(refs)


@pytest.fixture
def store():
    recorder().store = FailingStore()
    return recorder().store


def test_an_untracked_task_makes_no_store_call(store):
    tasks.untracked.delay()
    assert store.asked == 0


def test_a_tracked_task_makes_one_store_call_an_event(store):
    tasks.noop.delay(1)
    assert store.asked == 2  # started and ended: eagerly, nothing is published


ERRORS = [StoreUnavailable("gone"), OSError("no"), RuntimeError("no"), KeyError("no"), RecursionError(), MemoryError()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_whatever_the_store_raises_the_task_gives_its_result(store, error):
    store.error = error
    assert tasks.process_payment.delay(1).get() == {"order": 1}


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_whatever_the_store_raises_the_task_fails_with_its_own_error(store, error):
    store.error = error
    with pytest.raises(ValueError, match="the card was refused"):
        tasks.fails.delay(1).get()


@decorators.receiver
def broken(**_):
    raise RuntimeError("no")


def test_a_receiver_that_fails_is_counted_each_time():
    for _ in range(3):
        broken()
    assert counters.counts()["errors"] == 3


def test_a_receiver_that_fails_again_the_same_way_is_logged_once(caplog, monkeypatch):
    monkeypatch.setattr(logs, "said", set())
    for _ in range(3):
        broken()
    assert [record.getMessage() for record in caplog.records] == ["broken failed; the task is not affected. Said once."]
