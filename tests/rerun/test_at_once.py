"""Several people at once: one run for each task, one row for each form, and no more in a minute than may be."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from celery_ops.exceptions import BadInput, Claimed, RerunRefused
from celery_ops.models import ControlRecord, RunClaim, TaskRunRecord
from celery_ops.pruning.prune import old_records, prune
from celery_ops.rerun import candidate, rerun_candidate
from celery_ops.running import claims
from celery_ops.running.launcher import Run, launch, launch_all
from celery_ops.running.rows import commit_together, ready_row
from tests.celery import app
from tests.conftest import make_user
from tests.planting import panel_of, plant

from .conftest import UNTRACKED, failed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.mariadb]


def at_once(people, act):
    """Let so many people do it at the same moment, and return what came of it; exceptions are returned, too."""
    start = Barrier(people)

    def one(number):
        start.wait(10)
        try:
            return act(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(people) as threads:
        return list(threads.map(one, range(people)))


def browsers(number):
    clients = [Client() for _ in range(number)]
    for n, client in enumerate(clients):
        client.force_login(make_user(f"person-{n}", is_superuser=True, is_staff=True))
    return clients


def runs():
    """How many runs each task has."""
    ids = list(TaskRunRecord.objects.values_list("retry_of", flat=True))
    return len(ids), len(set(ids))


def test_two_people_who_run_all_again_send_each_task_once(settings):
    failed(settings, 200)
    people = browsers(3)
    answers = at_once(3, lambda n: people[n].post(reverse("celery_ops:bulk-retry"), {"submission": str(uuid4())}))
    assert [answer.status_code for answer in answers] == [302] * 3
    assert runs() == (200, 200)
    done = [record.replies["done"] for record in ControlRecord.objects.all()]
    assert (sum(done), len(done)) == (200, 3)


def test_two_people_who_press_the_same_button_send_it_once(settings):
    failed(settings, 1)
    people = browsers(6)
    answers = at_once(6, lambda n: people[n].post(reverse("celery_ops:retry"), {"task_id": "id-0"}))
    assert runs() == (1, 1)
    assert [answer.status_code for answer in answers].count(302) == 1
    assert all("run again already" in a.text for a in answers if a.status_code != 302)


def test_two_people_who_confirm_what_they_both_saw_send_it_once_more(settings, staff):
    failed(settings, 1)
    rerun_candidate(candidate("id-0", staff), staff)
    seen = [candidate("id-0", staff) for _ in range(4)]
    assert all(task.asks for task in seen)
    outcomes = at_once(4, lambda n: rerun_candidate(seen[n], staff))
    assert [type(outcome) for outcome in outcomes].count(RerunRefused) == 3
    assert runs() == (2, 1)


def test_a_form_that_comes_eight_times_begins_one_bulk(settings):
    failed(settings, 20)
    (browser,) = browsers(1)
    key = str(uuid4())
    answers = at_once(8, lambda n: browser.post(reverse("celery_ops:bulk-retry"), {"submission": key}))
    assert len({answer.url for answer in answers}) == 1
    assert ControlRecord.objects.count() == 1
    assert runs() == (20, 20)
    assert ControlRecord.objects.get().replies["done"] == 20


def test_no_more_go_through_in_a_minute_than_may(settings, staff):
    limited = {UNTRACKED: {"max_per_minute": 3}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": limited}
    outcomes = at_once(10, lambda n: launch(Run(UNTRACKED, app.tasks[UNTRACKED], [n]), staff))
    assert [type(outcome) for outcome in outcomes].count(TaskRunRecord) == TaskRunRecord.objects.count() == 3
    assert [type(outcome) for outcome in outcomes].count(BadInput) == 7


def test_nor_do_they_when_many_are_sent_together(settings, staff):
    limited = {UNTRACKED: {"max_per_minute": 3}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": limited}
    many = [Run(UNTRACKED, app.tasks[UNTRACKED], [n]) for n in range(5)]
    outcomes = at_once(4, lambda n: launch_all(many, staff))
    found = [type(outcome) for sent in outcomes for outcome in sent]
    assert (found.count(TaskRunRecord), found.count(BadInput)) == (3, 17)


def test_a_panels_form_that_comes_twice_launches_once(settings, staff, order):
    (browser,) = browsers(1)
    user = type(staff).objects.get(username="person-0")
    data = {"action": "launch", "task": "tests.shop.tasks.noop", "submission": str(uuid4())}
    answers = at_once(4, lambda n: browser.post(panel_of(order, user), data, HTTP_ACCEPT="application/json"))
    assert {answer.status_code for answer in answers} == {201}
    assert TaskRunRecord.objects.count() == 1
    browser.post(panel_of(order, user), {**data, "submission": str(uuid4())})
    assert TaskRunRecord.objects.count() == 2


def test_what_could_not_be_sent_does_not_hold_the_claim(settings, staff, monkeypatch):
    failed(settings, 1)
    with monkeypatch.context() as broken:
        broken.setattr("celery_ops.running.launcher.publish", lambda *_: (_ for _ in ()).throw(OSError("no route")))
        assert "could not be sent" in str(at_once(1, lambda n: rerun_candidate(candidate("id-0", staff), staff))[0])
    assert rerun_candidate(candidate("id-0", staff), staff).send_state == "SENT"
    assert RunClaim.objects.count() == 2


def test_a_panel_sends_once_more_what_it_could_not_send(settings, staff, order, monkeypatch):
    (browser,) = browsers(1)
    user = type(staff).objects.get(username="person-0")
    task_id = plant(order, "tests.shop.tasks.noop", "FAILURE", args=f'{{"args": [{order.pk}], "kwargs": {{}}}}')
    for data in ({"action": "launch", "task": "tests.shop.tasks.noop"}, {"action": "retry", "task_id": task_id}):
        form = {**data, "submission": str(uuid4())}
        with monkeypatch.context() as broken:
            broken.setattr("celery_ops.running.launcher.publish", lambda *_: (_ for _ in ()).throw(OSError("no")))
            assert browser.post(panel_of(order, user), form, HTTP_ACCEPT="application/json").status_code == 503
        assert browser.post(panel_of(order, user), form, HTTP_ACCEPT="application/json").status_code == 201


def test_claims_go_with_the_rows_that_they_were_for(settings, staff):
    failed(settings, 1)
    rerun_candidate(candidate("id-0", staff), staff)
    prune(old_records(timezone.now() + timedelta(seconds=1)))
    assert (TaskRunRecord.objects.count(), RunClaim.objects.count()) == (0, 0)


def together(number):
    """Commit twenty runs of which all are sent or none: somebody else claims the same."""
    keys = [claims.key_of("together", str(n)) for n in range(20)]
    runs = [Run(UNTRACKED, app.tasks[UNTRACKED], [n], claim=key, submission=uuid4()) for n, key in enumerate(keys)]
    return commit_together(runs, [ready_row(run, None) for run in runs])


def test_of_those_who_send_the_same_workflow_one_does(db):
    outcomes = at_once(6, together)
    assert [type(outcome) for outcome in outcomes].count(Claimed) == 5
    assert TaskRunRecord.objects.count() == 20


@pytest.fixture(params=["REPEATABLE_READ", "SERIALIZABLE"])
def _kept_apart(request, monkeypatch):
    """Whoever comes from now on has transactions that the database undoes rather than let them see each other."""
    levels = {"postgresql": psycopg.IsolationLevel[request.param], "mysql": request.param.replace("_", " ")}
    options = connections.settings["default"]["OPTIONS"]
    monkeypatch.setitem(options, "isolation_level", levels[connection.vendor])


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it has one writer at a time")
@pytest.mark.usefixtures("_kept_apart")
@pytest.mark.parametrize(
    "test",
    [
        test_two_people_who_run_all_again_send_each_task_once,
        test_a_form_that_comes_eight_times_begins_one_bulk,
        test_no_more_go_through_in_a_minute_than_may,
        test_nor_do_they_when_many_are_sent_together,
        test_a_panels_form_that_comes_twice_launches_once,
        test_of_those_who_send_the_same_workflow_one_does,
    ],
)
def test_whom_the_database_undoes_for_others_is_asked_once_more(test, request):
    wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
    test(**{name: request.getfixturevalue(name) for name in wanted})
