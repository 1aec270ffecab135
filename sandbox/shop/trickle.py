"""What the people of this shop do all day."""

import random
from collections.abc import Iterator

from celery.canvas import Signature

from inventory import tasks as inventory
from inventory.models import Item

from . import tasks
from .models import Order, Stock

#: Tasks between two deliveries, and the cards that each item gets then.
DELIVERY_EVERY = 50
CARDS = 4


def opening() -> Iterator[Signature]:
    """Something for every page, so that each state can be seen within a minute."""
    orders = {order.reference: order for order in Order.objects.all()}
    yield tasks.process_payment.s(orders["HT-1002"].pk)
    yield tasks.sync_to_carrier.s(orders["HT-1003"].pk)
    yield tasks.charge_expired_card.s(orders["HT-1003"].pk)
    yield tasks.send_receipt.s(orders["HT-1003"].pk, email="office@okafor.example")
    yield tasks.fulfill_order.s(orders["HT-1009"].account_id, "HT-1009")
    yield tasks.export_invoice.s(orders["HT-1003"].pk)
    for item in Item.objects.all():
        yield inventory.generate_index_card.s(str(item.pk))
    for item in Item.objects.filter(sku__in=("SG-24", "FG-20")):
        yield inventory.generate_qr_code.s(str(item.pk))
        yield inventory.download_image_from_url.s(str(item.pk), item.image_url)
    for stock in Stock.objects.all()[:2]:
        yield tasks.restock_product.s(stock.warehouse_id, stock.product_id)


def delivery() -> Iterator[Signature]:
    """Goods arrive, and each gets new cards: more than the printer of documents can do at once."""
    for item in Item.objects.all():
        for _ in range(CARDS):
            yield inventory.generate_index_card.s(str(item.pk))


def something() -> Signature:
    """One task on one object, by chance; the long and the failing ones less often."""
    makers, weights = zip(*CHOICES, strict=True)
    return random.choices(makers, weights)[0]()


def an_order() -> Order:
    """Not a new one of the customer's: those wait for their Pay button."""
    orders = Order.objects.exclude(status=Order.Status.NEW, customer__user__isnull=False)
    return random.choice(orders)


def an_item() -> str:
    return str(random.choice(Item.objects.values_list("pk", flat=True)))


def pay() -> Signature:
    return tasks.process_payment.s(an_order().pk)


def ship() -> Signature:
    order = an_order()
    return tasks.fulfill_order.s(order.account_id, order.reference)


def announce() -> Signature:
    return tasks.sync_to_carrier.s(order_id=an_order().pk)


def charge() -> Signature:
    return tasks.charge_expired_card.s(an_order().pk)


def export() -> Signature:
    return tasks.export_invoice.s(an_order().pk)


def restock() -> Signature:
    """Sell a few pieces first, so that there is something to put back."""
    stock = random.choice(Stock.objects.all())
    Stock.objects.filter(pk=stock.pk).update(quantity=max(0, stock.target - random.randint(5, 20)))
    return tasks.restock_product.s(stock.warehouse_id, stock.product_id)


def download() -> Signature:
    item = random.choice(Item.objects.exclude(image_url=""))
    return inventory.download_image_from_url.s(str(item.pk), item.image_url)


def draw_qr_code() -> Signature:
    return inventory.generate_qr_code.s(an_item())


def print_card() -> Signature:
    return inventory.generate_index_card.s(an_item())


CHOICES = (
    (pay, 4),
    (ship, 3),
    (announce, 3),
    (restock, 4),
    (download, 3),
    (draw_qr_code, 2),
    (print_card, 2),
    (charge, 1),
    (export, 1),
)
