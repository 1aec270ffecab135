"""Why a message was delivered twice, by what its executions say."""

from datetime import datetime, timedelta, timezone

import pytest

from celery_ops import redelivery
from celery_ops.info import TaskExecution
from celery_ops.redelivery import (
    CONNECTION,
    GIVEN_BACK,
    GONE,
    HELD,
    LIMIT,
    OPEN,
    RAN,
    UNKNOWN,
    Patience,
    cause_of,
    causes_of,
)

AT = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)
REDIS = Patience("redis", timedelta(hours=1))
RABBITMQ = Patience("amqp", timedelta(minutes=30))
ELSE = Patience("filesystem", None)


def execution(state="SUCCESS", received=0, waited=0, ran=10, attempt=1, timed_out=False):
    """Times are in seconds."""
    begun = AT + timedelta(seconds=received + waited)
    ended = None if state == "STARTED" else begun + timedelta(seconds=ran)
    return TaskExecution(attempt, state, "w@a", 7, AT + timedelta(seconds=received), begun, ended, timed_out=timed_out)


@pytest.mark.parametrize(
    ("before", "received", "broker", "code"),
    [
        (execution(ran=4000), 3600, REDIS, RAN),
        (execution("STARTED"), 3605, REDIS, RAN),
        (execution(waited=7200), 3600, REDIS, HELD),
        (execution(ran=2000), 1800, RABBITMQ, RAN),
        (execution(waited=3000), 1801, RABBITMQ, HELD),
        (execution("LOST"), 4000, REDIS, GONE),
        (execution("LOST"), 1, RABBITMQ, GONE),
        (execution("PENDING"), 4000, REDIS, GIVEN_BACK),
        (execution("FAILURE", timed_out=True), 10, REDIS, LIMIT),
        (execution("FAILURE", timed_out=True), 10, RABBITMQ, LIMIT),
        (execution("FAILURE", timed_out=True, ran=4000), 3600, REDIS, RAN),
        (execution("STARTED"), 20, REDIS, OPEN),
        (execution("STARTED"), 20, ELSE, OPEN),
        (execution(), 20, RABBITMQ, CONNECTION),
        (execution(), 20, REDIS, UNKNOWN),
        (execution(), 4000, ELSE, UNKNOWN),
        (execution(received=50), 0, REDIS, UNKNOWN),
        (execution(received=3600, waited=3600), 0, REDIS, RAN),
    ],
)
def test_the_likely_cause_goes_by_the_earlier_execution_and_the_brokers_patience(before, received, broker, code):
    assert cause_of(before, execution(received=received), broker).code == code


def test_the_sentence_names_the_timeout_and_the_remedy_its_setting():
    cause = cause_of(execution(ran=4000), execution(received=3600), REDIS)
    assert "1 h 0 min" in cause.sentence
    assert "visibility_timeout in broker_transport_options" in cause.remedy
    assert "consumer_timeout" in cause_of(execution(ran=4000), execution(received=3600), RABBITMQ).remedy


def test_every_cause_has_its_words():
    for code in (CONNECTION, GIVEN_BACK, GONE, LIMIT, OPEN, UNKNOWN):
        assert redelivery._SENTENCES[code]
        assert redelivery._REMEDIES[code]


def test_a_retry_is_no_delivery():
    executions = [execution(), execution(received=20), execution(received=40, attempt=2)]
    causes = causes_of(executions, REDIS)
    assert [cause and cause.code for cause in causes] == [None, UNKNOWN, None]


@pytest.mark.parametrize(
    ("driver", "options", "seconds"),
    [
        ("redis", {}, 3600),
        ("redis", {"visibility_timeout": 43200}, 43200),
        ("redis", {"visibility_timeout": "soon"}, 3600),
        ("redis", None, 3600),
        ("sqs", {}, 1800),
        ("amqp", {"visibility_timeout": 5}, 1800),
        ("memory", {}, None),
        ("", {}, None),
    ],
)
def test_how_long_a_broker_waits_is_its_own_habit_or_the_settings(driver, options, seconds, monkeypatch):
    monkeypatch.setattr(redelivery.target, "target", lambda: redelivery.target.Target("x", driver))
    monkeypatch.setattr(redelivery.conf.celery_app.conf, "broker_transport_options", options)
    assert redelivery.patience().timeout == (seconds and timedelta(seconds=seconds))
