"""One question to all workers: how long it takes, who is waited for, and what of the answers is believed."""

import base64
import contextlib
import json
import signal
import threading
import time
from unittest import mock

import pytest
import redis
from kombu import Connection
from kombu.transport import redis as kombu_redis

from celery_ops.backends.remote import known_workers as known_module
from celery_ops.backends.remote.gather import ask
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.exceptions import BrokerUnavailable
from tests.backends.brokers import make_app, using
from tests.backends.conftest import LONG, expect, forget, have_time, sockets
from tests.backends.fakes import FakeWorkers, speaking
from tests.backends.starting import end, start
from tests.benchmarks.crowd import message
from tests.celery import app
from tests.conftest import broker
from tests.servers import free_port, wait_for

METHODS = {"stats": {}, "active": {}, "reserved": {}, "scheduled": {}, "active_queues": {}}
PING = {"ping": {}}


@contextlib.contextmanager
def timed():
    took, begin = [], time.monotonic()
    yield took
    took.append(time.monotonic() - begin)


@contextlib.contextmanager
def stopped(worker):
    worker.signal_all(signal.SIGSTOP)
    try:
        yield worker.hostname
    finally:
        worker.signal_all(signal.SIGCONT)
        wait_for(lambda: worker.hostname in ask(PING, [worker.hostname]).replies, "the worker to be back")


# -- real workers


def test_every_worker_is_asked_and_heard(names):
    answers = ask(METHODS)
    assert (answers.asked, tuple(sorted(answers.replies)), answers.silent) == (names, names, ())


def test_every_worker_answers_every_method(names):
    assert [set(parts) for parts in ask(METHODS).replies.values()] == [set(METHODS)] * 3


def test_answers_are_collected_at_an_aware_moment(names):
    assert ask(PING).collected_at.tzinfo is not None


def test_the_answers_to_one_of_the_questions_are_by_hostname(names):
    assert ask({"ping": {}, "active": {}}).to("ping") == {name: {"ok": "pong"} for name in names}


def test_arguments_reach_the_workers(names):
    replies = ask({"registered": {"taskinfoitems": ["rate_limit"]}}).replies
    assert "shop.limited [rate_limit=10/m]" in replies[names[0]]["registered"]


def test_only_the_destination_is_asked_and_heard(names):
    answers = ask(PING, [names[1]])
    assert (answers.asked, list(answers.replies)) == ((names[1],), [names[1]])


def test_a_destination_of_two_is_heard_whole(names):
    assert sorted(ask(PING, names[:2]).replies) == sorted(names[:2])


def test_once_the_workers_are_known_nobody_waits_for_the_deadline(names, settings):
    have_time(settings)
    with timed() as took:
        ask(METHODS)
    assert took[0] < LONG


def test_the_first_question_of_a_process_waits_for_whoever_may_be_there(fleet):
    with timed() as took:
        ask(PING)
    assert took[0] >= 1


def test_a_first_question_to_one_worker_waits_for_that_one_only(names, settings):
    forget()
    have_time(settings)
    with timed() as took:
        ask(PING, [names[0]])
    assert took[0] < LONG


def test_a_stopped_worker_is_silent_and_stays_listed(fleet, names):
    with stopped(fleet[0]):
        answers = ask(METHODS)
    assert (answers.asked, answers.silent) == (names, names[:1])


def test_a_stopped_worker_is_waited_for_once(fleet, names, settings):
    with stopped(fleet[0]):
        ask(METHODS)
        have_time(settings)
        with timed() as took:
            again = ask(METHODS)
    assert (took[0] < LONG, again.silent) == (True, names[:1])


def test_a_stopped_worker_that_is_asked_alone_is_not_waited_for_again(fleet, names, settings):
    with stopped(fleet[0]):
        ask(PING)
        have_time(settings)
        with timed() as took:
            answers = ask(PING, names[:1])
    assert (took[0] < LONG, answers.silent) == (True, names[:1])


def test_a_worker_that_goes_on_is_heard_again(fleet, names):
    with stopped(fleet[0]):
        ask(METHODS)
    wait_for(lambda: not ask(METHODS).silent, "the worker to be heard")


def test_a_worker_that_starts_later_is_found_and_named_when_it_dies_until_it_is_forgotten(names, fleet_url):
    (doomed,) = start("doomed@test", url=fleet_url)
    try:
        wait_for(lambda: "doomed@test" in ask(PING).replies, "the worker to be found")
    finally:
        end(doomed)
    assert ask(PING).silent == ("doomed@test",)
    known_workers().forget("doomed@test")
    assert "doomed@test" not in ask(PING).asked


def test_a_busy_solo_worker_is_silent_and_not_absent(names, fleet_url):
    (solo,) = start("solo@test", url=fleet_url, options=("-P", "solo", "-Q", "solo"))
    try:
        wait_for(lambda: "solo@test" in ask(PING).replies, "the worker to be heard")
        app.send_task("shop.nap", (60,), queue="solo")
        wait_for(lambda: "solo@test" in ask(PING).silent, "the worker to be busy")
        assert "solo@test" in ask(PING).asked
    finally:
        end(solo)


# -- what is left behind


def test_no_thread_and_no_socket_is_left(names):
    before = sockets(), threading.active_count()
    for _ in range(3):
        ask(METHODS)
    assert (sockets(), threading.active_count()) == before


def test_silence_leaves_no_thread_and_no_socket_either(empty_url):
    expect()
    before = sockets(), threading.active_count()
    ask(METHODS)
    assert (sockets(), threading.active_count()) == before


def test_no_reply_queue_is_left_on_redis(names, fleet_url):
    before = left_for_ever(fleet_url)  # a worker that was stopped while it answered wrote into the void
    ask(METHODS)
    assert set(left_for_ever(fleet_url)) <= set(before)


def test_silence_leaves_no_reply_queue_either(fakes, empty_url):
    expect("silent@test")
    ask(PING)
    assert left_for_ever(empty_url) == []


@pytest.mark.parametrize("unprefixed", ["", "PEXPIRE"], ids=["this kombu", "kombu before 5.7"])
def test_under_a_prefix_of_the_sites_own_silence_leaves_none_either(unprefixed, settings, empty_url, monkeypatch):
    prefixed = kombu_redis.GlobalKeyPrefixMixin.PREFIXED_SIMPLE_COMMANDS
    commands = [command for command in prefixed if command != unprefixed]
    monkeypatch.setattr(kombu_redis.GlobalKeyPrefixMixin, "PREFIXED_SIMPLE_COMMANDS", commands)
    with using(settings, make_app(empty_url, broker_transport_options={"global_keyprefix": "site:"})):
        expect("silent@test")
        assert ask(PING).silent == ("silent@test",)
        assert left_for_ever(empty_url) == []


def test_a_reply_that_is_under_way_when_the_round_ends_does_not_stay(fakes, empty_url):
    """Its worker has looked up the queue already."""
    expect("silent@test")
    ask(PING)
    push(empty_url, key_of(fakes.heard[0]), "late")
    assert left_for_ever(empty_url) == []


def left_for_ever(url):
    """Return the keys of replies that nothing removes."""
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        return [key for key in client.scan_iter() if b"reply" in key and client.ttl(key) < 0]


def push(url, key, *raw):
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        client.lpush(key, *raw)


def key_of(question):
    return f"{question.reply_to['routing_key']}.{question.reply_to['exchange']}"


# -- destinations


@pytest.mark.parametrize("destination", [[], (), set(), [""], ["w1@test", ""], "w1@test", ""], ids=repr)
def test_an_empty_destination_is_refused(destination, empty_url):
    with pytest.raises(ValueError, match="destination"):
        ask(PING, destination)


def test_an_empty_destination_publishes_nothing(fakes):
    expect()
    with contextlib.suppress(ValueError):
        ask({"shutdown": {}}, [])
    ask(PING)
    assert fakes.methods() == ["ping"]


def test_no_question_is_refused(empty_url):
    with pytest.raises(ValueError, match="question"):
        ask({})


def test_an_unknown_destination_is_not_waited_for_beyond_the_deadline(empty_url):
    with timed() as took:
        answers = ask(PING, ["nobody@test"])
    assert (took[0] < 1.6, answers.silent) == (True, ("nobody@test",))


def test_an_unknown_destination_is_hardly_waited_for_once_this_process_has_looked(names, settings):
    have_time(settings)
    with timed() as took:
        ask(PING, ["nobody@test"])
    assert took[0] < LONG


def test_a_destination_that_has_answered_is_all_that_is_waited_for(fakes, monkeypatch, settings):
    have_time(settings)
    monkeypatch.setattr(known_module, "LISTENING", 60)
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {"ping": "pong"}})
    with timed() as took:
        ask(PING, ["fake@test"])
    assert took[0] < LONG


def test_a_silent_worker_that_is_heard_is_waited_for_again(fakes):
    expect("fake@test")
    known_workers().note(["fake@test"], PING, {})
    fakes.answer = speaking({"fake@test": {"ping": "pong"}})
    ask(PING)
    assert known_workers().plan(None, PING).awaited == {"fake@test"}


def test_nothing_is_remembered_of_a_destination_that_was_never_heard(empty_url):
    known_workers().note(["nobody@test"], PING, {})
    assert known_workers().plan(frozenset({"nobody@test"}), PING).awaited == {"nobody@test"}


def test_an_unknown_destination_is_not_listed_afterwards(fleet, names):
    ask(PING, ["nobody@test"])
    assert ask(PING).asked == names


def test_without_any_worker_only_the_first_question_waits(empty_url, settings):
    ask(PING)
    have_time(settings)
    with timed() as took:
        ask(PING)
    assert took[0] < LONG


# -- what is said


def test_every_question_is_published_once_and_with_its_ticket(fakes):
    expect()
    ask(METHODS)
    assert (sorted(fakes.methods()), len({question.ticket for question in fakes.heard})) == (sorted(METHODS), 5)


def test_what_a_worker_may_fail_to_encode_is_asked_last(fakes):
    expect()
    ask(METHODS)
    assert fakes.methods() == ["stats", "active_queues", "active", "reserved", "scheduled"]


@pytest.mark.parametrize(
    "reply", [None, "text", 7, [], {"error": "no"}, {}, "<script>"], ids=lambda reply: repr(reply)[:20]
)
def test_any_reply_is_an_answer(fakes, reply):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {"ping": reply}})
    assert ask(PING).replies == {"fake@test": {"ping": reply}}


@pytest.mark.parametrize("body", [None, "text", 7, [], ["fake@test"], {}, True], ids=repr)
def test_what_names_no_worker_is_no_answer(fakes, body):
    expect("good@test")
    fakes.answer = lambda question: [body, {"good@test": "pong"}]
    assert list(ask(PING).replies) == ["good@test"]


@pytest.mark.parametrize("name", ["", "\x00", "a\nb", "\ud800", "x" * 256, "\x1b[31m", "\u202e"], ids=ascii)
def test_an_impossible_hostname_is_not_believed(fakes, name):
    expect("good@test")
    fakes.answer = lambda question: [{name: "pong"}, {"good@test": "pong"}]
    assert list(ask(PING).replies) == ["good@test"]


def test_a_reply_of_five_megabytes_counts_and_is_not_kept(fakes, settings):
    have_time(settings)
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {"ping": "x" * 5_000_000, "stats": {}}})
    assert ask({"ping": {}, "stats": {}}).replies == {"fake@test": {"ping": None, "stats": {}}}


@pytest.mark.parametrize("place", ["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def test_a_compressed_reply_is_not_unpacked(place, request, settings, redis_server, monkeypatch):
    url = request.getfixturevalue("rabbitmq_url") if place == "rabbitmq" else f"{redis_server.url}/5"
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.5}
    unpacked = []
    monkeypatch.setattr("kombu.message.decompress", lambda *packed: unpacked.append(packed))
    with broker(url), FakeWorkers(url) as fakes:

        def answer(question):
            fakes.say(question, {"packed@test": "x" * 100_000}, compression="zlib")
            return [{"good@test": "pong"}]

        fakes.answer = answer
        expect("good@test", "packed@test")
        replies = ask(PING).replies
    assert (list(replies), unpacked) == (["good@test"], [])


def test_a_message_that_is_none_does_not_spoil_the_others(fakes, empty_url):
    def answer(question):
        for raw in ("", "{}", "null", "rubbish", '{"body": 1, "properties": {}, "headers": []}'):
            push(empty_url, key_of(question), raw)
        return [{"good@test": "pong"}]

    expect("good@test")
    fakes.answer = answer
    assert list(ask(PING).replies) == ["good@test"]


def test_of_two_replies_of_one_name_the_first_counts(fakes):
    expect("fake@test", "good@test")
    fakes.answer = lambda question: [{"fake@test": "first"}, {"fake@test": "second"}, {"good@test": "pong"}]
    assert ask(PING).to("ping")["fake@test"] == "first"


def test_a_reply_with_another_ticket_is_ignored(fakes):
    def answer(question):
        fakes.say(question, {"foreign@test": "pong"}, ticket="another")
        return [{"good@test": "pong"}]

    expect("good@test")
    fakes.answer = answer
    assert list(ask(PING).replies) == ["good@test"]


def test_a_late_reply_to_an_earlier_question_is_ignored(fakes):
    """It comes into the queue of the next question."""

    def answer(question):
        fakes.say(question, {"late@test": "pong"}, ticket=fakes.heard[0].ticket)
        return [{"good@test": "pong"}]

    expect()
    ask(PING)
    expect("good@test")
    fakes.answer = answer
    assert list(ask(PING).replies) == ["good@test"]


def test_a_reply_after_the_deadline_is_left_nowhere(fakes, empty_url):
    expect()
    assert ask(PING).replies == {}
    fakes.say(fakes.heard[0], {"late@test": "pong"})
    assert left_for_ever(empty_url) == []


def test_a_worker_outside_the_destination_is_not_heard(fakes):
    expect("fake@test")
    fakes.answer = lambda question: [{"other@test": "pong"}, {"fake@test": "pong"}]
    assert list(ask(PING, ["fake@test"]).replies) == ["fake@test"]


def test_a_method_that_a_worker_never_answers_is_waited_for_once(fakes, settings):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {"stats": {}}})
    ask({"stats": {}, "active": {}})
    have_time(settings)
    with timed() as took:
        ask({"stats": {}, "active": {}})
    assert took[0] < LONG


def test_a_method_that_was_left_unanswered_is_heard_when_it_is_answered_again(fakes):
    """Nobody waits for it, and it comes last."""
    expect("fake@test")
    known_workers().note((), {"active": {}}, {"fake@test": {}})
    fakes.answer = speaking({"fake@test": {"stats": {}, "active": []}})
    assert set(ask({"stats": {}, "active": {}}, ["fake@test"]).replies["fake@test"]) == {"stats", "active"}
    assert known_workers().expects("fake@test", ["active"]) == {"active"}


def test_a_worker_is_listed_for_a_day(empty_url, monkeypatch):
    expect("fake@test")
    assert known_workers().listed.keys() == {"fake@test"}
    monkeypatch.setattr(known_module, "REMEMBERED", known_module.REMEMBERED * 0)
    assert known_workers().listed == {}


def test_once_in_a_while_a_round_listens_for_workers_that_nobody_knows(fakes, monkeypatch, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 2}
    expect("old@test")
    timers = []

    def answer(question):
        late = threading.Timer(0.1, fakes.say, (question, {"slow@test": "pong"}))
        late.start()
        timers.append(late)
        return [{"old@test": "pong"}]

    fakes.answer = answer
    assert "slow@test" not in ask(PING).replies
    monkeypatch.setattr(known_module, "LOOKING_AROUND", 0)
    assert "slow@test" in ask(PING).replies
    for timer in timers:
        timer.join()


def test_a_worker_that_was_silent_is_heard_whole_when_it_is_back(fakes):
    """Its first word has it waited for, although nobody expected it."""
    expect("old@test", "back@test")
    known_workers().note(["back@test"], PING, {})
    timers = []

    def answer(question):
        if question.method == "stats":
            late = threading.Timer(0.1, fakes.say, (question, {"back@test": {}}))
            late.start()
            timers.append(late)
            return [{"old@test": {}}]
        return [{"back@test": 1}, {"old@test": 1}]

    fakes.answer = answer
    assert set(ask({"ping": {}, "stats": {}}).replies["back@test"]) == {"ping", "stats"}
    for timer in timers:
        timer.join()


def test_workers_of_one_broker_are_not_asked_on_another(empty_url, redis_server):
    expect("fake@test")
    with broker(f"{redis_server.url}/6"):
        expect()
        assert ask(PING).asked == ()


# -- brokers that do not answer


def test_a_refused_connection_is_said_at_once(settings):
    with broker(f"redis://127.0.0.1:{free_port()}/0"), timed() as took, pytest.raises(BrokerUnavailable):
        ask(METHODS)
    assert took[0] < 1


def test_a_frozen_redis_is_given_up_in_time(own_redis):
    own_redis.freeze()
    with broker(own_redis.url), timed() as took, pytest.raises(BrokerUnavailable):
        ask(METHODS)
    assert took[0] < 2.5


def test_a_redis_that_freezes_between_question_and_answer_is_given_up_in_time(own_redis):
    with broker(own_redis.url), FakeWorkers(own_redis.url) as fakes:
        fakes.answer = lambda question: own_redis.freeze() if len(fakes.heard) == 1 else None
        try:
            with timed() as took, pytest.raises(BrokerUnavailable):
                ask(METHODS)
        finally:
            own_redis.thaw()
    assert took[0] < 2.5


def test_a_frozen_redis_leaves_no_thread_for_long(own_redis):
    threads = threading.active_count()
    own_redis.freeze()
    with broker(own_redis.url), pytest.raises(BrokerUnavailable):
        ask(METHODS)
    wait_for(lambda: threading.active_count() == threads, "the thread to end")


def test_a_rabbitmq_that_accepts_and_says_nothing_is_given_up_in_time(silent_port):
    with broker(f"amqp://127.0.0.1:{silent_port}//"), timed() as took, pytest.raises(BrokerUnavailable):
        ask(METHODS)
    assert took[0] < 2.5


def test_a_refused_rabbitmq_is_said_at_once(settings):
    with broker(f"amqp://127.0.0.1:{free_port()}//"), timed() as took, pytest.raises(BrokerUnavailable):
        ask(METHODS)
    assert took[0] < 1


def test_the_brokers_second_address_is_tried_when_the_first_refuses(empty_url):
    with broker(f"redis://127.0.0.1:{free_port()}/0;{empty_url}"), FakeWorkers(empty_url) as fakes:
        expect("fake@test")
        fakes.answer = speaking({"fake@test": {"ping": "pong"}})
        assert list(ask(PING).replies) == ["fake@test"]


def test_after_a_failure_the_next_question_is_asked_on_a_new_connection(own_redis):
    with broker(own_redis.url), FakeWorkers(own_redis.url) as fakes:
        fakes.answer = speaking({"fake@test": {"ping": "pong"}})
        expect("fake@test")
        own_redis.freeze()
        with pytest.raises(BrokerUnavailable):
            ask(PING)
        own_redis.thaw()
        assert list(ask(PING).replies) == ["fake@test"]


# -- RabbitMQ


@pytest.fixture(scope="module")
def rabbit_worker(rabbitmq_url):
    (worker,) = start("rabbit@test", url=rabbitmq_url)
    yield worker
    end(worker)


@pytest.fixture
def rabbit(rabbit_worker, rabbitmq_url):
    with broker(rabbitmq_url):
        forget()
        expect(rabbit_worker.hostname)
        yield rabbit_worker


@pytest.mark.rabbitmq
def test_a_worker_answers_over_rabbitmq(rabbit):
    assert {host: set(parts) for host, parts in ask(METHODS).replies.items()} == {"rabbit@test": set(METHODS)}


@pytest.mark.rabbitmq
def test_a_worker_that_is_known_is_heard_quickly_over_rabbitmq(rabbit, settings):
    have_time(settings)
    with timed() as took:
        ask(METHODS)
    assert took[0] < LONG


@pytest.mark.rabbitmq
def test_a_stopped_worker_is_silent_over_rabbitmq(rabbit):
    with stopped(rabbit):
        assert ask(PING).silent == ("rabbit@test",)


@pytest.mark.rabbitmq
def test_no_reply_queue_is_left_on_rabbitmq(rabbit, rabbitmq_url):
    with FakeWorkers(rabbitmq_url) as spy:
        ask(PING)
        (question,) = wait_for(lambda: spy.heard, "the question")
    with Connection(rabbitmq_url) as connection:
        wait_for(lambda: not exists(connection, key_of(question)), "the queue to go")


def exists(connection, queue):
    with contextlib.suppress(connection.channel_errors), connection.channel() as channel:
        return channel.queue_declare(queue, passive=True)


@pytest.mark.rabbitmq
def test_no_thread_and_no_socket_is_left_with_rabbitmq(rabbit):
    ask(METHODS)
    before = sockets(), threading.active_count()
    ask(METHODS)
    assert (sockets(), threading.active_count()) == before


# -- many workers


def test_many_workers_are_all_heard_in_few_round_trips(fakes, empty_url, settings):
    have_time(settings)
    hosts = [f"w{number:03d}@test" for number in range(150)]

    def answer(question):
        packed = [base64.b64encode(json.dumps({host: "pong"}).encode()).decode() for host in hosts]
        push(empty_url, key_of(question), *(message(body, question.ticket) for body in packed))

    fakes.answer = answer
    expect(*hosts)
    with mock.patch.object(kombu_redis.Channel, "_brpop_start", autospec=True, side_effect=BRPOP) as trips:
        assert sorted(ask(PING).replies) == hosts
    assert trips.call_count < 20


BRPOP = kombu_redis.Channel._brpop_start


def test_a_heap_of_rubbish_spoils_nothing(fakes, empty_url, settings):
    have_time(settings)
    hosts = [f"w{number:03d}@test" for number in range(120)]

    def answer(question):
        for raw in ("", "{}", "null", "rubbish", '{"body": 1, "properties": {}, "headers": []}') * 2:
            push(empty_url, key_of(question), raw)
        return [{host: "pong"} for host in hosts]

    fakes.answer = answer
    expect(*hosts)
    assert sorted(ask(PING).replies) == hosts
