"""Whoever is to be told is told, whatever the others do: one that raises or hangs costs nobody else an alert."""

import logging
import threading
import time
from datetime import datetime, timezone

import pytest
from django.core import mail

from celery_ops import signals
from celery_ops.alerts import BREACHED, RECOVERED, Alert, delivery, mail_admins
from celery_ops.alerts.evaluating import evaluate
from tests.ops.backends import Queues, queue

AT = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
ALERT = Alert("mail goes out", "wait_p95", 45.0, 30, "mail", "15m", AT, BREACHED)
HERE = __name__

heard = []
free = threading.Event()


def listener(alert):
    heard.append(alert)


def raising(alert):
    raise RuntimeError("no")


def exiting(alert):
    heard.append(alert)
    raise SystemExit


def hanging(alert):
    free.wait(30)
    heard.append(alert)


@pytest.fixture(autouse=True)
def nobody_was_told():
    heard.clear()
    free.clear()
    yield
    free.set()


@pytest.fixture
def tell(say, memory_store):
    def tell(*names, alerts=(ALERT,), patience=5.0):
        say(ALERTS=[name if "." in name else f"{HERE}.{name}" for name in names])
        delivery.deliver(alerts, patience)

    return tell


def test_each_path_is_told(tell):
    tell("listener")
    assert heard == [ALERT]


def test_the_signal_is_told_without_any_path(tell, told):
    tell()
    assert told == [ALERT]


def test_a_receiver_that_raises_keeps_nobody_from_being_told(tell, told):
    def fault(**_):
        raise RuntimeError("no")

    signals.alert.connect(fault)
    try:
        tell("listener")
    finally:
        signals.alert.disconnect(fault)
    assert heard == told == [ALERT]


def test_one_that_raises_is_logged_once_and_the_others_are_told(tell, caplog):
    tell("raising", "listener", "nothing.of.this.name")
    tell("raising", "listener", "nothing.of.this.name")
    assert heard == [ALERT, ALERT]
    messages = [record.getMessage() for record in caplog.records if record.name == "celery_ops.alerts"]
    assert sorted(message.split(" ")[0] for message in messages) == ["nothing.of.this.name", f"{HERE}.raising"]


def test_one_that_gives_up_its_thread_is_told_the_next_alert_all_the_same(tell, caplog):
    tell("exiting")
    tell("exiting")
    assert heard == [ALERT, ALERT]
    assert "was not told of an alert" in caplog.text


def test_one_that_hangs_is_not_waited_for_and_gets_what_came_meanwhile_in_order(tell):
    begin = time.monotonic()
    tell("hanging", patience=0.1)
    later = Alert("mail goes out", "wait_p95", 3.0, 30, "mail", "15m", AT, RECOVERED)
    tell("hanging", alerts=[later], patience=0.1)
    assert time.monotonic() - begin < 5
    assert heard == []
    free.set()
    delivery.finish()
    assert heard == [ALERT, later]


def test_what_waits_for_one_that_hangs_is_bounded(tell, caplog):
    tell("hanging", alerts=[ALERT] * (delivery.MOST_WAITING + 50), patience=0)
    tell("hanging", alerts=[ALERT] * (delivery.MOST_WAITING + 50), patience=0)
    free.set()
    delivery.finish()
    assert delivery.MOST_WAITING <= len(heard) <= 2 * delivery.MOST_WAITING
    assert any("alerts are lost" in record.getMessage() for record in caplog.records)


def test_the_same_path_twice_is_told_once(tell):
    tell("listener", "listener")
    assert heard == [ALERT]


# -- mail -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def admins(settings):
    settings.ADMINS = [("Ada", "ada@example.com")]
    settings.EMAIL_SUBJECT_PREFIX = "[site] "


@pytest.mark.filterwarnings("ignore")
def test_mail_says_in_plain_words_what_is_breached(admins):
    mail_admins(ALERT)
    (message,) = mail.outbox
    assert message.to == ["ada@example.com"]
    assert message.subject == "[site] mail goes out: breached by mail"
    assert message.body.splitlines() == [
        "The wait (p95) of mail is 45.0 s: more than 30.0 s. Measured over the last 15m.",
        "",
        "2026-03-01 12:00:00 UTC",
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("alert", "subject", "body"),
    [
        (
            Alert("calm", "failure_rate", 0.01, 0.05, "shop.mail", "1h", AT, RECOVERED),
            "calm: shop.mail has recovered",
            "The failure rate of shop.mail is 1 %: no more than 5 %. Measured over the last 1h.",
        ),
        (
            Alert("short", "depth", 12, 10, "mail", "15m", AT, BREACHED),
            "short: breached by mail",
            "The number of waiting messages of mail is 12: more than 10.",
        ),
        (
            Alert("short", "depth", 1_234_567, 1_000_000.0, "mail", "", AT, BREACHED),
            "short: breached by mail",
            "The number of waiting messages of mail is 1,234,567: more than 1,000,000.",
        ),
        (
            Alert("worker_gone", "worker_gone", 70.0, 0, "a@one", "", AT, BREACHED),
            "a@one is gone",
            "The worker a@one gives no sign of life, and never said goodbye.",
        ),
        (
            Alert("New failure of shop.mail", "failure_group", None, None, "k1", "", AT, BREACHED),
            "New failure of shop.mail",
            "New failure of shop.mail: its group is k1.",
        ),
    ],
    ids=lambda value: getattr(value, "measure", ""),
)
def test_mail_says_what_each_kind_of_alert_is_about(admins, alert, subject, body):
    mail_admins(alert)
    (message,) = mail.outbox
    assert message.subject.removeprefix("[site] ") == subject
    assert message.body.splitlines()[0] == body


@pytest.mark.filterwarnings("ignore")
def test_a_name_with_a_newline_cannot_forge_a_header(admins, memory_store, site, say):
    say(OBJECTIVES={"all": {"queue": "*", "depth": 1}}, ALERTS=["celery_ops.alerts.mail_admins"])
    Queues.hold(queue("mail\r\nBcc: eve@example.com", depth=7))
    evaluate()
    (message,) = mail.outbox
    assert "\n" not in message.subject
    assert message.recipients() == ["ada@example.com"]


def test_mail_without_admins_is_none(settings):
    settings.ADMINS = []
    mail_admins(ALERT)
    assert mail.outbox == []


def test_nothing_is_logged_where_nothing_went_wrong(tell, caplog):
    with caplog.at_level(logging.WARNING, "celery_ops"):
        tell("listener")
    assert caplog.records == []
