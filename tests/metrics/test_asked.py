"""What a store says of an addition: who adds to a row learns in the same round trip what was there before."""

import contextlib

import pytest
import redis

from celery_ops.tracking.store import IfAbsent
from celery_ops.tracking.tallies import Added, Row, Wanted


def test_who_adds_learns_what_was_there_before(store):
    row = Row("r", 60, counts={"n": 1}, texts={"first": IfAbsent("1"), "last": "1"}, asked=("first", "last"))
    assert store.add([row, Row("other", 60, cells={0: 1})], "one") == [Added(3, {}), Added()]
    later = Row("r", 60, counts={"n": 1}, texts={"first": IfAbsent("2"), "last": "2"}, asked=("first", "last", "no"))
    assert store.add([later], "two") == [Added(3, {"first": "1", "last": "1"})]
    assert store.tallies(Wanted(fields=["r"])).fields == [{"n": "2", "first": "1", "last": "2"}]


def test_nobody_can_tell_of_what_was_done_before(store):
    row = Row("r", 60, counts={"n": 1}, asked=("first",))
    store.add([row], "one")
    assert store.add([row], "one") == [Added(0, None)]


def test_a_key_that_is_not_ours_tells_nothing_and_hinders_nobody(redis_store):
    mine, other = Row("mine", 60, counts={"n": 1}, asked=("n",)), Row("other", 60, counts={"n": 1}, asked=("n",))
    redis_store.add([Row("mine", 60, cells={0: 1})], "one")
    assert redis_store.add([mine, other], "two") == [Added(0, None), Added(1, {})]


@pytest.mark.parametrize("by_script", [True, False], ids=["by a script", "plainly"])
@pytest.mark.parametrize("kept", ["abc", "", "1.5", str(2**63 - 1)])
def test_a_number_that_cannot_be_added_to_is_left_alone_and_hinders_nobody(redis_store, monkeypatch, kept, by_script):
    monkeypatch.setattr(redis_store, "_adds_by_script", by_script)
    redis_store.add([Row("mine", 60, texts={"n": kept})], "one")
    redis_store.add([Row("mine", 60, counts={"n": 1, "m": 1}), Row("other", 60, counts={"n": 1})], "two")
    assert redis_store.tallies(Wanted(fields=["mine", "other"])).fields == [{"n": kept, "m": "1"}, {"n": "1"}]


@pytest.mark.parametrize("by_script", [True, False], ids=["by a script", "plainly"])
def test_members_that_are_none_of_ours_count_as_none_and_hinder_nobody(redis_store, monkeypatch, settings, by_script):
    monkeypatch.setattr(redis_store, "_adds_by_script", by_script)
    redis_store.add([Row("mine", 60, members=["a"])], "one")
    with contextlib.closing(redis.Redis.from_url(settings.CELERY_OPS["STORE_URL"])) as client:
        key = f"{settings.CELERY_OPS['STORE_PREFIX']}:{{~n}}:mine"
        assert client.exists(key)
        client.set(key, b"HYLL" + b"\x01" * 30)
    redis_store.add([Row("mine", 60, members=["b"]), Row("other", 60, members=["b"])], "two")
    assert redis_store.tallies(Wanted(members=["mine", "other"])).members[1] == 1


@pytest.mark.parametrize("name", ["", "é", "a" * 300])
def test_any_name_may_be_asked_for(store, name):
    row = Row("r", 60, texts={name: "text"}, asked=(name,))
    store.add([row], "one")
    assert store.add([row], "two") == [Added(0, {name: "text"})]
