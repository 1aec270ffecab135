"""Texts and values as sites give them to their tasks: nothing in them is to be hidden."""

import json
import uuid
from itertools import count, islice
from pathlib import Path

ROOT = Path(__file__).parent.parent
SIZE = 6_000

FRAMES = (
    ("celery/app/trace.py", "trace_task", "R = retval = fun(*args, **kwargs)"),
    ("django/db/backends/utils.py", "execute", "return self._execute_with_wrappers(sql, params, many=False)"),
    ("requests/sessions.py", "request", "resp = self.send(prep, **send_kwargs)"),
    ("shop/billing.py", "charge", "total = sum(line.price * line.quantity for line in order.lines.all())"),
)


def lines(template: str) -> str:
    """Return 6 KB of lines, each with numbers of its own."""
    made = (template.format(n=n, day=n % 28 + 1, minute=n % 60, small=n * 7 % 90) for n in count())
    return "\n".join(islice(made, SIZE // 20))[:SIZE]


def again(sentence: str) -> str:
    return (sentence * (SIZE // len(sentence) + 1))[:SIZE]


TRACEBACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/shop/.venv/lib/python3.12/site-packages/{path}", line {n * 37 % 900}, in {name}\n    {code}\n'
    for n, (path, name, code) in enumerate(FRAMES * 12)
)

TEXTS = {
    "prose": again(
        "The customer wrote that the parcel with the red shirt came late: a sleeve was torn, we sent another. "
    ),
    "German prose": again("Das Paket kam zu spät: ein Ärmel war zerrissen, wir schicken Ersatz für die Größe 42. "),
    "Chinese prose": again("客户星期一写信说包裹来得太晚。袖子破了。我们寄了另一件。尺寸为 42。"),
    "traceback": f"{TRACEBACK[-SIZE:]}shop.errors.OutOfStock: product 42 is out of stock in warehouse 7\n",
    "log": lines(
        "2026-01-{day:02} 12:30:{minute:02},113 INFO shop.tasks: order {n} sent in 0.{small:03} s, status=200"
    ),
    "JSON": json.dumps([{"id": n, "sku": f"AB-{n:05}", "price": f"{n}.50", "title": "A red shirt"} for n in range(99)]),
    "JSON of UUIDs": json.dumps({"ids": [str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))) for n in range(150)]}),
    "CSV": lines("{n},Red shirt,{small},{small}.50,2026-01-{day:02}"),
    "HTML": lines('<tr class="row"><td style="color: red">{n}</td><td><a href="/orders/{n}/">Order {n}</a></td></tr>'),
    "XML": lines('<item id="{n}"><title>Red shirt</title><price currency="EUR">{small}.50</price></item>'),
    "YAML": lines(
        "- id: {n}\n  title: a red shirt\n  sizes:\n    - {small}\n    - {minute}\n  note: |\n    sent on {day:02}"
    ),
    "pairs": repr([(f"size_{n}", n) for n in range(400)])[:SIZE],
    "SQL": again('SELECT "order"."id" FROM "order" WHERE ("order"."state" = \'open\' AND "order"."total" > 100.00); '),
    "shell": lines("rsync -a --delete /srv/media/{n}/ backup:/srv/{n}/ && ls -a /srv && mkdir -p /srv/x/{n}"),
    "floats": lines("0.{n:03}456789012, 8.{small:02}3456"),
    "times": lines("2026-01-{day:02} 12:{minute:02}:00"),
    "URLs": lines("https://shop.example/products/{n}/?page={small}&sort=-created"),
    "addresses": lines("customer{n}@shop.example, +49 30 901820"),
    "paths": lines("/srv/media/invoices/2026/01/{day:02}/invoice-{n:06}.pdf"),
    "orders": lines("ORD-2026-{n:06} INV-2026-01-{day:02}-{n:05}-DE RE/2026/{n:05}"),
    "digests": lines("d41d8cd98f00b204e9800998ecf{n:05}  file{n}.txt"),
    "documentation": (ROOT / "README.md").read_text()[:SIZE],
}

VALUES = {
    "rows": [{"id": n, "sku": f"AB-{n:05}", "quantity": 3, "title": "A red shirt"} for n in range(20)],
    "pairs": [[n, n * 7 % 90] for n in range(20)],
    "points": [[[8.5 + n / 100, 50.1 + m / 100] for m in range(10)] for n in range(6)],
    "matrix": [[n * m for m in range(20)] for n in range(15)],
    "URLs": [f"https://shop.example/orders/{n}/" for n in range(20)],
    "UUIDs": [str(uuid.uuid5(uuid.NAMESPACE_URL, str(n))) for n in range(20)],
    "times": [[f"2026-01-{n + 1:02} 12:30:00", 1768480200 + n] for n in range(20)],
    "titles": [[f"Größe der Lieferung Nr. {n + m}" for m in range(8)] for n in range(5)],
    "messages": ["The customer wrote that the parcel came late: one sleeve was torn. " * 2] * 12,
    "an order": {"order": {"id": 5, "lines": [{"sku": "AB-5", "price": "12.50"}] * 12, "to": "jane@shop.example"}},
}
