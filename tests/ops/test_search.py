"""What a search finds on the page, in JSON, in the CSV and for bulk actions: what this viewer is shown, and no more."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from celery_ops import objects
from celery_ops.exceptions import StoreUnavailable
from celery_ops.models import TaskRunRecord
from celery_ops.tracking import reading
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import browser_of, make_user
from tests.pages import words
from tests.planting import plant
from tests.shop.models import Customer, Express, Item, Order, Page, Seat

from .task_backends import LIST, Held, a_task, use

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held", "contexts")]

API = "/behind/a/prefix/api/history/"
CARD_DECLINED = "CardDeclined: the bank refused HT-1003"


class OnlyOpen:
    """A policy that lets the payload of some tasks be seen, and one object."""

    def allows(self, user, action, obj=None):
        if action == "view_payload":
            return obj in (None, "shop.tasks.open")
        return action != "view_instance" or obj.reference != "HT-1003"


@pytest.fixture
def named(monkeypatch):
    """Orders are called by their references."""
    monkeypatch.setattr(Order, "__str__", lambda self: self.reference)


def listed(browser, **query):
    response = browser.get(LIST, query)
    assert response.status_code == 200
    return [row.id for row in response.context["table"].data.data]


def exported(browser, **query):
    response = browser.get(LIST, {**query, "format": "csv"})
    text = b"".join(response.streaming_content).decode()
    return [row["id"] for row in csv.DictReader(io.StringIO(text))]


def answered(browser, **query):
    return [item["task_id"] for item in browser.get(API, query).json()["results"]]


EVERYWHERE = pytest.mark.parametrize("ask", [listed, exported, answered])


@EVERYWHERE
@pytest.mark.parametrize("text", ["HT-1003", "CardDeclined", "ht-1003", "charge the card"])
def test_a_failure_is_found_by_its_errors_words_and_by_its_label(browser, ask, text):
    failed = a_task(1, "FAILURE", name="tests.shop.tasks.process_payment", error=CARD_DECLINED)
    Held.hold(failed, a_task(2))
    assert ask(browser, q=text) == [failed.id]


@EVERYWHERE
def test_those_without_view_payload_find_an_errors_class_alone(db, ask):
    browser = browser_of(make_user("viewer", is_staff=True))
    failed = a_task(1, "FAILURE", error=CARD_DECLINED, args=["HT-1003"])
    Held.hold(failed, a_task(2))
    assert ask(browser, q="CardDeclined") == [failed.id]
    assert ask(browser, q="HT-1003") == []


@EVERYWHERE
def test_a_refused_tasks_payload_is_not_read_out_by_searching(browser, settings, ask):
    use(settings, Held, POLICY="tests.ops.test_search.OnlyOpen")
    shown = a_task(1, name="shop.tasks.open", args=["A-17"])
    Held.hold(shown, a_task(2, name="shop.tasks.secret", args=["A-17"]), a_task(3, "FAILURE", error="No: A-17"))
    assert ask(browser, q="A-17") == [shown.id]


@pytest.mark.parametrize("action", ["/retry/all/", "/revoke/all/"])
def test_a_bulk_takes_no_refused_task_whose_hidden_argument_has_the_text(browser, settings, action):
    use(settings, Held, POLICY="tests.ops.test_search.OnlyOpen")
    shown = a_task(1, "FAILURE", name="shop.tasks.open", args=["A-17"])
    Held.hold(shown, a_task(2, "FAILURE", name="shop.tasks.secret", args=["A-17"]))
    url = next(url for url in browser.get(LIST, {"q": "A-17"}).text.split('"') if action in url and "q=" in url)
    page = words(browser.get(url.replace("&amp;", "&")).text)
    assert "shop.tasks.open" in page
    assert "shop.tasks.secret" not in page


# -- objects ----------------------------------------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize("text", ["order {pk}", "Order {pk}", "shop.order:{pk}", "order #{pk}", "HT-1003", "t-100"])
def test_the_tasks_of_an_object_are_found_by_its_name_and_by_its_key(browser, named, ask, text):
    order = Order.objects.create(reference="HT-1003")
    other = Order.objects.create(reference="HT-2000")
    task_id = plant(order)
    Held.hold(a_task(1, id=task_id), a_task(2, id=plant(other)))
    assert ask(browser, q=text.format(pk=order.pk)) == [task_id]


def test_what_the_journal_says_of_an_object_finds_its_tasks_too(browser, named):
    order = Order.objects.create(reference="HT-1003")
    TaskRunRecord.objects.create(task_id="by-hand", object_type="shop.order", object_id=str(order.pk))
    Held.hold(a_task(1, id="by-hand"), a_task(2))
    assert listed(browser, q="HT-1003") == listed(browser, q=f"order {order.pk}") == ["by-hand"]


def test_an_object_that_one_may_not_see_finds_nothing(browser, settings, named):
    order = Order.objects.create(reference="HT-1003")
    Held.hold(a_task(1, id=plant(order)))
    use(settings, Held, POLICY="tests.ops.test_search.OnlyOpen")
    Held.hold(a_task(1, id=plant(order)))
    assert listed(browser, q="HT-1003") == listed(browser, q=f"order {order.pk}") == []


@pytest.mark.parametrize(
    "text", ["order", "order ", "order :", "order x", "shop.order:" + "9" * 100, "shop.seat:{", "item 1", ":", "#1"]
)
def test_a_text_that_names_no_object_finds_no_object(browser, text):
    assert listed(browser, q=text) == []


def test_objects_are_searched_without_their_store(browser, order, monkeypatch):
    def away(*_args, **_options):
        raise StoreUnavailable

    Held.hold(a_task(1))
    monkeypatch.setattr(reading, "read_tasks", away)
    monkeypatch.setattr(objects.newest, "newest_tasks", away)
    assert listed(browser, q=f"order {order.pk}") == []


def test_objects_of_a_store_in_which_very_many_tasks_come_are_found_by_their_keys(browser, named, monkeypatch):
    order = Order.objects.create(reference="HT-1003")
    Held.hold(a_task(1, id=plant(order)))
    monkeypatch.setattr(objects.newest, "newest_tasks", lambda limit: None)
    assert listed(browser, q="HT-1003") == []
    assert len(listed(browser, q=f"order {order.pk}")) == 1


def test_a_note_says_that_older_objects_were_not_looked_at(browser, named, monkeypatch):
    monkeypatch.setattr(objects, "NEWEST", 2)
    for number in range(3):
        plant(Order.objects.create(reference=f"HT-{number}"), ago=number)
    assert "Objects were searched by name among those of the newest" in words(browser.get(LIST, {"q": "HT-1"}).text)


# -- what objects are called ------------------------------------------------------------------------------------------


def test_objects_are_called_as_the_site_calls_them(superuser):
    seat = Seat.objects.create(row="A", number=7)
    instances = [Order.objects.create(), Page.objects.create(path="terms"), seat, Express.objects.create()]
    refs = [ObjectRef.of(instance) for instance in instances]
    names = [name for name, _instance in objects.visible_names(refs, superuser).values()]
    assert names == [f"Order {instances[0].pk}", "terms", "A7", f"Order {instances[3].pk}"]


def test_an_object_whose_name_fails_is_called_by_its_key(order, monkeypatch):
    monkeypatch.setattr(Order, "__str__", lambda self: 1 / 0)
    assert objects.name_of(order) == f"order {order.pk}"


@pytest.mark.parametrize(
    ("name", "shown"), [("", "order {pk}"), ("\x1b[31mred", "\ufffd[31mred"), ("x" * 999, "x" * 200 + "…")]
)
def test_a_name_is_what_a_page_can_carry(order, monkeypatch, name, shown):
    monkeypatch.setattr(Order, "__str__", lambda self: name)
    assert objects.name_of(order) == shown.format(pk=order.pk)


def test_a_name_made_of_a_related_object_costs_one_query_for_all(superuser, monkeypatch):
    monkeypatch.setattr(Order, "__str__", lambda self: f"of {self.customer.name}")
    ada = Customer.objects.create(name="Ada")
    refs = [ObjectRef.of(Order.objects.create(customer=ada)) for _ in range(20)]
    with CaptureQueriesContext(connection) as captured:
        named = objects.visible_names(refs, superuser)
    assert {name for name, _instance in named.values()} == {"of Ada"}
    assert len(captured) == 1


def test_a_name_that_would_ask_for_each_object_is_the_key(superuser, monkeypatch):
    monkeypatch.setattr(Order, "__str__", lambda self: str(Item.objects.count()))
    refs = [ObjectRef.of(Order.objects.create()) for _ in range(3)]
    named = objects.visible_names(refs, superuser)
    assert [name for name, _instance in named.values()] == [f"order {ref.pk}" for ref in refs]
