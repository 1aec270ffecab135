"""Whoever reaches the broker may have written anything: messages, worker replies and the hash of held messages."""

import json
from datetime import datetime, timezone

import pytest

from celery_ops.backends.broker.backend import declarations
from celery_ops.backends.broker.transports.messages import message_info
from celery_ops.backends.broker.transports.unacked import Unacked
from celery_ops.info import Binding

NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
MILLISECONDS = round(NOON.timestamp() * 1000)


def message(properties=None, **headers) -> bytes:
    return json.dumps({"body": "W10=", "headers": headers, "properties": properties or {}}).encode()


def info(raw: bytes):
    return message_info(raw, len(raw))


def test_a_message_says_what_kombu_wrote():
    raw = message({"priority": 5}, id="4f1c", task="shop.charge", argsrepr="(1,)", kwargsrepr="{'x': 2}")
    shown = info(raw)
    assert (shown.task_id, shown.name, shown.arguments) == ("4f1c", "shop.charge", "(1,) {'x': 2}")
    assert (shown.size, shown.priority) == (len(raw), 5)


def test_an_old_protocols_message_has_its_id_in_the_properties():
    assert info(message({"correlation_id": "4f1c"})).task_id == "4f1c"


def test_each_publish_says_its_time():
    assert info(message(celery_ops_published=MILLISECONDS)).published_at == NOON


def test_the_stamp_says_the_time_where_the_publish_does_not():
    assert info(message(celery_ops=json.dumps([MILLISECONDS, [], []]))).published_at == NOON


def test_the_publishs_own_time_counts_before_the_stamps():
    assert info(message(celery_ops=json.dumps([1, [], []]), celery_ops_published=MILLISECONDS)).published_at == NOON


def test_an_eta_is_read_with_its_offset():
    assert info(message(eta="2026-07-01T14:00:00+02:00")).eta == NOON


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"not json",
        b"\x00\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000,
        b"9" * 5_000,
        b'{"headers": null, "properties": null}',
        b'{"headers": [1], "properties": "x"}',
        b'{"headers": {"id": null, "task": 7, "argsrepr": {}, "eta": 5}, "properties": {"priority": []}}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_message_has_only_a_size(raw):
    shown = message_info(raw, len(raw), 3)
    assert (shown.task_id, shown.name, shown.arguments, shown.published_at, shown.eta) == ("", "", "", None, None)
    assert (shown.size, shown.priority) == (len(raw), 3)


@pytest.mark.parametrize("time", [None, True, "1", 1.5, [], {}, -(10**14), 3 * 10**14, 10**18, 10**400])
def test_a_time_that_is_none_is_unknown(time):
    assert info(message(celery_ops_published=time)).published_at is None


@pytest.mark.parametrize("stamp", ["", "null", "[]", "{}", "[[]]", "[1e999]", "[" * 100_000, 7, ["x"]])
def test_a_stamp_that_is_none_says_no_time(stamp):
    assert info(message(celery_ops=stamp)).published_at is None


@pytest.mark.parametrize("eta", ["", "soon", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-13-01"])
def test_an_eta_that_is_none_is_unknown(eta):
    assert info(message(eta=eta)).eta is None


@pytest.mark.parametrize("priority", [-1, 256, 10**30, True, "9", 1.5])
def test_a_priority_that_is_none_is_the_lists(priority):
    assert message_info(message({"priority": priority}), 1, 6).priority == 6


def test_texts_can_be_carried_by_a_page():
    shown = info(message(id="\ud800\x00", task="a\x1b[31m", argsrepr="\x00"))
    assert (shown.task_id, shown.name, shown.arguments) == ("\ufffd\ufffd", "a\ufffd[31m", "\ufffd")


def test_texts_are_cut():
    shown = info(message(id="x" * 10**6, task="y" * 10**6, argsrepr="z" * 10**6))
    assert (len(shown.task_id), len(shown.name), len(shown.arguments)) == (256, 256, 8193)


# -- what workers and settings say of a queue -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [None, "mail", 7, [], {}, {"name": None}, {"name": ""}, {"name": 7}, {"name": "x" * 5_000_000}]
)
def test_what_describes_no_queue_is_none(fields):
    assert declarations.described(fields) is None


@pytest.mark.parametrize("rubbish", [None, 7, "text", [None, 7, "text", []], {"name": 7}, {"name": {}}])
def test_a_description_with_rubbish_in_it_is_read_around_it(rubbish):
    fields = dict.fromkeys(("exchange", "routing_key", "bindings", "durable"), rubbish)
    declaration = declarations.described({"name": "mail", **fields})
    assert (declaration.name, declaration.bindings, declaration.durable) == ("mail", (), None)


@pytest.mark.parametrize("rubbish", ["text", [7], {"name": 7}, 1e999])
def test_limits_that_are_none_are_left_out(rubbish):
    fields = {"name": "mail", "queue_arguments": {"x-max-priority": 9}, "expires": rubbish}
    assert declarations.described(fields).arguments == {"x-max-priority": 9}


def test_a_description_has_all_its_bindings():
    events = {"exchange": {"name": "events", "type": "topic"}, "routing_key": "a.#"}
    fields = {"name": "mail", "exchange": {"name": "mail", "type": "direct"}, "routing_key": "m", "bindings": [events]}
    assert declarations.described(fields).bindings == (
        Binding("mail", "direct", "m"),
        Binding("events", "topic", "a.#"),
    )


def test_a_description_is_believed_within_bounds():
    other = {"exchange": {"name": "x", "type": "t" * 10**6}, "routing_key": "k" * 10**6}
    numbered = [{"exchange": {"name": str(number)}} for number in range(10_000)]
    fields = {"name": "mail", "exchange": {"name": "e" * 10**6}, "bindings": [other, *numbered]}
    bindings = declarations.described(fields).bindings
    assert (len(bindings), len(bindings[0].exchange_type), len(bindings[0].routing_key)) == (100, 1024, 1024)


def test_limits_become_the_brokers_arguments():
    fields = {"name": "mail", "queue_arguments": {"x-max-priority": 9}, "expires": 60.0, "max_length": 5}
    assert declarations.described(fields).arguments == {"x-max-priority": 9, "x-expires": 60_000, "x-max-length": 5}


# -- what workers hold ------------------------------------------------------------------------------------------------

BOUND = {"mail": [("m", "mail")], "events": [("a.#", "first"), ("b", "second"), ("b", "third")]}


def held(*routes, bindings=BOUND) -> Unacked:
    """Read what kombu writes for messages that came by these exchanges and routing keys, each cut as Redis cuts it."""
    return Unacked(
        [json.dumps([{"body": "x", "properties": {}}, *route]).encode()[-2048:] for route in routes], bindings
    )


def test_messages_by_the_default_exchange_are_of_the_queue_they_name():
    assert held(("", "mail"), ("", "mail"), ("", "other")).of("mail") == 2


def test_messages_by_an_exchange_are_of_the_queue_bound_to_it():
    assert held(("mail", "m")).of("mail") == 1


def test_messages_that_several_queues_may_have_had_leave_the_number_of_each_unknown():
    unacked = held(("events", "b"), ("", "second"), ("", "mail"))
    assert [unacked.of(queue) for queue in ("first", "second", "third", "mail")] == [None, None, None, 1]


def test_messages_by_a_foreign_exchange_are_nobodys():
    assert held(("elsewhere", "mail")).of("mail") == 0


def test_a_queue_of_which_nothing_is_held_has_none():
    assert held().of("mail") == 0


def test_a_hash_too_large_to_read_leaves_everything_unknown():
    assert Unacked(None, BOUND).of("mail") is None


@pytest.mark.parametrize("end", [b"", b"null", b"\x00\xff", b'}, "mail"]', b'[{}, "a", null]', b'}, "\\ud", "x"]'])
def test_an_entry_that_is_not_kombus_leaves_everything_unknown(end):
    assert Unacked([end], BOUND).of("mail") is None


@pytest.mark.parametrize("name", ['a"b', "a\\", '}, "x", "y"]', "é", "\x00", "a/b *"])
def test_names_of_any_characters_are_told_apart(name):
    assert held(("", name)).of(name) == 1


def test_a_message_that_looks_like_a_route_does_not_mislead():
    raw = json.dumps([{"headers": {"argsrepr": '}, "", "other"]'}, "properties": {}}, "", "mail"]).encode()
    assert (Unacked([raw], BOUND).of("mail"), Unacked([raw], BOUND).of("other")) == (1, 0)
