"""What is on the shelves, where it comes from and how long that takes."""

import uuid

from django.db import models
from django.urls import reverse


def image_path(item, filename):
    return f"items/{item.pk}/image.{filename.rpartition('.')[2]}"


def qr_code_path(item, filename):
    return f"items/{item.pk}/qr.png"


def index_card_path(item, filename):
    return f"items/{item.pk}/card.pdf"


class Supplier(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Item(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    sku = models.CharField("SKU", max_length=30, unique=True)
    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="items")
    image_url = models.URLField("image address", blank=True)
    image = models.ImageField(upload_to=image_path, blank=True, editable=False)
    qr_code = models.ImageField("QR code", upload_to=qr_code_path, blank=True, editable=False)
    index_card = models.FileField(upload_to=index_card_path, blank=True, editable=False)
    average_lead_time = models.FloatField("average lead time in days", null=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("item", args=[self.pk])


class LeadTime(models.Model):
    """One delivery of an item: when it was ordered, when it came."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="lead_times")
    ordered_on = models.DateField()
    received_on = models.DateField()

    class Meta:
        ordering = ["-ordered_on"]

    def __str__(self):
        return f"{self.item_id}: {self.days} days"

    @property
    def days(self) -> int:
        return (self.received_on - self.ordered_on).days
