"""What the tests of the operations pages share: backends in memory, and people with a browser."""

import re
from html import unescape

import pytest
from django.test import Client

from tests.conftest import make_user

from . import backends
from .backends import FrozenWorkers, Queues, Tasks, Workers

OPS = "/behind/a/prefix/"


@pytest.fixture
def pages(memory_store, settings, loaded_tasks):
    """The pages over backends that are empty until the test fills them."""
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "WORKER_BACKEND": f"{backends.HERE}.Workers",
        "QUEUE_BACKEND": f"{backends.HERE}.Queues",
        "TASK_BACKEND": f"{backends.HERE}.Tasks",
    }
    FrozenWorkers.thaw.clear()
    yield
    FrozenWorkers.thaw.set()
    for backend in (Workers, Queues, Tasks):
        backend.hold()


@pytest.fixture
def use(settings):
    """Put other backends in their place: ``use(WORKER_BACKEND="AwayWorkers")``."""

    def put(**names):
        chosen = {setting: f"{backends.HERE}.{name}" for setting, name in names.items()}
        settings.CELERY_OPS = {**settings.CELERY_OPS, **chosen}

    return put


@pytest.fixture
def browser(staff):
    """A browser of staff who may see payloads."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def poor_browser(db):
    """A browser of staff who may not."""
    client = Client()
    client.force_login(make_user("viewer", is_staff=True))
    return client


def html_of(response):
    assert response.status_code == 200
    return response.content.decode()


def text_of(html):
    """What a person reads of it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def region(html, name):
    """The HTML of one live region, None when the page has none of that name."""
    found = re.search(
        rf'<(\w+)[^>]* data-region="{name}"[^>]*>(.*?)(?=<\w+[^>]* data-region=|</celery-ops-page>)', html, re.S
    )
    return found[2] if found else None


def heads(html):
    """The heads of the first table's columns."""
    return [text_of(head) for head in re.findall(r"<th [^>]*>(.*?)</th>", html, re.S)]


def rows(html):
    """The rows of all tables: ``{data-key: {column: text}}``."""
    found = {}
    for attrs, row in re.findall(r"<tr ([^>]*)>(.*?)</tr>", html, re.S):
        key = re.search(r'data-key="([^"]*)"', attrs)
        cells = re.findall(r'<td[^>]*data-label="([^"]*)"[^>]*>(.*?)</td>', row, re.S)
        found[unescape(key[1]) if key else len(found)] = {label: text_of(cell) for label, cell in cells}
    return found


def links(html):
    """What each link says and where it leads."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', html, re.S)
    return [(text_of(words), unescape(url)) for url, words in found]
