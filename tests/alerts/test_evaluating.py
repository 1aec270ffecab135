"""An objective that breaks is told once, and once more when it holds again: in every store, whoever evaluates."""

import time
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest

from celery_ops.alerts import BREACHED, RECOVERED, Alert
from celery_ops.alerts.board import Board
from celery_ops.alerts.evaluating import breaches, evaluate, state
from celery_ops.exceptions import StoreUnavailable
from celery_ops.info import GONE
from celery_ops.metrics.cells import Total
from celery_ops.metrics.insight import lately
from celery_ops.schedules.info import BeatInfo, Entry, ScheduleInfo, ScheduleReport
from celery_ops.signals import failure_seen
from celery_ops.tasks import evaluate as task
from celery_ops.tracking import recorder as recorder_module
from tests.ops import backends
from tests.ops.backends import Queues, Workers, ago, queue, worker
from tests.planting_counts import count

from .conftest import evaluated, hold, states

pytestmark = pytest.mark.usefixtures("store", "site")


def now_breached():
    return [breach.target for breach in breaches(state())]


def test_a_breach_is_told_with_its_numbers(told):
    evaluated(mail=11, other=99)
    (alert,) = told
    assert datetime.now(timezone.utc) - alert.at < timedelta(minutes=1)
    assert alert == Alert("mail goes out", "depth", 11, 10, "mail", "", alert.at, BREACHED)


def test_what_is_at_its_limit_holds(told):
    evaluated(mail=10)
    assert told == []
    assert now_breached() == []


def test_a_breach_is_told_once_however_long_it_lasts(told):
    for depth in (11, 12, 999):
        evaluated(mail=depth)
    assert states(told) == [("mail", BREACHED)]
    assert now_breached() == ["mail"]


def test_that_it_holds_again_is_told_once(told):
    for depth in (11, 3, 2):
        evaluated(mail=depth)
    assert states(told) == [("mail", BREACHED), ("mail", RECOVERED)]
    assert now_breached() == []


def test_the_same_alert_stays_silent_while_it_cools_down(told, say):
    say(ALERT_COOL_DOWN=3600)
    for depth in (11, 3, 11, 3, 11):
        evaluated(mail=depth)
    assert states(told) == [("mail", BREACHED), ("mail", RECOVERED)]
    assert now_breached() == ["mail"]


def test_the_same_alert_is_told_when_it_has_cooled_down(told, say):
    say(ALERT_COOL_DOWN=1)
    for depth in (11, 3, 11):
        evaluated(mail=depth)
    wait_until_told(told, 3)
    assert states(told) == [("mail", BREACHED), ("mail", RECOVERED), ("mail", BREACHED)]


@pytest.mark.parametrize("cool_down", [0, timedelta(0)])
def test_where_nothing_cools_down_each_breach_is_told_at_once(told, say, cool_down):
    say(ALERT_COOL_DOWN=cool_down)
    for depth in (11, 12, 3, 11):
        evaluated(mail=depth)
    assert states(told) == [("mail", BREACHED), ("mail", RECOVERED), ("mail", BREACHED)]


def wait_until_told(told, number):
    until = time.monotonic() + 30
    while len(told) < number and time.monotonic() < until:
        evaluate()
    assert len(told) == number


def test_a_breach_that_nobody_heard_of_recovers_in_silence(told):
    for depth in (11, 3, 11, 3):
        evaluated(mail=depth)
    assert states(told) == [("mail", BREACHED), ("mail", RECOVERED)]


def test_each_target_of_a_pattern_is_told_of_by_itself(told):
    evaluated(mail=11, mail_slow=1, mailing=50)
    evaluated(mail=11, mail_slow=12, mailing=5)
    alerts = [("mailing", BREACHED), ("mail", BREACHED), ("mail_slow", BREACHED), ("mailing", RECOVERED)]
    assert states(told[:2]) == alerts[:2]
    assert sorted(states(told[2:])) == sorted(alerts[2:])


def test_a_new_process_says_nothing_of_what_is_known_to_be_breached(told, store):
    evaluated(mail=11)
    kept = recorder_module.recorder().store
    recorder_module.forget()
    recorder_module.recorder().store = kept  # a memory that outlives its process, as Redis does
    evaluated(mail=12)
    assert states(told) == [("mail", BREACHED)]


def test_a_process_without_an_objective_leaves_it_to_those_that_have_it(told, say):
    evaluated(mail=11)
    evaluated(mail=1)
    evaluated(mail=11)  # too early to be told again
    say(OBJECTIVES={"another": {"queue": "mail", "depth": 99}}, ALERT_COOL_DOWN=1)
    evaluated(mail=11)
    assert len(told) == 2
    assert state().conditions["mail goes out", "mail"].is_to_be_told


# -- what is unknown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AwayQueues", "FrozenQueues"])
def test_a_breach_neither_recovers_nor_comes_anew_while_its_source_is_away(told, say, monkeypatch, name):
    evaluated(mail=11)
    monkeypatch.setattr("celery_ops.alerts.measuring.DEADLINE", 0.1)
    say(QUEUE_BACKEND=f"{backends.HERE}.{name}")
    backends.FrozenWorkers.thaw.clear()
    evaluate()
    backends.FrozenWorkers.thaw.set()
    assert states(told) == [("mail", BREACHED)]
    assert now_breached() == ["mail"]


@pytest.mark.parametrize("queues", [[], [queue("mail", depth=None)]], ids=["absent", "unknown"])
def test_a_queue_of_which_nothing_is_known_stays_as_it_was(told, queues):
    evaluated(mail=11)
    Queues.hold(*queues)
    evaluate()
    assert states(told) == [("mail", BREACHED)]
    assert now_breached() == ["mail"]


def test_an_old_copy_of_a_report_says_nothing(told, monkeypatch):
    monkeypatch.setattr("celery_ops.alerts.measuring.STALE", -1.0)
    evaluated(mail=11)
    Queues.trouble = "The broker does not answer."
    evaluated(mail=1)
    assert states(told) == [("mail", BREACHED)]


def test_without_the_store_nothing_is_told(told, memory_store, monkeypatch):
    def away(*args):
        raise StoreUnavailable("away")

    monkeypatch.setattr(type(memory_store), "add_note", away)
    with pytest.raises(StoreUnavailable):
        evaluated(mail=11)
    assert told == []


def test_what_could_not_be_kept_is_not_told(told, memory_store, monkeypatch):
    monkeypatch.setattr(type(memory_store), "write_notes", lambda self, notes: False)
    evaluated(mail=11)
    assert told == []


# -- what was counted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "kind", "seconds"),
    [
        ({"queue": "mail", "wait_p95": 30}, Total.STARTED, 60.0),
        ({"task": "shop.*", "run_p95": 30, "window": "1h"}, Total.SUCCESS, 60.0),
        ({"task": "shop.mai?", "failure_rate": 0.1}, Total.FAILURE, 1.0),
    ],
)
def test_what_was_counted_over_the_window_is_measured(told, say, objective, kind, seconds):
    say(OBJECTIVES={"quick": objective})
    count("shop.mail", *[kind] * 3, seconds=seconds)
    evaluate()
    (alert,) = told
    assert (alert.name, alert.window, alert.state) == ("quick", objective.get("window", "15m"), BREACHED)
    assert alert.target == ("mail" if "queue" in objective else "shop.mail")
    assert alert.value == (1.0 if kind == Total.FAILURE else pytest.approx(60, rel=0.06))


def test_a_task_in_several_queues_is_one_target(told, say):
    say(OBJECTIVES={"quick": {"task": "shop.mail", "failure_rate": 0.6}})
    count("shop.mail", *[Total.FAILURE] * 2, seconds=1.0, queue="mail")
    count("shop.mail", *[Total.SUCCESS] * 2, seconds=1.0, queue="slow")
    evaluate()
    assert told == []
    count("shop.mail", *[Total.FAILURE] * 2, seconds=1.0, queue="slow")
    evaluate()
    assert [(alert.target, round(alert.value, 2)) for alert in told] == [("shop.mail", 0.67)]


def test_a_task_that_has_not_run_in_the_window_does_not_recover(told, say, monkeypatch):
    say(OBJECTIVES={"well": {"task": "shop.mail", "failure_rate": 0.1, "window": "5m"}})
    count("shop.mail", Total.FAILURE, seconds=1.0)
    evaluate()
    monkeypatch.setattr("celery_ops.alerts.measuring.lately", partial(lately, now=time.time() + 3000))
    evaluate()
    assert states(told) == [("shop.mail", BREACHED)]
    assert now_breached() == ["shop.mail"]


@pytest.mark.parametrize(("depth", "age", "value"), [(0, None, 0.0), (3, None, None), (3, timedelta(seconds=50), 50.0)])
def test_the_oldest_message_of_an_empty_queue_has_no_age(told, say, depth, age, value):
    say(OBJECTIVES={"fresh": {"queue": "mail", "oldest_age": 10}})
    Queues.hold(queue("mail", depth=50, oldest_age=timedelta(minutes=1)))
    evaluate()
    Queues.hold(queue("mail", depth=depth, oldest_age=age))
    evaluate()
    assert states(told) == [("mail", BREACHED), *([("mail", RECOVERED)] if value == 0.0 else [])]


# -- many -------------------------------------------------------------------------------------------------------------


def test_of_many_targets_the_worst_are_told_one_by_one_and_the_others_together(told, say):
    say(OBJECTIVES={"all": {"queue": "*", "depth": 10}})
    depths = {f"q{n:04}": 20 + n for n in range(1000)}
    evaluated(**depths)
    assert len(told) == 21
    assert (told[0].target, told[0].value) == ("q0999", 1019)
    assert told[-1].target == "and 980 more"
    evaluated(**depths)
    assert len(told) == 21


def test_those_told_together_recover_together(told, say):
    say(OBJECTIVES={"all": {"queue": "*", "depth": 10}})
    evaluated(**{f"q{n:04}": 20 + n for n in range(30)})
    evaluated(**{f"q{n:04}": 5 if n < 10 else 20 + n for n in range(30)})
    assert states(told[20:]) == [("and 10 more", BREACHED), ("and all others", RECOVERED)]


# -- whose turn it is -------------------------------------------------------------------------------------------------


def test_one_who_looks_whether_it_is_due_leaves_alone_what_was_just_evaluated(told):
    evaluated(mail=1)
    hold(mail=11)
    assert evaluate(only_if_due=True) is None
    assert told == []


def test_one_who_finds_another_at_work_leaves_it_to_that_one(told):
    assert Board().take_turn(only_if_due=False) is not None
    assert evaluated(mail=11) is None
    assert told == []


def test_one_whose_turn_took_too_long_tells_nothing(told, monkeypatch):
    monkeypatch.setattr("celery_ops.alerts.board.LEFT", 10**6)
    evaluated(mail=11)
    assert told == []
    assert now_breached() == []


def test_the_task_for_beat_says_how_many_are_breached(told):
    hold(mail=11)
    assert task() == {"breached": 1, "alerts": 1}
    assert task() == {"breached": 1, "alerts": 0}
    assert task.name == "celery_ops.evaluate"


def test_a_site_that_wants_nothing_is_asked_nothing(say, monkeypatch):
    say(OBJECTIVES={}, ALERTS=())
    monkeypatch.setattr("celery_ops.alerts.evaluating.Board", None)
    assert task() == {"breached": 0, "alerts": 0}


# -- workers and failures ---------------------------------------------------------------------------------------------


def test_a_worker_that_went_without_a_goodbye_is_told_and_that_it_is_back(told):
    Workers.hold(worker("a@one"), worker("b@two", state=GONE, last_seen=ago(minutes=2)))
    evaluate()
    evaluate()
    (alert,) = told
    assert (alert.name, alert.measure, alert.target, alert.state) == ("worker_gone", "worker_gone", "b@two", BREACHED)
    assert 110 < alert.value < 240
    Workers.hold(worker("a@one"), worker("b@two"))
    evaluate()
    assert states(told) == [("b@two", BREACHED), ("b@two", RECOVERED)]


def test_a_worker_that_is_no_longer_listed_is_forgotten_after_a_minute(told, monkeypatch):
    Workers.hold(worker("b@two", state=GONE))
    evaluate()
    Workers.hold(worker("a@one"))
    evaluate()
    assert states(told) == [("b@two", BREACHED)]
    monkeypatch.setattr("celery_ops.alerts.evaluating.FORGOTTEN", 0.0)
    evaluate()
    assert states(told) == [("b@two", BREACHED), ("b@two", RECOVERED)]


def seen(key="k", *, is_new=True, is_regressed=False):
    failure_seen.send(None, key=key, is_new=is_new, is_regressed=is_regressed, task_id="1", task_name="shop.mail")


def test_a_new_failure_is_told_once(told):
    seen()
    evaluate()
    evaluate()
    (alert,) = told
    assert (alert.name, alert.measure, alert.target) == ("New failure of shop.mail", "failure_group", "k")
    assert (alert.value, alert.limit, alert.window, alert.state) == (None, None, "", BREACHED)


def test_a_failure_that_came_back_is_told_when_it_has_cooled_down(told, say):
    say(ALERT_COOL_DOWN=60)
    seen()
    evaluate()
    seen(is_new=False, is_regressed=True)
    evaluate()
    assert len(told) == 1
    seen("other", is_new=False, is_regressed=True)
    evaluate()
    assert [alert.name for alert in told] == ["New failure of shop.mail", "Failure of shop.mail is back"]


def test_a_failure_that_came_back_while_its_alert_cools_down_is_told_after_that(told, say):
    say(ALERT_COOL_DOWN=1)
    seen()
    evaluate()
    seen(is_new=False, is_regressed=True)
    wait_until_told(told, 2)
    evaluate()
    assert [alert.name for alert in told] == ["New failure of shop.mail", "Failure of shop.mail is back"]


def test_a_failure_that_is_known_is_not_told(told):
    seen(is_new=False)
    evaluate()
    assert told == []


def test_a_storm_of_new_failures_is_told_together(told):
    for n in range(50):
        seen(f"k{n}")
    evaluate()
    assert len(told) == 21
    assert (told[-1].name, told[-1].target) == ("New failures", "and 30 more")


def test_what_a_store_took_and_did_not_answer_is_told_by_who_meant_to(told, memory_store, site, say, monkeypatch):
    say(OBJECTIVES={"mail goes out": {"queue": "mail*", "depth": 10}}, QUEUE_BACKEND=f"{backends.HERE}.Queues")
    write = type(memory_store).write_notes

    def hanging(self, notes):
        write(self, notes)
        raise StoreUnavailable("it did not answer in time")

    with monkeypatch.context() as patch:
        patch.setattr(type(memory_store), "write_notes", hanging)
        with pytest.raises(StoreUnavailable):
            evaluated(mail=11)
    recorder_module.recorder().try_again()
    assert told == []
    evaluate()
    evaluate()
    assert states(told) == [("mail", BREACHED)]


def test_what_a_store_did_not_take_is_told_once(told, memory_store, site, say, monkeypatch):
    say(OBJECTIVES={"mail goes out": {"queue": "mail*", "depth": 10}}, QUEUE_BACKEND=f"{backends.HERE}.Queues")

    def away(self, notes):
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(memory_store), "write_notes", away)
        with pytest.raises(StoreUnavailable):
            evaluated(mail=11)
    recorder_module.recorder().try_again()
    Board().give_up()
    evaluate()
    evaluate()
    assert states(told) == [("mail", BREACHED)]


# -- schedules --------------------------------------------------------------------------------------------------------


@pytest.fixture
def schedules(monkeypatch):
    """What is said of schedules is what the test says."""

    def put(*lates, beats=(), trouble=""):
        entries = [Entry(name, "shop.mail", "settings", "", "") for name, _late in lates]
        infos = tuple(ScheduleInfo(entry, late=late) for entry, (_name, late) in zip(entries, lates, strict=True))
        said = ScheduleReport(infos, tuple(beats), trouble=trouble)
        monkeypatch.setattr("celery_ops.alerts.measuring.schedule_report", lambda **_: said)

    return put


def beat(**fields):
    now = datetime.now(timezone.utc)
    return BeatInfo("beat@one", 1, "celery.beat:Scheduler", now, now, 5.0, 1, **fields)


def test_a_schedule_that_is_late_is_breached_and_one_that_is_not_holds(told, say, schedules):
    say(OBJECTIVES={"on time": {"schedule": "night*", "late": 60}})
    schedules(("nightly", 90.0), ("nights", None), ("daily", 900.0), beats=[beat()])
    evaluate()
    assert [(alert.target, alert.value, alert.measure) for alert in told] == [("nightly", 90.0, "late")]
    schedules(("nightly", None), beats=[beat()], trouble="The store does not answer.")
    evaluate()
    assert len(told) == 1
    schedules(("nightly", None), beats=[beat()])
    evaluate()
    assert states(told) == [("nightly", BREACHED), ("nightly", RECOVERED)]


def test_a_schedule_that_is_no_longer_there_is_no_longer_late(told, say, schedules):
    say(OBJECTIVES={"on time": {"schedule": "*", "late": 60}})
    schedules(("nightly", 90.0), beats=[beat()])
    evaluate()
    schedules(("nightly", 90.0), beats=[beat()], trouble="The store does not answer.")
    evaluate()
    assert states(told) == [("nightly", BREACHED)]
    schedules(beats=[beat()])
    assert evaluate().breaches == ()
    assert states(told) == [("nightly", BREACHED), ("nightly", RECOVERED)]


def test_a_silent_beat_is_told_when_it_had_time_to_start(told, schedules, monkeypatch):
    schedules(("nightly", None))
    evaluate()
    evaluate()
    assert told == []
    monkeypatch.setattr("celery_ops.alerts.evaluating.BEAT_STARTS", 0.0)
    evaluate()
    schedules(("nightly", None), beats=[beat(is_silent=True)])
    evaluate()
    assert [(alert.measure, alert.target, alert.state) for alert in told] == [("beat_silent", "beat", BREACHED)]
    schedules(("nightly", None), beats=[beat()])
    evaluate()
    assert states(told) == [("beat", BREACHED), ("beat", RECOVERED)]


def test_beat_may_be_silent_where_there_is_nothing_to_send(told, schedules, monkeypatch):
    monkeypatch.setattr("celery_ops.alerts.evaluating.BEAT_STARTS", 0.0)
    schedules()
    evaluate()
    schedules(("celery.backend_cleanup", None))  # which Celery adds wherever results do not expire by themselves
    evaluate()
    assert told == []
