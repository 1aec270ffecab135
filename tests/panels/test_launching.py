"""Launching from a panel: only what the object has, only for those who may, and journalled before it is sent."""

import logging
import time
from unittest import mock

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from celery_ops import connections, signals
from celery_ops.models import TaskRunRecord
from celery_ops.panels.launching import launchable
from tests.celery import app
from tests.conftest import broker, make_user
from tests.pages import words
from tests.planting import panel_of, plant
from tests.servers import PATIENCE, free_port
from tests.shop.models import Customer, Item, Order, Page, Seat, Warehouse

from .conftest import browser

pytestmark = pytest.mark.django_db

PAYMENT = "tests.shop.tasks.process_payment"
RECEIPT = "tests.shop.tasks.send_receipt"
FULFILL = "tests.shop.tasks.fulfill_order"
JSON = {"Accept": "application/json"}


def launch(obj, user, task, headers=None, **data):
    return browser(user).post(panel_of(obj, user), {"action": "launch", "task": task, **data}, headers=headers or {})


def offered(obj, user):
    return {task.name.rpartition(".")[2] for task, _ in launchable(obj, user)}


# -- what asks first


@pytest.fixture
def asks(settings):
    """Paying asks before it is run, on panels as on forms."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {PAYMENT: {"confirm": True}}}


def test_a_menu_says_which_task_asks_first_and_has_a_box_to_confirm_it(order, staff, asks):
    html = browser(staff).get(panel_of(order, staff)).text
    assert words(html).count("asks first") == 1
    assert '<input type="checkbox" name="confirm" value="1">' in html


def test_a_menu_without_such_a_task_has_no_box(order, staff):
    assert 'name="confirm"' not in browser(staff).get(panel_of(order, staff)).text


@pytest.mark.parametrize("confirm", [{}, {"confirm": ""}, {"confirm": "0"}, {"confirm": "yes"}], ids=str)
def test_a_launch_that_asks_first_is_not_sent_unconfirmed(confirm, order, staff, asks, published):
    response = launch(order, staff, PAYMENT, **confirm)
    assert (response.status_code, published, TaskRunRecord.objects.count()) == (400, [], 0)
    assert "This task asks before it is run: confirm it. Nothing was sent." in words(response.text)


def test_a_launch_that_asks_first_says_so_in_json(order, staff, asks, published):
    response = launch(order, staff, PAYMENT, JSON)
    said = "This task asks before it is run: confirm it. Nothing was sent."
    assert (response.status_code, response.json(), published) == (400, {"errors": {"__all__": [said]}}, [])


def test_a_launch_that_was_confirmed_is_sent_once(order, staff, asks, published):
    key = {"confirm": "1", "submission": "8b7a1c1e-9f0e-4a50-8d0c-0d5a4d6a1f00"}
    assert [launch(order, staff, PAYMENT, JSON, **key).status_code for _ in range(2)] == [201, 201]
    assert [name for name, *_ in published] == [PAYMENT]


def test_a_form_that_was_not_confirmed_is_sent_when_it_is(order, staff, asks, published):
    key = {"submission": "8b7a1c1e-9f0e-4a50-8d0c-0d5a4d6a1f01"}
    assert launch(order, staff, PAYMENT, **key).status_code == 400
    assert launch(order, staff, PAYMENT, **key, confirm="1").status_code == 200
    assert len(published) == 1


def test_a_task_that_does_not_ask_is_sent_whatever_was_confirmed(order, staff, asks, published):
    assert launch(order, staff, RECEIPT, JSON).status_code == 201
    assert launch(order, staff, RECEIPT, JSON, confirm="1").status_code == 201
    assert len(published) == 2


def test_who_may_not_run_it_is_refused_before_anything_is_asked(order, reader, asks):
    assert [launch(order, reader, PAYMENT, **confirm).status_code for confirm in ({}, {"confirm": "1"})] == [403, 403]


# -- what is offered


@pytest.mark.parametrize("task", ["process_payment", "fulfill_order", "send_receipt", "retries", "by_number", "noop"])
def test_a_task_that_the_object_can_fill_is_offered(task, order, staff):
    assert task in offered(order, staff)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("internal_cleanup", id="hidden"),
        pytest.param("named", id="needs more than the key"),
        pytest.param("greet", id="is not looked up by the key"),
        pytest.param("by_callable", id="is linked by a function"),
        pytest.param("label_item", id="another model's"),
        pytest.param("untracked", id="untracked"),
        pytest.param("child", id="a child only"),
    ],
)
def test_a_task_that_it_cannot_is_not_offered(task, order, staff):
    assert task not in offered(order, staff)


def test_nothing_is_offered_to_those_who_may_not_run(order, reader):
    assert offered(order, reader) == set()


def test_a_task_with_a_permission_of_its_own_is_offered_to_those_who_have_it(order, staff, settings):
    options = {PAYMENT: {"permission": "shop.change_order"}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": options}
    assert "process_payment" not in offered(order, staff)


def test_a_menu_offers_by_label(order, staff):
    assert "Charge the card" in words(browser(staff).get(panel_of(order, staff)).text)


def test_a_menu_is_left_out_where_the_page_says_so(order, staff):
    assert "Run a task" not in words(browser(staff).get(panel_of(order, staff, launch=False)).text)


def test_a_panel_without_a_menu_launches_nothing(order, staff):
    url = panel_of(order, staff, launch=False)
    assert browser(staff).post(url, {"action": "launch", "task": PAYMENT}).status_code == 404


# -- what is sent


def test_a_task_is_sent_with_the_objects_key(order, staff, published):
    launch(order, staff, PAYMENT)
    assert published == [(PAYMENT, (), {"order_id": order.pk})]


def test_a_task_is_sent_with_values_from_the_object(order, staff, published):
    launch(order, staff, FULFILL)
    assert published == [(FULFILL, (7, "A-1"), {})]


def test_a_task_is_sent_with_values_from_what_the_object_points_to(order, staff, published):
    launch(order, staff, RECEIPT)
    assert published == [(RECEIPT, (), {"email": "ada@example.com", "order_id": order.pk})]


@pytest.mark.parametrize(
    ("make", "task", "key"),
    [
        (lambda: Item.objects.create(pk="0b0f3f5e-7c9e-4e0b-9df5-3d2f7d6f1c11"), "label_item", "item_id"),
        (lambda: Page.objects.create(path="a/b:c*\n日本"), "render_page", "path"),
    ],
    ids=["UUID", "text"],
)
def test_a_key_that_is_no_number_is_sent_as_text(make, task, key, staff, published):
    obj = make()
    launch(obj, staff, f"tests.shop.tasks.{task}")
    assert [kwargs for _, _, kwargs in published] == [{key: str(obj.pk)}]


def test_a_key_that_goes_by_position_alone_is_sent_so(order, staff, settings, published):
    @app.task(name="here.by_position", shared=False)
    def by_position(order_id, /, note=""):
        return order_id

    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {by_position.name: {"model": "shop.Order"}}}
    try:
        assert launch(order, staff, by_position.name).status_code == 200
    finally:
        app.tasks.pop(by_position.name)
    assert published == [(by_position.name, (order.pk,), {})]


def test_a_composite_key_is_offered_no_task_that_takes_one_key(staff):
    assert offered(Seat.objects.create(row="A", number=1), staff) == set()


def test_a_task_of_two_models_is_not_offered_on_the_one_that_cannot_fill_it(staff):
    assert offered(Warehouse.objects.create(name="north"), staff) == set()


def test_a_launched_task_is_in_the_objects_list(order, staff):
    launch(order, staff, PAYMENT)
    assert "Charge the card" in words(browser(staff).get(panel_of(order, staff, launch=False)).text)


def test_a_task_linked_by_other_fields_is_in_the_objects_list_too(order, staff):
    launch(order, staff, FULFILL)
    assert 'data-state="PENDING"' in browser(staff).get(panel_of(order, staff)).text


def test_a_form_cannot_add_arguments(order, staff, published):
    launch(order, staff, PAYMENT, card="4111", args='["x"]', kwargs='{"card": "x"}', queue="other", link="x")
    assert published == [(PAYMENT, (), {"order_id": order.pk})]


def test_a_launch_says_what_was_sent(order, staff):
    assert "Charge the card was sent." in words(launch(order, staff, PAYMENT).text)


def test_a_launch_answers_json_with_the_task_and_its_row(order, staff):
    response = launch(order, staff, PAYMENT, JSON)
    record = TaskRunRecord.objects.get()
    nobody = {"asked": [], "answered": {}, "silent": []}
    expected = {**nobody, "task_id": record.task_id, "record": record.pk, "message": "Charge the card was sent."}
    assert (response.status_code, response.json()) == (201, expected)


def test_a_launch_leads_back_to_its_page(order, staff):
    assert launch(order, staff, PAYMENT, next="/orders/?a=1").headers["Location"] == "/orders/?a=1"


def test_a_launch_leads_to_no_other_site(order, staff):
    assert "Location" not in launch(order, staff, PAYMENT, next="//evil.example/").headers


@pytest.mark.parametrize("next_page", ["", "//evil.example/"])
def test_a_launch_that_does_not_say_where_it_leads_leads_back_to_where_its_form_was(next_page, order, staff):
    page = f"http://testserver/orders/{order.pk}/?tab=2"
    response = launch(order, staff, PAYMENT, {"Referer": page}, next=next_page)
    assert (response.status_code, response.headers["Location"]) == (302, page)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "https://evil.example/orders/",
        "http://testserver.evil.example/",
        "javascript:alert(1)",
        "http://testserver/" + "x" * 3000,
        "http://testserver{panel}?task=1",
    ],
)
def test_a_launch_that_came_from_nowhere_leads_to_its_objects_page(page, order, staff, monkeypatch):
    monkeypatch.setattr(Order, "get_absolute_url", lambda self: f"/orders/{self.pk}/", raising=False)
    url = panel_of(order, staff)
    came_from = {"Referer": page.format(panel=url)}
    response = browser(staff).post(url, {"action": "launch", "task": PAYMENT}, headers=came_from)
    assert response.headers["Location"] == f"/orders/{order.pk}/"


@pytest.mark.parametrize("own_page", [lambda self: "https://evil.example/", lambda self: 1 / 0, None])
def test_a_launch_of_an_object_without_a_page_on_this_site_answers_a_page(own_page, order, staff, monkeypatch):
    monkeypatch.setattr(Order, "get_absolute_url", own_page, raising=False)
    response = launch(order, staff, PAYMENT)
    assert (response.status_code, "evil" in response.text) == (200, False)


def test_what_is_not_done_says_so_on_a_page_that_leads_back_to_where_its_form_was(order, staff):
    page = "http://testserver/orders/?tab=2"
    response = browser(staff).post(panel_of(order, staff), {"action": "drop"}, headers={"Referer": page})
    assert (response.status_code, f'href="{page}"' in response.text) == (400, True)


def test_a_launch_signals_what_was_run(order, staff):
    seen = []

    def receiver(**given):
        seen.append((given["task_name"], given["kwargs"], given["user"]))

    signals.task_run.connect(receiver)
    launch(order, staff, PAYMENT)
    assert seen == [(PAYMENT, {"order_id": order.pk}, staff)]


def test_a_receiver_that_fails_fails_alone(order, staff):
    def receiver(**_):
        raise ZeroDivisionError

    signals.task_run.connect(receiver)
    assert launch(order, staff, PAYMENT, JSON).status_code == 201


def test_a_site_that_runs_its_tasks_at_once_shows_them_done(order, staff, eager):
    launch(order, staff, PAYMENT)
    assert 'data-state="SUCCESS"' in browser(staff).get(panel_of(order, staff)).text


def test_a_task_that_fails_at_once_is_sent_nevertheless(order, staff, eager):
    assert launch(order, staff, "tests.shop.tasks.fails", JSON).status_code == 201


# -- what is refused


@pytest.mark.parametrize(
    "task",
    [
        "tests.shop.tasks.internal_cleanup",
        "tests.shop.tasks.label_item",
        "tests.shop.tasks.untracked",
        "tests.shop.tasks.named",
        "celery.map",
        "celery.backend_cleanup",
        "",
        "x\x00",
        "x" * 100_000,
    ],
    ids=["hidden", "another model's", "untracked", "unfilled", "celery.map", "celery.*", "none", "NUL", "long"],
)
def test_what_is_not_the_objects_to_launch_is_not_found(task, order, superuser):
    assert launch(order, superuser, task).status_code == 404


def test_celerys_own_tasks_are_not_launched_even_when_tracked(order, superuser, settings):
    tracked = {"celery.backend_cleanup": {"model": "shop.Order", "launch_args": ()}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": tracked}
    assert launch(order, superuser, "celery.backend_cleanup").status_code == 404


def test_a_launch_without_the_permission_is_refused(order, reader):
    assert launch(order, reader, PAYMENT).status_code == 403


def test_a_refused_launch_says_so_in_json(order, reader):
    assert launch(order, reader, PAYMENT, JSON).json() == {"errors": {"__all__": ["You may not do this."]}}


def test_a_refused_launch_sends_nothing_and_leaves_no_record(order, reader, published):
    launch(order, reader, PAYMENT)
    assert (published, TaskRunRecord.objects.count()) == ([], 0)


def test_a_launch_without_the_tasks_own_permission_is_refused(order, staff, settings):
    options = {PAYMENT: {"permission": "shop.change_order"}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": options}
    assert launch(order, staff, PAYMENT).status_code == 403


def test_a_permission_taken_away_while_the_page_was_open_is_gone(order):
    user = make_user("runner", "shop.view_order", "celery_ops.add_taskrunrecord")
    client, url = browser(user), panel_of(order, user)
    user.user_permissions.remove(user.user_permissions.get(codename="add_taskrunrecord"))
    assert client.post(url, {"action": "launch", "task": PAYMENT}).status_code == 403


def test_a_missing_related_object_is_said_in_words(order, staff):
    Order.objects.update(customer=None)
    assert f"Not launched: order {order.pk} has no customer." in words(launch(order, staff, RECEIPT).text)


def test_a_missing_related_object_is_bad_input(order, staff):
    Order.objects.update(customer=None)
    response = launch(order, staff, RECEIPT, JSON)
    assert (response.status_code, list(response.json())) == (400, ["errors"])


def test_a_missing_related_object_sends_nothing_and_leaves_no_record(order, staff, published):
    Order.objects.update(customer=None)
    launch(order, staff, RECEIPT)
    assert (published, TaskRunRecord.objects.count()) == ([], 0)


def test_a_value_that_is_empty_is_sent_as_it_is(order, staff, published):
    Customer.objects.update(email=None)
    launch(order, staff, RECEIPT)
    assert published[0][2]["email"] is None


# -- the journal


def test_a_run_is_journalled_with_who_what_and_for_which_object(order, staff):
    launch(order, staff, PAYMENT)
    record = TaskRunRecord.objects.get()
    assert (record.task_name, record.user, record.username) == (PAYMENT, staff, "staff")
    assert (record.object_type, record.object_id, record.send_state) == ("shop.order", str(order.pk), "SENT")


def test_a_run_is_journalled_with_its_arguments(order, staff):
    launch(order, staff, RECEIPT)
    assert TaskRunRecord.objects.get().kwargs == {"email": "ada@example.com", "order_id": order.pk}


def test_a_sensitive_argument_is_not_in_the_journal(order, staff, settings):
    options = {"model": "shop.Order", "launch_kwargs": {"password": "hunter2", "email": "x"}, "sensitive": ("email",)}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {"tests.shop.tasks.untracked": options}}
    launch(order, staff, "tests.shop.tasks.untracked")
    assert set(TaskRunRecord.objects.get().kwargs.values()) >= {"[redacted]"}
    assert "hunter2" not in str(TaskRunRecord.objects.values_list())


def test_a_row_is_there_before_the_message_is(order, staff):
    seen = []
    note = mock.Mock(side_effect=lambda *_, **__: seen.append(TaskRunRecord.objects.get().send_state))
    with mock.patch("celery.app.task.Task.apply_async", note):
        launch(order, staff, PAYMENT)
    assert seen == ["REQUESTED"]


def test_a_user_who_goes_leaves_the_name(order, staff):
    launch(order, staff, PAYMENT)
    staff.delete()
    record = TaskRunRecord.objects.get()
    assert (record.user, record.username) == (None, "staff")


def test_a_journal_that_cannot_be_written_sends_nothing(order, staff, published):
    with mock.patch.object(TaskRunRecord, "save", side_effect=DatabaseError):
        response = launch(order, staff, PAYMENT)
    assert (response.status_code, published) == (503, [])


def test_a_journal_that_refuses_the_row_sends_nothing(order, staff, published):
    with mock.patch.object(TaskRunRecord, "save", side_effect=ValueError("NUL")):
        response = launch(order, staff, PAYMENT)
    assert (response.status_code, published) == (503, [])


def test_a_journal_that_cannot_be_completed_does_not_unsend_it(order, staff, published):
    with mock.patch.object(TaskRunRecord, "save", side_effect=[None, DatabaseError]):
        assert launch(order, staff, PAYMENT, JSON).status_code == 201


def test_arguments_that_cannot_be_sent_are_a_failed_row(order, staff, settings):
    tracked = {"tests.shop.tasks.untracked": {"model": "shop.Order", "launch_kwargs": {"number": object()}}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": tracked}
    response = launch(order, staff, "tests.shop.tasks.untracked", JSON)
    assert (response.status_code, TaskRunRecord.objects.get().send_state) == (503, "FAILED")


# -- a broker that is not there


@pytest.fixture
def dead_broker():
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        yield


@pytest.fixture
def frozen_broker(own_redis, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 2}
    with broker(f"{own_redis.url}/0"):
        own_redis.freeze()
        yield


#: Seconds: a page waits once for the broker, and a busy machine may take as long again.
TWO_WAITS = 2 * (connections.CONNECT_TIMEOUT + 2)


def test_a_dead_broker_is_said(order, staff, dead_broker):
    assert launch(order, staff, PAYMENT).status_code == 503


def test_a_dead_broker_leaves_a_failed_row(order, staff, dead_broker):
    launch(order, staff, PAYMENT)
    record = TaskRunRecord.objects.get()
    assert (record.send_state, bool(record.error)) == ("FAILED", True)


def test_a_dead_broker_leaves_no_phantom_in_the_list(order, staff, dead_broker):
    launch(order, staff, PAYMENT)
    assert "No tasks yet." in words(browser(staff).get(panel_of(order, staff)).text)


def test_a_dead_broker_is_not_told_in_detail(order, staff, dead_broker):
    assert "127.0.0.1" not in launch(order, staff, PAYMENT).text


def test_a_frozen_broker_is_said_in_time(order, staff, frozen_broker):
    began = time.monotonic()
    assert launch(order, staff, PAYMENT).status_code == 503
    assert time.monotonic() - began < TWO_WAITS


def test_a_frozen_broker_is_said_in_time_to_those_who_revoke(order, staff, frozen_broker):
    task_id = plant(order, "tests.shop.tasks.long", "STARTED")
    began = time.monotonic()
    assert browser(staff).post(panel_of(order, staff), {"action": "revoke", "task_id": task_id}).status_code == 503
    assert time.monotonic() - began < TWO_WAITS


def test_a_broker_that_comes_back_takes_the_next_one(order, staff, own_redis, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": PATIENCE}
    with broker(f"{own_redis.url}/0"):
        own_redis.kill()
        launch(order, staff, PAYMENT)
        own_redis.start()
        assert launch(order, staff, PAYMENT).status_code == 200


def test_no_secret_of_a_launch_reaches_the_log(order, staff, settings, dead_broker, caplog):
    tracked = {"model": "shop.Order", "launch_kwargs": {"password": "hunter2"}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {"tests.shop.tasks.untracked": tracked}}
    with caplog.at_level(logging.DEBUG):
        launch(order, staff, "tests.shop.tasks.untracked")
    assert "hunter2" not in caplog.text


# -- a site whose requests are transactions


def fails_after(get_response):
    """A middleware of the host's that breaks once the view has answered."""

    def respond(request):
        get_response(request)
        raise ZeroDivisionError

    return respond


@pytest.fixture
def atomic_requests():
    before = connection.settings_dict["ATOMIC_REQUESTS"]
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = before


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_row_is_committed_before_the_send_although_requests_are_transactions(order, staff, atomic_requests):
    inside = []
    note = mock.Mock(side_effect=lambda *_, **__: inside.append(connection.in_atomic_block))
    with mock.patch("celery.app.task.Task.apply_async", note):
        launch(order, staff, PAYMENT)
    assert inside == [False]


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_what_was_sent_stays_in_the_journal_although_the_request_fails(order, staff, atomic_requests, settings):
    settings.MIDDLEWARE = [f"{__name__}.fails_after", *settings.MIDDLEWARE]
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    client.post(panel_of(order, staff), {"action": "launch", "task": PAYMENT})
    assert TaskRunRecord.objects.get().send_state == "SENT"
