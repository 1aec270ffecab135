"""From a task's arguments to its objects, for every form of ``id_query``."""

import asyncio
import contextlib
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from celery_ops.tracking import binding as binding_module
from celery_ops.tracking import capture, counters
from celery_ops.tracking.binding import Undecided, resolve
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.registry import Registry
from celery_ops.tracking.task_bindings import make_binding
from tests.celery import app
from tests.shop.models import Customer, Express, Item, Order, Page, Seat, Warehouse

KEY = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.fixture
def bind(monkeypatch):
    """Track a function as the task ``here``, in a registry of the test's own."""
    registry = Registry()
    monkeypatch.setattr(binding_module, "registry", registry)

    def bind(function, model=Order, **options):
        task = app.tasks.get("here") or app.task(function, name="here", shared=False)
        registry.add(task, make_binding(model, options))

    yield bind
    app.tasks.pop("here", None)


def linked(*args, **kwargs):
    return [ref.pk for ref in resolve("here", args, kwargs)]


def takes_one(order_id): ...


def takes_two(greeting, order_id=None): ...


def takes_default(order_id=5): ...


def takes_keyword_only(*, order_id): ...


def takes_anything(*args, **kwargs): ...


def takes_card(card): ...


def takes_lookup(account_id=7, reference="A-1"): ...


# -- no query: the first parameter ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "pks"),
    [
        (takes_one, (1,), {}, ["1"]),
        (takes_one, ["1"], {}, ["1"]),
        (takes_one, (), {"order_id": 1}, ["1"]),
        (takes_one, (), {}, []),
        (takes_one, (), {"other": 1}, []),
        (takes_one, (None,), {}, []),
        (takes_two, (1, 2), {}, ["1"]),
        (takes_two, (), {"order_id": 2, "greeting": 1}, ["1"]),
        (takes_two, (), {"order_id": 2}, []),
        (takes_default, (), {}, ["5"]),
        (takes_keyword_only, (), {"order_id": 1}, ["1"]),
        (takes_anything, (1, 2), {}, ["1"]),
        (takes_anything, (), {"order_id": 1}, []),
    ],
)
def test_without_id_query_the_first_parameter_is_the_key(bind, function, args, kwargs, pks):
    bind(function)
    assert [ref.pk for ref in resolve("here", args, kwargs)] == pks


def test_the_self_of_a_bound_task_is_not_its_first_parameter(bind):
    @app.task(bind=True, name="here", shared=False)
    def bound(self, order_id): ...

    bind(bound)
    assert linked(order_id=3) == ["3"]


def test_a_previous_results_place_is_never_the_key(bind):
    bind(takes_one)
    assert resolve("here", (1,), {}, prepended=1) == []


def test_a_task_that_nobody_tracks_is_linked_to_nothing(bind):
    assert resolve("nobody.tracks", (1,), {}) == []


def test_a_key_by_position_needs_no_knowledge_of_the_task(settings):
    settings.CELERY_OPS = {"TRACKED_TASKS": {"elsewhere.task": {"model": "shop.Order"}}}
    assert resolve("elsewhere.task", (1,), {}) == [ObjectRef("shop.order", "1")]


def test_a_key_by_keyword_of_a_task_known_elsewhere_is_left_to_the_worker(settings):
    settings.CELERY_OPS = {"TRACKED_TASKS": {"elsewhere.task": {"model": "shop.Order"}}}
    with pytest.raises(Undecided):
        resolve("elsewhere.task", (), {"order_id": 1})


# -- a name -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "pks"),
    [
        (takes_two, (0, 1), {}, ["1"]),
        (takes_two, (0,), {"order_id": "01"}, ["1"]),
        (takes_two, (0,), {}, []),
        (takes_two, (0, None), {}, []),
        (takes_default, (), {}, ["5"]),
        (takes_keyword_only, (), {"order_id": 1}, ["1"]),
        (takes_keyword_only, (), {}, []),
        (takes_anything, (1,), {}, []),
        (takes_anything, (), {"order_id": 1}, ["1"]),
    ],
)
def test_a_name_is_the_argument_of_that_name(bind, function, args, kwargs, pks):
    bind(function, id_query="order_id")
    assert linked(*args, **kwargs) == pks


# -- look-ups ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [{"pk": "order_id"}, {"id": "order_id"}], ids=repr)
def test_a_look_up_of_the_key_alone_makes_no_query(bind, db, django_assert_num_queries, query):
    bind(takes_one, id_query=query)
    with django_assert_num_queries(0):
        assert linked(404) == ["404"]


def test_a_tuple_of_the_key_alone_makes_no_query(bind, db, django_assert_num_queries):
    def task(id): ...

    bind(task, id_query=("id",))
    with django_assert_num_queries(0):
        assert linked(id=404) == ["404"]


@pytest.mark.parametrize(
    ("query", "args", "kwargs"),
    [
        (("account_id", "reference"), (7, "A-1"), {}),
        (("account_id", "reference"), (7,), {"reference": "A-1"}),
        (["account_id", "reference"], (), {}),
        ({"customer__name": "reference"}, (0, "Ada"), {}),
        ({"customer__name__startswith": "reference", "account_id": "account_id"}, (), {"reference": "A"}),
    ],
    ids=str,
)
def test_a_look_up_finds_the_object_by_other_fields(bind, order, query, args, kwargs):
    bind(takes_lookup, id_query=query)
    assert linked(*args, **kwargs) == [str(order.pk)]


@pytest.mark.django_db(transaction=True)
def test_a_look_up_is_one_query(bind, order, django_assert_num_queries):
    bind(takes_lookup, id_query=("account_id", "reference"))
    with django_assert_num_queries(1):
        linked(7, "A-1")


def test_a_look_up_inside_a_transaction_is_one_query_between_savepoints(bind, order):
    bind(takes_lookup, id_query=("account_id", "reference"))
    with CaptureQueriesContext(connection) as queries:
        linked(7, "A-1")
    assert [query["sql"].split()[0] for query in queries] == ["SAVEPOINT", "SELECT", "RELEASE"]


@pytest.mark.parametrize(
    ("query", "statements"),
    [
        (lambda args, kwargs: Order.objects.filter(pk__in=args).first(), ["SAVEPOINT", "SELECT", "RELEASE"]),
        (lambda args, kwargs: args[0], []),
    ],
    ids=["that asks", "that does not ask"],
)
def test_a_callable_inside_a_transaction_asks_behind_a_savepoint(bind, order, query, statements):
    bind(takes_lookup, id_query=query)
    with CaptureQueriesContext(connection) as queries:
        assert linked(order.pk) == [str(order.pk)]
    assert [query["sql"].split()[0] for query in queries] == statements


def test_a_look_up_finds_an_object_with_a_composite_key(bind, db):
    Seat.objects.create(row="A", number=1)

    def task(row): ...

    bind(task, Seat, id_query=("row",))
    assert linked("A") == ['["A","1"]']


def test_a_look_up_without_one_of_its_arguments_makes_no_query(bind, db, django_assert_num_queries):
    bind(takes_anything, id_query=("account_id", "reference"))
    with django_assert_num_queries(0):
        assert linked(account_id=7) == []


@pytest.mark.parametrize("account", [8, 10**30, "x", None], ids=["other", "huge", "text", "none"])
def test_a_look_up_that_matches_nothing_links_nothing_and_is_counted(bind, order, account):
    bind(takes_lookup, id_query=("account_id",))
    assert (linked(account), counters.counts()["unlinked"]) == ([], 1)


def test_an_ambiguous_look_up_links_nothing_and_is_counted(bind, order):
    Order.objects.create(account_id=7)
    bind(takes_lookup, id_query=("account_id",))
    assert (linked(7), counters.counts()["unlinked"]) == ([], 1)


def test_a_look_up_by_a_field_that_is_not_there_links_nothing_and_is_counted(bind, db):
    bind(takes_lookup, id_query={"no_such_field": "reference"})
    assert (linked(), counters.counts()["unlinked"]) == ([], 1)


def test_a_soft_time_limit_that_strikes_in_a_look_up_passes_through(bind, db):
    def strike(execute, sql, params, many, context):
        raise SoftTimeLimitExceeded

    bind(takes_lookup, id_query=("account_id",))
    with connection.execute_wrapper(strike), pytest.raises(SoftTimeLimitExceeded):
        linked(7)


# -- the host's transaction -------------------------------------------------------------------------------------------


@pytest.mark.database
def test_a_look_up_in_a_broken_transaction_is_left_to_the_worker(bind, order):
    bind(takes_lookup, id_query=("account_id",))
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(Undecided):
            linked(7)


@pytest.mark.database
def test_a_look_up_that_the_database_refuses_leaves_the_hosts_transaction_whole(bind, order):
    def refused(execute, sql, params, many, context):
        if sql.startswith("SELECT"):
            sql, params = "SELECT * FROM no_such_table", ()
        return execute(sql, params, many, context)

    bind(takes_lookup, id_query=("account_id",))
    with transaction.atomic():
        with connection.execute_wrapper(refused), pytest.raises(Undecided):
            linked(7)
        assert Order.objects.get() == order


def refused(args, kwargs):
    return Order.objects.raw("SELECT * FROM no_such_table")[0]


def refused_and_caught(args, kwargs):
    with contextlib.suppress(DatabaseError):
        refused(args, kwargs)
    return args[0]


@pytest.mark.database
@pytest.mark.parametrize("query", [refused, refused_and_caught])
def test_a_callable_that_the_database_refuses_leaves_the_hosts_transaction_whole(bind, order, query):
    bind(takes_lookup, id_query=query)
    with transaction.atomic():
        with contextlib.suppress(Undecided):
            linked(7)
        assert Order.objects.get() == order


@pytest.mark.database
@pytest.mark.parametrize("value", [10**30, -(10**30), "A\x00", "A\ud800"], ids=ascii)
def test_a_value_that_the_database_cannot_hold_leaves_the_hosts_transaction_whole(bind, order, value):
    bind(takes_lookup, id_query={"account_id" if isinstance(value, int) else "reference": "reference"})
    with transaction.atomic():
        with contextlib.suppress(Undecided):
            linked(reference=value)
        assert Order.objects.get() == order


@pytest.mark.database
def test_an_unknown_databases_error_is_left_to_the_worker(bind, order):
    def refuse(execute, sql, params, many, context):
        raise DataError("no")

    bind(takes_lookup, id_query=("account_id",))
    with connection.execute_wrapper(refuse), pytest.raises(Undecided):
        linked(7)


def test_a_look_up_where_an_event_loop_runs_is_left_to_the_worker(bind, order, monkeypatch):
    async def publish():
        with pytest.raises(Undecided):
            linked(7, "A-1")

    bind(takes_lookup, id_query=("account_id",))
    # Playwright may have a loop in this thread, and then needs the variable as soon as this test is over.
    with monkeypatch.context() as only_here, ThreadPoolExecutor(1) as another_thread:
        only_here.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
        another_thread.submit(lambda: asyncio.run(publish())).result()


# -- a callable -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "pks"),
    [
        (1, ["1"]),
        ("01", ["1"]),
        (Order(pk=4), ["4"]),
        (Express(pk=4), ["4"]),
        (None, []),
    ],
    ids=repr,
)
def test_a_callable_returns_a_key_an_instance_or_none(bind, returned, pks):
    bind(takes_one, id_query=lambda args, kwargs: returned)
    assert linked(9) == pks


def test_a_callable_gets_what_the_task_gets(bind):
    bind(takes_two, id_query=lambda args, kwargs: args[0] + kwargs["order_id"])
    assert linked(1, order_id=2) == ["3"]


def test_a_callable_cannot_change_what_the_task_gets(bind):
    kwargs = {"order_id": 2}
    bind(takes_two, id_query=lambda args, kwargs: kwargs.pop("order_id"))
    resolve("here", (1,), kwargs)
    assert kwargs == {"order_id": 2}


@pytest.mark.parametrize(
    "returned", [Warehouse(pk=1), Order(), True, 1.5, "x", [], pytest.param(object(), id="object")], ids=repr
)
def test_a_callable_that_returns_anything_else_links_nothing_and_is_counted(bind, returned):
    bind(takes_one, id_query=lambda args, kwargs: returned)
    assert (linked(9), counters.counts()["unlinked"]) == ([], 1)


def test_a_callable_that_asks_the_database_where_an_event_loop_runs_is_left_to_the_worker(bind, order, monkeypatch):
    async def publish():
        with pytest.raises(Undecided):
            linked("A-1")

    bind(takes_one, id_query=lambda args, kwargs: Order.objects.get(reference=args[0]))
    with monkeypatch.context() as only_here, ThreadPoolExecutor(1) as another_thread:
        only_here.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
        another_thread.submit(lambda: asyncio.run(publish())).result()


def test_a_callable_that_the_database_does_not_answer_is_left_to_the_worker(bind, order):
    def refuse(execute, sql, params, many, context):
        raise DataError("no")

    bind(takes_one, id_query=lambda args, kwargs: Order.objects.get(reference=args[0]))
    with connection.execute_wrapper(refuse), pytest.raises(Undecided):
        linked("A-1")


def test_a_callable_that_returns_none_is_not_counted(bind):
    bind(takes_one, id_query=lambda args, kwargs: None)
    linked(9)
    assert counters.counts()["unlinked"] == 0


def test_a_callable_that_raises_links_nothing_and_is_counted(bind):
    bind(takes_one, id_query=lambda args, kwargs: 1 / 0)
    assert (linked(9), counters.counts()["unlinked"]) == ([], 1)


def test_a_soft_time_limit_that_strikes_in_a_callable_passes_through(bind):
    def strike(args, kwargs):
        raise SoftTimeLimitExceeded

    bind(takes_one, id_query=strike)
    with pytest.raises(SoftTimeLimitExceeded):
        linked(9)


# -- keys of every type -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "value", "text"),
    [
        (Order, 1, "1"),
        (Order, "01", "1"),
        (Order, 2**70, str(2**70)),
        (Item, KEY, str(KEY)),
        (Item, KEY.hex, str(KEY)),
        (Page, "/ : * ? [ ] { }\n", "/ : * ? [ ] { }\n"),
        (Page, "01", "01"),
        (Seat, ["A", 1], '["A","1"]'),
    ],
    ids=str,
)
def test_a_key_of_any_type_has_its_canonical_text(bind, model, value, text):
    bind(takes_one, model)
    assert linked(value) == [text]


@pytest.mark.parametrize("value", [True, 1.5, "", "x", {}, [1], b"x", pytest.param(object(), id="object")], ids=str)
def test_what_is_no_key_links_nothing_and_is_counted(bind, value):
    bind(takes_one)
    assert (linked(value), counters.counts()["unlinked"]) == ([], 1)


# -- several bindings -------------------------------------------------------------------------------------------------


def test_stacked_bindings_are_each_resolved(bind):
    bind(takes_two)
    bind(takes_two, Warehouse, id_query="order_id")
    assert resolve("here", (1, 2), {}) == [ObjectRef("shop.order", "1"), ObjectRef("shop.warehouse", "2")]


def test_one_object_named_twice_is_linked_once(bind):
    bind(takes_two)
    bind(takes_two, id_query="order_id")
    assert linked(1, 1) == ["1"]


def test_a_binding_that_names_no_object_does_not_keep_another_from_it(bind):
    bind(takes_two, id_query="greeting")
    bind(takes_two, id_query="order_id")
    assert linked("hello", 2) == ["2"]


def test_a_model_that_does_not_exist_does_not_keep_another_binding_from_its_object(bind):
    bind(takes_one, "shop.Nothing")
    bind(takes_one)
    assert linked(1) == ["1"]


def test_a_look_up_follows_a_relation(bind, order):
    def task(who): ...

    bind(task, id_query={"customer": "who"})
    assert linked(Customer.objects.get().pk) == [str(order.pk)]


def test_why_a_task_is_not_linked_is_logged_without_what_its_arguments_hide(bind, caplog, monkeypatch):
    monkeypatch.setattr(capture, "registry", binding_module.registry)
    bind(takes_card, id_query=lambda args, kwargs: int(kwargs["card"]), sensitive=("card",))
    with caplog.at_level(logging.DEBUG, "celery_ops.tracking"):
        assert linked(card="nobody else's") == []
    (line,) = [record.getMessage() for record in caplog.records if "is not linked" in record.getMessage()]
    assert "its id_query raised ValueError" in line
    assert "nobody else's" not in caplog.text
