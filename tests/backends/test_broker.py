"""Which queues there are, whatever the broker, and what is shown while it does not answer."""

import contextlib
import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest
from django.utils import translation
from kombu import Exchange, Queue, binding
from kombu.common import Broadcast

from celery_ops import connections
from celery_ops.backends.broker import backend as broker
from celery_ops.backends.broker import declarations, look
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.broker.declarations import DELAYS
from celery_ops.backends.broker.transports import QueueReading
from celery_ops.backends.remote import snapshot
from celery_ops.exceptions import BackendUnavailable
from celery_ops.info import Binding, QueueDetail
from celery_ops.testing import QueueBackendContract
from tests.backends.brokers import consuming, declare, detail, make_app, plant, publish, queue, queues_of, timed, using
from tests.servers import free_port

SECRET = "tr0ub4dor"


@pytest.fixture(autouse=True)
def _empty_memory():
    from kombu.transport.memory import Channel

    Channel.queues.clear()
    yield
    Channel.queues.clear()


def names() -> list[str]:
    broker.forget()
    return [info.name for info in BrokerQueueBackend().queues().queues]


# -- which there are --------------------------------------------------------------------------------------------------


def test_the_default_queue_is_listed(settings):
    with using(settings, make_app("memory://", task_default_queue="standard")):
        assert names() == ["standard"]


def test_the_default_queue_is_listed_beside_others(settings):
    with using(settings, make_app("memory://", Queue("mail"))):
        assert names() == ["celery", "mail"]


ROUTES = [
    {"a.*": {"queue": "by-pattern"}},
    [("a.b", {"queue": "by-name"}), ("c.*", "in-short")],
    {"d": {"queue": Queue("whole", Exchange("whole"), "w")}, "e": {"exchange": "no-queue"}},
    lambda name, *args, **kwargs: {"queue": "only-known-when-asked"},
]


def test_queues_that_routes_name_are_listed(settings):
    with using(settings, make_app("memory://", task_routes=ROUTES)):
        assert names() == ["by-name", "by-pattern", "celery", "in-short", "whole"]


@pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")  # of the attribute, which works
def test_queues_that_tasks_and_the_schedule_name_are_listed(settings):
    schedule = {
        "nightly": {"task": "a", "schedule": 60, "options": {"queue": "night"}},
        "plain": {"task": "a", "schedule": 60},
        "odd": {"task": "a", "schedule": 60, "options": None},
    }
    app = make_app("memory://", beat_schedule=schedule)
    app.task(name="brokers.own", queue="own", shared=False)(names)
    with using(settings, app):
        assert names() == ["celery", "night", "own"]


def test_looking_at_routes_declares_no_queue(settings):
    with using(settings, make_app("memory://", task_routes=ROUTES)) as app:
        names()
        assert list(app.amqp.queues) == ["celery"]


def test_a_broadcast_that_this_process_would_read_is_no_queue_of_the_site(settings):
    with using(settings, make_app("memory://", Broadcast("all"), Queue("mail"))):
        assert names() == ["celery", "mail"]


def test_queues_that_workers_consume_are_listed(settings):
    with using(settings, make_app("memory://"), {"w@x": consuming("extra")}):
        assert queue("extra").sources == ("workers",)


def test_who_consumes_is_counted_and_named(settings):
    consumed = {"w1@x": consuming("mail", "celery"), "w2@x": consuming("mail")}
    with using(settings, make_app("memory://", Queue("mail")), consumed):
        assert (queue("mail").consumers, queue("celery").consumers) == (2, 1)
        assert detail("mail").workers == ("w1@x", "w2@x")


def test_a_queue_that_nobody_consumes_is_listed_with_none(settings):
    with using(settings, make_app("memory://", Queue("mail")), {"w@x": consuming("celery")}):
        assert (queue("mail").consumers, detail("mail").workers) == (0, ())


RUBBISH = [None, "text", 7, {}, [None, 7, [], {}], [{"name": None}], [{"name": "x" * 10**6}], [{"name": ["celery"]}]]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda rubbish: repr(rubbish)[:30])
def test_a_worker_that_talks_rubbish_changes_nothing(settings, rubbish):
    with using(settings, make_app("memory://"), {"fake@x": rubbish, "w@x": consuming("celery")}):
        assert (names(), queue("celery").consumers) == (["celery"], 1)


def test_a_worker_that_names_any_number_of_queues_does_not_hide_those_of_the_settings(settings):
    consumed = {"fake@x": [{"name": f"a{number}"} for number in range(5000)]}
    with using(settings, make_app("memory://", Queue("mail")), consumed):
        assert len(names()) == declarations.MOST_QUEUES
        assert {"celery", "mail"} <= set(names())
        assert BrokerQueueBackend().queues().trouble == "There may be more queues than the 1000 shown."


def test_a_queue_whose_worker_did_not_reply_may_be_consumed_or_not(settings):
    consumed = {"busy@x": consuming("mail", "celery"), "w@x": consuming("celery")}
    with using(settings, make_app("memory://", Queue("mail")), consumed, silent=["busy@x"]):
        assert (queue("mail").consumers, detail("mail").workers) == (None, None)
        assert (queue("celery").consumers, detail("celery").workers) == (1, ("w@x",))


@pytest.mark.parametrize("reply", [None, "rubbish", {"error": "TypeError"}])
def test_a_worker_that_does_not_say_what_it_consumes_may_consume_anything(settings, reply):
    with using(settings, make_app("memory://", Queue("mail")), {"mute@x": reply, "w@x": consuming("celery")}):
        assert (queue("mail").consumers, detail("mail").workers) == (None, None)
        assert (queue("celery").consumers, detail("celery").workers) == (1, ("w@x",))


def test_what_workers_said_long_ago_says_which_queues_there_are_and_not_who_consumes_now(settings):
    with using(settings, make_app("memory://"), {"w@x": consuming("extra")}, trouble="away"):
        assert (queue("extra").sources, queue("extra").consumers) == (("workers",), None)


def test_a_detail_has_what_settings_and_workers_say(settings):
    mine = Queue("mail", Exchange("post"), "m", max_length=5, durable=False)
    theirs = {"name": "mail", "exchange": {"name": "late", "type": "direct"}, "routing_key": "l", "durable": True}
    with using(settings, make_app("memory://", mine), {"w@x": [theirs]}):
        mail = detail("mail")
    assert mail.bindings == (
        Binding("post", "direct", "m"),
        Binding("late", "direct", "l"),
    )
    assert (mail.durable, mail.arguments) == (False, {"x-max-length": 5})


def test_a_queue_bound_to_several_exchanges_shows_them_all(settings):
    mine = Queue("mail", [binding(Exchange("a"), "x"), binding(Exchange("b", "topic"), "y.#")])
    with using(settings, make_app("memory://", mine)):
        assert {Binding("a", "direct", "x"), Binding("b", "topic", "y.#")} <= set(detail("mail").bindings)


# -- what each transport can say --------------------------------------------------------------------------------------


class TestContract(QueueBackendContract):
    """kombu's memory: what waits is counted, and nothing else is known."""

    @pytest.fixture(autouse=True)
    def _using(self, settings):
        with contextlib.ExitStack() as self.stack:
            self.settings = settings
            yield

    def make_backend(self, queues: Sequence[QueueDetail]) -> BrokerQueueBackend:
        app = make_app("memory://", *queues_of(queues))
        self.stack.enter_context(using(self.settings, app))
        plant(app, queues)
        return BrokerQueueBackend()


def test_a_queue_that_nobody_has_declared_in_memory_is_of_unknown_depth(settings):
    with using(settings, make_app("memory://")):
        assert (queue("celery").depth, queue("celery").sources) == (None, ("settings",))


def test_files_are_counted_where_this_process_writes_and_reads_the_same(settings, tmp_path):
    folders = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path)}
    options = {**folders, "control_folder": str(tmp_path / "control")}
    with using(settings, make_app("filesystem://", broker_transport_options=options)) as app:
        publish(app, "celery", times=2)
        assert queue("celery").depth == 2


def test_files_are_not_counted_where_others_read_them_elsewhere(settings, tmp_path):
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    folders = {"data_folder_in": str(tmp_path / "in"), "data_folder_out": str(tmp_path / "out")}
    options = {**folders, "control_folder": str(tmp_path / "control")}
    with using(settings, make_app("filesystem://", broker_transport_options=options)) as app:
        publish(app, "celery")
        assert queue("celery").depth is None


UNCOUNTED = ["zookeeper://localhost/x", "sqla+sqlite:///x.db", "nosuch://localhost//"]


@pytest.mark.parametrize("url", UNCOUNTED)
def test_elsewhere_queues_are_listed_and_their_numbers_unknown(settings, url):
    with using(settings, make_app("memory://", Queue("mail"))) as app:
        app.conf.broker_url = url
        mail = queue("mail")
        assert (mail.depth, mail.unacked, mail.oldest_age, mail.consumers) == (None, None, None, 0)
        assert detail("mail").messages is None


def test_what_a_transport_can_never_say_is_denied(settings):
    with using(settings, make_app("memory://")):
        backend = BrokerQueueBackend()
        assert (backend.supports_unacked, backend.supports_oldest_age, backend.supports_messages) == (False,) * 3
    with using(settings, make_app("redis://127.0.0.1:1/0")):
        backend = BrokerQueueBackend()
        assert (backend.supports_unacked, backend.supports_oldest_age, backend.supports_messages) == (True,) * 3


# -- away -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_refused_connection_is_said_at_once_and_the_queues_of_the_settings_stay(settings, scheme):
    port = free_port()
    with using(settings, make_app(f"{scheme}://user:{SECRET}@127.0.0.1:{port}/1", Queue("mail"))):
        report, seconds = timed(BrokerQueueBackend().queues)
    assert seconds < 2
    assert [(info.name, info.depth) for info in report.queues] == [("celery", None), ("mail", None)]
    assert report.trouble.endswith(f"at 127.0.0.1:{port}/1 could not be asked: the connection was refused.")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_frozen_broker_takes_its_time_and_no_more(settings, scheme, silent_port):
    with using(settings, make_app(f"{scheme}://user:{SECRET}@127.0.0.1:{silent_port}/1", Queue("mail"))):
        report, seconds = timed(BrokerQueueBackend().queues)
    assert seconds < 2.5
    assert report.trouble.endswith("could not be asked: there was no answer in time.")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_frozen_broker_and_the_question_to_the_workers_take_no_more_together(settings, scheme, silent_port):
    settings.CELERY_OPS = {"APP": make_app(f"{scheme}://127.0.0.1:{silent_port}/1", Queue("mail"))}
    report, seconds = timed(BrokerQueueBackend().queues)
    broker.forget()
    snapshot.forget()
    assert seconds < 2.5
    assert report.trouble.endswith("could not be asked: there was no answer in time.")


AWAY = BackendUnavailable(f"redis://:{SECRET}@x is away")


def test_a_frozen_broker_over_which_the_workers_could_not_be_asked_gets_little_more_time(settings, looks, silent_port):
    with using(settings, make_app(f"redis://127.0.0.1:{silent_port}/1"), AWAY):
        BrokerQueueBackend().queues()
    assert looks == [0.4]


def test_while_the_workers_cannot_be_asked_consumers_are_unknown(settings):
    with using(settings, make_app("memory://"), AWAY) as app:
        declare(app, "celery")
        report = BrokerQueueBackend().queues()
    assert [(info.depth, info.consumers) for info in report.queues] == [(0, None)]
    assert report.trouble == "The workers could not be asked, so what only they know is missing."


def test_while_the_broker_is_away_the_last_report_is_shown(settings, own_redis):
    with using(settings, make_app(f"{own_redis.url}/0")) as app:
        publish(app, "celery", times=3)
        good = BrokerQueueBackend().queues()
        own_redis.freeze()
        broker._looks.forget()
        (again, seconds) = timed(BrokerQueueBackend().queues)
        own_redis.thaw()
        broker._looks.forget()
        later = BrokerQueueBackend().queues()
    assert seconds < 2.5
    assert (again.queues, again.collected_at) == (good.queues, good.collected_at)
    assert again.trouble.endswith("there was no answer in time.")
    assert (later.queues[0].depth, later.trouble) == (3, "")


def test_viewers_of_one_moment_are_told_of_the_trouble_in_their_own_languages(settings):
    with using(settings, make_app(f"redis://127.0.0.1:{free_port()}/1")):
        assert BrokerQueueBackend().queues().trouble.endswith("could not be asked: the connection was refused.")
        with translation.override("de"):
            trouble = BrokerQueueBackend().queues().trouble
    assert trouble.endswith("konnte nicht befragt werden: die Verbindung wurde abgelehnt.")


def test_what_is_noted_of_the_last_report_is_in_the_viewers_language(settings, monkeypatch):
    with using(settings, make_app("memory://")):
        good = replace(BrokerQueueBackend()._look(), readings={DELAYS[0]: QueueReading(is_there=True, depth=2)})
        away = replace(good, readings=None, reason="away")
        monkeypatch.setattr(look, "look", lambda *asked: looks.pop(0))
        looks = [good, away]
        broker.expire()
        assert BrokerQueueBackend().queues().note.startswith("RabbitMQ holds 2 messages")
        broker.expire()
        with translation.override("de"):
            report = BrokerQueueBackend().queues()
    assert report.trouble.endswith("away.")
    assert report.note.startswith("RabbitMQ hält 2 Nachrichten")


def test_a_broker_that_was_restarted_is_asked_again(settings, own_redis):
    with using(settings, make_app(f"{own_redis.url}/0")):
        BrokerQueueBackend().queues()
        own_redis.kill()
        own_redis.start()
        broker._looks.forget()
        assert BrokerQueueBackend().queues().trouble == ""


def test_while_the_broker_is_away_a_detail_has_what_the_settings_say(settings):
    with using(settings, make_app(f"redis://127.0.0.1:{free_port()}/1", Queue("mail", Exchange("post"), "m"))):
        mail = detail("mail")
    assert (mail.bindings, mail.info.depth, mail.messages) == ((Binding("post", "direct", "m"),), None, None)
    assert mail.trouble.endswith("the connection was refused.")


def test_while_the_broker_is_away_a_queue_that_only_it_may_know_is_not_called_unknown(settings):
    with using(settings, make_app(f"redis://127.0.0.1:{free_port()}/1")), pytest.raises(BackendUnavailable):
        BrokerQueueBackend().queue("perhaps")


BAD_URLS = [
    f"redis://:{SECRET}#x@127.0.0.1:1/0",
    f"amqp://user:{SECRET}/x@127.0.0.1:1//",
    f"amqp://user:123/{SECRET}@127.0.0.1:1//",
    f"redis://:{SECRET}@127.0.0.1:notaport/0",
    f"redis://:{SECRET}@127.0.0.1:1/nodatabase",
    f"sentinel://:{SECRET}@127.0.0.1:1/0",
    f"redis+socket://user:{SECRET}@/nowhere.sock?virtual_host=1&password={SECRET}",
    f"sqs://{SECRET}:{SECRET}@",
    f"sqla+postgresql://user:{SECRET}@127.0.0.1/x",
    f"mongodb://user:{SECRET}@127.0.0.1/x",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_no_part_of_a_password_is_shown_or_logged(settings, url, caplog):
    with using(settings, make_app("memory://")) as app:
        app.conf.broker_url = url
        backend = BrokerQueueBackend()
        report = backend.queues()
        texts = [report, backend.data_source, str(backend.description), backend.check(), backend.queue("celery")]
    assert SECRET not in repr(texts)
    assert SECRET not in caplog.text


# -- shared -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def looks(monkeypatch):
    """How long the broker was given each time that it was asked."""
    limits = []
    ask = connections.within
    monkeypatch.setattr(connections, "within", lambda seconds, *args: limits.append(seconds) or ask(seconds, *args))
    return limits


def test_viewers_of_one_moment_share_one_answer(settings, looks):
    with using(settings, make_app("memory://")):
        viewers = [threading.Thread(target=BrokerQueueBackend().queues) for _ in range(8)]
        for viewer in viewers:
            viewer.start()
        for viewer in viewers:
            viewer.join()
    assert len(looks) == 1


def test_viewers_of_a_frozen_broker_wait_once_for_all(settings, looks, silent_port):
    with using(settings, make_app(f"redis://127.0.0.1:{silent_port}/1")):
        viewers = [threading.Thread(target=BrokerQueueBackend().queues) for _ in range(4)]
        for viewer in viewers:
            viewer.start()
        _, seconds = timed(lambda: [viewer.join() for viewer in viewers])
    assert (len(looks), seconds < 2.5) == (1, True)


def test_a_moment_later_the_broker_is_asked_again(settings, looks, monkeypatch):
    monkeypatch.setattr(broker._looks, "_seconds", -1)
    with using(settings, make_app("memory://")):
        BrokerQueueBackend().queues()
        BrokerQueueBackend().queues()
    assert len(looks) == 2


def test_another_broker_is_asked_at_once(settings, looks):
    with using(settings, make_app("memory://")):
        BrokerQueueBackend().queues()
        settings.CELERY_OPS = {"APP": make_app("memory://", Queue("mail"))}
        assert {"celery", "mail"} == {info.name for info in BrokerQueueBackend().queues().queues}


def test_names_that_a_viewer_invents_are_not_kept_for_ever(settings):
    with using(settings, make_app("memory://")):
        for _ in range(100):
            BrokerQueueBackend().queue(uuid.uuid4().hex)
        assert len(broker._looks._answers) <= 64
