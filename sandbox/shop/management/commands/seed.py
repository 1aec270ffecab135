"""``manage.py seed``: what the sandbox opens with."""

from pathlib import Path

from celery_ops.exceptions import StoreUnavailable
from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import NoReverseMatch, reverse

from inventory import demo as inventory
from inventory.models import Item
from shop import demo as shop
from shop import history, schedules
from shop.models import Order, Warehouse


class Command(BaseCommand):
    help = "Fills the sandbox with logins, items, orders and a week of numbers. Running it again adds nothing."

    def add_arguments(self, parser):
        parser.add_argument("--welcome", type=Path, help="file for what to open first, and as whom")

    def handle(self, welcome=None, **options):
        shop.seed()
        inventory.seed()
        self.plant_history()
        schedules.seed()
        if welcome:
            welcome.write_text("\n".join(welcome_lines()))

    def plant_history(self):
        try:
            if not history.is_there():
                self.stdout.write(f"{history.plant()} runs of the last week")
        except StoreUnavailable as error:
            self.stderr.write(f"There is no history: {error}")


def welcome_lines():
    yield f"{settings.SHOP_NAME} is open: {settings.SITE_URL}/"
    yield "\nLogins, the password is the name:"
    for login in shop.LOGINS:
        yield f"  {login.name:<10}may {login.may}"
    yield "\nPages worth opening:"
    for address, meaning in pages():
        yield f"  {settings.SITE_URL}{address}\n      {meaning}"


def pages():
    yield reverse("order-list"), "every order with the state of its last task"
    yield reverse("order", args=[pk_of("HT-1003")]), "one order's tasks, live: launch, watch, revoke"
    yield (
        reverse("order", args=[pk_of("HT-1006")]),
        "an order without a customer: nobody to send the receipt to",
    )
    yield reverse("own-order", args=[pk_of("HT-1001")]), "as customer: pay, and see labels and progress only"
    yield (
        reverse("item", args=[Item.objects.get(sku="SG-24").pk]),
        "an item's picture, QR code and index card",
    )
    yield reverse("item-add"), "a new item starts its tasks when it is saved"
    yield Warehouse.objects.all()[0].get_absolute_url(), "one task tracked for two models"
    try:
        yield reverse("celery_ops:overview"), "the operator's pages"
    except NoReverseMatch:
        return


def pk_of(reference):
    return Order.objects.values_list("pk", flat=True).get(reference=reference)
