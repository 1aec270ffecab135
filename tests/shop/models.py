import uuid

from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=50)
    email = models.EmailField(null=True)  # noqa: DJ001 - a launch argument may be None

    def __str__(self):
        return self.name


class Order(models.Model):
    account_id = models.IntegerField(default=0)
    reference = models.CharField(max_length=50, default="")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL)

    def __str__(self):
        return f"Order {self.pk}"


class Express(Order):
    """A proxy: its objects are orders."""

    class Meta:
        proxy = True

    def __str__(self):
        return f"Express {self.pk}"


class Item(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self):
        return str(self.id)


class Page(models.Model):
    """A key of text, which may hold anything."""

    path = models.CharField(max_length=255, primary_key=True)

    def __str__(self):
        return self.path


class Warehouse(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Seat(models.Model):
    """A composite key."""

    pk = models.CompositePrimaryKey("row", "number")
    row = models.CharField(max_length=5)
    number = models.IntegerField()

    def __str__(self):
        return f"{self.row}{self.number}"


class Document(models.Model):
    """Keeps its own permissions: an object-level backend decides."""

    title = models.CharField(max_length=50)

    def __str__(self):
        return self.title
