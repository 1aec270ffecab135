"""Which parameter a positional argument is for: as Celery calls the task, through whatever decorates it."""

import contextlib
import functools
import inspect
import json
from typing import Annotated, NewType

import pytest

from celery_ops import Sensitive, track
from celery_ops.redaction import REDACTED
from celery_ops.tracking import capture
from celery_ops.tracking.registry import registry
from tests.celery import app
from tests.shop.models import Order

SESSION = object()


def inject_first(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(SESSION, *args, **kwargs)

    return wrapper


def inject_openly(function):
    @functools.wraps(function)
    def wrapper(order_id, password):
        return function(SESSION, order_id, password)

    return wrapper


def inject_and_say_so(function):
    wrapper = inject_first(function)
    signature = inspect.signature(function)
    wrapper.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    return wrapper


def take_the_first(function):
    @functools.wraps(function)
    def wrapper(tenant, *args):
        return function(*args)

    return wrapper


def stored(task, *args, **kwargs):
    given = json.loads(f"[{capture.arguments(task.name, args, kwargs)[1:]}]")
    return dict(zip(("args", "kwargs"), given, strict=False))


@pytest.fixture
def task(loaded_tasks):
    """Make a task, which is gone after the test."""
    names = []

    def make(function, **options):
        name = f"tests.decorated.{function.__name__}{len(names)}"
        made = app.task(name=name, shared=False, **options)(function)
        names.append(made.name)
        app.tasks[made.name] = made
        return track(Order)(made)

    yield make
    for name in names:
        app.tasks.pop(name, None)
    registry._signatures.clear()


def sign_in(session, order_id, password):
    return order_id


def test_where_positions_cannot_be_told_apart_none_shows_that_might_be_the_secret(task):
    assert stored(task(inject_first(sign_in)), 1, "hunter2")["args"] == [REDACTED, REDACTED]


def test_a_name_tells_them_apart(task):
    shown = stored(task(inject_first(sign_in)), order_id=1, password="hunter2")
    assert shown["kwargs"] == {"order_id": 1, "password": REDACTED}


@pytest.mark.parametrize("decorate", [inject_openly, inject_and_say_so])
def test_a_decorator_that_says_what_it_takes_is_believed(task, decorate):
    made = task(decorate(sign_in))
    assert stored(made, 1, "hunter2")["args"] == [1, REDACTED]
    assert registry.signature(made.name).positional == ("order_id", "password")


def test_what_comes_before_any_arguments_has_its_name(task):
    made = task(take_the_first(sign_in))
    assert stored(made, "acme", 5, 1, "hunter2")["args"] == ["acme", REDACTED, REDACTED, REDACTED]


def test_without_a_secret_parameter_all_shows(task):
    def ship(request, order_id, note=""):
        return order_id

    assert stored(task(inject_first(ship)), 1, "by hand")["args"] == [1, "by hand"]


def test_what_the_sites_redactor_would_hide_under_one_of_the_names_is_hidden(task, settings):
    def ring(request, order_id, phone):
        return order_id

    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.mask"}
    assert stored(task(inject_first(ring)), 1, "555-1234")["args"] == [REDACTED, REDACTED]


def mask(name, value):
    return "***" if name == "phone" else value


def test_an_annotation_is_seen_through_decorators(task):
    def pay(session, order_id, number: Annotated[str, Sensitive()]):
        return order_id

    assert stored(task(inject_first(pay)), 1, "4-2")["args"] == [REDACTED, REDACTED]
    assert stored(task(inject_openly(pay)), number="4-2")["kwargs"] == {"number": REDACTED}


Pin = NewType("Pin", Annotated[str, Sensitive()])
Code = Annotated[str, Sensitive]
SENSITIVE = [
    Annotated[str, Sensitive()] | None,
    list[Annotated[str, Sensitive()] | None],
    dict[str, list[Annotated[str, Sensitive()]]],
    Annotated[list[Annotated[str, Sensitive()]], "as typed"],
    Pin,
    Pin | None,
    "Annotated[str, Sensitive()]",
    "Annotated[NamedForTypeCheckersAlone, Sensitive()]",
    "Code | NamedForTypeCheckersAlone",
]


@pytest.mark.parametrize("annotation", SENSITIVE, ids=str)
def test_what_is_marked_sensitive_anywhere_in_its_annotation_is_hidden(annotation, task):
    def pay(order_id, number):
        return order_id

    pay.__annotations__["number"] = annotation
    assert stored(task(pay), 1, "4-2")["args"] == [1, REDACTED]


@pytest.mark.parametrize("annotation", ["Sensitively", "NamedForTypeCheckersAlone", list[str | None]], ids=str)
def test_what_is_not_marked_shows(annotation, task):
    def pay(order_id, number):
        return order_id

    pay.__annotations__["number"] = annotation
    assert stored(task(pay), 1, "4-2")["args"] == [1, "4-2"]


def plain(order_id, password):
    return order_id


def bound(self, order_id, password):
    return order_id


@contextlib.contextmanager
def transaction():
    yield


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (plain, {}),
        (plain, {"autoretry_for": (OSError,)}),
        (bound, {"bind": True}),
        (bound, {"bind": True, "autoretry_for": (OSError,)}),
        (transaction()(plain), {}),
    ],
    ids=["plain", "retried", "bound", "bound and retried", "in a context"],
)
def test_decorators_that_are_known_to_hand_on_what_they_get_hide_no_more(task, function, options):
    assert stored(task(function, **options), 1, "hunter2")["args"] == [1, REDACTED]
