"""What Django and its middleware read off a view before they call it."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import HttpResponseBase

ViewFunction = Callable[..., HttpResponseBase]


def sees_to_login_and_transactions(view: ViewFunction) -> ViewFunction:
    """Say that ``view`` sees to its transactions and to the login itself. Returns ``view``."""
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(view)
    return login_not_required(view)
