"""What the office does by hand: tasks with parameters of many types, run from the site's own pages."""

import time
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Annotated, Literal

from celery import shared_task
from celery_ops import Sensitive
from django.db.models import Count, F, Sum

from .exceptions import CarrierUnavailable
from .models import Order, Product, Stock, Warehouse


class Layout(Enum):
    SHORT = "short"
    BY_CUSTOMER = "by customer"


@shared_task(acks_late=True)
def sales_report(
    since: date,
    until: date | None = None,
    *,
    layout: Layout = Layout.SHORT,
    statuses: list[str] = ("paid", "shipped"),
    with_counter_sales: bool = True,
):
    """Add up what was sold between two days."""
    orders = Order.objects.filter(placed_at__date__gte=since, status__in=statuses)
    if until is not None:
        orders = orders.filter(placed_at__date__lte=until)
    if not with_counter_sales:
        orders = orders.exclude(customer=None)
    rows = orders.annotate(amount=Sum(F("lines__quantity") * F("lines__price")))
    if Layout(layout) is Layout.SHORT:
        return {"orders": rows.count(), "amount": str(sum((row.amount or 0) for row in rows))}
    counted = orders.values("customer__name").annotate(number=Count("pk")).order_by("customer__name")
    return {row["customer__name"] or "at the counter": row["number"] for row in counted}


@shared_task
def change_price(product: Product, percent: Decimal, reason: Literal["season", "supplier", "mistake"]):
    """Raise or lower the price of one product."""
    found = Product.objects.get(pk=product)
    found.price = (found.price * (100 + percent) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    found.save(update_fields=["price"])
    return {"product": found.name, "price": str(found.price), "reason": reason}


@shared_task
def count_stock(warehouse: Warehouse, pause: timedelta = timedelta(seconds=2), notes: dict[str, str] | None = None):
    """Count every shelf of a warehouse."""
    seconds = pause if isinstance(pause, (int, float)) else pause.total_seconds()  # JSON carries seconds
    time.sleep(min(seconds, 60))
    total = Stock.objects.filter(warehouse=warehouse).aggregate(total=Sum("quantity"))
    return {"pieces": total["total"] or 0, "notes": notes or {}}


@shared_task
def sign_in_at_carrier(account: str, password: Annotated[str, Sensitive()]):
    """Try the carrier's new service; its test system is rarely up."""
    if account != "demo":
        raise CarrierUnavailable(f"The carrier does not know the account {account}")
    return {"account": account, "signed_in": bool(password)}
