"""A panel's URL: good for one viewer, one object and half a day, and for nobody when it is anything else."""

import time
from unittest import mock
from urllib.parse import unquote

import pytest
from django.core import signing
from django.urls import resolve

from celery_ops.databases import database_of, instance_of
from celery_ops.exceptions import BadToken
from celery_ops.panels.token import MAX_AGE, SALT, PanelOptions, options_of
from celery_ops.tracking.refs import ObjectRef
from tests.planting import panel_of, plant
from tests.shop.models import Express, Item, Order, Page, Seat

from .conftest import browser

pytestmark = pytest.mark.django_db

OPTIONS = PanelOptions("shop.order", "1", "2", 10, True, False)

SAVED = [
    Order.objects.create,
    Item.objects.create,
    lambda: Page.objects.create(path="a/b:c*d?e#f%25 g&h\ni[j]{k}"),
    lambda: Page.objects.create(path="Größe/日本 🚲"),
    lambda: Page.objects.create(path="../../login/"),
    lambda: Page.objects.create(path="x" * 255),
    lambda: Seat.objects.create(row="A:1", number=7),
]


def url_with(token: str) -> str:
    return f"/behind/a/prefix/panel/{token}/"


def token_in(url: str) -> str:
    return resolve(unquote(url)).kwargs["token"]


def test_a_token_carries_its_options():
    assert options_of(OPTIONS.token()) == OPTIONS


def test_a_token_names_the_database_of_an_object_that_was_read_from_another_one(order):
    assert database_of(order) == ""
    order._state.db = "archive"  # as .using("archive") does
    assert database_of(order) == "archive"
    assert instance_of(Order._base_manager, order.pk, "archive") is None  # this site has no such database


REFUSED = {
    "a word": "garbage",
    "three parts": "a:b:c",
    "empty parts": "::",
    "umlauts": "Größe",
    "NUL": "\x00",
    "a path": "../../etc/passwd",
    "10 KB": "x" * 10240,
    "10 KB compressed": "." + "e" * 10240 + ":1:x",
    "cut short": OPTIONS.token()[:-1],
    "in capitals": OPTIONS.token().upper(),
    "longer": "x" + OPTIONS.token(),
    "with another salt": signing.dumps(["shop.order", "1", "2", 10, True, False], salt="another"),
    "too few values": signing.dumps(["shop.order", "1"], salt=SALT),
    "a text": signing.dumps("text", salt=SALT),
    "a number": signing.dumps(7, salt=SALT),
    "an object": signing.dumps({"label": "shop.order"}, salt=SALT),
}


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_refused(what):
    with pytest.raises(BadToken):
        options_of(REFUSED[what])


def test_a_token_is_good_until_its_age(order):
    token = OPTIONS.token()
    with mock.patch("time.time", return_value=time.time() + MAX_AGE - 60):
        assert options_of(token)


def test_a_token_that_is_too_old_is_refused():
    token = OPTIONS.token()
    with mock.patch("time.time", return_value=time.time() + MAX_AGE + 60), pytest.raises(BadToken):
        options_of(token)


@pytest.mark.parametrize("field", ["label", "pk", "user", "limit", "launch", "public", "serial"])
def test_no_option_can_be_changed_without_the_key(field, settings):
    values = {"label": "shop.item", "pk": "9", "user": "9", "limit": 200, "launch": False, "public": True, "serial": 2}
    changed = PanelOptions(**{**{name: getattr(OPTIONS, name) for name in values}, field: values[field]})
    body, _, _ = changed.token().rpartition(":")
    _, _, signature = OPTIONS.token().rpartition(":")
    with pytest.raises(BadToken):
        options_of(f"{body}:{signature}")


# -- at the view


@pytest.mark.database
@pytest.mark.parametrize("make", SAVED)
def test_every_kind_of_key_has_a_panel_of_its_own(make, superuser):
    obj = make()
    task_id = plant(obj)
    assert task_id in browser(superuser).get(panel_of(obj, superuser)).text


@pytest.mark.parametrize("pk", ["7c1e9d52-3b5f-4d1c-9c6a-0d1f2e3a4b5c", "docs/" * 40])
def test_no_part_of_an_address_begins_with_a_dot_as_files_do_that_servers_hide(pk):
    user = "1f0a5d8e-93c7-4b62-8e21-77d4c0b9a655"
    assert "/." not in PanelOptions("warehouse.shipmentline", pk, user, 10, True, False).url


def test_keys_that_look_alike_have_panels_of_their_own(superuser):
    one, other = Page.objects.create(path="a/b"), Page.objects.create(path="a%2Fb")
    plant(one)
    assert plant(other) not in browser(superuser).get(panel_of(one, superuser)).text


def test_two_seats_do_not_share_a_panel(superuser):
    one, other = Seat.objects.create(row="A", number=11), Seat.objects.create(row="A1", number=1)
    plant(one)
    assert plant(other) not in browser(superuser).get(panel_of(one, superuser)).text


def test_another_users_token_is_not_found(order, superuser, staff):
    assert browser(staff).get(panel_of(order, superuser)).status_code == 404


def test_a_users_token_is_not_found_without_a_login(order, staff):
    assert browser().get(panel_of(order, staff)).status_code == 404


def test_an_anonymous_viewers_token_is_not_found_with_a_login(order, staff):
    assert browser(staff).get(panel_of(order, None, public=True)).status_code == 404


def test_a_token_with_another_key_is_not_found(order, other_order, superuser):
    mine, others = token_in(panel_of(order, superuser)), token_in(panel_of(other_order, superuser))
    mixed = f"{others.rpartition(':')[0]}:{mine.rpartition(':')[2]}"
    assert browser(superuser).get(url_with(mixed)).status_code == 404


def test_an_expired_token_is_not_found(order, superuser):
    url = panel_of(order, superuser)
    with mock.patch("time.time", return_value=time.time() + MAX_AGE + 60):
        assert browser(superuser).get(url).status_code == 404


@pytest.mark.parametrize("token", ["garbage", "a/b//c", "%00", "%ff%fe", "x" * 10240, "%0a", "é:é:é"])
def test_garbage_is_not_found(token, superuser):
    assert browser(superuser).get(url_with(token)).status_code == 404


@pytest.mark.database
@pytest.mark.parametrize(
    ("label", "pk"),
    [("shop.gone", "1"), ("nowhere", "1"), ("shop.order", "x"), ("shop.order", "9" * 30), ("shop.item", "x")],
)
def test_a_token_from_before_the_models_changed_is_not_found(label, pk, superuser):
    token = PanelOptions(label, pk, str(superuser.pk), 10, True, False).token()
    assert browser(superuser).get(url_with(token)).status_code == 404


@pytest.mark.database
@pytest.mark.parametrize("pk", ["x", "[]", '["A"]', '["A","x"]', '"A"', "7", "{}", '["A",{}]'])
def test_a_token_from_before_a_key_became_composite_is_not_found(pk, superuser):
    token = PanelOptions("shop.seat", pk, str(superuser.pk), 10, True, False).token()
    assert browser(superuser).get(url_with(token)).status_code == 404


def test_an_object_that_is_gone_is_not_found(order, superuser):
    url = panel_of(order, superuser)
    order.delete()
    assert browser(superuser).get(url).status_code == 404


def test_a_proxys_panel_is_its_objects(order, superuser):
    task_id = plant(order)
    proxy = Express.objects.get(pk=order.pk)
    assert ObjectRef.of(proxy) == ObjectRef.of(order)
    assert task_id in browser(superuser).get(panel_of(proxy, superuser)).text
