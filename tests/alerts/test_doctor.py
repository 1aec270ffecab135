"""Doctor evaluates, and has a remedy for what is breached and for what nothing is known of."""

import pytest

from celery_ops.alerts import BREACHED, delivery
from celery_ops.alerts.evaluating import evaluate
from celery_ops.alerts.objectives import ALL_MEASURES, MEASURES
from celery_ops.doctor import OK, WARNING
from celery_ops.doctor.objectives import check
from celery_ops.metrics.cells import Total
from tests.ops import backends
from tests.planting_counts import count

from .conftest import hold, states

pytestmark = pytest.mark.usefixtures("memory_store", "site")


def findings():
    found = list(check())
    assert all(bool(finding.hint) == (finding.level != OK) for finding in found)
    assert {finding.name for finding in found} == {"objectives"}
    return [(finding.level, finding.message) for finding in found]


def test_what_holds_is_in_order():
    hold(mail=1)
    assert findings() == [(OK, "Every objective that can be measured holds.")]


def test_a_site_without_objectives_is_in_order(say):
    say(OBJECTIVES={})
    assert findings() == [(OK, "This site has no objectives.")]


def test_what_is_breached_is_named_with_its_numbers_the_worst_first_and_told(told):
    hold(mail=11, mailing=5000, other=99)
    message = "mail goes out is breached. The number of waiting messages is more than 10: mail (11), mailing (5,000)."
    assert findings() == [(WARNING, message)]
    delivery.finish()
    assert sorted(states(told)) == [("mail", BREACHED), ("mailing", BREACHED)]


def test_what_is_breached_is_said_while_another_one_has_the_turn(memory_store, told):
    memory_store.add_note("alerts-1-turn", b"another", 60)
    hold(mail=11)
    assert findings()[0][0] == WARNING
    assert told == []


def test_an_unknown_name_is_told_with_the_remedy(say):
    say(OBJECTIVES={"typo": {"queue": "maul", "depth": 1}, "right": {"queue": "mail", "depth": 5}})
    hold(mail=1)
    assert findings() == [
        (WARNING, "Nothing is known of these objectives: typo."),
        (OK, "Every objective that can be measured holds."),
    ]


def test_a_source_that_is_away_is_not_taken_for_a_wrong_name(say):
    say(QUEUE_BACKEND=f"{backends.HERE}.AwayQueues")
    (finding,) = check()
    assert finding.message == "Nothing is known of these objectives: mail goes out."
    assert "away" in finding.hint


@pytest.mark.parametrize("measure", [measure for measure in ALL_MEASURES if measure != "late"])
def test_every_measure_has_a_remedy(say, measure):
    subject = next(subject for subject, measures in MEASURES.items() if measure in measures)
    say(OBJECTIVES={"mine": {subject: "mail", measure: 0}})
    hold(mail=11)
    count("mail", Total.STARTED, seconds=60.0)
    count("mail", Total.FAILURE, seconds=60.0)
    assert findings()[0][0] == WARNING


def test_what_was_told_is_not_told_again_by_doctor(told):
    hold(mail=11)
    evaluate()
    findings()
    delivery.finish()
    assert states(told) == [("mail", BREACHED)]
