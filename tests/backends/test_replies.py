"""Replies of workers: what is there is read, and anything else does no harm."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Exchange, Queue, binding

from celery_ops.backends.control import DETAIL
from celery_ops.backends.remote import replies
from celery_ops.info import RegisteredTask
from celery_ops.metrics.queues import _queue
from tests.backends.brokers import make_app
from tests.backends.fakes import IDLE, STATS

LISTS = ("active", "reserved", "scheduled", "active_queues", "registered")
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
anything = leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(max_size=5), leaves, max_size=3)


def some(*names, **fields):
    """Return mappings with any of these keys, and anything in them."""
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names, anything), **fields})


requests = some("id", "name", "args", "time_start", "eta", delivery_info=some("routing_key"))
stats = some(*STATS, pool=some("implementation", "max-concurrency"), total=st.dictionaries(st.text(max_size=3), leaves))
items = st.lists(anything | requests | some("eta", "name", request=requests), max_size=3)
parts = some("conf", stats=anything | stats, **dict.fromkeys(LISTS, anything | items))


def read(**parts):
    return replies.detail("w@test", {**IDLE, **parts}, DETAIL)


@given(parts)
def test_no_reply_raises(parts):
    replies.detail("w@test", parts, DETAIL)


@given(st.text())
def test_no_line_of_a_registered_task_raises(line):
    replies.registered([line, f"{line} [{line}]", f"x [time_limit={line}]"], "w@test")


def test_totals_are_summed():
    assert (read().info.processed, read().totals) == (7, {"shop.nap": 3, "shop.limited": 4})


def test_totals_that_are_no_numbers_are_left_out():
    assert read(stats={"total": {"a": 1, "b": "x", "c": None, "d": -1, "e": True, "f": 10**400}}).totals == {"a": 1}


def test_without_totals_nothing_is_known_of_what_was_processed():
    assert read(stats={}).info.processed is None


@pytest.mark.parametrize(
    ("implementation", "name"),
    [
        ("celery.concurrency.prefork:TaskPool", "prefork"),
        ("celery.concurrency.solo:TaskPool", "solo"),
        ("mine.TaskPool", "TaskPool"),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_a_pool_is_called_by_its_short_name(implementation, name):
    assert read(stats={"pool": {"implementation": implementation}}).info.pool == name


@pytest.mark.parametrize("uptime", [None, "x", -1, float("nan"), float("inf"), 10**400, 1e300, True])
def test_an_impossible_uptime_is_unknown(uptime):
    assert read(stats={"uptime": uptime}).uptime is None


def test_an_uptime_is_in_seconds():
    assert read().uptime == timedelta(seconds=90)


@pytest.mark.parametrize("start", [None, "x", float("nan"), float("inf"), 10**400, 1e300, True, []])
def test_an_impossible_start_is_unknown(start):
    assert read(active=[{"id": "1", "time_start": start}]).active[0].started_at is None


@pytest.mark.parametrize("eta", [None, "x", 7, "2026-13-45", [], ""])
def test_an_impossible_eta_is_unknown(eta):
    assert read(scheduled=[{"eta": eta, "request": {"id": "1"}}]).scheduled[0].eta is None


def test_an_eta_without_a_zone_is_in_utc():
    (task,) = read(scheduled=[{"eta": "2026-07-01T12:00:00", "request": {"id": "1"}}]).scheduled
    assert task.eta.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("a.b", RegisteredTask("a.b")),
        ("a.b [rate_limit=10/m]", RegisteredTask("a.b", "10/m")),
        ("a.b [time_limit=30 soft_time_limit=20.5]", RegisteredTask("a.b", None, 20.5, 30.0)),
        ("a [b] [rate_limit=1/s]", RegisteredTask("a [b]", "1/s")),
        ("a.b [time_limit=nan soft_time_limit=-1]", RegisteredTask("a.b")),
        ("a.b [time_limit= x= =y exchange=z]", RegisteredTask("a.b")),
        ("a.b [unfinished", RegisteredTask("a.b [unfinished")),
    ],
)
def test_a_registered_task_is_read_with_its_limits(line, task):
    assert read(registered=[line]).registered == (task,)


def test_queues_are_named_once_and_in_order():
    assert read(active_queues=[{"name": "b"}, {"name": "a"}, {"name": "b"}, {}, None, {"name": 7}]).info.queues == (
        "a",
        "b",
    )


def test_an_error_is_no_answer():
    assert read(stats={"error": "no"}, conf={"error": "no"}).missing == ("stats", "registered", "conf")


def test_nothing_at_all_is_missing_everything():
    assert replies.detail("w@test", {}, DETAIL).missing == tuple(DETAIL)


def test_what_was_not_asked_is_not_missing():
    assert replies.detail("w@test", {}, ["stats"]).missing == ("stats",)


def test_a_text_that_cannot_be_carried_is_made_to_be():
    assert read(active=[{"id": "a\x00\ud800b"}]).active[0].id == "a\ufffd\ufffdb"


def test_a_long_name_is_cut():
    assert len(read(active=[{"id": "1", "name": "x" * 10**6}]).active[0].name) == 1000


def test_arguments_are_left_as_they_are():
    assert read(active=[{"id": "1", "args": "(1,)", "kwargs": {"a": [1]}}]).active[0].kwargs == {"a": [1]}


@pytest.mark.parametrize("method", ["active", "reserved", "scheduled"])
def test_a_task_has_its_own_name_and_not_its_callers_shadow(method):
    request = {"id": "1", "name": "sign in", "type": "shop.login"}
    item = {"eta": None, "request": request} if method == "scheduled" else request
    (task,) = getattr(read(**{method: [item]}), method)
    assert task.name == "shop.login"


@pytest.fixture
def bound(settings):
    """Let the site's queues be these."""

    def bind(*queues):
        settings.CELERY_OPS = {"APP": make_app("memory://", *queues)}
        _queue.cache_clear()

    yield bind
    _queue.cache_clear()


SHOP = Exchange("shop", "topic")


@pytest.mark.parametrize(
    ("exchange", "routing_key", "queue"),
    [
        ("", "mail", "mail"),
        ("shop", "letters", "mail"),
        ("shop", "stock.of.shelf", "stock"),
        ("shop", "stocks.of.shelf", "stocks.of.shelf"),
        ("other", "letters", "letters"),
        ("news", "about.shop", "press"),
        ("", "stock.of.shelf", "stock.of.shelf"),
        ("celery_delayed_27", "0." * 27 + "1.stock.of.shelf", "stock"),
        (None, "mail", "mail"),
        ("shop", None, None),
    ],
)
def test_a_task_is_of_the_queue_that_its_routing_key_leads_to(exchange, routing_key, queue, bound):
    press = Queue("press", [binding(Exchange("news", "topic"), "*.shop")])
    bound(Queue("mail", SHOP, "letters"), Queue("stock", SHOP, "stock.#"), press)
    request = {"id": "1", "delivery_info": {"exchange": exchange, "routing_key": routing_key}}
    (task,) = read(active=[request]).active
    assert task.queue == queue


def test_what_goes_into_several_queues_is_of_none_of_them(bound):
    bound(Queue("a", SHOP, "both.*"), Queue("b", SHOP, "#"))
    (task,) = read(active=[{"id": "1", "delivery_info": {"exchange": "shop", "routing_key": "both.x"}}]).active
    assert task.queue == "both.x"
