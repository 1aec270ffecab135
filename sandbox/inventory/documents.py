"""What the shop prints about an item."""

from io import BytesIO

import qrcode
from django.conf import settings
from django.core.files.base import ContentFile
from reportlab.lib.pagesizes import A6, landscape
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas


def qr_code(item) -> ContentFile:
    """Return a PNG that leads a telephone to the item's page."""
    buffer = BytesIO()
    qrcode.make(settings.SITE_URL + item.get_absolute_url(), box_size=6, border=2).save(buffer)
    return ContentFile(buffer.getvalue())


def index_card(item) -> ContentFile:
    """Return an A6 card with the item's name, number, supplier, lead time and pictures."""
    buffer = BytesIO()
    width, height = landscape(A6)
    page = Canvas(buffer, pagesize=(width, height))
    page.setTitle(f"{item.sku} {item.name}")
    page.setFont("Helvetica-Bold", fitting_size(item.name, "Helvetica-Bold", 20, width - 20 * mm))
    page.drawString(10 * mm, height - 17 * mm, item.name)
    page.line(10 * mm, height - 21 * mm, width - 10 * mm, height - 21 * mm)
    for row, (label, value) in enumerate(facts(item)):
        y = height - (33 + 11 * row) * mm
        page.setFont("Helvetica", 8)
        page.drawString(10 * mm, y + 4.5 * mm, label)
        page.setFont("Helvetica", 12)
        page.drawString(10 * mm, y, value)
    draw_picture(page, item.image, width - 42 * mm, 47 * mm)
    draw_picture(page, item.qr_code, width - 42 * mm, 10 * mm)
    page.save()
    return ContentFile(buffer.getvalue())


def facts(item) -> list[tuple[str, str]]:
    days = item.average_lead_time
    return [
        ("SKU", item.sku),
        ("Supplier", item.supplier.name),
        ("Average lead time", "not known yet" if days is None else f"{days:g} days"),
    ]


def fitting_size(text: str, font: str, size: float, width: float) -> float:
    return min(size, size * width / max(stringWidth(text, font, size), 1))


def draw_picture(page: Canvas, picture, x: float, y: float) -> None:
    if picture and picture.storage.exists(picture.name):
        with picture.open() as file:
            page.drawImage(
                ImageReader(BytesIO(file.read())),
                x,
                y,
                30 * mm,
                30 * mm,
                preserveAspectRatio=True,
                mask="auto",
            )
