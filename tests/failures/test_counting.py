"""Failures that are alike, counted, flushed and read back as groups."""

import time

import pytest
import redis

from celery_ops.failures import reading
from celery_ops.failures.fingerprint import Fingerprint
from celery_ops.failures.normalising import normalised
from celery_ops.failures.rows import GROUPS_KEPT, resolution
from celery_ops.metrics import flushing
from celery_ops.metrics.windows import DAY, HOUR, WINDOWS
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.planting_counts import fail, flush

from .conftest import hearing

LAST_DAY = WINDOWS["24h"]


def groups(window=LAST_DAY, now=None):
    return reading.groups(window, now).groups


def test_failures_that_are_alike_are_one_group(store):
    for number in range(3):
        fail(f"order {number} of 'Ada' was refused", task_id=f"t{number}")
    fail("no stock", task="shop.ship", task_id="t9", frame="shop.stock.take")
    flush()
    by_message = {group.message: group for group in reading.completed(groups())}
    refused, stock = by_message["order <number> of <text> was refused"], by_message["no stock"]
    assert (refused.exception, refused.count, refused.frame) == ("ValueError", 3, "")
    assert (refused.tasks, refused.sample_task_id) == ({"shop.pay": 3}, "t2")
    samples = reading.group(refused.key, LAST_DAY).group.samples
    assert [sample.task_id for sample in samples] == ["t2", "t1", "t0"]
    assert (stock.count, stock.frame, stock.sample_task_id) == (1, "shop.stock.take", "t9")
    assert abs(refused.last_seen.timestamp() - time.time()) < 60
    assert refused.first_seen <= refused.last_seen


@pytest.mark.parametrize("change", [{"exception": "KeyError"}, {"frame": "shop.x.y"}, {"message": "another thing"}])
def test_class_message_and_frame_tell_groups_apart(store, change):
    fail()
    fail(**change)
    flush()
    assert len(groups()) == 2


def test_counts_are_of_the_window(store):
    now = time.time()
    for ago in (20 * DAY, 3 * DAY, 5 * HOUR, 0):
        fail(at=now - ago)
        flush()
    (key,) = {group.key for group in groups(now=now)}
    assert reading.group(key, LAST_DAY, now).counts == {"1h": 1, "24h": 2, "7d": 3, "30d": 4}
    assert {name: groups(window, now)[0].count for name, window in WINDOWS.items()} == {
        "1h": 1,
        "24h": 2,
        "7d": 3,
        "30d": 4,
    }
    assert reading.group(key, LAST_DAY, now).total == 4


def test_a_group_that_was_not_seen_in_a_window_is_not_in_it(store):
    now = time.time()
    fail(at=now - 2 * DAY)
    flush()
    assert groups(now=now) == []
    assert [group.count for group in groups(WINDOWS["7d"], now)] == [1]


def test_a_flush_that_comes_late_takes_no_group_out_of_a_window(store):
    now = time.time()
    fail(at=now, task_id="new")
    flush()
    fail(at=now - 5 * HOUR, task_id="old")
    flush()
    (group,) = reading.completed(groups(WINDOWS["1h"], now))
    assert (group.count, group.sample_task_id) == (1, "new")
    assert abs(group.last_seen.timestamp() - now) < 1


@pytest.mark.parametrize("ahead", [90, 20 * 60, 3 * HOUR])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=str)
def test_a_failure_by_a_clock_that_is_ahead_is_in_the_step_that_is_under_way(store, window, ahead):
    now = time.time()
    for at in (now - 10 * 60, now + ahead, now + ahead):
        fail(at=at)
    fail("no stock", at=now + ahead)
    flush()
    both = {group.message: group for group in groups(window, now)}
    assert {message: group.count for message, group in both.items()} == {"the card was refused": 3, "no stock": 1}
    assert both["no stock"].points[-1] == 1
    stock = reading.group(both["no stock"].key, window, now).group
    assert (stock.count, stock.points[-1], len(stock.points)) == (1, 1, window.seconds / window.step)


def test_objects_are_counted_once_each(store):
    for number in range(60):
        fail(objects=(f"shop.order\x1f{number % 30}",), task_id=f"t{number}")
    flush()
    (group,) = reading.completed(groups())
    assert group.objects == pytest.approx(30, abs=1)
    refs = reading.group(group.key, LAST_DAY).group.refs
    assert 5 < len(refs) <= 20
    assert set(refs) <= {ObjectRef("shop.order", str(n)) for n in range(30)}


def test_the_newest_tasks_of_a_group_are_told_whichever_processes_ran_them(store):
    now = time.time()
    ids = [f"t{number}" for number in range(8)]
    for number, task_id in enumerate(ids):
        fail(task_id=task_id, at=now - 100 + number, objects=(f"shop.order\x1f{number}",))
        flush()
        flushing.flusher.forget()
    (group,) = groups(now=now)
    detail = reading.group(group.key, LAST_DAY, now).group
    told = [sample.task_id for sample in detail.samples]
    assert (told[0], told) == ("t7", sorted(told, reverse=True))
    assert len(told) >= 7  # of two in one place the newer is told
    assert len(detail.refs) >= 7


def test_no_more_groups_are_told_apart_than_are_kept(store):
    for number in range(GROUPS_KEPT + 50):
        fail("".join(chr(107 + int(digit)) for digit in str(number)) * 3)
    flush()
    fail("something else")
    flush()
    read = reading.groups(LAST_DAY)
    assert len(read.groups) == GROUPS_KEPT
    assert read.other == 51


def test_a_new_process_counts_on_in_the_groups_of_others(store, monkeypatch):
    monkeypatch.setattr("celery_ops.failures.rows.GROUPS_KEPT", 2)
    monkeypatch.setattr("celery_ops.failures.counting.GROUPS_KEPT", 2)
    for message in ("one", "two", "three"):
        fail(message)
    flush()
    flushing.flusher.forget()
    for message in ("four", "one"):  # it learns that there is no room
        fail(message)
        flush()
    for message in ("one", "two", "five"):
        fail(message)
    flush()
    counts = {group.message: group.count for group in groups()}
    assert counts["one"] >= 2
    assert counts["two"] == 2
    assert "five" not in counts


def test_the_site_is_told_what_is_new_and_what_is_back(store):
    key = Fingerprint("ValueError", "the card was refused").key
    with hearing() as heard:
        fail(task_id="a")
        flush()
        fail(task_id="b")
        flush()
        recorder().ask(lambda store: store.add([resolution(key, int(time.time() * 1000))], "r1"))
        fail(task_id="c", at=time.time() - 60)  # before that
        flush()
        fail(task_id="d", at=time.time() + 1)
        flush()
        fail(task_id="e", at=time.time() + 2)
        flush()
    assert [(told["task_id"], told["is_new"], told["is_regressed"]) for told in heard] == [
        ("a", True, False),
        ("b", False, False),
        ("c", False, False),
        ("d", False, True),
        ("e", False, False),
    ]
    assert {told["key"] for told in heard} == {key}
    assert {told["task_name"] for told in heard} == {"shop.pay"}


def test_what_is_kept_is_redacted(store):
    fail("password=hunter2 was wrong for Ada Lovelace", secrets=("Ada Lovelace",), traceback="x password=hunter2")
    flush()
    (group,) = groups()
    detail = reading.group(group.key, LAST_DAY)
    assert "hunter2" not in repr(detail)
    assert "Ada" not in repr(detail)
    assert detail.group.traceback.startswith("x password=")


def test_a_message_of_megabytes_is_cut(store):
    fail("x " * 5_000_000)
    flush()
    assert len(groups()[0].message) <= 300


def test_the_message_is_what_is_left_of_it():
    assert normalised("Order 17 at https://shop.example/orders/17?x=1") == "Order <number> at <url>"


def test_a_thousand_groups_are_listed_in_three_round_trips(store, monkeypatch):
    for number in range(GROUPS_KEPT):
        fail("".join(chr(107 + int(digit)) for digit in str(number)) * 3)
    flush()
    asked = []
    really = type(store).tallies

    def tallies(self, wanted):
        asked.append(wanted)
        return really(self, wanted)

    monkeypatch.setattr(type(store), "tallies", tallies)
    read = reading.groups(LAST_DAY)
    reading.completed(read.groups[:25])
    assert len(read.groups) == GROUPS_KEPT
    assert len(asked) == 3


def test_what_is_written_goes_with_the_retention(redis_store, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_RETENTION": 1000}
    fail(objects=("shop.order\x1f1",), traceback="Traceback")
    flush()
    with redis.Redis.from_url(settings.CELERY_OPS["STORE_URL"]) as client:
        keys = list(client.scan_iter(f"{settings.CELERY_OPS['STORE_PREFIX']}*f*"))
        lifetimes = {key: client.ttl(key) for key in keys}
    assert len(lifetimes) > 5
    assert all(0 < seconds <= 1000 for key, seconds in lifetimes.items() if b"once" not in key)
