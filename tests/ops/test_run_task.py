"""The page on which a task is run: what is sent, and everything for which nothing is."""

import html
import json
import re
import uuid
from unittest import mock

import pytest
from celery.result import AsyncResult
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import resolve

from celery_ops import tasks_for
from celery_ops.exceptions import BackendUnavailable
from celery_ops.models import TaskRunRecord
from tests.conftest import broker, browser_of, make_user
from tests.pages import elements, links, text_of, value
from tests.planting import plant
from tests.servers import free_port
from tests.shop.models import Order

from .backends import Queues, Workers, queue
from .conftest import OPS
from .test_run_list import live

pytestmark = pytest.mark.django_db

PAYMENT = "tests.shop.tasks.process_payment"
UNTRACKED = "tests.shop.tasks.untracked"
NOOP = "tests.shop.tasks.untracked_noop"
JSON = {"Accept": "application/json"}


def page(name=UNTRACKED):
    return f"{OPS}run/{name}/"


@pytest.fixture(autouse=True)
def _allowed(pages, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [PAYMENT, UNTRACKED, NOOP]}
    with broker("memory://"):
        yield


@pytest.fixture
def client(runner):
    return browser_of(runner)


def hidden(response, name):
    """The value of one of the form's hidden inputs, None when it has no such one."""
    found = elements(response.text, "input", type="hidden", name=name)
    return found[0].attributes["value"] if found else None


def nothing_was_sent(published):
    return published == [] and not TaskRunRecord.objects.exists()


# -- who may


def test_an_anonymous_visitor_is_sent_to_log_in():
    assert Client().get(page()).headers["Location"].startswith("/login/")


def test_an_anonymous_script_is_told_so():
    assert Client().get(page(), headers=JSON).status_code == 401


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_task_that_only_workers_know_is_503_while_they_cannot_be_asked(accept, client, allow, published, monkeypatch):
    def away(self):
        raise BackendUnavailable("The broker is away.")

    monkeypatch.setattr(Workers, "registered", away)
    allow(["elsewhere.tasks.only_there"])
    url, headers = page("elsewhere.tasks.only_there"), {"Accept": accept}
    answers = client.get(url, headers=headers), client.post(url, {"json-args": "[1]"}, headers=headers)
    assert [(answer.status_code, "The broker is away." in answer.text) for answer in answers] == [(503, True)] * 2
    assert nothing_was_sent(published)
    assert client.get(page(UNTRACKED)).status_code == 404


@pytest.mark.parametrize("name", [UNTRACKED, "no.such.task"])
def test_who_may_run_nothing_learns_nothing_of_names(name, poor_browser):
    assert poor_browser.get(page(name)).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        UNTRACKED.upper(),
        f" {UNTRACKED}",
        f"{UNTRACKED} ",
        UNTRACKED + "%00",
        "tests.shop.tasks.noop",
        "celery.map",
        "x/y",
    ],
    ids=["by case", "space before", "space after", "NUL", "not in the allowlist", "celery.map", "slash"],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_name_that_is_not_exactly_in_the_allowlist_is_not_found(name, method, client, published):
    assert getattr(client, method)(page(name)).status_code == 404
    assert nothing_was_sent(published)


def test_celerys_own_tasks_are_not_found_even_when_they_are_named(client, allow):
    allow(["celery.map"])
    assert client.get(page("celery.map")).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_tasks_own_permission_is_asked_for(method, client, allow, published):
    allow({UNTRACKED: {"permission": "shop.change_order"}})
    assert getattr(client, method)(page()).status_code == 403
    assert nothing_was_sent(published)


def test_a_permission_taken_away_while_the_page_was_open_is_gone(client, runner, published):
    client.get(page())
    runner.user_permissions.remove(Permission.objects.get(codename="add_taskrunrecord"))
    assert client.post(page()).status_code == 403
    assert nothing_was_sent(published)


@pytest.mark.parametrize("middleware", [True, False], ids=["site with CsrfViewMiddleware", "site without"])
def test_a_post_without_the_csrf_token_sends_nothing(middleware, runner, settings, published):
    if not middleware:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    client = Client(enforce_csrf_checks=True)
    client.force_login(runner)
    assert client.post(page()).status_code == 403
    assert nothing_was_sent(published)


def test_the_form_has_the_token_that_a_site_without_the_middleware_asks_for(runner, settings, published):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    client = Client(enforce_csrf_checks=True)
    client.force_login(runner)
    token = hidden(client.get(page()), "csrfmiddlewaretoken")
    assert client.post(page(), {"csrfmiddlewaretoken": token}).status_code == 302
    assert len(published) == 1


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused_before_anything_else(method):
    assert getattr(Client(), method)(page()).status_code == 405


def test_every_answer_is_one_viewers_own(client):
    for response in (client.get(page()), client.post(page(), {"opt-countdown": "x"}), client.get(page("no"))):
        assert response.headers["Cache-Control"] == "private, no-store"


# -- what is sent


def test_a_task_is_sent_with_what_was_typed(client, published):
    client.post(page(), {"arg-number": "7"})
    assert published == [(UNTRACKED, (), {"number": 7})]


def test_a_run_leads_to_its_record(client, runner):
    response = client.post(page(), {"arg-number": "7"})
    record = TaskRunRecord.objects.get()
    assert response.headers["Location"] == f"{OPS}journal/{record.pk}/"
    assert (record.send_state, record.user) == ("SENT", runner)


def test_a_run_leads_back_where_the_person_came_from(client):
    assert client.post(page(), {"next": "/orders/?a=1"}).headers["Location"] == "/orders/?a=1"


@pytest.mark.parametrize("url", ["//evil.example/", "https://evil.example/", "javascript:alert(1)"])
def test_a_run_leads_to_no_other_site(url, client):
    assert client.post(page(), {"next": url}).headers["Location"].startswith(OPS)


def test_the_form_keeps_where_to_go_next(client):
    assert hidden(client.get(page() + "?next=/orders/"), "next") == "/orders/"


def test_a_script_is_told_the_task_and_its_record(client):
    response = client.post(page(), {"arg-number": "7"}, headers=JSON)
    record = TaskRunRecord.objects.get()
    url = f"{OPS}api/runs/{record.task_id}/"
    assert (response.status_code, response.json()) == (
        201,
        {"asked": [], "answered": {}, "silent": [], "task_id": record.task_id, "record": record.pk, "url": url},
    )


@pytest.mark.database
def test_a_row_is_there_before_the_message_is_also_with_atomic_requests(client):
    seen = []

    def sent(*_, task_id, **__):
        seen.append(TaskRunRecord.objects.get().send_state)
        return AsyncResult(task_id)

    note = mock.Mock(side_effect=sent)
    atomic = mock.patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True})
    with mock.patch("celery.app.task.Task.apply_async", note), atomic:
        response = client.post(page())
    assert (seen, response.status_code) == (["REQUESTED"], 302)


def test_the_view_is_outside_of_atomic_requests():
    assert "default" in resolve(page()).func._non_atomic_requests


def test_options_are_sent(client):
    client.post(page(), {"opt-countdown": "60", "opt-priority": "3"})
    assert TaskRunRecord.objects.get().options == {"countdown": 60, "priority": 3}


@pytest.mark.parametrize("option", ["link", "link_error", "chord", "task_id", "headers", "serializer", "routing_key"])
def test_an_option_that_is_none_of_ours_is_refused(option, client, published):
    response = client.post(page(), {f"opt-{option}": "tests.shop.tasks.noop"})
    assert (response.status_code, nothing_was_sent(published)) == (400, True)


# -- once


@pytest.mark.database
def test_a_form_that_is_sent_twice_is_one_run(client, published):
    data = {"arg-number": "7", "submission": hidden(client.get(page()), "submission")}
    first, second = client.post(page(), data), client.post(page(), data)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(published) == 1


def test_the_second_time_one_is_told_so(client):
    data = {"submission": str(uuid.uuid4()), "next": f"{OPS}run/"}
    client.post(page(), data)
    assert "This had been sent already" in text_of(client.post(page(), data, follow=True).text)


@pytest.mark.parametrize("submission", [None, "", "nonsense", "x" * 10_000])
def test_without_a_key_of_the_form_each_post_is_a_run(submission, client, published):
    data = {} if submission is None else {"submission": submission}
    client.post(page(), data)
    client.post(page(), data)
    assert len(published) == 2


def test_a_form_that_was_changed_after_it_was_sent_is_another_run(client, published):
    key = str(uuid.uuid4())
    for number in "78":
        client.post(page(), {"arg-number": number, "submission": key})
    assert [kwargs["number"] for _, _, kwargs in published] == [7, 8]


def test_one_form_s_key_is_of_no_use_to_another_person_or_for_another_task(client, published):
    data = {"submission": str(uuid.uuid4())}
    other = browser_of(make_user("other", "celery_ops.add_taskrunrecord"))
    client.post(page(), data)
    other.post(page(), data)
    client.post(page(NOOP), {**data, "arg-order_id": "1"})
    assert len(published) == 3


def test_a_form_that_is_shown_again_keeps_its_key(client):
    key = str(uuid.uuid4())
    assert hidden(client.post(page(), {"opt-countdown": "x", "submission": key}), "submission") == key


# -- what will not do


def test_bad_input_sends_nothing_and_says_where_it_is_wrong(client, published):
    response = client.post(page(NOOP), {"arg-order_id": "", "opt-countdown": "-5"})
    said = dict(links(response.text))
    assert response.status_code == 400
    assert "Nothing was sent." in text_of(response.text)
    assert f'id="{said["order_id"][1:]}"' in response.text
    assert f'id="{said["Countdown"][1:]}"' in response.text
    assert nothing_was_sent(published)


def test_bad_input_keeps_what_was_typed(client):
    response = client.post(page(), {"arg-number": "7", "opt-countdown": "-5"})
    assert (value(response.text, "arg-number"), value(response.text, "opt-countdown")) == ("7", "-5")


def test_bad_input_opens_the_options_that_it_is_in(client):
    assert re.search(r"<details[^>]*celery-ops-run-options[^>]* open>", client.post(page(), {"opt-eta": "x"}).text)


def test_bad_input_is_said_by_field_to_scripts(client):
    response = client.post(page(NOOP), {"opt-countdown": "-5"}, headers=JSON)
    assert (response.status_code, set(response.json()["errors"])) == (400, {"arg-order_id", "opt-countdown"})


@pytest.mark.database
def test_more_runs_than_a_minute_may_have_are_refused(client, allow, published):
    allow({UNTRACKED: {"max_per_minute": 1}})
    client.post(page())
    response = client.post(page())
    assert (response.status_code, len(published)) == (400, 1)
    assert "This task may be run 1 time a minute." in text_of(response.text)


# -- a preview


def test_a_preview_shows_the_message_and_sends_nothing(client, published):
    Queues.hold(queue(depth=12, consumers=3))
    response = client.post(page(), {"arg-number": "7", "preview": "1"})
    said = text_of(response.text)
    assert response.status_code == 200
    assert "Preview nothing has been sent" in said
    assert "Waiting there 12 Consumers 3" in said
    assert '{"args": [], "kwargs": {"number": 7}}' in said
    assert nothing_was_sent(published)


def test_a_preview_keeps_the_form_filled_and_its_key(client):
    key = str(uuid.uuid4())
    response = client.post(page(), {"arg-number": "7", "opt-priority": "3", "preview": "1", "submission": key})
    assert (value(response.text, "arg-number"), value(response.text, "opt-priority")) == ("7", "3")
    assert hidden(response, "submission") == key


def test_a_preview_does_not_write_secrets_into_the_page(client):
    response = client.post(page(PAYMENT), {"arg-order_id": "1", "arg-card": '"hunter2hunter2"', "preview": "1"})
    assert "hunter2" not in response.text
    assert "Enter this again before you run it" in text_of(response.text)


@pytest.mark.parametrize(
    ("prepare", "warning"),
    [
        (Workers.hold, "No live worker has registered this task"),
        (lambda: Queues.hold(queue(consumers=0)), "Nobody consumes from celery"),
        (Queues.hold, "Nobody knows the queue celery yet"),
        (lambda: Queues.hold(queue(paused=True)), "The queue celery is paused"),
    ],
    ids=["no worker", "no consumer", "no queue", "paused"],
)
def test_a_preview_warns(prepare, warning, client):
    Workers.hold(live(UNTRACKED))
    Queues.hold(queue())
    prepare()
    assert warning in text_of(client.post(page(), {"preview": "1"}).text)


def test_a_preview_has_no_warning_where_nothing_is_wrong(client):
    Workers.hold(live(UNTRACKED))
    Queues.hold(queue())
    assert "celery-ops-trouble" not in client.post(page(), {"preview": "1"}).text


def test_a_preview_foresees_that_it_would_be_refused(client, allow):
    allow({UNTRACKED: {"max_per_minute": 1}})
    client.post(page())
    assert "This task may be run 1 time a minute." in text_of(client.post(page(), {"preview": "1"}).text)


def test_a_preview_does_without_workers_and_queues_that_are_away(client, use):
    use(WORKER_BACKEND="AwayWorkers", QUEUE_BACKEND="AwayQueues")
    response = client.post(page(), {"preview": "1"})
    assert response.status_code == 200
    assert "hunter2" not in response.text
    assert "Consumers unknown" in text_of(response.text)


def test_a_preview_leads_to_no_page_that_its_viewer_may_not_open(client):
    Workers.hold(live(UNTRACKED))
    Queues.hold(queue())
    card = (
        client.post(page(), {"preview": "1"}).text.partition('id="celery-ops-forecast"')[2].partition("</section>")[0]
    )
    assert "celery@one" in card
    assert [url for _, url in links(card) if not url.startswith("#")] == []


def test_a_script_may_have_a_preview_too(client, published):
    said = client.post(page(), {"preview": "1", "opt-priority": "3"}, headers=JSON).json()["preview"]
    assert (said["queue"], said["exchange"], said["priority"], published) == ("celery", "", 3, [])


# -- a task that asks first


@pytest.fixture
def careful(allow):
    allow({UNTRACKED: {"confirm": True}})


@pytest.mark.usefixtures("careful")
def test_a_task_that_asks_first_is_not_sent_by_the_first_post(client, published):
    response = client.post(page(), {"arg-number": "7"})
    assert (response.status_code, published) == (200, [])
    assert "Yes, run it" in text_of(response.text)


@pytest.mark.usefixtures("careful")
def test_a_task_that_asks_first_is_sent_when_it_is_confirmed(client, published):
    asked = client.post(page(), {"arg-number": "7"})
    client.post(page(), {"arg-number": "7", "confirm": "1", "previewed": hidden(asked, "previewed")})
    assert published == [(UNTRACKED, (), {"number": 7})]


@pytest.mark.usefixtures("careful")
def test_what_was_changed_since_the_preview_is_shown_before_it_is_sent(client, published):
    asked = client.post(page(), {"arg-number": "7"})
    response = client.post(page(), {"arg-number": "8", "confirm": "1", "previewed": hidden(asked, "previewed")})
    assert (response.status_code, published) == (200, [])
    assert "You changed something since the last preview." in text_of(response.text)


@pytest.mark.usefixtures("careful")
def test_a_script_is_told_that_the_task_asks_first(client, published):
    response = client.post(page(), headers=JSON)
    assert (response.status_code, list(response.json()["errors"]), published) == (400, ["confirm"], [])
    assert client.post(page(), {"confirm": "1"}, headers=JSON).status_code == 201


# -- run again


def ran(**fields):
    """A run of which the journal has the arguments."""
    values = {"task_name": UNTRACKED, "task_id": "earlier", "kwargs": {"number": 7}, "is_exact": True}
    return TaskRunRecord.objects.create(**{**values, **fields})


def test_a_run_once_more_begins_with_the_earlier_arguments(browser):
    ran()
    response = browser.get(page() + "?again=earlier")
    assert (value(response.text, "arg-number"), hidden(response, "again")) == ("7", "earlier")


def test_a_run_once_more_is_linked_to_the_earlier_one(client):
    ran()
    client.post(page(), {"arg-number": "8", "again": "earlier"})
    assert TaskRunRecord.objects.first().retry_of == "earlier"


def test_who_may_not_see_arguments_enters_them(client):
    ran()
    response = client.get(page() + "?again=earlier")
    assert value(response.text, "arg-number") is None
    assert "enter them yourself" in text_of(response.text)


def test_arguments_that_were_redacted_are_not_filled_in_and_the_reason_is_said(browser):
    ran(is_exact=False)
    response = browser.get(page() + "?again=earlier")
    assert (value(response.text, "arg-number"), hidden(response, "again")) == (None, "earlier")
    assert "redacted or cut" in text_of(response.text)


def test_what_a_page_would_redact_is_not_filled_in_though_it_was_kept(browser, order, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "full"}
    kept = json.dumps({"args": [order.pk, "see amqp://me:hunter2@mq//"], "kwargs": {}})
    task_id = plant(order, "tests.shop.tasks.fails", "FAILURE", args=kept)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": ["tests.shop.tasks.fails"]}
    response = browser.get(page("tests.shop.tasks.fails"), {"again": task_id})
    assert (value(response.text, "arg-order_id"), value(response.text, "arg-message")) == (str(order.pk), None)
    assert "hunter2" not in response.text


def test_json_is_filled_in_without_what_a_page_would_redact(browser, allow):
    allow(["elsewhere.render"])
    Workers.hold(live("elsewhere.render"))
    ran(task_name="elsewhere.render", kwargs={"note": "see amqp://me:hunter2@mq//", "number": 7})
    response = browser.get(page("elsewhere.render"), {"again": "earlier"})
    assert "hunter2" not in response.text
    assert json.loads(html.unescape(value(response.text, "json-kwargs"))) == {"number": 7}


@pytest.mark.database
@pytest.mark.parametrize("task_id", ["unknown", "another", "x\x00", "x" * 5000])
def test_an_id_that_is_not_this_tasks_links_nothing(task_id, browser):
    ran(task_name=NOOP, task_id="another", kwargs={"order_id": 7})
    assert hidden(browser.get(page(), {"again": task_id}), "again") is None
    browser.post(page(), {"again": task_id})
    assert TaskRunRecord.objects.first().retry_of == ""


@pytest.mark.parametrize(("permission", "ties"), [("shop.view_item", False), ("shop.view_order", True)])
def test_a_run_once_more_belongs_to_objects_that_the_runner_may_see(permission, ties, order):
    ran(object_type="shop.order", object_id=order.pk)
    client = browser_of(make_user("someone", "celery_ops.add_taskrunrecord", permission))
    client.post(page(), {"arg-number": "7", "again": "earlier"})
    assert len(tasks_for(order)) == ties


@pytest.mark.parametrize("same", [True, False])
def test_a_run_with_other_arguments_belongs_to_the_object_that_they_name(same, browser, order):
    other = Order.objects.create()
    ran(task_name=PAYMENT, kwargs={"order_id": other.pk}, object_type="shop.order", object_id=other.pk)
    number = other.pk if same else order.pk
    browser.post(page(PAYMENT), {"arg-order_id": str(number), "again": "earlier"})
    assert [len(tasks_for(obj)) for obj in (order, other)] == [int(not same), int(same)]


# -- faults


def test_a_broker_that_is_away_leaves_a_failed_row_and_the_form(client):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        response = client.post(page(), {"arg-number": "7", "submission": (key := str(uuid.uuid4()))})
    record = TaskRunRecord.objects.get()
    assert (response.status_code, record.send_state, value(response.text, "arg-number")) == (503, "FAILED", "7")
    assert dict(links(response.text))["See the record of this attempt"] == f"{OPS}journal/{record.pk}/"
    assert hidden(response, "submission") != key


def test_what_a_broker_did_not_take_is_not_sent_when_it_is_back(client, published):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        response = client.post(page(), {"arg-number": "7", "submission": str(uuid.uuid4())})
    assert published == []
    client.post(page(), {"arg-number": "7", "submission": hidden(response, "submission")})
    assert len(published) == 1


def test_a_broker_that_is_away_is_said_to_scripts(client):
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        response = client.post(page(), headers=JSON)
    assert (response.status_code, list(response.json())) == (503, ["errors"])


def test_a_journal_that_cannot_be_written_sends_nothing(client, published):
    key = str(uuid.uuid4())
    with mock.patch.object(TaskRunRecord, "save", side_effect=DatabaseError):
        response = client.post(page(), {"arg-number": "7", "submission": key})
    assert (response.status_code, value(response.text, "arg-number"), hidden(response, "submission")) == (503, "7", key)
    assert nothing_was_sent(published)


# -- the page


def test_the_page_says_that_no_live_worker_has_the_task(client):
    assert "No live worker has registered this task" in text_of(client.get(page()).text)


def test_the_page_says_nothing_of_workers_where_one_has_it(client):
    Workers.hold(live(UNTRACKED))
    assert "celery-ops-trouble" not in client.get(page()).text


def test_a_task_that_only_a_worker_has_is_run_with_json(client, allow, published):
    allow(["elsewhere.render"])
    Workers.hold(live("elsewhere.render"))
    assert "data-tabs" not in client.get(page("elsewhere.render")).text
    client.post(page("elsewhere.render"), {"json-args": "[1]", "json-kwargs": '{"a": 2}'})
    assert published == [("elsewhere.render", (1,), {"a": 2})]


def test_a_description_is_text(client, allow):
    allow({UNTRACKED: {"label": "<b>x</b>", "description": "<script>alert(1)</script>"}})
    assert "<script>alert(1)" not in client.get(page()).text


def test_running_again_with_edits_begins_with_the_priority_and_the_queue_that_were_chosen(client):
    data = {"arg-number": "7", "opt-priority": "3", "opt-queue": "celery", "opt-countdown": "60"}
    client.post(page(), data)
    html = client.get(page(), {"again": TaskRunRecord.objects.get().task_id}).text
    assert re.search(r'name="opt-priority" value="3"', html)
    assert re.search(r'<option value="celery"\s+selected', html)
    assert 'value="60"' not in html
