"""A look as bytes for the site's other processes: what is in it, what never is, and what anything else is read as."""

import json
import secrets
import tracemalloc
import zlib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.backends.control import ControlWorkerBackend
from celery_ops.backends.live import METHODS
from celery_ops.backends.remote import packing, replies
from celery_ops.backends.remote.known_workers import KnownWorkers, Memory
from celery_ops.backends.remote.looks import Answers, Snapshot, Standing
from celery_ops.backends.remote.packing import packed, packed_lists, unpacked, unpacked_lists
from celery_ops.info import GONE, NO_REPLY
from celery_ops.payload import payload
from tests.backends.fakes import IDLE, STATS

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
TOKEN = "0123456789abcdef"
REQUEST = {
    "id": "an-id",
    "type": "shop.charge",
    "name": "shop.charge",
    "args": [7, "Ada"],
    "kwargs": {"password": "hunter2hunter2", "note": "hi"},
    "time_start": 1_700_000_000.5,
    "delivery_info": {"routing_key": "mail", "exchange": ""},
    "worker_pid": 1,
}
SCHEDULED = {"eta": "2026-05-01T13:00:00+00:00", "priority": 6, "request": {**REQUEST, "id": "later"}}
BUSY = {**IDLE, "active": [REQUEST], "scheduled": [SCHEDULED]}


def of(parts, collected_at=NOW, **more):
    """A look at workers that said this."""
    return Snapshot(Answers(tuple(parts), parts, collected_at), parts, **more)


def read(look, memory=None, collected_at=lambda there: there):
    notes = packed(look, memory or Memory(), TOKEN)
    return unpacked(notes.workers, notes.tasks, collected_at)


def text_of(note):
    return zlib.decompress(note[packing.TOKEN :]).decode()


def note(value):
    return TOKEN.encode() + zlib.compress(json.dumps(value).encode())


def infos(look):
    return [replies.detail(host, parts, IDLE).info for host, parts in look.answers.replies.items()]


def tasks(look):
    return [
        task
        for method, reader in METHODS.items()
        for host, parts in look.answers.replies.items()
        for task in reader(parts.get(method), host) or ()
    ]


# -- what others read


def test_a_worker_is_read_as_it_was():
    look = of({"w1@test": BUSY, "w2@test": IDLE})
    assert infos(read(look).snapshot) == infos(look)


def test_a_pool_is_read_as_large_as_it_is():
    pool = {"implementation": "celery.concurrency.prefork:TaskPool", "processes": [*range(1, 257)]}
    (info,) = infos(read(of({"w1@test": {**IDLE, "stats": {**STATS, "pool": pool}}})).snapshot)
    assert info.concurrency == 256


def test_what_a_worker_left_unanswered_stays_unknown():
    look = of({"w1@test": {"stats": STATS, "active": "rubbish", "active_queues": None}})
    (info,) = infos(read(look).snapshot)
    assert (info.active, info.reserved, info.queues, info.processed) == (None, None, None, 7)


def test_its_tasks_are_read_as_they_are_shown():
    look = of({"w1@test": BUSY})
    there, here = tasks(look), tasks(read(look).snapshot)
    assert [(task.id, task.name, task.queue, task.started_at, task.eta) for task in here] == [
        (task.id, task.name, task.queue, task.started_at, task.eta) for task in there
    ]
    assert [payload.arguments_text(task) for task in here] == [payload.arguments_text(task) for task in there]


@pytest.mark.parametrize("args", ["(600,)", "(<Order object>,)", "('a', Decimal('2'))", "", "nothing (", None])
def test_arguments_that_are_texts_show_alike_there(args):
    look = of({"w1@test": {**IDLE, "active": [{**REQUEST, "args": args, "kwargs": "{}"}]}})
    assert payload.arguments_text(tasks(read(look).snapshot)[0]) == payload.arguments_text(tasks(look)[0])


def test_who_is_silent_and_who_has_gone_is_read():
    standings = {"silent": {"s@test": Standing(NO_REPLY, NOW)}, "absent": {"g@test": Standing(GONE, NOW - _minutes(3))}}
    look = read(of({"w1@test": IDLE}, twice=frozenset({"w1@test"}), **standings)).snapshot
    assert (look.silent, look.absent, look.twice) == (standings["silent"], standings["absent"], {"w1@test"})


def test_times_are_by_the_clock_of_who_reads():
    early = NOW - timedelta(hours=5)
    look = of({"w1@test": IDLE}, silent={"s@test": Standing(NO_REPLY, NOW - _minutes(2))})
    memory = Memory({"s@test": NOW - _minutes(2)}, looked_around=NOW - _minutes(1))
    there = read(look, memory, collected_at=lambda _there: early)
    assert there.snapshot.collected_at == early
    assert there.snapshot.silent["s@test"].last_seen == early - _minutes(2)
    assert there.memory.heard == {"s@test": early - _minutes(2)}
    assert there.memory.looked_around == early - _minutes(1)


def test_what_is_known_of_workers_is_read():
    workers = KnownWorkers()
    workers.note(["slow@test"], ["stats", "active"], {"w1@test": {"stats": {}}, "slow@test": {}}, looked_around=True)
    workers.note(["slow@test"], ["stats"], {"w1@test": {"stats": {}}})
    other = KnownWorkers()
    other.adopt(read(of({}, datetime.now(timezone.utc)), workers.memory).memory)
    assert other.listed.keys() == {"w1@test", "slow@test"}
    assert other.plan(None, ["stats"]).awaited == {"w1@test"}
    assert other.expects("w1@test", ["stats", "active"]) == {"stats"}


def test_of_one_worker_what_was_noted_last_counts():
    older, newer = KnownWorkers(), KnownWorkers()
    older.note((), (), {"w1@test": {}}, looked_around=True)
    newer.note((), (), {"w1@test": {}}, looked_around=True)
    newer.note(["w1@test"], (), {})
    older.adopt(newer.memory)
    assert older.plan(None, ()).awaited == set()
    newer.note((), (), {"w1@test": {}})
    newer.adopt(older.memory)
    assert newer.plan(None, ()).awaited == {"w1@test"}


def test_a_worker_of_which_another_process_knows_that_it_ended_is_listed_no_more():
    workers, other = KnownWorkers(), KnownWorkers()
    for each in (workers, other):
        each.note((), (), {"w1@test": {}}, looked_around=True)
    other.part(["w1@test"], datetime.now(timezone.utc))
    workers.adopt(other.memory)
    assert (workers.listed, list(workers.ended)) == ({}, ["w1@test"])


def test_a_clock_that_is_ahead_makes_nobody_heard_in_the_future():
    workers, now = KnownWorkers(), datetime.now(timezone.utc)
    workers.adopt(Memory({"w1@test": now + timedelta(days=9)}, looked_around=now + timedelta(days=9)))
    assert workers.listed["w1@test"] <= datetime.now(timezone.utc)
    assert workers.plan(None, ()).listening == 0


def test_who_was_heard_last_days_ago_is_not_remembered_for_ever():
    workers, long_ago = KnownWorkers(), datetime.now(timezone.utc) - timedelta(days=2)
    gone = {f"worker-{number}@pod-{number}": long_ago for number in range(10)}
    workers.adopt(Memory(gone, silent=gone, unheeding=gone, unanswered=dict.fromkeys(gone, frozenset({"stats"}))))
    workers.adopt(Memory(ended=dict.fromkeys([f"{host}.ended" for host in gone], long_ago)))
    workers.note(["w1@test"], ["ping"], {"w1@test": {"ping": {"ok": "pong"}}})
    memory = workers.memory
    assert (list(memory.heard), memory.silent, memory.unheeding, memory.ended) == (["w1@test"], {}, {}, {})
    assert not workers._unanswered.keys() & gone.keys()


# -- what is never told


SECRET_STATS = {
    **STATS,
    "broker": {
        "hostname": "redis://ada:hunter2hunter2@10.0.0.1:6379",
        "userid": "ada",
        "alternates": ["redis://ada:hunter2hunter2@10.0.0.2"],
        "transport_options": {"sentinel_kwargs": {"password": "hunter2hunter2"}},
        "transport": "redis",
    },
    "token": "hunter2hunter2",
}


def test_no_secret_of_a_worker_or_a_task_is_told():
    notes = packed(of({"w1@test": {**BUSY, "stats": SECRET_STATS}}), Memory(), TOKEN)
    assert "hunter2" not in text_of(notes.workers) + text_of(notes.tasks)
    assert "[redacted]" in text_of(notes.tasks)


def test_a_day_long_nothing_is_told_of_tasks():
    assert "an-id" not in text_of(packed(of({"w1@test": BUSY}), Memory(), TOKEN).workers)


def test_a_site_that_keeps_no_arguments_tells_only_how_many_tasks_there_are(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none"}
    look = of({"w1@test": BUSY, "w2@test": IDLE})
    notes = packed(look, Memory(), TOKEN)
    there = unpacked(notes.workers, notes.tasks, lambda moment: moment).snapshot
    assert (notes.tasks, there.is_whole, tasks(there)) == (b"", False, [])
    assert infos(there) == infos(look)


# -- lists of tasks


LISTS = {"w1@test": ["shop.nap", "shop.limited [rate_limit=10/m]"], "w2@test": ["shop.nap"], "w3@test": None}


def test_the_tasks_that_workers_have_are_read_as_they_were_listed():
    assert unpacked_lists(packed_lists(LISTS)) == {**LISTS, "w3@test": []}


def test_three_hundred_workers_with_two_hundred_tasks_take_little_room():
    lines = [f"shop.tasks.task_{number} [rate_limit={number}/m]" for number in range(200)]
    assert 0 < len(packed_lists({f"celery@worker-{number:03d}": lines for number in range(300)})) < 10_000


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"hosts": ["a@test"], "lines": []},
        {"hosts": ["a@test"], "lines": {"x": 7}},
        {"hosts": ["a@test"], "lines": {"x": [1]}},
        {"hosts": ["a@test"], "lines": {"x": ["0"]}},
        {"hosts": ["\x00"], "lines": {"x": [0]}},
        {"hosts": [[]], "lines": {"x": [0]}},
        {"hosts": ["a@test"], "lines": {"x": [0] * 250_001}},
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_no_list_is_read_as_none(value):
    assert unpacked_lists(note(value)) is None


# -- how much


def test_of_many_tasks_only_the_number_is_told():
    look = of({"w1@test": {**IDLE, "reserved": [{**REQUEST, "id": f"{number}"} for number in range(2001)]}})
    there = read(look).snapshot
    assert (there.is_whole, infos(there)) == (False, infos(look))


def test_arguments_that_take_long_to_look_through_are_not_told():
    request = {**REQUEST, "args": [f"key{number}: x" for number in range(20)] * 20}
    look = of({"w1@test": {**IDLE, "reserved": [{**request, "id": f"{number}"} for number in range(1500)]}})
    assert not read(look).snapshot.is_whole


def test_a_look_without_room_is_not_told_at_all():
    look = of(
        {f"{number}@test": {**IDLE, "active_queues": [{"name": secrets.token_hex(500)}]} for number in range(600)}
    )
    assert packed(look, Memory(), TOKEN) == packing.Packed()


def test_three_hundred_workers_take_little_room():
    notes = packed(of({f"celery@worker-{number:03d}": BUSY for number in range(300)}), Memory(), TOKEN)
    assert len(notes.workers) + len(notes.tasks) < 20_000


# -- what is none of ours


def _minutes(number):
    return timedelta(minutes=number)


def document():
    return json.loads(text_of(packed(of({"w1@test": BUSY}), Memory({"w1@test": NOW}), TOKEN).workers))


GOOD = b"0123456789abcdef"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x00",
        GOOD,
        GOOD + b"rubbish",
        GOOD + zlib.compress(b""),
        GOOD + zlib.compress(b"{}"),
        GOOD + zlib.compress(b"[[]]"),
        GOOD + zlib.compress(b"[" * 100_000),
        GOOD + zlib.compress(b"9" * 5_000),
        GOOD + zlib.compress(b"\xff\xfe"),
        GOOD + zlib.compress(b" " * 9 * 1024 * 1024),
        GOOD + zlib.compress(b"{}")[:-3],
        b"x" * 300_000,
    ],
    ids=lambda value: f"{value[:24]!r} {len(value)}",
)
def test_what_is_no_look_is_read_as_none(value):
    assert unpacked(value, b"", lambda moment: moment) is None


def test_a_look_that_unpacks_to_gigabytes_is_not_unpacked():
    bomb = zlib.compress(b" " * (64 * 1024 * 1024), 9)
    assert len(bomb) < packing.MOST_BYTES
    tracemalloc.start()
    try:
        assert unpacked(GOOD + bomb, b"", lambda moment: moment) is None
        assert tracemalloc.get_traced_memory()[1] < 3 * packing.LONGEST_TEXT
    finally:
        tracemalloc.stop()


def test_a_look_with_more_behind_it_than_there_is_room_for_is_not_read():
    text = json.dumps(document()).encode()
    assert unpacked(GOOD + zlib.compress(text), b"", lambda moment: moment)
    assert unpacked(GOOD + zlib.compress(text + b" " * packing.LONGEST_TEXT), b"", lambda moment: moment) is None


def test_nothing_that_a_look_says_is_later_than_itself():
    hostile = document()
    hostile["memory"]["heard"] = {"w1@test": -86_400}
    hostile["silent"] = {"w1@test": [NO_REPLY, -86_400]}
    look = unpacked(note(hostile), b"", lambda moment: moment)
    assert (look.memory.heard["w1@test"], look.snapshot.silent["w1@test"].last_seen) == (NOW, NOW)


def test_the_tasks_of_another_look_are_not_those_of_this_one():
    notes = packed(of({"w1@test": BUSY}), Memory(), TOKEN)
    other = packed(of({"w1@test": BUSY}), Memory(), TOKEN[::-1])
    assert not unpacked(notes.workers, other.tasks, lambda moment: moment).snapshot.is_whole


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text() | st.just("w1@test"), values, max_size=4),
    max_leaves=12,
)


@given(path=st.sampled_from(["", "memory", *document()]), value=json_values)
def test_whatever_a_look_holds_is_read_with_care(path, value):
    hostile = document()
    if path == "memory":
        hostile["memory"] = dict.fromkeys(hostile["memory"], value)
    elif path:
        hostile[path] = value
    else:
        hostile = value
    look = unpacked(note(hostile), note({"w1@test": value}), lambda moment: moment)
    if look is not None:
        KnownWorkers().adopt(look.memory)
        infos(look.snapshot)
        tasks(look.snapshot)


def test_the_list_of_workers_says_so_of_a_look_from_elsewhere(monkeypatch):
    look = read(of({"w1@test": BUSY})).snapshot
    monkeypatch.setattr("celery_ops.backends.control.snapshot.snapshot", lambda: look)
    (worker,) = ControlWorkerBackend().workers().workers
    assert (worker.hostname, worker.active, worker.scheduled, worker.queues) == ("w1@test", 1, 1, ("celery",))
