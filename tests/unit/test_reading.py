"""What ``tasks_for`` says: which tasks, in which order, and when a running one counts as lost."""

import json
from datetime import timedelta

import pytest

from celery_ops import tasks_for, tasks_for_many
from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import facts
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.revoke_requests import note_revokes_requested
from celery_ops.tracking.stamp import now_ms
from tests.shop.models import Express, Order, Warehouse

ORDER = Order(pk=1)
REF = ObjectRef.of(ORDER)
MINUTE = 60
LATELY = now_ms() - 2 * MINUTE * 1000
LONG_NAME = f"{'company.' * 8}tasks.charge"
LONG_HOST = f"celery@{'node.' * 12}internal"


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Each of the two stores: one returns long values at once, the other only when asked."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def write(store):
    def write(task_id, *, ref=REF, published=0, name="shop.tasks.charge", **known):
        """Store a task's facts; times are seconds before now."""
        now = now_ms()
        fields = facts.published(task_id, now - published * 1000, name)
        for kind, value in known.items():
            if isinstance(value, tuple):
                said = facts.started(now - value[0] * 1000, None, value[1])
                fields |= {facts.field(task_id, each): text for each, text in said.items()}
            else:
                letter = getattr(facts, kind.upper(), None) or facts.ENDED[kind.upper()]
                fields[facts.field(task_id, letter)] = str(now - value * 1000) if isinstance(value, int) else value
        store.write([(ref, fields)])

    return write


def ids(obj=ORDER, **options):
    return [task.id for task in tasks_for(obj, **options)]


# -- which, and in which order ----------------------------------------------------------------------------------------


def test_an_object_without_tasks_has_none(store):
    assert tasks_for(ORDER) == []


def test_the_newest_task_comes_first(write):
    for task_id, published in (("b", 20), ("c", 10), ("a", 30)):
        write(task_id, published=published)
    assert ids() == ["c", "b", "a"]


def test_a_task_keeps_its_place_when_it_ends(write):
    write("old", published=20, success=5)
    write("new", published=10)
    assert ids() == ["new", "old"]


def test_a_task_with_a_long_name_keeps_its_place(write):
    write("old", published=30)
    write("long", published=20, name=LONG_NAME)
    write("new", published=10)
    assert ids() == ["new", "long", "old"]


@pytest.mark.parametrize(
    ("limit", "expected"), [(-1, []), (0, []), (1, ["new"]), (2, ["new", "old"]), (None, ["new", "old"])]
)
def test_the_limit_keeps_the_newest(write, limit, expected):
    write("old", published=20)
    write("new", published=10)
    assert ids(limit=limit) == expected


def test_a_waiting_task_with_a_long_name_is_not_cut_off_by_older_ones(write):
    for number in range(3):
        write(f"done-{number}", published=100 + number, success=50)
    write("waiting", name=LONG_NAME)
    assert ids(limit=2) == ["waiting", "done-0"]


def test_without_a_limit_fifty_are_returned(write):
    for number in range(60):
        write(str(number))
    assert len(tasks_for(ORDER)) == 50


def test_a_task_that_was_not_heard_of_for_the_retention_is_gone(write, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RETENTION": timedelta(minutes=1)}
    write("old", published=2 * MINUTE)
    write("new", published=1)
    assert ids() == ["new"]


def test_a_task_that_was_heard_of_since_is_kept_though_it_was_published_long_ago(write, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RETENTION": 60}
    write("old", published=2 * MINUTE, success=1)
    assert ids() == ["old"]


def test_an_old_task_with_a_long_name_is_gone_as_well(write, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RETENTION": 60}
    write("old", published=2 * MINUTE, name=LONG_NAME)
    assert ids() == []


def test_a_request_to_revoke_what_nobody_knows_makes_no_task(store):
    note_revokes_requested({"unknown": [REF]})
    assert tasks_for(ORDER) == []


def test_a_request_to_revoke_is_told(write):
    write("1")
    note_revokes_requested({"1": [REF]})
    assert tasks_for(ORDER)[0].revoke_requested_at is not None


@pytest.mark.parametrize("text", ["x", "=%ff:", "é", ""])
@pytest.mark.parametrize("kind", ["retry_of", "parent"])
def test_a_task_is_told_though_another_one_that_it_names_is_none(write, kind, text):
    write("a", **{kind: text})
    (task,) = tasks_for(ORDER)
    assert (task.id, task.retry_of, task.parent_id) == ("a", None, None)


def test_a_proxys_tasks_are_its_concrete_models(write):
    write("1")
    assert ids(Express(pk=1)) == ["1"]


def test_an_object_without_a_key_is_refused(store):
    with pytest.raises(ValueError, match="primary key"):
        tasks_for(Order())


def test_what_is_no_object_is_refused(store):
    with pytest.raises(TypeError, match="model instance"):
        tasks_for("shop.Order")


# -- many objects -----------------------------------------------------------------------------------------------------


def test_many_objects_each_have_their_own_tasks(write):
    warehouse, empty = Warehouse(pk=1), Order(pk=3)
    write("order")
    write("warehouse", ref=ObjectRef.of(warehouse))
    found = tasks_for_many([ORDER, warehouse, empty])
    assert {obj: [task.id for task in tasks] for obj, tasks in found.items()} == {
        ORDER: ["order"],
        warehouse: ["warehouse"],
        empty: [],
    }


def test_the_limit_is_each_objects_own(write):
    for pk in (1, 2):
        for number in range(3):
            write(f"{pk}-{number}", ref=ObjectRef.of(Order(pk=pk)))
    found = tasks_for_many([Order(pk=1), Order(pk=2)], limit=2)
    assert [len(tasks) for tasks in found.values()] == [2, 2]


def test_no_objects_are_no_question(store):
    assert tasks_for_many([]) == {}


def test_many_objects_may_come_from_an_iterator(write):
    write("1")
    assert list(tasks_for_many(iter([ORDER]))) == [ORDER]


class CountingStore(MemoryStore):
    """Counts the questions, and keeps long values back as a remote store does."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def read(self, refs):
        self.asked += 1
        return [{k: None if len(v) > 64 else v for k, v in fields.items()} for fields in super().read(refs)]

    def look_up(self, fields, hostnames=()):
        self.asked += 1
        return super().look_up(fields, hostnames)


@pytest.fixture
def counting_store(memory_store):
    recorder().store = CountingStore()
    return recorder().store


@pytest.fixture
def a_hundred(counting_store):
    """A hundred objects with a task each."""
    objects = [Order(pk=pk) for pk in range(1, 101)]

    def write(known, name="a.b"):
        said = {facts.field("1", kind): value for kind, value in known.items()}
        for obj in objects:
            counting_store.write([(ObjectRef.of(obj), {**facts.published("1", now_ms(), name), **said})])
        return objects

    return write


@pytest.mark.parametrize(
    ("known", "name", "questions"),
    [
        ({facts.ENDED["SUCCESS"]: f"{LATELY}"}, "a.b", 1),
        ({facts.RESULT: "x" * 100}, "a.b", 1),
        ({facts.ARGUMENTS: "x" * 100}, "a.b", 1),
        ({facts.ERROR: "x" * 100}, "a.b", 2),
        ({facts.ENDED["SUCCESS"]: f"{LATELY}"}, LONG_NAME, 2),
        (facts.started(LATELY, None, "short@host"), "a.b", 2),
        (facts.started(LATELY, None, LONG_HOST), LONG_NAME, 2),
    ],
    ids=["ended", "result", "arguments", "long error", "long name", "running", "running, with long names"],
)
def test_a_hundred_objects_cost_two_round_trips_at_most(a_hundred, counting_store, known, name, questions):
    tasks_for_many(a_hundred(known, name))
    assert counting_store.asked == questions


# -- lost -------------------------------------------------------------------------------------------------------------


def state(write, store, *, started, beat=None, host="celery@here", **known):
    """The state of a task that started this long ago on a worker that began to beat ``beat`` before now."""
    write("1", published=started + 1, started=(started, host), **known)
    if beat is not None:
        store.beat(facts.short_host(host), now_ms() - beat * 1000)
    return tasks_for(ORDER)[0].state


@pytest.mark.parametrize("host", ["celery@here", LONG_HOST], ids=["short", "long"])
@pytest.mark.parametrize(
    ("started", "beat", "expected"),
    [
        (2 * MINUTE, 5 * MINUTE, "STARTED"),
        (2 * MINUTE, None, "LOST"),
        (2 * MINUTE, MINUTE, "LOST"),
        (30, None, "STARTED"),
        (30, 1, "STARTED"),
    ],
    ids=[
        "worker lives",
        "no sign of life",
        "worker began again",
        "young",
        "young, worker began again",
    ],
)
def test_a_running_task_is_lost_when_its_worker_is_gone(write, store, started, beat, expected, host):
    assert state(write, store, started=started, beat=beat, host=host) == expected


def test_a_worker_that_is_seen_again_takes_lost_back(write, store):
    state(write, store, started=2 * MINUTE)
    store.beat("celery@here", now_ms() - 5 * MINUTE * 1000)
    assert tasks_for(ORDER)[0].state == "STARTED"


@pytest.mark.parametrize("final", ["success", "failure", "revoked", "rejected", "ignored"])
def test_any_final_event_undoes_lost(write, store, final):
    state(write, store, started=2 * MINUTE)
    write("1", **{final: 0})
    assert tasks_for(ORDER)[0].state == final.upper()


def test_a_lost_task_has_no_end(write, store):
    state(write, store, started=2 * MINUTE)
    assert tasks_for(ORDER)[0].finished_at is None


@pytest.mark.parametrize("known", [{"retried": 0}, {"success": 0}], ids=["retry", "success"])
def test_only_a_running_task_is_lost(write, store, known):
    assert state(write, store, started=2 * MINUTE, **known) != "LOST"


def test_a_waiting_task_is_never_lost(write):
    write("1", published=5 * MINUTE)
    assert tasks_for(ORDER)[0].state == "PENDING"


# -- one task's payload -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["short", "x" * 2048], ids=["short", "long"])
@pytest.mark.parametrize("kind", ["result", "error", "traceback"])
def test_a_tasks_payload_is_told(write, kind, text):
    write("1", **{kind: text})
    assert getattr(read_payload(REF, "1"), kind) == text


@pytest.mark.parametrize("mark", ["=", "~"], ids=["exact", "changed"])
def test_a_tasks_arguments_are_told_without_their_mark(write, mark):
    write("1", arguments=f'{mark}{{"args":[1],"kwargs":{{}}}}')
    assert json.loads(read_payload(REF, "1").args) == {"args": [1], "kwargs": {}}


def test_the_payload_of_a_task_that_is_not_there_is_empty(store):
    payload = read_payload(REF, "1")
    assert (payload.args, payload.result, payload.error, payload.traceback) == (None, None, None, None)


# -- a store that is away ---------------------------------------------------------------------------------------------


class AwayStore(MemoryStore):
    def read(self, refs):
        raise StoreUnavailable("gone")


@pytest.fixture
def away(memory_store):
    recorder().store = AwayStore()


def test_tasks_for_is_empty_when_the_store_is_away(away):
    assert tasks_for_many([ORDER]) == {ORDER: []}


def test_who_must_know_that_the_store_is_away_is_told(away):
    with pytest.raises(StoreUnavailable):
        read_tasks([REF])
