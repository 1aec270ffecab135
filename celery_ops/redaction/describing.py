"""What stands for values that JSON does not know, without asking an unknown class anything."""

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from billiard.exceptions import SoftTimeLimitExceeded
from django.db.models import Model

AS_TEXT: Final = (date, time, timedelta, Decimal, UUID)


def described(value: Any, kind: type, key: Callable[[Any, str], Any]) -> str:
    """Return the text that stands for a value; ``key`` makes a model's key, of its value and name, what may show."""
    if issubclass(kind, AS_TEXT):
        try:
            return str(value)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # of a subclass of the site's own
            return f"[unprintable {kind.__name__}]"
    if issubclass(kind, (bytes, bytearray)):
        return f"[{(bytes if issubclass(kind, bytes) else bytearray).__len__(value)} bytes]"
    if issubclass(kind, Model):
        # From __dict__: a deferred key would be a query.
        fields = [field.attname for field in kind._meta.pk_fields]
        keys = [key(value.__dict__.get(field), field) for field in fields]
        return f"{kind._meta.label} {','.join(map(str, keys))}"
    return f"[{kind.__name__} object]"
