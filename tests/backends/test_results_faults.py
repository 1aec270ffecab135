"""A results database that is away, and settings that keep results from it."""

import contextlib

import pytest
from django.apps import apps
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError, connection, transaction

from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.exceptions import BackendUnavailable
from celery_ops.info import TaskInfo
from celery_ops.task_query import TaskQuery
from tests.backends.result_rows import row
from tests.celery import app
from tests.conftest import configure

pytestmark = pytest.mark.django_db

SECRET = 'connection to server at "db.internal", user "shop", password "hunter2" failed'

CALLS = {
    "page": lambda backend: backend.page(TaskQuery()),
    "filtered": lambda backend: backend.page(TaskQuery(states=("FAILURE",), name="charge")),
    "search": lambda backend: backend.page(TaskQuery(text="4f1c", searches_arguments=True)),
    "counts": lambda backend: backend.counts(TaskQuery()),
    "get": lambda backend: backend.get("4f1c"),
    "complete": lambda backend: backend.complete([TaskInfo("4f1c")]),
    "iterate": lambda backend: list(backend.iterate(TaskQuery())),
}


@contextlib.contextmanager
def failing(error):
    def fail(*args):
        raise error(SECRET)

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, ProgrammingError, DataError])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_whatever_a_database_raises_is_a_source_that_does_not_answer(call, error):
    with failing(error), pytest.raises(BackendUnavailable):
        call(ResultsTaskBackend())


@pytest.mark.parametrize("error", [OperationalError, ProgrammingError])
def test_the_message_does_not_say_where_the_database_is(error):
    with failing(error), pytest.raises(BackendUnavailable) as raised:
        ResultsTaskBackend().page(TaskQuery())
    assert not {"db.internal", "shop", "hunter2"} & set(str(raised.value).replace('"', " ").split())


@pytest.mark.database
def test_a_table_that_is_not_there_is_a_source_that_does_not_answer(monkeypatch):
    from django_celery_results.models import TaskResult

    monkeypatch.setattr(TaskResult._meta, "db_table", "no_such_table")
    with contextlib.suppress(BackendUnavailable), transaction.atomic():
        ResultsTaskBackend().page(TaskQuery())
        pytest.fail("it did not raise")


@pytest.mark.database
def test_the_transaction_around_it_goes_on_after_what_no_database_can_hold():
    row("4f1c")
    backend = ResultsTaskBackend()
    for text in ("\0", "\ud800"):
        assert backend.get(text) is None
        assert backend.page(TaskQuery(text=text, name=text, worker=text, states=(text,))).tasks == ()
    assert backend.get("4f1c") is not None


def test_a_site_without_the_app_has_a_source_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    for call in CALLS.values():
        with pytest.raises(BackendUnavailable, match="django-celery-results is not installed"):
            call(ResultsTaskBackend())


# -- checks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def celery_conf():
    """Celery's configuration for one test."""
    before = {key: app.conf[key] for key in ("result_backend", "result_extended")}
    yield configure
    configure(**before)


def ids():
    return [message.id for message in ResultsTaskBackend().check()]


def test_results_in_the_database_with_their_names_are_well():
    assert ids() == []


def test_a_check_tells_that_the_app_is_missing(monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    assert ids() == ["celery_ops.W004"]


@pytest.mark.parametrize(
    "url", [None, "disabled://", "redis://127.0.0.1:1/0", "cache+memory://", "no-such-backend://", "no.such.module:X"]
)
def test_a_check_tells_that_results_are_kept_elsewhere(celery_conf, url):
    celery_conf(result_backend=url)
    assert ids() == ["celery_ops.I001"]


@pytest.mark.parametrize("url", ["django-db", "django-db://", "django_celery_results.backends:DatabaseBackend"])
def test_the_database_has_more_than_one_name(celery_conf, url):
    celery_conf(result_backend=url)
    assert ids() == []


def test_a_check_tells_that_names_are_not_kept(celery_conf):
    celery_conf(result_extended=False)
    assert ids() == ["celery_ops.I002"]


def test_checking_asks_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        ResultsTaskBackend().check()
