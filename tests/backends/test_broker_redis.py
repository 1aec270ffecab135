"""Queues in a real Redis, as kombu keeps them there."""

import contextlib
import json
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain

import pytest
import redis
from kombu import Exchange, Queue

from celery_ops.backends.broker import backend
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.info import Binding, QueueDetail
from celery_ops.testing import QueueBackendContract
from tests.backends.brokers import declare, detail, make_app, plant, publish, queue, queues_of, using
from tests.servers import FILES, RedisServer, free_port

pytestmark = pytest.mark.usefixtures("unhurried")
HOSTILE = ("a/b", "a b", "é\u202e", "*", "[x]?", "\x00", "line\nbreak", "\x1b[31m", "<b>x</b>", "%s{0}", "x" * 1000)


@pytest.fixture
def prefix():
    return f"{uuid.uuid4().hex[:8]}:"


@pytest.fixture
def app(settings, redis_server, prefix):
    """An app on this run's Redis, under a prefix of this test's own."""
    queues = (Queue("mail"), Queue("print", Exchange("print"), "print"))
    options = {"global_keyprefix": prefix}
    with using(settings, make_app(f"{redis_server.url}/6", *queues, broker_transport_options=options)) as app:
        yield app


def test_the_depth_is_the_sum_of_all_priorities(app):
    for priority in (0, 1, 3, 9, 9):
        publish(app, "mail", priority=priority)
    assert queue("mail").depth == 5


def test_a_detail_tells_the_priorities_apart(app):
    for priority in (0, 1, 3, 9, 9):
        publish(app, "mail", priority=priority)
    assert detail("mail").priorities == {0: 2, 3: 1, 6: 0, 9: 2}


def test_priorities_and_separator_are_the_sites_own(settings, redis_server, prefix):
    options = {"global_keyprefix": prefix, "priority_steps": [0, 5], "sep": ":"}
    with using(settings, make_app(f"{redis_server.url}/6", broker_transport_options=options)) as app:
        publish(app, "celery", times=2, priority=7)
        assert detail("celery").priorities == {0: 0, 5: 2}


def test_a_queue_that_is_empty_has_a_depth_of_zero(app):
    declare(app, "mail")
    assert (queue("mail").depth, queue("mail").oldest_age) == (0, None)


def test_a_queue_of_the_settings_is_listed_before_anyone_uses_it(app):
    assert (queue("mail").sources, queue("mail").depth) == (("settings",), 0)


def test_a_queue_that_holds_messages_is_known_to_the_broker(app):
    publish(app, "mail")
    assert queue("mail").sources == ("settings", "broker")


def test_a_queue_known_only_to_the_broker_is_listed(app, tell):
    tell("SADD", "_kombu.binding.print", "old\x06\x16\x06\x16retired")
    tell("LPUSH", "retired", "{}")
    assert (queue("retired").sources, queue("retired").depth) == (("broker",), 1)


def test_a_queue_known_only_to_the_broker_has_a_detail(app, tell):
    tell("SADD", "_kombu.binding.print", "old\x06\x16\x06\x16retired")
    assert detail("retired").bindings == (Binding("print", "direct", "old"),)


def test_a_queue_that_this_process_only_publishes_to_is_the_brokers_and_not_the_settings(app):
    publish(app, "elsewhere")
    assert (queue("elsewhere").sources, queue("elsewhere").depth) == (("broker",), 1)


def test_a_queue_that_an_objective_names_is_looked_at_though_nobody_takes_from_it(app, settings, tell):
    tell("SADD", "_kombu.binding.deserted", "deserted\x06\x16\x06\x16deserted")
    tell("LPUSH", "deserted", "{}", "{}", "{}")
    assert [info.name for info in BrokerQueueBackend().queues().queues] == ["celery", "mail", "print"]
    backend.expire()
    objectives = {"a": {"queue": "deserted", "depth": 2}, "b": {"queue": "never*", "depth": 2}, "c": {"queue": "no"}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "OBJECTIVES": {**objectives, "d": None, "e": {"task": "x"}}}
    assert (queue("deserted").sources, queue("deserted").depth) == (("broker",), 3)
    assert [info.name for info in BrokerQueueBackend().queues().queues] == ["celery", "deserted", "mail", "print"]
    tell("DEL", "deserted")
    backend.expire()
    assert queue("deserted").depth == 0


def test_members_that_are_not_kombus_are_no_queues(app, tell):
    tell(
        "SADD",
        "_kombu.binding.print",
        "",
        "x",
        "a\x06\x16\x06\x16",
        "\x06\x16\x06\x16\x06\x16x",
        b"\x06\x16" + b"z" * 9999,
    )
    assert [info.name for info in BrokerQueueBackend().queues().queues] == ["celery", "mail", "print"]


def test_a_name_that_is_no_text_can_be_opened(app, tell):
    tell("SADD", "_kombu.binding.print", b"\x06\x16\x06\x16\xff\xfe")
    (name,) = (info.name for info in BrokerQueueBackend().queues().queues if info.sources == ("broker",))
    assert detail(name).bindings == (Binding("print", "direct", ""),)


def test_queues_of_celery_itself_are_left_out(app, tell):
    for name in ("w@x.celery.pidbox", "4f1c.reply.celery.pidbox", "celeryev.4f1c"):
        tell("SADD", "_kombu.binding.print", f"\x06\x16\x06\x16{name}")
    assert [info.name for info in BrokerQueueBackend().queues().queues] == ["celery", "mail", "print"]


def test_a_list_that_is_no_queue_cannot_be_looked_at(app, tell):
    tell("LPUSH", "private", "secret")
    assert BrokerQueueBackend().queue("private") is None


def test_a_key_of_another_kind_is_one_queues_trouble(app, tell):
    tell("SET", "mail", "x")
    publish(app, "print")
    assert (queue("mail").depth, queue("mail").oldest_age, queue("print").depth) == (None, None, 1)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_queue_of_any_name_is_counted(settings, redis_server, prefix, name):
    options = {"global_keyprefix": prefix}
    app = make_app(f"{redis_server.url}/6", Queue(name, Exchange(name), name), broker_transport_options=options)
    with using(settings, app):
        publish(app, name, times=2)
        assert (queue(name).depth, len(detail(name).messages)) == (2, 2)


class TestContract(QueueBackendContract):
    @pytest.fixture(autouse=True)
    def _using(self, settings, redis_server):
        with contextlib.ExitStack() as self.stack:
            self.settings, self.url = settings, f"{redis_server.url}/6"
            yield

    def make_backend(self, queues: Sequence[QueueDetail]) -> BrokerQueueBackend:
        options = {"global_keyprefix": f"{uuid.uuid4().hex[:8]}:"}
        app = make_app(self.url, *queues_of(queues), broker_transport_options=options)
        self.stack.enter_context(using(self.settings, app))
        plant(app, queues)
        return BrokerQueueBackend()


# -- messages ---------------------------------------------------------------------------------------------------------


def test_the_head_shows_what_a_worker_gets_next(app):
    last = publish(app, "mail", priority=9)
    first = publish(app, "mail", times=2, priority=0)
    assert [waiting.task_id for waiting in detail("mail").messages] == [*first, *last]


def test_the_head_is_twenty_messages(app):
    sent = publish(app, "mail", times=25)
    assert [waiting.task_id for waiting in detail("mail").messages] == sent[:20]


def test_looking_takes_nothing(app):
    publish(app, "mail", times=3)
    first, again = detail("mail"), detail("mail")
    assert (again.info.depth, again.messages) == (3, first.messages)


def test_a_message_says_name_arguments_and_times(app):
    publish(app, "mail", kwargs={"x": "<b>"}, countdown=60)
    (message,) = detail("mail").messages
    assert (message.name, message.arguments) == ("brokers.task", "(0,) {'x': '<b>'}")
    assert timedelta(seconds=50) < message.eta - message.published_at < timedelta(seconds=70)


def test_the_age_is_that_of_the_oldest_message(app, tell):
    tell("LPUSH", "mail\x06\x163", json.dumps({"headers": aged(60)}))
    tell("LPUSH", "mail\x06\x169", json.dumps({"headers": aged(3600)}))
    assert timedelta(seconds=3600) <= queue("mail").oldest_age < timedelta(seconds=3660)


def test_the_age_is_unknown_where_the_head_of_a_priority_does_not_say_its_time(app, tell):
    tell("LPUSH", "mail", json.dumps({"headers": aged(60)}))
    tell("LPUSH", "mail\x06\x163", json.dumps({"headers": {}}))
    assert queue("mail").oldest_age is None


def test_a_message_of_the_future_is_not_younger_than_nothing(app, tell):
    tell("LPUSH", "mail", json.dumps({"headers": aged(-3600)}))
    assert queue("mail").oldest_age == timedelta(0)


def aged(seconds: int) -> dict:
    return {"celery_ops_published": time.time_ns() // 10**6 - 1000 * seconds}


def test_messages_of_any_kind_are_shown_by_their_size(app, tell):
    rubbish = [b"not json", b"null", b"x" * 5_000_000, b"{}", b"\x00", b'{"headers": {"id": "<script>"}}']
    for raw in rubbish:
        tell("LPUSH", "mail", raw)
    assert [waiting.size for waiting in detail("mail").messages] == [len(raw) for raw in rubbish]


def test_large_messages_are_not_fetched(app, tell, redis_server):
    for _ in range(5):
        tell("LPUSH", "mail", b"x" * 5_000_000)
    before = sent_by(redis_server)
    assert [message.size for message in detail("mail").messages] == [5_000_000] * 5
    assert sent_by(redis_server) - before < 100_000


def test_redis_goes_through_a_bounded_part_of_large_messages(app, tell):
    for _ in range(20):
        tell("LPUSH", "mail", b"x" * 5_000_000)
    mail = detail("mail")
    assert (mail.info.depth, len(mail.messages)) == (20, 7)


def sent_by(server) -> int:
    return server.tell("INFO", "stats")["total_net_output_bytes"]


# -- held by workers --------------------------------------------------------------------------------------------------


def hold(tell, *routes):
    values = [json.dumps([{"body": "", "properties": {}}, *route]) for route in routes]
    tell("HSET", "unacked", *chain.from_iterable(enumerate(values)))


def test_messages_that_workers_hold_are_counted_by_queue(app, tell):
    hold(tell, ("", "mail"), ("", "mail"), ("", "elsewhere"))
    assert (queue("mail").unacked, queue("print").unacked) == (2, 0)


def test_messages_by_an_exchange_are_of_the_queue_bound_to_it(app, tell):
    declare(app, "print")
    hold(tell, ("print", "print"))
    assert queue("print").unacked == 1


def test_messages_of_a_fanout_are_of_any_of_its_queues(settings, redis_server, prefix, tell):
    news = Exchange("news", "fanout")
    queues = (Queue("one", news, "a"), Queue("two", news, "b"))
    options = {"global_keyprefix": prefix}
    with using(settings, make_app(f"{redis_server.url}/6", *queues, broker_transport_options=options)) as app:
        declare(app, "one", "two")
        hold(tell, ("news", "a"))
        assert (queue("one").unacked, queue("two").unacked) == (None, None)


def test_too_many_held_messages_are_not_counted(app, tell):
    hold(tell, *[("", "mail")] * 501)
    assert queue("mail").unacked is None


def test_held_messages_that_are_large_together_are_not_gone_through(app, tell):
    large = json.dumps([{"body": "x" * 5_000_000, "properties": {}}, "", "mail"])
    tell("HSET", "unacked", 1, large, 2, large, 3, large)
    assert queue("mail").unacked == 3
    tell("HSET", "unacked", 4, large)
    assert queue("mail").unacked is None


def test_where_the_settings_keep_no_track_nothing_is_known_of_what_is_held(settings, redis_server, prefix):
    options = {"global_keyprefix": prefix, "ack_emulation": False}
    with using(settings, make_app(f"{redis_server.url}/6", broker_transport_options=options)):
        assert queue("celery").unacked is None


# -- ways to Redis ----------------------------------------------------------------------------------------------------


@pytest.fixture
def locked():
    """A Redis with a password, a user who may run no scripts, and a socket."""
    server = RedisServer(free_port(), "--unixsocket", str(FILES / f"{uuid.uuid4().hex[:8]}.sock"))
    server.tell("ACL", "SETUSER", "clerk", "on", ">pä/ss w:rd", "~*", "&*", "+@all", "-@scripting")
    server.tell("ACL", "SETUSER", "guest", "on", ">guest", "~*", "&*", "+@all", "-LLEN")
    yield server
    server.kill()


def test_a_broker_that_runs_no_scripts_still_counts(settings, locked):
    url = f"redis://clerk:p%C3%A4%2Fss%20w%3Ard@127.0.0.1:{locked.port}/3"
    with using(settings, make_app(url)) as app:
        publish(app, "celery", times=2)
        celery = detail("celery")
        assert (celery.info.depth, celery.info.unacked) == (2, None)
        assert (celery.info.oldest_age, celery.messages) == (None, None)


def test_a_wrong_password_is_said_and_not_shown(settings, locked):
    with using(settings, make_app(f"redis://clerk:tr0ub4dor@127.0.0.1:{locked.port}/3")):
        report = BrokerQueueBackend().queues()
    assert (
        report.trouble == f"Redis at 127.0.0.1:{locked.port}/3 could not be asked: it refuses this login or question."
    )
    assert [info.name for info in report.queues] == ["celery"]


def test_a_broker_that_refuses_every_count_says_so(settings, locked):
    with using(settings, make_app(f"redis://guest:guest@127.0.0.1:{locked.port}/3")):
        report = BrokerQueueBackend().queues()
    assert [info.depth for info in report.queues] == [None]
    assert report.trouble.endswith("it refuses this login or question.")


def test_redis_is_reached_through_a_socket(settings, locked):
    path = locked.command[locked.command.index("--unixsocket") + 1]
    with using(settings, make_app(f"redis+socket://{path}?virtual_host=2")) as app:
        publish(app, "celery")
        assert queue("celery").depth == 1
        assert BrokerQueueBackend().data_source == f"Redis at {path}"


def test_another_database_is_another_broker(settings, redis_server):
    name = uuid.uuid4().hex
    with using(settings, make_app(f"{redis_server.url}/6", Queue(name))) as app:
        publish(app, name)
    with using(settings, make_app(f"{redis_server.url}/7", Queue(name))):
        assert queue(name).depth == 0


# -- cost -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def trips(monkeypatch):
    """What is sent to Redis, one entry for each time that something is waited for."""
    sent = []
    send = redis.connection.AbstractConnection.send_packed_command

    def spy(connection, command, check_health=True):
        sent.append(command)
        return send(connection, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", spy)
    return sent


def test_a_processs_first_list_takes_three_round_trips_with_the_choice_of_the_database(app, trips):
    BrokerQueueBackend().queues()
    assert len(trips) == 3


def test_each_further_list_takes_two_round_trips(app, trips):
    BrokerQueueBackend().queues()
    backend._looks.forget()
    trips.clear()
    BrokerQueueBackend().queues()
    assert len(trips) == 2


def test_a_detail_takes_two_round_trips(app, trips):
    publish(app, "mail", times=30)
    BrokerQueueBackend().queues()
    trips.clear()
    BrokerQueueBackend().queue("mail")
    assert len(trips) == 2


def test_nothing_is_locked_or_searched(app, redis_server, trips):
    BrokerQueueBackend().queues()
    BrokerQueueBackend().queue("mail")
    words = b" ".join(part for command in trips for part in command)
    assert not [word for word in (b"MULTI", b"KEYS\r", b"SCAN", b"WATCH") if word in words]
