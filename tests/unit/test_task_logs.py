"""What the handler keeps of what a task logs, however hostile that is."""

import contextlib
import logging
import logging.config
import os
import threading
import time
import uuid

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from celery.utils.log import get_task_logger
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import redaction
from celery_ops.redaction import capture_text
from celery_ops.task_logs import handler
from celery_ops.task_logs.attempt import AttemptLog
from celery_ops.task_logs.reading import read_log
from celery_ops.task_logs.sending import sender
from celery_ops.tracking import counters, log_fields
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.store import LOG
from tests.shop.tasks import does, untracked_does
from tests.worst_texts import UNITS

logger = logging.getLogger("shop.things")


@pytest.fixture(autouse=True)
def _heard(memory_store, caplog):
    """Lines of every level are logged; no handler of ours is there before, or left behind."""
    caplog.set_level("DEBUG")
    remove_handlers()
    yield
    remove_handlers()


def remove_handlers():
    for one, added in handler._installed:
        one.removeHandler(added)


@contextlib.contextmanager
def apart():
    """Have the site's loggers end at one that has our handler alone: pytest's own would raise, or word a line before.

    Those are added as a test begins to every logger that ends, so this is no fixture.
    """
    logging.getLogger("shop").propagate = False
    logging.getLogger(f"new.{uuid.uuid4().hex}")  # loggers are looked through where there are new ones
    yield
    logging.getLogger("shop").propagate = True


def kept(work, task=does, **options):
    """Run a task that does this work, and return its lines."""
    args = (1, work) if task is does else (work,)
    result = task.apply(args, options)
    sender().hold()  # its thread may be between taking lines and handing them over
    sender().send()
    sender().go_on()
    return read_log(result.id).lines


def messages(work, **options):
    return [line.message for line in kept(work, **options)]


# -- whose lines


def test_lines_of_the_sites_loggers_are_kept():
    def work():
        logger.info("one %s", "thing")
        get_task_logger("shop.tasks").warning("another")
        logging.getLogger("celery.redirected").warning("what was printed")
        logging.getLogger("celery.task.shop").warning("as a worker sets it up")

    assert [(line.n, line.level, line.logger, line.message, line.attempt) for line in kept(work)] == [
        (1, "INFO", "shop.things", "one thing", 1),
        (2, "WARNING", "shop.tasks", "another", 1),
        (3, "WARNING", "celery.redirected", "what was printed", 1),
        (4, "WARNING", "celery.task.shop", "as a worker sets it up", 1),
    ]


@pytest.mark.parametrize(
    "name", ["celery.app.trace", "celery.worker.strategy", "kombu", "amqp", "billiard.pool", "celery_ops.tracking"]
)
def test_lines_of_celerys_own_loggers_are_left_out(name):
    assert messages(lambda: logging.getLogger(name).error("about Celery itself")) == []


def test_a_line_outside_of_a_task_belongs_to_none():
    kept(lambda: logger.info("inside"))
    logger.info("outside")
    assert not sender().send()


def test_a_logger_that_does_not_propagate_is_heard_as_well_and_once():
    apart = logging.getLogger("apart.things")
    apart.propagate = False
    try:
        assert messages(lambda: (apart.info("one"), logging.getLogger("apart.things.deeper").info("two"))) == [
            "one",
            "two",
        ]
        apart.propagate = True
        assert messages(lambda: apart.info("three")) == ["three"]
    finally:
        apart.propagate = True


def test_a_site_that_sets_up_its_logging_late_is_heard():
    kept(lambda: logger.info("before"))
    logging.getLogger().handlers[:] = [
        one for one in logging.getLogger().handlers if not isinstance(one, handler.TaskLogHandler)
    ]
    assert messages(lambda: logger.info("after")) == ["after"]


def test_a_task_called_as_a_function_logs_for_the_one_that_calls_it():
    assert messages(lambda: does(2, lambda: logger.info("deeper"))) == ["deeper"]


def test_a_task_that_runs_inside_of_another_has_a_log_of_its_own():
    inner = []

    def work():
        logger.info("outer")
        inner.append(does.apply((2, lambda: logger.info("inner"))).id)
        logger.info("outer again")

    assert messages(work) == ["outer", "outer again"]
    assert [line.message for line in read_log(inner[0]).lines] == ["inner"]


def test_a_thread_of_a_tasks_own_is_not_heard():
    def work():
        thread = threading.Thread(target=logger.info, args=("from a thread",))
        thread.start()
        thread.join()

    assert messages(work) == []


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_child_of_a_tasks_own_is_not_heard():
    def work():
        logger.info("parent")
        if (child := os.fork()) == 0:
            logger.info("child")
            os._exit(does.request.__dict__[handler.ATTRIBUTE].total - 1)
        assert os.waitpid(child, 0)[1] == 0

    assert messages(work) == ["parent"]


def test_tasks_that_nobody_tracks_are_heard_where_all_are_wanted(settings):
    assert messages(lambda: logger.info("one"), task=untracked_does) == []
    settings.CELERY_OPS = {**settings.CELERY_OPS, "LOGS": "all"}
    assert messages(lambda: logger.info("one"), task=untracked_does) == ["one"]
    settings.CELERY_OPS = {**settings.CELERY_OPS, "LOGS": "none"}
    assert messages(lambda: logger.info("one"), task=does) == []


def test_without_a_store_there_is_no_handler(settings):
    settings.CELERY_OPS = {"STORE": "nowhere.Store"}
    does.apply((1, lambda: logger.info("one")))
    assert not any(isinstance(one, handler.TaskLogHandler) for one in logging.getLogger().handlers)


# -- what a line says


class Loud:
    def __str__(self):
        logger.warning("said while it is put into words")
        return "loud"


class Broken:
    def __str__(self):
        raise RuntimeError("no words")


class Late:
    def __str__(self):
        raise SoftTimeLimitExceeded


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (lambda: logger.info("%d of %s", "x"), "%d of %s [its arguments do not fit]"),  # noqa: PLE1206 - as many people write
        (lambda: logger.info("%s", Broken()), "%s [its arguments do not fit]"),
        (lambda: logger.info(Broken()), "<Broken>"),
        (lambda: logger.info(b"bytes \xff"), "bytes \ufffd"),
        (lambda: logger.info("%s", Loud()), "loud"),
        (lambda: logger.info("%(a)s", {"a": 1}), "1"),
        (lambda: logger.info(None), "None"),
        (lambda: logger.info("\x1b[1;31mred\x1b[0m \x1b]0;title\x07a\x00b\r\u202ec\nd\te"), "red abc\nd\te"),
        (lambda: logger.info("half a surrogate \ud800."), "half a surrogate ."),
        (lambda: logger.info("pass\x1b[0mword=hunter2hunter2"), "password=[redacted]"),
    ],
)
def test_whatever_is_logged_becomes_a_line(log, message, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with apart():
        assert message in messages(log)
    assert counters.counts()["errors"] == 0


@pytest.mark.parametrize(
    "odd", [{"levelname": 7}, {"levelname": None}, {"created": None}, {"created": float("nan")}, {"created": "x" * 9}]
)
def test_a_record_that_somebody_put_together_by_hand_takes_no_other_line_with_it(odd):
    def work():
        logger.info("before")
        record = {"name": "shop.things", "msg": "odd", "levelno": logging.INFO, "levelname": "INFO", **odd}
        logger.handle(logging.makeLogRecord(record))
        logger.info("after")

    with apart():
        assert messages(work) == ["before", "odd", "after"]
    assert counters.counts()["errors"] == 0


def test_an_exception_is_kept_with_the_end_of_its_traceback_and_without_values():
    def work():
        try:
            raise ValueError("no")
        except ValueError:
            logger.exception("it failed")

    (line,) = kept(work)
    first, *_, last = line.message.split("\n")
    assert (first, last) == ("it failed", "ValueError: no")


def test_what_the_arguments_hide_is_hidden():
    assert messages(lambda: logger.info("the pin is zebra"), pin="zebra") == ["the pin is [redacted]"]


def test_a_soft_time_limit_that_strikes_in_the_handler_is_the_tasks():
    seen = []

    def work():
        try:
            logger.info("%s", Late())
        except SoftTimeLimitExceeded:
            seen.append("limit")

    with apart():
        kept(work)
    assert seen == ["limit"]


# -- how much


def test_the_beginning_and_the_end_are_kept():
    lines = kept(lambda: [logger.info("line %d", number) for number in range(1, 20_001)])
    assert len(lines) == 200
    assert [line.n for line in lines[99:101]] == [100, 19_901]
    assert lines[100].left_out == 19_800
    assert lines[-1].message == "line 20000"


def test_ten_megabytes_in_one_line_are_cut_at_once():
    def work():
        logger.info("x" * 10_000_000)
        logger.info("%s and %s", "y" * 10_000_000, b"z" * 10_000_000)
        logger.info(b"z" * 10_000_000)

    logging.getLogger("shop").propagate = False
    try:
        lines = messages(work)
    finally:
        logging.getLogger("shop").propagate = True
    assert [len(line.encode()) <= redaction.MAX_BYTES for line in lines] == [True] * 3


@pytest.mark.parametrize("text", ["x" * 5000, "é" * 5000, "password=" + "é" * 3000])
def test_an_attempt_takes_sixteen_kibibytes_at_most(text):
    log = AttemptLog("one", "a.task", 0)
    for _ in range(500):
        log.add(time.time(), "INFO", "shop.things", text)
    ((_ref, fields),) = log.batch()
    assert sum(len(value.encode()) for value in fields.values()) <= 16 * 1024


def test_what_is_written_again_is_only_what_is_new():
    log = AttemptLog("one", "a.task", 0)
    log.add(time.time(), "INFO", "shop", "one")
    assert log.batch()
    assert not log.batch()
    for number in range(150):
        log.add(time.time(), "INFO", "shop", str(number))
    assert len(log.batch()[0][1]) == 2
    log.add(time.time(), "INFO", "shop", "last")
    ((_ref, fields),) = log.batch()
    assert [name[-1] for name in fields] == [log_fields.END]


def test_the_newest_executions_of_a_task_are_kept(memory_store: MemoryStore):
    for attempt in range(100):
        log = AttemptLog("one", "a.task", attempt)
        log.add(time.time(), "INFO", "shop", str(attempt))
        recorder().record(log.batch)
    numbers = [attempt.attempt for attempt in read_log("one").attempts]
    assert numbers == list(range(numbers[0], 101))
    assert log_fields.EXECUTIONS_KEPT <= len(numbers) <= log_fields.MOST_FIELDS
    assert len(memory_store.read([ObjectRef(LOG, "one")])[0]) <= log_fields.MOST_FIELDS


# -- redaction, a line at a time


@given(
    st.lists(
        st.one_of(st.sampled_from([*UNITS, "order", "=", ":", "-p", "pin", "4111 1111 1111 1111"]), st.text()),
        max_size=8,
    )
)
def test_a_line_is_redacted_as_any_text_is(parts):
    text = " ".join(part[:200] for part in parts)
    for secrets in ((), ("zebra",)):
        assert redaction.LineRedactor(secrets).lines([text]) == [capture_text(text, secrets=secrets).text]


#: Lines as tasks log them, and what is hidden, where a line begins, ends, and in its middle.
ORDINARY = ("stage 3 of order 77: the bank answered 200 after 0.132 s", "tests.shop.tasks.charge_card is done", "")
PARTS = st.sampled_from(
    [*UNITS, "4111 1111 1111 1111", "pin: 4711", "sk_live_0123456789abcdef", "ganz fünf", "X" * 290]
)


@given(st.lists(st.one_of(st.sampled_from(ORDINARY), PARTS, st.text(), st.tuples(PARTS, PARTS).map(" ".join))))
def test_lines_that_come_together_are_redacted_as_each_is(texts):
    for secrets in ((), ("zebra",)):
        each = [capture_text(text, secrets=secrets).text for text in texts]
        assert redaction.LineRedactor(secrets).lines(texts) == each
