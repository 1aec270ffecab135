"""The tasks published last, of hours that have more of them than anybody wants."""

import random
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from celery_ops.tracking import facts, index, newest
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.reading import NewestTasks, newest_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms

#: Tasks of two hours and of thirty, in milliseconds ago, and of so many objects.
TASKS, OBJECTS = 600, 50
RECENT, LONG_AGO = 2 * 3_600_000, 20 * 3_600_000


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request):
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def crowded(monkeypatch):
    """Have a few tasks be many."""
    monkeypatch.setattr(newest, "CROWDED", 20)
    monkeypatch.setattr(newest, "SPARE_OF_SHARD", 1)


@pytest.fixture
def read(store, monkeypatch):
    """The ids of the tasks that objects were asked for, and how many fields of the index came."""
    asked, told = [], []
    begun, between = type(store).read_begun, type(store).read_between

    def read_begun(store, wanted):
        asked.extend(short for _ref, shorts in wanted for short in shorts)
        return begun(store, wanted)

    def read_between(store, wanted):
        kept = between(store, wanted)
        told.extend(name for stored in kept for name in stored)
        return kept

    monkeypatch.setattr(type(store), "read_begun", read_begun)
    monkeypatch.setattr(type(store), "read_between", read_between)
    return asked, told


def place(ref, task_id, at, **more):
    """Have an object, and the index, know a task that was published then."""
    return [(ref, facts.published(task_id, at, "shop.nap")), index.entry(task_id, [ref], at, **more)]


def ref_of(number):
    return ObjectRef("shop.order", str(number))


def plant_many(number=TASKS, objects=OBJECTS, most=RECENT):
    """Plant tasks at random times, several at once among them, and return their ids, the newest first."""
    chance, batch, planted = random.Random(number), [], []
    for _ in range(number):
        at, task_id = now_ms() - 1000 - chance.randrange(most) // 100 * 100, str(UUID(int=chance.getrandbits(128)))
        planted.append((at, task_id))
        batch += place(ref_of(chance.randrange(objects)), task_id, at)
    recorder().record(batch)
    return [task_id for _at, task_id in sorted(planted, reverse=True)]


def ids(tasks):
    return [task.id for task in tasks]


@pytest.mark.usefixtures("crowded")
def test_of_many_the_newest_are_told_in_their_order(store):
    planted = plant_many()
    for number in (1, 25, 300, TASKS, TASKS + 1):
        assert ids(newest_tasks(number)) == planted[:number], number
    assert list(newest.newest_tasks(100)) == planted[:100]


@pytest.mark.usefixtures("crowded")
def test_of_a_day_the_newest_are_told_in_their_order(store):
    planted = plant_many(most=LONG_AGO)
    assert ids(newest_tasks(TASKS)) == planted
    assert ids(newest_tasks(10)) == planted[:10]


@pytest.mark.usefixtures("crowded")
def test_no_more_is_read_than_is_wanted(store, read):
    planted = plant_many()
    asked, told = read
    assert ids(newest_tasks(20)) == planted[:20]
    assert len(asked) == len(set(asked)) <= 2 * 20
    if not isinstance(store, MemoryStore):
        assert 20 <= len(told) < TASKS * 3 / 4


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_a_store_goes_through_so_many_entries_at_once(store, read, monkeypatch, at_once):
    monkeypatch.setattr(newest, "AT_ONCE", at_once)
    planted = plant_many()
    assert ids(newest_tasks(20)) == planted[:20]
    assert ids(newest_tasks(TASKS)) == planted


@pytest.mark.usefixtures("crowded")
def test_more_are_read_when_more_are_asked_for_and_none_again(store, read):
    planted = plant_many()
    asked, _told = read
    look = NewestTasks(TASKS)
    for number in (5, 5, 50, 500, TASKS):
        assert ids(look.first(number)) == planted[:number]
    assert sorted(map(facts.long_id, asked)) == sorted(planted)


@pytest.mark.usefixtures("crowded")
def test_those_until_a_moment_are_told_whatever_came_since(store):
    planted = plant_many()
    tasks = newest_tasks(TASKS)
    until = tasks[200].published_at
    expected = [task.id for task in tasks if task.published_at <= until]
    assert ids(newest_tasks(50, until)) == expected[:50]
    assert ids(newest_tasks(TASKS, until)) == expected
    assert ids(newest_tasks(5, until - timedelta(days=2))) == []
    assert ids(newest_tasks(5, until + timedelta(days=1))) == planted[:5]


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("is_every", [True, False])
def test_entries_of_an_older_version_are_read_too(store, is_every):
    """It did not say when a task was published: that is in the objects."""
    planted = plant_many(100)
    for task_id in planted if is_every else planted[::3]:
        for slot in index.kept_slots():
            where = index.place_at(slot, index._shard(task_id))
            (stored,) = recorder().ask(lambda store, where=where: store.read([where]))
            if text := stored.get(facts.short_id(task_id)):
                store.write([(where, {facts.short_id(task_id): text.rpartition(",")[0]})])
    assert ids(newest_tasks(10)) == planted[:10]
    assert ids(newest_tasks(100)) == planted
    assert set(planted[:10]) <= newest.newest_tasks(10).keys()
    assert index.objects_of(planted[0])[0].label == "shop.order"


@pytest.mark.usefixtures("crowded")
def test_older_ones_stand_in_for_those_of_which_nothing_is_kept_any_more(store):
    planted = plant_many(100)
    gone = [str(UUID(int=number)) for number in range(90)]
    recorder().record([index.entry(task_id, [ref_of(1)], now_ms() - 500) for task_id in gone])
    assert ids(newest_tasks(20)) == planted[:20]


@pytest.mark.usefixtures("crowded")
def test_one_that_waited_for_long_stands_where_it_was_published(store):
    planted = plant_many(100)
    published = now_ms() - 10 * 3_600_000
    run = Execution("waited", "shop.nap", 0, Stamp((ref_of(1),), published=published))
    for kind, value in facts.started(now_ms(), None, "w@test", published).items():
        run.note(kind, value)
    recorder().record([index.entry("waited", [ref_of(1)], published)])  # by the publisher
    recorder().record(run.first_batch())
    assert ids(newest_tasks(200)) == [*planted, "waited"]
    assert ids(newest_tasks(200, datetime.now(timezone.utc) - timedelta(hours=1)))[-1] == "waited"
    assert "waited" not in ids(newest_tasks(50))


@pytest.mark.usefixtures("crowded")
def test_one_whose_publish_nobody_timed_stands_where_it_began(store):
    plant_many(100)
    run = Execution("foreign", "shop.nap", 0, Stamp((ref_of(1),)))
    for kind, value in facts.started(now_ms(), None, "w@test").items():
        run.note(kind, value)
    recorder().record(run.first_batch())
    assert ids(newest_tasks(5))[0] == "foreign"


@pytest.mark.usefixtures("crowded")
def test_a_task_of_more_objects_than_a_short_value_names_is_told(store):
    planted = plant_many(50)
    refs = [ObjectRef("shop.page", "x" * 90 + str(number)) for number in range(5)]
    at = now_ms() - 500
    recorder().record([(refs[3], facts.published("many", at, "shop.nap")), index.entry("many", refs, at)])
    assert ids(newest_tasks(10)) == ["many", *planted[:9]]
    assert newest.newest_tasks(1) == {"many": refs}


@pytest.mark.usefixtures("crowded")
def test_a_task_of_a_long_key_is_told_with_those_of_its_time_alone(store):
    """Its entry lies in two pieces."""
    keys = [f"{number:060}" for number in range(60)]
    base = now_ms()
    for number, key in enumerate(keys):
        recorder().record(place(ObjectRef("shop.page", key), str(number), base - 1000 - number * 60_000))
    assert ids(newest_tasks(30)) == [str(number) for number in range(30)]


def test_an_id_that_is_used_again_is_told_once_where_it_was_published_last(store):
    batch = place(ref_of(1), "again", now_ms() - 6 * 3_600_000)
    recorder().record(batch)
    planted = plant_many(10)
    at = now_ms() - 500
    life = facts.life_tag(at)
    recorder().record(
        [(ref_of(2), facts.published("again", at, "shop.nap", 0, life)), index.entry("again", [ref_of(2)], at)]
    )
    assert newest.newest_tasks(3)["again"] == [ref_of(2)]
    assert list(newest.newest_tasks(20)) == ["again", *planted]


FOREIGN = ("", ",", "shop.order 1,", "shop.order 1,zz", ",ff", "f" * 30, "shop.order 1,-", "shop.order 1," + "f" * 30)


@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_text_in_the_index_hides_no_task(store, text):
    planted = plant_many(10)
    where, _fields = index.entry("id", [], now_ms())
    store.write([(where, {"=id:": text})])
    assert ids(newest_tasks(5)) == planted[:5]
    assert [one for one in newest.newest_tasks(10) if one != "id"][:5] == planted[:5]
