"""Expressions of Django's as SQL, for what Django's queries cannot say or take long to build."""

from typing import Any

from django.db.models import Model, Q, QuerySet
from django.db.models.sql import Query


def compiled(using: str, model: type, expression: Any, *, is_qualified: bool = True) -> tuple[str, list[Any]]:
    """Return an expression and its values; the columns have the name of their table where ``is_qualified``."""
    query = Query(model, alias_cols=is_qualified)
    sql, values = query.get_compiler(using=using).compile(expression.resolve_expression(query))
    return sql, list(values)


def hit_of(table: QuerySet[Model], condition: Q) -> tuple[str, list[Any]]:
    """Return what is 1 of a row that matches and null of any other one, as an index's condition is."""
    if not condition:
        return "1", []
    query = Query(table.model, alias_cols=False)
    sql, values = query.get_compiler(using=table.db).compile(query.build_where(condition))
    return f"CASE WHEN {sql} THEN 1 END", list(values)
