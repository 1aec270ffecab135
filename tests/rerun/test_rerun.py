"""A task once more: with what it was given, for whom, and why not."""

import json
import re
from datetime import date, datetime, time, timezone
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from celery.exceptions import Ignore, Reject, Retry
from django.test import Client
from django.urls import reverse
from kombu.utils import json as kombu_json

from celery_ops import tasks_for
from celery_ops.exceptions import NotKnown, NotRerunnable, RerunRefused
from celery_ops.models import TaskRunRecord
from celery_ops.permissions import Policy
from celery_ops.rerun import rerun
from celery_ops.task_detail.original import original_of, originals_of
from celery_ops.tracking import capture, executing, facts, index, reading
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.store import TASK
from tests.conftest import broker, browser_of, make_user
from tests.ops.task_backends import HOSTILE, Held, a_task, on_databases, use
from tests.pages import value, words
from tests.planting import panel_of, plant
from tests.servers import free_port
from tests.shop import tasks
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

NOOP = "tests.shop.tasks.noop"
UNTRACKED = "tests.shop.tasks.untracked"
HIDDEN = "tests.shop.tasks.internal_cleanup"
ARGS = '{"args": [1], "kwargs": {}}'


@pytest.fixture
def browser(staff):
    return browser_of(staff)


def post(client, *task_ids, accept="text/html", **data):
    return client.post(reverse("celery_ops:retry"), {"task_id": task_ids, **data}, HTTP_ACCEPT=accept)


def alone(task_id, state="FAILURE", name=UNTRACKED, args=facts.EXACT + ARGS):
    """Plant what the worker keeps of an untracked task that failed."""
    fields = facts.published(task_id, 1_900_000_000_000, name)
    fields[facts.field(task_id, facts.ENDED[state])] = "1900000003000"
    fields[facts.field(task_id, facts.ARGUMENTS)] = args
    recorder().record([(ObjectRef(TASK, task_id), fields)])
    return task_id


def journal(task_id, **fields):
    known = {"task_name": UNTRACKED, "args": [1], "kwargs": {}, "is_exact": True, "send_state": "SENT"}
    return TaskRunRecord.objects.create(task_id=task_id, **{**known, **fields})


def reason(task_id):
    with pytest.raises(NotRerunnable) as caught:
        original_of(task_id)
    return caught.value.reason


# -- what it was given ------------------------------------------------------------------------------------------------


def test_a_tracked_task_is_sent_with_what_was_kept(order, staff, published):
    task_id = plant(order, NOOP, "FAILURE", args=json.dumps({"args": [order.pk], "kwargs": {}}))
    record = rerun(task_id, staff)
    assert published == [(NOOP, (order.pk,), {})]
    assert (record.retry_of, record.send_state, record.username) == (task_id, "SENT", "staff")


def test_it_belongs_to_the_same_object_and_says_of_what_it_is_one_more(order, staff):
    task_id = plant(order, NOOP, "FAILURE", args=json.dumps({"args": [order.pk], "kwargs": {}}))
    record = rerun(task_id, staff)
    assert (record.object_type, record.object_id) == ("shop.order", str(order.pk))
    assert tasks_for(order)[0].retry_of == task_id


def test_an_untracked_task_that_failed_is_sent_with_what_the_worker_saw(staff, published):
    rerun(alone("one"), staff)
    assert published == [(UNTRACKED, (1,), {})]


def test_a_task_that_was_run_from_here_is_sent_with_what_the_journal_says(staff, published, settings):
    use(settings, Held, a_task(id="one", name=UNTRACKED))
    journal("one")
    rerun("one", staff)
    assert published == [(UNTRACKED, (1,), {})]


VALUES = [
    date(2026, 1, 31),
    datetime(2026, 1, 31, 14, 30, tzinfo=timezone.utc),
    datetime(2026, 1, 31, 14, 30),
    time(14, 30),
    Decimal("1.50"),
    UUID(int=7),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_keep_their_types(value, order):
    task_id = tasks.returns.delay(order.pk, {"inside": [value]}).id
    recorder().record([(ObjectRef.of(order), {facts.field(task_id, facts.ENDED["FAILURE"]): "1900000003000"})])
    (_, given) = original_of(task_id).args
    assert given == {"inside": [value]}
    assert type(given["inside"][0]) is type(value)


def test_they_show_as_plain_text():
    fact = capture.arguments(NOOP, [date(2026, 1, 31)], {})
    assert fact.startswith(facts.TYPED)
    assert capture.shown_arguments(NOOP, fact) == '{"args": ["2026-01-31"], "kwargs": {}}'


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ([date(2026, 1, 31), "x" * 3000], {}),
        ([date(2026, 1, 31)], {"password": "hunter2"}),
        ([date(2026, 1, 31), object()], {}),
        ([[date(2026, 1, 31)] * 21], {}),
        ([date(2026, 1, 31)] * 100, {}),
    ],
    ids=["long", "secret", "no JSON", "many", "too many"],
)
def test_typed_values_are_not_kept_with_what_is_hidden_or_cut(args, kwargs):
    assert capture.arguments(NOOP, args, kwargs).startswith(facts.INEXACT)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (facts.INEXACT + ARGS, "redacted or cut"),
        (facts.EXACT + "{", "cannot be read"),
        (facts.EXACT, "cannot be read"),
        (facts.EXACT + "[],[]", "cannot be read"),
        (facts.EXACT + "[1],{},{}", "cannot be read"),
        (facts.EXACT + '{"x": 1}', "cannot be read"),
        (facts.EXACT + '"x"', "cannot be read"),
        (facts.EXACT + "[1],{}]", "cannot be read"),
        (facts.EXACT + '{"args": {}, "kwargs": []}', "cannot be read"),
        ("?" + ARGS, "cannot be read"),
        (facts.TYPED + '{"args": [{"__type__": "nonsense", "__value__": 1}], "kwargs": {}}', "cannot be read"),
        (facts.TYPED + '{"args": [{"__type__": "date", "__value__": 1}], "kwargs": {}}', "cannot be read"),
        (facts.EXACT + "[" * 2000, "cannot be read"),
        (facts.EXACT + '{"args": ["' + "x" * 3000 + '"], "kwargs": {}}', "cannot be read"),
        (facts.EXACT + '{"args": [{"__type__": "date", "__value__": "2026-01-31"}], "kwargs": {}}', "__type__"),
        (facts.EXACT + '{"args": ["\\u0000"], "kwargs": {}}', "cannot be sent"),
        (facts.EXACT + '{"args": ["\\ud800"], "kwargs": {}}', "cannot be sent"),
        (facts.EXACT + '{"args": [NaN], "kwargs": {}}', "finite"),
        (facts.EXACT + '{"args": [' + "[" * 25 + "]" * 25 + '], "kwargs": {}}', "20 levels"),
        (facts.EXACT + '{"args": [' + "[" * 900 + "]" * 900 + '], "kwargs": {}}', ""),
    ],
)
def test_what_cannot_be_sent_as_it_was_says_why(kept, expected):
    assert expected in reason(alone("one", args=kept))


def test_what_was_kept_without_arguments_says_so(order):
    assert "were not kept" in reason(plant(order, NOOP, "FAILURE"))


def test_a_site_that_keeps_none_says_so(order, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none"}
    assert "ARGS_CAPTURE" in reason(plant(order, NOOP, "FAILURE"))


def test_a_result_alone_is_never_read_for_arguments(settings):
    use(settings, Held, a_task(name=UNTRACKED, state="FAILURE", args="[1]", kwargs="{}"))
    assert "were not kept" in reason(a_task().id)


def test_a_run_whose_row_is_redacted_says_so(settings):
    use(settings, Held, a_task(id="one", name=UNTRACKED))
    journal("one", is_exact=False)
    assert "redacted or cut" in reason("one")


@pytest.mark.parametrize("task_id", on_databases(HOSTILE))
def test_an_id_that_nobody_knows_is_not_known(task_id):
    with pytest.raises(NotKnown):
        original_of(task_id)


# -- who may, and when ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["FAILURE", "SUCCESS", "REVOKED", "REJECTED", "IGNORED"])
def test_a_task_that_has_ended_is_run_again(state, order, staff):
    assert rerun(plant(order, NOOP, state, args=ARGS), staff).send_state == "SENT"


@pytest.mark.parametrize("state", ["PENDING", "STARTED", "RETRY"])
def test_a_task_that_goes_on_is_not(state, order, staff, published):
    with pytest.raises(RerunRefused, match="not ended"):
        rerun(plant(order, NOOP, state, args=ARGS, ago=5), staff)
    assert published == []


def test_a_lost_task_is_run_again(order, staff):
    assert rerun(plant(order, NOOP, "STARTED", args=ARGS, ago=600), staff).send_state == "SENT"


def test_a_run_of_which_nothing_was_heard_is_not(staff):
    journal("one")
    with pytest.raises(RerunRefused, match="may still wait"):
        rerun("one", staff)


def test_a_run_that_the_broker_did_not_take_is(staff, published):
    journal("one", send_state="FAILED")
    rerun("one", staff)
    assert published == [(UNTRACKED, (1,), {})]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("celery.map", "may not be run by hand"),
        ("celery.chord_unlock", "may not be run by hand"),
        ("tests.shop.tasks.child", "may not be run by hand"),
        ("Tests.shop.tasks.untracked", "may not be run by hand"),
        (UNTRACKED + " ", "may not be run by hand"),
        (HIDDEN, "may not be run by hand"),
    ],
)
def test_a_task_that_is_neither_runnable_nor_tracked_is_refused(name, said, superuser, published):
    with pytest.raises(RerunRefused, match=said):
        rerun(alone("one", name=name), superuser)
    assert published == []


def test_celerys_own_are_refused_whatever_the_settings_say(superuser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": "*"}
    with pytest.raises(RerunRefused, match="may not be run by hand"):
        rerun(alone("one", name="celery.map"), superuser)


def test_a_hidden_task_that_is_runnable_is_run_again(staff, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [HIDDEN]}
    assert rerun(alone("one", name=HIDDEN), staff).task_name == HIDDEN


def test_a_task_with_a_permission_of_its_own_needs_it(staff, settings, browser, published):
    runnable = {UNTRACKED: {"permission": "shop.change_order"}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": runnable}
    response = post(browser, alone("one"), accept="application/json")
    assert (response.status_code, response.json()) == (403, {"errors": {"task_id": ["You may not run this task."]}})
    assert published == []


@pytest.mark.database
def test_a_task_that_was_run_as_often_as_it_may_be_is_refused(staff, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {UNTRACKED: {"max_per_minute": 1}}}
    rerun(alone("one"), staff)
    with pytest.raises(RerunRefused, match="a minute"):
        rerun(alone("two"), staff)


def test_arguments_that_no_longer_fit_the_task_are_refused(staff, published):
    with pytest.raises(RerunRefused, match="no longer fit the task"):
        rerun(alone("one", args=facts.EXACT + '{"args": [1, 2], "kwargs": {}}'), staff)
    assert published == TaskRunRecord.objects.count() * [1]


# -- asked for --------------------------------------------------------------------------------------------------------


@pytest.mark.database
def test_the_same_form_sent_twice_runs_once(browser, published):
    submission = str(uuid4())
    first = post(browser, alone("one"), submission=submission)
    second = post(browser, "one", submission=submission)
    assert len(published) == TaskRunRecord.objects.count() == 1
    assert first.url == second.url == reverse("celery_ops:record-detail", args=[TaskRunRecord.objects.get().pk])


def test_a_second_run_of_the_same_task_asks(browser, published):
    post(browser, alone("one"))
    assert "It was run again already, just now" in post(browser, "one").text
    assert post(browser, "one", accept="application/json").json()["errors"].keys() == {"confirm"}
    assert len(published) == 1


def test_a_request_without_a_form_is_a_run_of_its_own_when_it_is_confirmed(browser, published):
    post(browser, alone("one"))
    post(browser, "one", confirm="1")
    assert len(published) == 2


def test_a_forms_key_is_for_each_task(browser, published):
    post(browser, alone("one"), alone("two"), submission=str(uuid4()))
    assert len(published) == 2


def test_it_goes_on_to_next_when_that_is_safe(browser):
    assert post(browser, alone("one"), next="/somewhere/").url == "/somewhere/"
    assert post(browser, alone("two"), next="https://elsewhere.example/").url.startswith("/behind/")


def test_json_says_what_became_of_each(browser, order):
    gone_on = plant(order, NOOP, "STARTED", args=ARGS, ago=5)
    response = post(browser, alone("one"), gone_on, "unknown", accept="application/json")
    record = TaskRunRecord.objects.get()
    assert response.status_code == 200
    assert response.json() == {
        "asked": ["one", gone_on, "unknown"],
        "answered": {
            "one": {
                "task_id": record.task_id,
                "record": record.pk,
                "url": reverse("celery_ops:api-run", args=[record.task_id]),
            }
        },
        "silent": [],
        "refused": {gone_on: "It has not ended yet.", "unknown": "No source knows a task of this id."},
    }


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_refusals_come_in_their_order(accept, db, staff, order, browser):
    anonymous, nobody = Client(), Client()
    nobody.force_login(make_user("nobody", is_staff=True))
    going_on = plant(order, NOOP, "STARTED", args=ARGS, ago=5)
    known = alone("one")
    url = reverse("celery_ops:retry")
    answers = [
        anonymous.get(url, HTTP_ACCEPT=accept),
        post(anonymous, known, accept=accept),
        post(nobody, known, accept=accept),
        post(browser, "unknown", accept=accept),
        post(browser, accept=accept),
        post(browser, going_on, accept=accept),
    ]
    login = 401 if accept == "application/json" else 302
    assert [answer.status_code for answer in answers] == [405, login, 403, 404, 400, 400]


def test_a_page_says_why_a_task_was_not_run_again(browser, order):
    response = post(browser, plant(order, NOOP, "STARTED", args=ARGS, ago=5))
    assert "It has not ended yet." in words(response.text)


@pytest.mark.parametrize("ids", [["one"], ["one", "two"]], ids=["one", "two"])
def test_a_broker_that_is_away_is_503_and_each_row_says_so(ids, browser, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr("celery_ops.running.launcher.publish", fail)
    response = post(browser, *[alone(each) for each in ids], accept="application/json")
    assert response.status_code == 503
    assert list(TaskRunRecord.objects.values_list("send_state", flat=True)) == ["FAILED"]  # the rest is not tried


def test_a_task_that_only_workers_know_is_503_while_they_cannot_be_asked(browser, settings):
    use(settings, Held, RUNNABLE_TASKS=["elsewhere.tasks.only_there"])
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        response = post(browser, alone("one", name="elsewhere.tasks.only_there"))
    assert (response.status_code, "The broker does not answer" in words(response.text)) == (503, True)


def test_too_many_ids_are_refused(browser, published):
    assert post(browser, *[f"id-{n}" for n in range(501)]).status_code == 400


@pytest.mark.parametrize("task_id", on_databases(text for text in HOSTILE if text))
def test_hostile_ids_are_never_an_error(task_id, browser):
    assert post(browser, task_id).status_code in (400, 404)
    assert post(browser, task_id, "another", accept="application/json").status_code == 200


# -- as it was sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "again"),
    [
        ({"queue": "slow", "priority": 7, "countdown": 60.0}, {"queue": "slow", "priority": 7}),
        ({"queue": "given up", "priority": 0}, {"priority": 0}),
        ({"queue": ["slow"], "priority": "high"}, {}),
        ({}, {}),
    ],
)
def test_queue_and_priority_stay_where_they_may_still_be_chosen(chosen, again, settings):
    use(settings, Held, RUNNABLE_TASKS={UNTRACKED: {"queues": ["slow"]}})
    journal(alone("one"), options=chosen)
    assert rerun("one", None).options == again


@pytest.fixture
def asks(settings):
    use(settings, Held, RUNNABLE_TASKS={UNTRACKED: {"confirm": True, "label": "Charge <again>"}})


def test_a_task_that_asks_first_is_sent_when_it_is_confirmed(asks, browser, published, order):
    other = plant(order, NOOP, "FAILURE", args=ARGS)
    asked = post(browser, alone("one"), other, next="/somewhere/")
    text = asked.text

    assert (asked.status_code, published) == (200, [])
    assert all(
        part in text
        for part in ("Charge &lt;again&gt;", "Run 2 tasks again", 'value="/somewhere/"', f'value="{other}"')
    )
    assert post(browser, "one", other, confirm="1", next="/somewhere/").url == "/somewhere/"
    assert len(published) == 2


def test_json_says_that_a_task_asks_first(asks, browser, published):
    response = post(browser, alone("one"), accept="application/json")
    assert (response.status_code, list(response.json()["errors"]), published) == (400, ["confirm"], [])


def test_a_preview_as_json_says_of_each_task_whether_and_why_and_sends_nothing(asks, browser, published, order):
    fine, hollow = plant(order, NOOP, "FAILURE", args=ARGS), plant(order, NOOP, "FAILURE")
    response = post(browser, alone("one"), fine, hollow, "unknown", accept="application/json", preview="1")
    late = "This task does not say that it may run twice (acks_late)."
    assert (response.status_code, response.json()) == (
        200,
        {
            "preview": [
                {"task_id": "one", "reason": None, "warnings": ["This task asks before it is run.", late]},
                {"task_id": fine, "reason": None, "warnings": [late]},
                {"task_id": hollow, "reason": "Its arguments were not kept.", "warnings": []},
                {"task_id": "unknown", "reason": "No source knows a task of this id.", "warnings": []},
            ]
        },
    )
    assert (published, TaskRunRecord.objects.count()) == ([], 0)


def test_what_a_preview_as_json_lets_through_is_what_is_sent(browser, order):
    ids = [
        plant(order, NOOP, "FAILURE", args=ARGS),
        plant(order, NOOP, "FAILURE"),
        plant(order, NOOP, "STARTED", ago=5),
    ]
    preview = post(browser, *ids, accept="application/json", preview="1").json()["preview"]
    answer = post(browser, *ids, accept="application/json").json()
    assert [each["task_id"] for each in preview if each["reason"] is None] == list(answer["answered"]) == ids[:1]
    assert {each["task_id"]: each["reason"] for each in preview if each["reason"]} == answer["refused"]


@pytest.mark.parametrize(("task_id", "status"), [("unknown", 404), ("hollow", 400)])
def test_a_preview_as_json_of_one_task_that_is_not_run_again_is_its_refusal(task_id, status, browser, published, order):
    plant(order, NOOP, "FAILURE", task_id="hollow")
    response = post(browser, task_id, accept="application/json", preview="1")
    assert (response.status_code, "errors" in response.json(), published) == (status, True, [])


def test_a_preview_is_for_those_who_may_run_it(asks, db):
    client = browser_of(make_user("viewer", is_staff=True))
    assert post(client, alone("one"), accept="application/json", preview="1").status_code == 403


def test_a_panel_runs_again_what_asks_only_when_it_is_confirmed(asks, browser, staff, order, published, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {NOOP: {"confirm": True}}}
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    refused = panel_post(browser, staff, order, task_id)
    said = {"errors": {"__all__": ["This task asks before it is run. Confirm it; nothing was sent."]}}
    assert (refused.status_code, refused.json(), published) == (400, said, [])
    assert panel_post(browser, staff, order, task_id, confirm="1").status_code == 201
    assert len(published) == 1


def test_what_a_panel_asks_is_asked_anew_when_somebody_else_ran_it_meanwhile(
    asks, browser, staff, order, published, settings
):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {NOOP: {"confirm": True}}}
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    shown = {"confirm": "1", "shown_at": value(browser.get(panel_of(order, staff)).text, "shown_at")}
    assert panel_post(browser, staff, order, task_id, **shown).status_code == 201
    refused = panel_post(browser, staff, order, task_id, **shown)
    assert (refused.status_code, len(published)) == (400, 1)
    assert "It was run again already" in refused.json()["errors"]["__all__"][0]
    shown["shown_at"] = value(browser.get(panel_of(order, staff)).text, "shown_at")
    assert panel_post(browser, staff, order, task_id, **shown).status_code == 201
    assert len(published) == 2


def test_nothing_is_confirmed_on_a_panel_that_was_shown_at_no_time(asks, browser, staff, order, published, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {NOOP: {"confirm": True}}}
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    assert panel_post(browser, staff, order, task_id, confirm="1", shown_at="yesterday").status_code == 400
    assert published == []


def test_nobody_is_asked_about_what_they_may_not_run(asks, db):
    client = browser_of(make_user("viewer", is_staff=True))
    assert post(client, alone("one")).status_code == 403


# -- what a click costs ------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What the store is asked, and of which tasks the policy is asked whether they may be run."""
    questions = []

    def note(question, whole):
        return lambda *given: questions.append(question) or whole(*given)

    store = recorder().store
    for question in ("read", "look_up"):
        monkeypatch.setattr(store, question, note(question, getattr(store, question)))
    may_run = Policy.may_run_task
    monkeypatch.setattr(
        Policy, "may_run_task", lambda self, user, name: questions.append(name) or may_run(self, user, name)
    )
    return questions


def test_a_click_on_a_page_reads_the_index_and_the_object_once_and_asks_the_policy_once(browser, order, asked):
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    assert post(browser, task_id, accept="application/json").status_code == 200
    assert asked == [None, "read", "read", NOOP]  # None is any task at all


def test_a_click_on_a_panel_reads_both_at_once_and_asks_the_policy_once(browser, staff, order, asked):
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    assert panel_post(browser, staff, order, task_id).status_code == 201
    assert asked == ["read", NOOP]


def test_a_click_for_a_task_that_belongs_to_nothing_reads_once(browser, asked):
    assert post(browser, alone("one"), accept="application/json").status_code == 200
    assert asked == [None, "read", UNTRACKED]


def test_a_panel_runs_its_task_again_for_all_objects_that_it_belongs_to(browser, staff, order):
    other = Order.objects.create()
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    plant(other, NOOP, "FAILURE", args=ARGS, task_id=task_id)
    recorder().record([index.entry(task_id, [ObjectRef.of(other), ObjectRef.of(order)], None)])
    record = TaskRunRecord.objects.get(pk=panel_post(browser, staff, order, task_id).json()["record"])
    assert (record.object_type, record.object_id) == ("shop.order", str(other.pk))
    assert [tasks_for(each)[0].retry_of for each in (order, other)] == [task_id, task_id]


def test_a_panel_runs_no_task_that_only_the_index_gives_it(browser, staff, order, published):
    other = Order.objects.create()
    task_id = plant(other, NOOP, "FAILURE", args=ARGS)
    recorder().record([index.entry(task_id, [ObjectRef.of(order), ObjectRef.of(other)], None)])
    assert panel_post(browser, staff, order, task_id).status_code == 404
    assert published == []


# -- many at once -----------------------------------------------------------------------------------------------------


def test_many_tasks_are_read_in_a_few_round_trips(order, monkeypatch):
    store = recorder().store
    listed = [a_task(n, "FAILURE", id=alone(f"id-{n}"), name=UNTRACKED) for n in range(40)]
    listed += [a_task(n, "FAILURE", id=plant(order, NOOP, "FAILURE", args=ARGS), name=NOOP) for n in range(40)]
    calls = []
    for name in ("read", "look_up"):
        whole = getattr(store, name)
        monkeypatch.setattr(store, name, lambda *a, whole=whole: calls.append(1) or whole(*a))
    found = originals_of(listed)
    assert {type(each).__name__ for each in found.values()} == {"Original"}
    assert len(calls) <= 6
    assert found[listed[-1].id].refs == (ObjectRef.of(order),)
    assert found["id-3"].refs == ()


def test_a_task_that_was_published_long_before_it_was_seen_is_found(order):
    task_id = plant(order, NOOP, "FAILURE", args=ARGS, ago=20 * 3600)
    assert index.objects_wherever({task_id: None}) == {task_id: [ObjectRef.of(order)]}
    assert index.objects_wherever({task_id: 1_900_000_000_000}) == {task_id: [ObjectRef.of(order)]}


def test_kombu_reads_what_is_kept():
    text = capture.arguments(NOOP, [Decimal("1.5")], {"at": date(2026, 1, 31)})[1:]
    assert kombu_json.loads(f"[{text}]") == [[Decimal("1.5")], {"at": date(2026, 1, 31)}]


@pytest.mark.parametrize("kwargs", [{}, {"kwargs": {}}, {"currency": "EUR", "note": '],{"a": 1}'}], ids=repr)
@pytest.mark.parametrize("args", [[], [1], [{}], ["],{", [], "a, b"], [date(2026, 1, 31)]], ids=repr)
def test_what_is_kept_is_what_was_given(args, kwargs):
    assert capture.kept_arguments(capture.arguments(NOOP, args, kwargs)) == (args, kwargs)


# -- what is kept of a task that nobody tracks ------------------------------------------------------------------------


def fail_untracked(task, error=None, args=(1,), **details):
    request = SimpleNamespace(id="alone", args=list(args), kwargs={}, **{"hostname": "w1", "retries": 0, **details})
    request.get = lambda name, default=None: getattr(request, name, default)
    sender = SimpleNamespace(name=task, request=request)
    executing.task_failure(sender, "alone", error or ValueError("no"), list(args), {}, None)
    return request


def test_an_untracked_failure_is_kept_under_itself():
    fail_untracked(UNTRACKED)
    original = original_of("alone")
    assert (original.name, original.args, original.refs, original.state) == (UNTRACKED, [1], (), "FAILURE")


def test_a_later_attempts_failure_keeps_its_arguments_too():
    fail_untracked(UNTRACKED, retries=3)
    assert original_of("alone").args == [1]


@pytest.mark.parametrize(
    ("task", "error", "details"),
    [
        ("celery.backend_cleanup", None, {}),
        (UNTRACKED, Reject(), {}),
        (UNTRACKED, Ignore(), {}),
        (UNTRACKED, Retry(), {}),
        (UNTRACKED, None, {"is_eager": True}),
    ],
    ids=["celery's own", "rejected", "ignored", "retried", "eager"],
)
def test_of_what_is_no_failure_nothing_is_kept(task, error, details):
    fail_untracked(task, error, **details)
    with pytest.raises(NotKnown):
        original_of("alone")


def test_a_site_that_keeps_no_arguments_keeps_nothing_of_it(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none"}
    fail_untracked(UNTRACKED)
    with pytest.raises(NotKnown):
        original_of("alone")


def test_it_is_on_no_list(superuser):
    fail_untracked(UNTRACKED)
    assert reading.newest_tasks(10) == []


def test_its_page_has_no_object_but_its_error(superuser):
    fail_untracked(UNTRACKED)
    client = browser_of(superuser)
    text = words(client.get(reverse("celery_ops:task-detail", args=["alone"])).text)
    assert "ValueError: no" in text
    assert "Belongs to" not in text
    assert "Run again Run again with edits This task does not say that it may run twice (acks_late)." in text


# -- links on the pages -----------------------------------------------------------------------------------------------


def detail_page(client, task_id):
    return words(client.get(reverse("celery_ops:task-detail", args=[task_id])).text)


def test_both_pages_lead_to_the_other(browser):
    post(browser, alone("one"))
    new = TaskRunRecord.objects.get().task_id
    assert f"Run again as {new}" in detail_page(browser, "one")
    assert "Run again of one" in detail_page(browser, new)


def test_the_link_outlives_the_journal(browser, order):
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    post(browser, task_id)
    new = TaskRunRecord.objects.get().task_id
    TaskRunRecord.objects.all().delete()
    assert f"Run again as {new}" in detail_page(browser, task_id)


def test_the_page_says_why_there_is_no_button(browser, order):
    assert "Cannot be run again as it was. Its arguments were not kept." in detail_page(
        browser, plant(order, NOOP, "FAILURE")
    )


def test_who_may_not_run_it_sees_neither_button_nor_reason(order):
    client = browser_of(make_user("viewer", is_staff=True))
    assert "again" not in detail_page(client, plant(order, NOOP, "FAILURE", args=ARGS))


def test_a_task_that_goes_on_has_no_button(browser, order):
    assert "again" not in detail_page(browser, plant(order, NOOP, "STARTED", args=ARGS, ago=5))


def panel_post(client, user, order, task_id, **data):
    return client.post(
        panel_of(order, user), {"action": "retry", "task_id": task_id, **data}, HTTP_ACCEPT="application/json"
    )


def test_a_panel_runs_its_task_again_once(browser, staff, order, published):
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    submission = str(uuid4())
    first, second = (panel_post(browser, staff, order, task_id, submission=submission) for _ in range(2))
    assert (first.status_code, first.json()["record"]) == (201, second.json()["record"])
    assert len(published) == 1


def test_a_panel_says_why_not(browser, staff, order):
    response = panel_post(browser, staff, order, plant(order, NOOP, "FAILURE"))
    assert (response.status_code, response.json()) == (400, {"errors": {"__all__": ["Its arguments were not kept."]}})


def test_a_panel_offers_it_for_what_failed_to_who_may(browser, staff, order):
    offered = {}
    for state in ("FAILURE", "REVOKED", "REJECTED", "SUCCESS", "IGNORED", "STARTED"):
        task_id = plant(order, NOOP, state, ago=5)
        row = re.search(rf'<tr data-key="\w+" data-state="{state}".*?</tr>', panel_html(browser, order, staff), re.S)
        offered[state] = "Run this task again" in row[0] and task_id in row[0]
    assert [state for state, has_it in offered.items() if has_it] == ["FAILURE", "REVOKED", "REJECTED"]
    viewer = make_user("viewer", is_staff=True)
    client = browser_of(viewer)
    assert "Run this task again" not in panel_html(client, order, viewer)


def panel_html(client, order, user):
    return client.get(panel_of(order, user)).text


def test_a_panels_rows_name_each_other(browser, staff, order):
    task_id = plant(order, NOOP, "FAILURE", args=ARGS)
    record = rerun(task_id, staff)
    text = words(panel_html(browser, order, staff))
    assert f"run again of {task_id[:8]}" in text
    assert f"run again as {record.task_id[:8]}" in text
