"""What the stockroom holds when the sandbox opens."""

from datetime import date, timedelta
from uuid import UUID, uuid5

from django.conf import settings
from django.urls import reverse

from .models import Item, LeadTime, Supplier

NAMESPACE = UUID("6f1c9a52-7c86-4c0e-9d3b-5a1f0a7c2b10")
EPOCH = date(2026, 1, 5)

# name, SKU, supplier, picture, days of its deliveries
ITEMS = [
    ("Hex nut M8, brass", "HN-M8-BR", "Ridley Fasteners", "nut", (4, 5, 3)),
    ("Spur gear 24 teeth", "SG-24", "Ostrava Gearworks", "gear", (21, 18, 25)),
    ("Ball bearing 608", "BB-608", "Ostrava Gearworks", "bearing", (12, 9)),
    ("PLA filament, terracotta", "PLA-TC-1KG", "Lund Polymers", "spool", (7, 7, 10, 6)),
    ("Combination spanner 13 mm", "CS-13", "Ridley Fasteners", "spanner", (6, 4)),
    ("Wood screw 4 x 40, box of 200", "WS-4X40", "Ridley Fasteners", "screw", (3, 2, 4, 3)),
    ("Tape measure 5 m", "TM-5", "Calder Hand Tools", "tape", (9, 11, 8)),
    ("Bar clamp 300 mm", "BC-300", "Calder Hand Tools", "clamp", (14, 16)),
    ("Spur gear 48 teeth", "SG-48", "Ostrava Gearworks", "gear", ()),
    ("PETG filament, slate", "PETG-SL-1KG", "Lund Polymers", "spool", (8,)),
    (
        "Feeler gauge set",
        "FG-20",
        "Calder Hand Tools",
        "feeler-gauge",
        (10, 13),
    ),  # a picture that is not there
    ("Carriage bolt M10 x 80", "CB-M10X80", "Ridley Fasteners", "", (5, 5)),
]


def seed() -> None:
    """Put the items on the shelves; a second call only moves the pictures' addresses to the site's port."""
    for name, sku, supplier, picture, days in ITEMS:
        item, created = Item.objects.get_or_create(
            sku=sku,
            defaults={
                "id": uuid5(NAMESPACE, sku),
                "name": name,
                "supplier": Supplier.objects.get_or_create(name=supplier)[0],
                "image_url": picture_url(picture),
            },
        )
        if created:
            LeadTime.objects.bulk_create(deliveries(item, days))
        elif picture and item.image_url.endswith(picture_path(picture)):
            Item.objects.filter(pk=item.pk).update(image_url=picture_url(picture))


def picture_url(picture: str) -> str:
    return settings.SITE_URL + picture_path(picture) if picture else ""


def picture_path(picture: str) -> str:
    return reverse("sample-picture", args=[picture])


def deliveries(item: Item, days: tuple[int, ...]) -> list[LeadTime]:
    orders = [EPOCH + timedelta(weeks=6 * n) for n in range(len(days))]
    return [
        LeadTime(item=item, ordered_on=ordered, received_on=ordered + timedelta(days=taken))
        for ordered, taken in zip(orders, days, strict=True)
    ]
