"""Who consumes what, as the workers answered: what one did not say is unknown, and not nobody."""

from unittest import mock

import pytest

from celery_ops.backends.broker import consumption
from tests.backends.brokers import consuming, heard


def consumption_of(consumed, **more):
    with mock.patch.object(consumption, "snapshot", return_value=heard(consumed, **more)):
        return consumption.consumption()


@pytest.mark.parametrize("unsaid", [None, {"error": "no"}, "text"], ids=repr)
def test_while_a_worker_has_not_named_its_queues_nobody_is_said_to_consume_none(unsaid):
    consumers = consumption_of({"w1@test": consuming("mail"), "w2@test": unsaid})
    assert (consumers.of("mail"), consumers.of("print")) == (("w1@test",), None)


def test_when_all_have_named_theirs_a_queue_that_none_names_has_no_consumer(fakes):
    assert consumption_of({"w1@test": consuming("mail"), "w2@test": []}).of("print") == ()
