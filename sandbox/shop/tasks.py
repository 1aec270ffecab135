"""The shop's tasks. The pauses stand for the services of others: a bank, a carrier, a warehouse."""

import time

from celery import chord, shared_task
from celery.utils.log import get_task_logger
from celery_ops import FromModel, set_progress, track
from django.core.mail import EmailMessage, get_connection
from django.db.models import F

from . import invoices
from .exceptions import CardDeclined, CarrierUnavailable, ShelfShort
from .models import Order, Product, Stock, Warehouse

logger = get_task_logger(__name__)

BANK_STEPS = ("Checking the basket", "Asking the bank", "Taking the amount", "Writing it down")
INVOICE_STEPS = 100
INVOICE_PAUSE = 0.2
RESTOCK_PAUSE = 0.15


@track(Order, label="Take the payment")
@shared_task
def process_payment(order_id):
    """Take the payment; an order that is paid stays as it is."""
    order = Order.objects.get(pk=order_id)
    for number, step in enumerate(BANK_STEPS):
        set_progress(number, len(BANK_STEPS), step)
        logger.info("%s for order %s", step, order.reference)
        time.sleep(1.2)
    set_progress(len(BANK_STEPS), len(BANK_STEPS), "Paid")
    unpaid = Order.objects.filter(pk=order_id, status__in=(Order.Status.NEW, Order.Status.PAYING))
    unpaid.update(status=Order.Status.PAID)
    return {"reference": order.reference, "amount": str(order.total)}


@track(
    Order,
    id_query=("account_id", "reference"),
    launch_args=(FromModel("account_id"), FromModel("reference")),
    label="Pack and ship",
)
@shared_task
def fulfill_order(account_id: int, reference: str):
    """Pack every line, hand the parcel over, then tidy up in a task of its own."""
    order = Order.objects.get(account_id=account_id, reference=reference)
    lines = list(order.lines.select_related("product"))
    for number, line in enumerate(lines):
        set_progress(number, len(lines), f"Packing {line.product.name}")
        time.sleep(1)
    Order.objects.filter(pk=order.pk).update(status=Order.Status.SHIPPED)
    internal_cleanup.delay(order.pk)
    return {"parcels": 1, "lines": len(lines)}


@track(
    Order,
    launch_kwargs={"order_id": FromModel("pk"), "email": FromModel("customer.email")},
    label="Send the receipt",
)
@shared_task
def send_receipt(order_id, email):
    """Send the receipt; the sandbox's mail goes into the worker's log."""
    order = Order.objects.get(pk=order_id)
    EmailMessage(
        subject=f"Your receipt for {order.reference}",
        body=f"Thank you. We received {order.total} for order {order.reference}.",
        to=[email],
        connection=get_connection("django.core.mail.backends.console.EmailBackend"),
    ).send()
    return {"sent": True}


@track(Warehouse)
@track(
    Product,
    id_query="product_id",
    launch_kwargs={"warehouse_id": FromModel("home_warehouse.pk"), "product_id": FromModel("pk")},
)
@shared_task
def restock_product(warehouse_id, product_id):
    """Fill the shelf up to its target, a piece at a time."""
    stock = Stock.objects.get(warehouse_id=warehouse_id, product_id=product_id)
    missing = max(0, stock.target - stock.quantity)
    for number in range(missing):
        time.sleep(RESTOCK_PAUSE)
        Stock.objects.filter(pk=stock.pk).update(quantity=F("quantity") + 1)
        set_progress(number + 1, missing, f"{number + 1} of {missing} on the shelf")
    return {"added": missing}


@track(Warehouse, label="Count a shelf")
@shared_task
def count_shelf(warehouse_id, product_id):
    """Count one shelf; one that is nearly empty has to be filled first."""
    stock = Stock.objects.select_related("product").get(warehouse_id=warehouse_id, product_id=product_id)
    time.sleep(1)
    if stock.quantity * 4 < stock.target:
        raise ShelfShort(f"{stock.quantity} of {stock.target} on the shelf of {stock.product}")
    return stock.quantity


@track(Warehouse, id_query="warehouse_id", label="Add up the shelves")
@shared_task
def add_up_shelves(counts, warehouse_id):
    """Add up what was counted: the body of a chord, which begins when every shelf was counted."""
    return {"warehouse": warehouse_id, "shelves": len(counts), "pieces": sum(counts)}


def count_warehouse(warehouse):
    """Have all shelves of a warehouse counted and added up; return the id of the whole."""
    shelves = warehouse.stock.values_list("product_id", flat=True)
    header = [count_shelf.si(warehouse.pk, product_id) for product_id in shelves]
    return chord(header, add_up_shelves.s(warehouse_id=warehouse.pk)).delay().id


@track(Order, hidden=True, label="Tidy up after packing")
@shared_task
def internal_cleanup(order_id):
    """Drop what packing left behind. Nobody launches this by hand."""
    time.sleep(0.5)
    return {"order": order_id}


@track(Order, label="Tell the carrier")
@shared_task(bind=True, max_retries=3)
def sync_to_carrier(self, order_id):
    """Announce the parcel. The carrier of this sandbox answers only when asked for the third time."""
    logger.info("Announcing the parcel of order %d, attempt %d", order_id, self.request.retries + 1)
    time.sleep(0.8)
    if self.request.retries < 2:
        logger.warning("POST https://shop:s3cret@carrier.example/parcels answered 503 after 800 ms")
        error = CarrierUnavailable("503 Service Unavailable from the carrier: try again later")
        raise self.retry(exc=error, countdown=2)
    logger.info("The carrier has the parcel")
    return {"tracking_number": f"HT{order_id:08d}NL"}


@track(Order, label="Charge the card on file")
@shared_task
def charge_expired_card(order_id):
    """Charge a card that cannot be charged."""
    reference = Order.objects.values_list("reference", flat=True).get(pk=order_id)
    logger.info("Asking the bank for %s", reference)
    time.sleep(1)
    logger.error("The bank declines: 54 expired card")
    raise CardDeclined(f"the bank refused the payment of {reference}: the card has expired")


@track(Order, label="Export the invoice")
@shared_task
def export_invoice(order_id):
    """Lay out the invoice slowly enough to be watched, then file it in a task of its own."""
    order = Order.objects.select_related("customer").get(pk=order_id)
    for step in range(INVOICE_STEPS):
        if step % 5 == 0:
            logger.info("Laying out: line %d of %d", step + 1, INVOICE_STEPS)
        set_progress(step, INVOICE_STEPS, "Laying out the invoice" if step < 80 else "Writing the file")
        time.sleep(INVOICE_PAUSE)
    order.invoice.delete(save=False)
    order.invoice.save("invoice.pdf", invoices.invoice(order), save=False)
    order.save(update_fields=["invoice"])
    set_progress(INVOICE_STEPS, INVOICE_STEPS, "Done")
    file_document.delay(order.invoice.name)
    return {"invoice": order.invoice.name}


@shared_task
def file_document(name):
    """Work out the checksum of a document. Untracked: it belongs to the order whose task launched it."""
    time.sleep(1)
    return {"document": name, "sha256": invoices.checksum(name)}
