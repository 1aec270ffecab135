"""The invoice as a document."""

import hashlib
from io import BytesIO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas


def invoice(order) -> ContentFile:
    """Return the order's lines and total on one page."""
    buffer = BytesIO()
    page = Canvas(buffer, pagesize=A4)
    page.setTitle(f"Invoice {order.reference}")
    page.setFont("Helvetica-Bold", 20)
    page.drawString(20 * mm, 265 * mm, f"Invoice {order.reference}")
    page.setFont("Helvetica", 11)
    page.drawString(20 * mm, 256 * mm, order.customer.name if order.customer else "Sold at the counter")
    y = 235 * mm
    for line in order.lines.select_related("product"):
        draw_row(page, y, f"{line.quantity} x {line.product.name}", line.total)
        y -= 8 * mm
    page.line(20 * mm, y + 4 * mm, 190 * mm, y + 4 * mm)
    page.setFont("Helvetica-Bold", 11)
    draw_row(page, y - 3 * mm, "Total", order.total)
    page.save()
    return ContentFile(buffer.getvalue())


def draw_row(page: Canvas, y: float, label: str, amount) -> None:
    page.drawString(20 * mm, y, label)
    page.drawRightString(190 * mm, y, f"{amount:.2f} EUR")


def checksum(name: str) -> str:
    """Return the SHA-256 of a stored document."""
    with default_storage.open(name) as file:
        return hashlib.sha256(file.read()).hexdigest()
