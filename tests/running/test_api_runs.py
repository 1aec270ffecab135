"""Running tasks over JSON: what is sent, what is refused, and that a refusal sends nothing."""

import json
from datetime import timedelta
from unittest import mock

import pytest
from celery import signals
from django import forms
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from celery_ops.models import TaskRunRecord
from tests.conftest import broker, browser_of, make_user
from tests.servers import free_port
from tests.shop import tasks

pytestmark = pytest.mark.django_db

URL = "/behind/a/prefix/api/runs/"
UNTRACKED, PAYMENT, FAILS = tasks.untracked.name, tasks.process_payment.name, tasks.fails.name
ALLOWED = {UNTRACKED: {"queues": ["celery", "slow"]}, PAYMENT: {"permission": "shop.change_order"}, FAILS: None}


class PickyForm(forms.Form):
    """A site's own form for ``tests.shop.tasks.fails``."""

    order_id = forms.IntegerField(min_value=10)
    message = forms.ChoiceField(choices=[("late", "late")], required=False)


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks):
    memory = "celery_ops.backends.memory.Memory{}Backend"
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "RUNNABLE_TASKS": ALLOWED,
        "WORKER_BACKEND": memory.format("Worker"),
    }
    with broker("memory://"):
        yield


@pytest.fixture
def sent():
    seen = []

    def note(sender=None, body=None, headers=None, routing_key=None, **_):
        seen.append((sender, list(body[0]), body[1], routing_key, headers))

    signals.after_task_publish.connect(note)
    yield seen
    signals.after_task_publish.disconnect(note)


@pytest.fixture
def runner(db):
    return make_user("runner", "celery_ops.add_taskrunrecord")


@pytest.fixture
def post(runner):
    def post(body, user=runner, **options):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return browser_of(user).post(URL, text, content_type="application/json", **options)

    return post


# -- what is sent


def test_a_run_is_answered_with_its_id_its_row_and_where_to_ask(post):
    response = post({"task": UNTRACKED, "kwargs": {"number": 3}})
    record = TaskRunRecord.objects.get()
    expected = {"task_id": record.task_id, "record": record.pk, "url": f"{URL}{record.task_id}/"}
    assert (response.status_code, response.json()) == (201, expected)


def test_arguments_go_as_they_were_given(post, sent):
    post({"task": FAILS, "args": [3], "kwargs": {"message": "no"}})
    assert [message[:3] for message in sent] == [(FAILS, [3], {"message": "no"})]


@pytest.mark.parametrize("empty", [{}, {"args": None, "kwargs": None}, {"args": [], "kwargs": {}}], ids=repr)
def test_arguments_may_be_left_out(empty, post, sent):
    post({"task": UNTRACKED, **empty})
    assert [message[1:3] for message in sent] == [([], {})]


def test_options_are_in_the_message(post, sent):
    eta = (timezone.now() + timedelta(hours=1)).isoformat()
    post({"task": UNTRACKED, "eta": eta, "expires": 7200, "priority": 3, "queue": "slow"})
    (_name, _args, _kwargs, routing_key, headers) = sent[0]
    assert (routing_key, headers["eta"]) == ("slow", eta)


def test_the_row_names_who_asked(post, runner):
    post({"task": UNTRACKED})
    assert TaskRunRecord.objects.get().user == runner


def test_a_task_with_a_permission_of_its_own_is_run_by_those_who_have_it(post, order):
    user = make_user("changer", "celery_ops.add_taskrunrecord", "shop.change_order")
    assert post({"task": PAYMENT, "args": [order.pk]}, user=user).status_code == 201


def test_the_sites_own_form_is_asked(post, settings, sent):
    form = f"{__name__}.PickyForm"
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {FAILS: {"form": form}}}
    assert post({"task": FAILS, "args": [3]}).json()["errors"].keys() == {"order_id"}
    assert post({"task": FAILS, "args": [12, "late"]}).status_code == 201
    assert [message[1:3] for message in sent] == [([], {"order_id": 12, "message": "late"})]


# -- who may


def test_a_stranger_is_told_to_log_in():
    response = Client().post(URL, "{}", content_type="application/json")
    assert (response.status_code, list(response.json())) == (401, ["errors"])


def test_who_may_run_nothing_is_refused_before_anything_is_read(post):
    assert post("rubbish", user=make_user("viewer", is_staff=True)).status_code == 403


def test_who_lacks_the_tasks_own_permission_is_refused(post, sent):
    assert (post({"task": PAYMENT, "args": [1]}).status_code, sent) == (403, [])


def test_a_refused_attempt_leaves_no_row(post):
    post({"task": PAYMENT, "args": [1]})
    assert not TaskRunRecord.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        tasks.noop.name,
        "nobody.knows",
        "celery.map",
        "celery.backend_cleanup",
        UNTRACKED.upper(),
        f" {UNTRACKED}",
        f"{UNTRACKED} ",
        f"{UNTRACKED}\n",
        "",
    ],
    ids=repr,
)
def test_a_task_that_is_not_listed_by_exactly_this_name_is_not_found(name, post, sent):
    assert (post({"task": name}).status_code, sent) == (404, [])


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_another_method_is_not_allowed(method, runner):
    assert getattr(browser_of(runner), method)(URL).status_code == 405


def test_a_post_without_a_csrf_token_is_refused_on_a_site_without_the_middleware(runner, settings, sent):
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    client = browser_of(runner, enforce_csrf_checks=True)
    response = client.post(URL, json.dumps({"task": UNTRACKED}), content_type="application/json")
    assert (response.status_code, sent) == (403, [])


# -- bad input

DEEP = "[" * 100 + "]" * 100


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '"x"',
        "null",
        "{}",
        '{"task": 3}',
        '{"task": null}',
        b"\xff",
        f'{{"task": "{UNTRACKED}", "task": "{UNTRACKED}"}}',
        f'{{"task": "{UNTRACKED}", "args": {DEEP}}}',
        f'{{"task": "{UNTRACKED}", "args": {"[" * 5000}{"]" * 5000}}}',
        f'{{"task": "{UNTRACKED}", "args": [NaN]}}',
        f'{{"task": "{UNTRACKED}", "args": [Infinity]}}',
        f'{{"task": "{UNTRACKED}", "args": [1e400]}}',
        f'{{"task": "{UNTRACKED}", "args": [{"9" * 5000}]}}',
        f'{{"task": "{UNTRACKED}", "args": ["\\u0000"]}}',
        f'{{"task": "{UNTRACKED}", "args": ["\\ud800"]}}',
        f'{{"task": "{UNTRACKED}", "kwargs": {{"number": {{"__type__": "uuid", "__value__": "x"}}}}}}',
        f'{{"task": "{UNTRACKED}", "kwargs": {{"number": 1, "number": 2}}}}',
        f'{{"task": "{UNTRACKED}", "args": ["{"x" * 70_000}"]}}',
        f'{{"task": "{UNTRACKED}"}}{" " * 200_000}',
        {"task": UNTRACKED, "args": {}},
        {"task": UNTRACKED, "args": "3"},
        {"task": UNTRACKED, "kwargs": []},
        {"task": UNTRACKED, "args": [1, 2]},
        {"task": UNTRACKED, "kwargs": {"other": 1}},
        {"task": UNTRACKED, "args": [1], "kwargs": {"number": 1}},
        {"task": FAILS},
        {"task": UNTRACKED, "link": ["x"]},
        {"task": UNTRACKED, "task_id": "x"},
        {"task": UNTRACKED, "headers": {}},
        {"task": UNTRACKED, "serializer": "pickle"},
        {"task": UNTRACKED, "routing_key": "x"},
        {"task": UNTRACKED, "ignore_result": True},
        {"task": UNTRACKED, "countdown": -1},
        {"task": UNTRACKED, "countdown": "5"},
        {"task": UNTRACKED, "countdown": True},
        {"task": UNTRACKED, "countdown": 10**12},
        {"task": UNTRACKED, "eta": "yesterday"},
        {"task": UNTRACKED, "eta": "2020-01-01T00:00:00Z"},
        {"task": UNTRACKED, "eta": "9999-01-01T00:00:00Z"},
        {"task": UNTRACKED, "eta": 5},
        {"task": UNTRACKED, "countdown": 5, "eta": "2099-01-01T00:00:00Z"},
        {"task": UNTRACKED, "expires": 0},
        {"task": UNTRACKED, "expires": "2020-01-01T00:00:00Z"},
        {"task": UNTRACKED, "countdown": 60, "expires": 5},
        {"task": UNTRACKED, "priority": 256},
        {"task": UNTRACKED, "priority": -1},
        {"task": UNTRACKED, "priority": 1.5},
        {"task": UNTRACKED, "priority": "3"},
        {"task": UNTRACKED, "queue": "other"},
        {"task": UNTRACKED, "queue": ["celery"]},
        {"task": UNTRACKED, "queue": {}},
    ],
    ids=lambda body: repr(body)[:70],
)
def test_bad_input_is_400_with_messages_and_nothing_is_sent(body, post, sent):
    response = post(body)
    errors = response.json()["errors"]
    assert response.status_code == 400
    assert all(isinstance(message, str) and message for messages in errors.values() for message in messages)
    assert (sent, TaskRunRecord.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_what_does_not_come_as_json_is_400(content_type, runner, sent):
    response = browser_of(runner).post(URL, json.dumps({"task": UNTRACKED}), content_type=content_type)
    assert (response.status_code, sent) == (400, [])


def test_a_task_that_has_run_often_enough_this_minute_is_400(post, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {UNTRACKED: {"max_per_minute": 1}}}
    assert [post({"task": UNTRACKED}).status_code for _ in range(2)] == [201, 400]


# -- faults


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_is_503_and_the_row_says_failed(post):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        response = post({"task": UNTRACKED})
    assert (response.status_code, TaskRunRecord.objects.get().send_state) == (503, "FAILED")


@pytest.mark.parametrize("name", ["elsewhere.tasks.only_there", "elsewhere.tasks.unnamed"])
def test_what_only_workers_know_is_503_while_they_cannot_be_asked_and_the_rest_is_404(name, post, settings):
    control = "celery_ops.backends.control.ControlWorkerBackend"
    allowed = ["elsewhere.tasks.only_there"]
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": allowed, "WORKER_BACKEND": control}
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        assert post({"task": name}).status_code == (503 if name in allowed else 404)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_could_not_be_sent_is_not_sent_later(post, sent):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        post({"task": UNTRACKED})
    post({"task": FAILS, "args": [1]})
    assert [name for name, *_ in sent] == [FAILS]


def test_a_journal_that_cannot_be_written_is_503_and_nothing_is_sent(post, sent):
    with mock.patch.object(TaskRunRecord, "save", side_effect=DatabaseError):
        assert (post({"task": UNTRACKED}).status_code, sent) == (503, [])
