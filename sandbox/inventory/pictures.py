"""Pictures of the sandbox's own, drawn with Pillow."""

from io import BytesIO
from math import cos, pi, sin

from PIL import Image, ImageDraw

SIZE = 480
SCALE = 3  # drawn larger and made smaller: Pillow's shapes have hard edges
INK, PAPER = "#26323d", "#eef1ee"


def polygon(centre, radius, corners, turn=0.0):
    x, y = centre
    return [
        (x + radius * cos(turn + 2 * pi * n / corners), y + radius * sin(turn + 2 * pi * n / corners))
        for n in range(corners)
    ]


def circle(draw, centre, radius, **style):
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), **style)


def nut(draw, c):
    draw.polygon(polygon((c, c), c * 0.62, 6), fill="#c98a2b")
    circle(draw, (c, c), c * 0.3, fill=PAPER)


def gear(draw, c):
    for tooth in range(12):
        turn = pi * tooth / 6
        corners = [(0.5, turn - 0.15), (0.72, turn - 0.1), (0.72, turn + 0.1), (0.5, turn + 0.15)]
        draw.polygon([(c + c * r * cos(a), c + c * r * sin(a)) for r, a in corners], fill="#4d7a96")
    circle(draw, (c, c), c * 0.57, fill="#4d7a96")
    circle(draw, (c, c), c * 0.2, fill=PAPER)


def bearing(draw, c):
    circle(draw, (c, c), c * 0.68, fill="#8b99a3")
    circle(draw, (c, c), c * 0.54, fill=INK)
    for turn in range(9):
        x, y = c + c * 0.43 * cos(2 * pi * turn / 9), c + c * 0.43 * sin(2 * pi * turn / 9)
        circle(draw, (x, y), c * 0.105, fill="#dfe5e8")
    circle(draw, (c, c), c * 0.32, fill="#8b99a3")
    circle(draw, (c, c), c * 0.2, fill=PAPER)


def spool(draw, c):
    circle(draw, (c, c), c * 0.7, fill=INK)
    for step in range(5):
        circle(draw, (c, c), c * (0.6 - step * 0.06), fill="#b5533c" if step % 2 == 0 else "#c9684f")
    circle(draw, (c, c), c * 0.24, fill=INK)
    circle(draw, (c, c), c * 0.14, fill=PAPER)


def spanner(draw, c):
    draw.line((c * 0.62, c * 1.38, c * 1.38, c * 0.62), fill="#5d6f7d", width=int(c * 0.2))
    for x, y, turn in ((c * 1.42, c * 0.58, -pi / 4), (c * 0.58, c * 1.42, pi * 3 / 4)):
        circle(draw, (x, y), c * 0.28, fill="#5d6f7d")
        mouth = (x + c * 0.16 * cos(turn), y + c * 0.16 * sin(turn))
        draw.polygon(polygon(mouth, c * 0.2, 4, turn), fill=PAPER)


def screw(draw, c):
    draw.rounded_rectangle((c * 0.62, c * 0.34, c * 1.38, c * 0.62), radius=c * 0.1, fill="#6f7d87")
    draw.rectangle((c * 0.84, c * 0.62, c * 1.16, c * 1.6), fill="#8b99a3")
    for step in range(7):
        y = c * (0.72 + step * 0.12)
        draw.line((c * 0.82, y + c * 0.06, c * 1.18, y), fill=INK, width=int(c * 0.03))
    draw.polygon([(c * 0.84, c * 1.6), (c * 1.16, c * 1.6), (c, c * 1.74)], fill="#8b99a3")


def tape(draw, c):
    draw.rounded_rectangle((c * 0.45, c * 0.45, c * 1.4, c * 1.4), radius=c * 0.25, fill="#d0a326")
    circle(draw, (c * 0.92, c * 0.92), c * 0.26, fill=INK)
    draw.rectangle((c * 1.2, c * 1.26, c * 1.72, c * 1.4), fill="#f2e3ae")
    for step in range(5):
        x = c * (1.3 + step * 0.1)
        draw.line((x, c * 1.26, x, c * (1.32 if step % 2 else 1.35)), fill=INK, width=int(c * 0.015))


def clamp(draw, c):
    draw.rectangle((c * 0.5, c * 0.4, c * 0.68, c * 1.6), fill="#3f6b52")
    draw.rectangle((c * 0.5, c * 0.4, c * 1.4, c * 0.58), fill="#3f6b52")
    draw.rectangle((c * 0.5, c * 1.1, c * 1.2, c * 1.28), fill="#3f6b52")
    draw.rectangle((c * 1.2, c * 0.72, c * 1.34, c * 1.66), fill="#8b99a3")
    draw.rectangle((c * 1.12, c * 0.66, c * 1.42, c * 0.76), fill=INK)
    draw.rectangle((c * 1.06, c * 1.58, c * 1.48, c * 1.68), fill=INK)


DRAWINGS = {
    "bearing": bearing,
    "clamp": clamp,
    "gear": gear,
    "nut": nut,
    "screw": screw,
    "spanner": spanner,
    "spool": spool,
    "tape": tape,
}


def draw(name: str) -> bytes:
    """Return the picture called ``name`` as PNG. Raises KeyError when there is none."""
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), PAPER)
    DRAWINGS[name](ImageDraw.Draw(image), SIZE * SCALE / 2)
    buffer = BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()
