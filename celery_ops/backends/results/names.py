"""Which names the tasks have, read through the index alone: one probe for each name, however many rows have it."""

import time
from typing import Any, Final

from django.db import connections

from .table_places import Place, table_place

#: Databases of which it is known that they walk an index in this way.
VENDORS: Final = ("postgresql", "sqlite", "mysql")
#: From so many names on they are not known.
MOST_NAMES: Final = 1000
#: From so many on, reading them takes as long as a page, and they are kept.
MANY: Final = 200
SECONDS: Final = 10.0

#: What MySQL and MariaDB make probes of by themselves.
_DISTINCT: Final = "SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL LIMIT %s"
_PROBES: Final = """
WITH RECURSIVE found (name, number) AS (
    SELECT MIN({name}), 1 FROM {table}
    UNION ALL
    SELECT (SELECT MIN({name}) FROM {table} WHERE {name} > found.name), found.number + 1
    FROM found WHERE found.name IS NOT NULL AND found.number < %s
)
SELECT name FROM found WHERE name IS NOT NULL
"""

#: Tables of which names are kept.
MOST_KEPT: Final = 100

_kept: dict[Place, tuple[float, list[str]]] = {}


def task_names(model: Any, using: str) -> list[str] | None:
    """Return the name of every task in the table, or None when there are too many or the database cannot tell them."""
    if connections[using].vendor not in VENDORS:
        return None
    place = (*table_place(using), model)
    read_at, names = _kept.get(place, (float("-inf"), []))
    if time.monotonic() - read_at > SECONDS:
        names = _read(model, using)
        _keep(place, names)
    return names if len(names) < MOST_NAMES else None


def _keep(place: Place, names: list[str]) -> None:
    """Few names cost next to nothing to read, and a new one is found at once."""
    if len(names) >= MANY:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[place] = (time.monotonic(), names)
    else:
        _kept.pop(place, None)


def _read(model: Any, using: str) -> list[str]:
    connection = connections[using]
    quote = connection.ops.quote_name
    names = {"name": quote(model._meta.get_field("task_name").column), "table": quote(model._meta.db_table)}
    with connection.cursor() as cursor:
        cursor.execute((_DISTINCT if connection.vendor == "mysql" else _PROBES).format(**names), [MOST_NAMES])
        return [name for (name,) in cursor.fetchall()]


def forget() -> None:
    """Keep no names."""
    _kept.clear()
