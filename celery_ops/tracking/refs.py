"""Which object a task belongs to: the model's label and the canonical text of its primary key."""

import json
from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.backends.utils import format_number
from django.db.models import DecimalField, FloatField, IntegerField, Model


class ObjectRef(NamedTuple):
    """``label`` is the concrete model's lower-case label, ``pk`` the text of ``pk.to_python(value)``."""

    label: str
    pk: str

    @classmethod
    def of(cls, instance: Model) -> "ObjectRef":
        """Return the reference of a saved instance; a proxy or deferred one shares its concrete model's.

        Raises TypeError when it is not a model instance, ValueError when it has no primary key yet.
        """
        if not isinstance(instance, Model):
            raise TypeError(f"expected a model instance, got {type(instance).__name__}")
        return cls.build(instance.__class__, instance.pk)  # request.user's type is a wrapper's

    @classmethod
    def build(cls, model: type[Model], value: Any) -> "ObjectRef":
        """Return the reference of ``model``'s object with the primary key ``value``.

        Raises ValueError when ``value`` cannot be a primary key of that model.
        """
        if type(value) is int:
            return _numbered(model, value)
        return cls._built(model, value)

    @classmethod
    def _built(cls, model: type[Model], value: Any) -> "ObjectRef":
        meta = (model._meta.concrete_model or model)._meta
        field = meta.pk
        parts = getattr(field, "fields", None)  # a CompositePrimaryKey names its fields
        if parts is None:
            return cls(meta.label_lower, _text(field, value))
        if not isinstance(value, (list, tuple)) or len(value) != len(parts):
            raise ValueError(f"{value!r:.80} is not a primary key of {meta.label}: it has {len(parts)} fields")
        texts = [_text(part, item) for part, item in zip(parts, value, strict=True)]
        return cls(meta.label_lower, json.dumps(texts, separators=(",", ":")))


@lru_cache(maxsize=1024)
def _numbered(model: type[Model], value: int) -> ObjectRef:
    """Most objects are called by a number, and each is published for more than once."""
    return ObjectRef._built(model, value)


def _text(field: Any, value: Any) -> str:
    if type(value) is int and isinstance(field, IntegerField):
        return str(value)
    if isinstance(value, Model):
        value = value.pk
    # int() would make 1 of True and of 1.5, and a phantom object of both.
    is_empty = value is None or (isinstance(value, str) and not value)  # what else is compared may raise, as arrays do
    if is_empty or isinstance(value, (bool, list, tuple, dict, set)):
        raise ValueError(f"{value!r:.80} is not a primary key")
    column = field
    while (target := getattr(column, "target_field", None)) is not None:  # the key is another model's
        column = target
    if isinstance(value, (float, Decimal)) and not _is_number_of(column, value):
        raise ValueError(f"{value!r} is not a primary key")
    try:
        return _one_text(column, column.to_python(value))
    except (ValidationError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{value!r:.80} is not a primary key of {field.model._meta.label}") from error


def _is_number_of(field: Any, value: float | Decimal) -> bool:
    return isfinite(value) and (isinstance(field, (DecimalField, FloatField)) or value == int(value))


def _one_text(field: Any, value: Any) -> str:
    """What is equal has one text: amounts with as many decimals as the column, times in one zone."""
    if isinstance(field, DecimalField) and isinstance(value, Decimal):
        text = str(format_number(value, field.max_digits, field.decimal_places))
        if Decimal(text) != value:
            raise ValidationError("more decimals than the column holds")
        return text
    if isinstance(value, datetime) and value.tzinfo is not None:
        return str(value.astimezone(timezone.utc))
    return str(value)


def key_of(model: type[Model], text: str) -> Any:
    """Return the primary key that ``ObjectRef.pk`` writes as ``text``. Raises ValueError."""
    parts = getattr(model._meta.pk, "fields", None)
    return text if parts is None else tuple(json.loads(text))
