"""What the shop sells, to whom, and from where."""

from django.conf import settings
from django.db import models
from django.urls import reverse


def invoice_path(order, filename):
    return f"invoices/{order.reference}.pdf"


class Customer(models.Model):
    name = models.CharField(max_length=100)
    email = models.EmailField()
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="customer"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Warehouse(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("warehouse", args=[self.pk])


class Product(models.Model):
    name = models.CharField(max_length=100, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    home_warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("product", args=[self.pk])


class Stock(models.Model):
    warehouse = models.ForeignKey(Warehouse, on_delete=models.CASCADE, related_name="stock")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="stock")
    quantity = models.PositiveIntegerField(default=0)
    target = models.PositiveIntegerField(default=20)

    class Meta:
        ordering = ["warehouse__name", "product__name"]
        constraints = [models.UniqueConstraint(fields=["warehouse", "product"], name="shop_one_stock_each")]

    def __str__(self):
        return f"{self.quantity} of {self.product_id} in {self.warehouse_id}"

    @property
    def is_low(self) -> bool:
        return self.quantity < self.target


class Order(models.Model):
    class Status(models.TextChoices):
        NEW = "new", "New"
        PAYING = "paying", "Being paid"
        PAID = "paid", "Paid"
        SHIPPED = "shipped", "Shipped"

    account_id = models.PositiveIntegerField()
    reference = models.CharField(max_length=20)
    # An order taken at the counter has no customer.
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    placed_at = models.DateTimeField()
    invoice = models.FileField(upload_to=invoice_path, blank=True, editable=False)

    class Meta:
        ordering = ["-placed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["account_id", "reference"], name="shop_one_reference_each")]

    def __str__(self):
        return f"{self.reference}"

    def get_absolute_url(self):
        return reverse("order", args=[self.pk])

    @property
    def total(self):
        return sum(line.total for line in self.lines.all())


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(default=1)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.quantity} x {self.product_id}"

    @property
    def total(self):
        return self.quantity * self.price
