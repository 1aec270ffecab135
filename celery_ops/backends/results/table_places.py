"""Whose tables a database has just now."""

from collections.abc import Hashable

from django.db import connections

from ...tracking import prefix

#: What tells tables of one name apart.
Place = tuple[Hashable, ...]


def table_place(using: str) -> Place:
    """Return what rows that were read are kept by: tenants with schemas of their own share an alias, and keys of rows.

    The schema is that of django-tenants and its kin; other sites say by ``STORE_PREFIX`` whose their tables are.
    """
    connection = connections[using]
    schema = getattr(connection, "schema_name", None)
    return using, connection.settings_dict["NAME"], schema, prefix.current_or_none()
