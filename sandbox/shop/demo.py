"""What the shop looks like when the sandbox opens: logins, customers, products, orders."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from .models import Customer, Order, OrderLine, Product, Stock, Warehouse


@dataclass(frozen=True)
class Login:
    """A user of the sandbox; the password is the name."""

    name: str
    may: str
    is_staff: bool = True
    is_superuser: bool = False
    permissions: tuple[str, ...] = ()


LOGINS = (
    Login("admin", "do everything", is_superuser=True),
    Login(
        "staff",
        "see tasks with their arguments and results, run them, run them again and revoke them",
        permissions=("view_payload", "add_taskrunrecord", "revoke_task", "view_taskrunrecord"),
    ),
    Login(
        "operator",
        "see tasks, control workers, empty, pause and resume queues, and see who did what",
        is_staff=False,
        permissions=("view_ops", "control_workers", "manage_queues", "view_taskrunrecord"),
    ),
    Login("viewer", "see tasks, nothing more"),
    Login(
        "office", "run tasks and see what became of their own runs", is_staff=False, permissions=("add_taskrunrecord",)
    ),
    Login("customer", "see the progress of their own orders", is_staff=False),
)

CUSTOMERS = [
    ("Mara Lindqvist", "mara@example.com"),
    ("Joinery Okafor & Sons", "office@okafor.example"),
    ("Tomasz Wrona", "tomasz@example.net"),
]

# name, price, home warehouse, stock by warehouse
PRODUCTS = [
    ("Workbench kit, beech", "189.00", "Quayside", {"Quayside": 4, "Hill Street": 1}),
    ("Bearing press", "64.50", "Quayside", {"Quayside": 12}),
    ("Cabinet maker's clamp set", "92.00", "Hill Street", {"Hill Street": 7, "Quayside": 3}),
    ("Filament dryer", "74.90", "Hill Street", {"Hill Street": 2}),
    ("Gear cutting course, one day", "140.00", "Hill Street", {"Hill Street": 9}),
    ("Sharpening stone 1000/3000", "38.00", "Quayside", {"Quayside": 16, "Hill Street": 5}),
]

# account, reference, customer, status, lines as (product, quantity)
ORDERS = [
    (71, "HT-1001", "Mara Lindqvist", "new", [(0, 1), (2, 2)]),
    (71, "HT-1002", "Mara Lindqvist", "paid", [(5, 1)]),
    (84, "HT-1003", "Joinery Okafor & Sons", "new", [(0, 3), (2, 4), (1, 1)]),
    (84, "HT-1004", "Joinery Okafor & Sons", "shipped", [(5, 6)]),
    (90, "HT-1005", "Tomasz Wrona", "paid", [(3, 1), (4, 2)]),
    (1, "HT-1006", "", "new", [(5, 2)]),  # sold at the counter: there is nobody to write to
    (71, "HT-1007", "Mara Lindqvist", "new", [(4, 1)]),
    (90, "HT-1008", "Tomasz Wrona", "new", [(1, 1), (3, 1)]),
    (84, "HT-1009", "Joinery Okafor & Sons", "paid", [(2, 10)]),
    (90, "HT-1010", "Tomasz Wrona", "shipped", [(0, 1)]),
]


def seed() -> None:
    """Open the shop; a second call puts orders back to their first state and adds nothing."""
    for login in LOGINS:
        seed_login(login)
    customers = {name: seed_customer(name, email) for name, email in CUSTOMERS}
    products = [seed_product(*row) for row in PRODUCTS]
    for age, row in enumerate(reversed(ORDERS)):
        seed_order(*row, customers=customers, products=products, age=age)


def seed_login(login: Login) -> None:
    users = get_user_model().objects
    user, created = users.get_or_create(
        username=login.name, defaults={"is_staff": login.is_staff, "is_superuser": login.is_superuser}
    )
    if created:
        user.set_password(login.name)
        user.save()
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="celery_ops", codename__in=login.permissions)
    )


def seed_customer(name: str, email: str) -> Customer:
    customer, _ = Customer.objects.get_or_create(name=name, defaults={"email": email})
    if name == CUSTOMERS[0][0]:
        Customer.objects.filter(pk=customer.pk).update(user=get_user_model().objects.get(username="customer"))
    return customer


def seed_product(name: str, price: str, home: str, stock: dict[str, int]) -> Product:
    warehouses = {each: Warehouse.objects.get_or_create(name=each)[0] for each in {home, *stock}}
    product, created = Product.objects.get_or_create(
        name=name, defaults={"price": Decimal(price), "home_warehouse": warehouses[home]}
    )
    if created:
        Stock.objects.bulk_create(
            Stock(warehouse=warehouses[each], product=product, quantity=quantity) for each, quantity in stock.items()
        )
    return product


def seed_order(account_id, reference, customer, status, lines, *, customers, products, age) -> None:
    order, created = Order.objects.update_or_create(
        account_id=account_id,
        reference=reference,
        defaults={"status": status},
        create_defaults={
            "status": status,
            "customer": customers.get(customer),
            "placed_at": timezone.now() - timedelta(hours=7 * age + 1),
        },
    )
    if created:
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product=products[n], quantity=quantity, price=products[n].price)
            for n, quantity in lines
        )
