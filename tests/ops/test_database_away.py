"""A database that answers nobody, so that not even who asks is known: every page says so, whatever is done on it."""

import pytest
from django.db import OperationalError, connection
from django.urls import reverse

from celery_ops.urls import urlpatterns
from tests.conftest import browser_of, make_user

#: What stands in an address, by the name of its part.
PARTS = {"pk": 1, "token": "none"}


def away(execute, sql, params, many, context):
    raise OperationalError("the server is gone")


def address(pattern):
    parts = {name: PARTS.get(name, "one") for name in pattern.pattern.converters}
    return reverse(f"celery_ops:{pattern.name}", kwargs=parts)


@pytest.fixture
def client(db, memory_store, loaded_tasks):
    browser = browser_of(make_user("root", is_superuser=True))
    browser.raise_request_exception = False
    return browser


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_no_address_is_an_error_of_the_servers(pattern, method, client):
    with connection.execute_wrapper(away):
        response = getattr(client, method)(address(pattern))
    assert response.status_code in (404, 405, 503), response.content
    assert "server is gone" not in response.content.decode()


def test_what_somebody_wanted_to_do_then_is_logged_without_who_that_was(client, caplog):
    with connection.execute_wrapper(away):
        client.post(reverse("celery_ops:revoke"), {"task_id": "one"})
    assert "Refused (503): revoke to one for unknown" in caplog.text
