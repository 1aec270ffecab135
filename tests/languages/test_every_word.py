"""Every word of every page is a message or somebody's data: read in a language in which messages are ⟦marked⟧."""

import inspect
import re

import pytest
from django.utils import translation

from tests.celery import app
from tests.pages import elements, text_of
from tests.panels.test_matrix import ROWS, Scene, _known, actors  # noqa: F401 - fixtures are among them
from tests.planting_counts import FAILURE
from tests.shop import tasks

pytestmark = pytest.mark.django_db

MESSAGE = re.compile(r"⟦[^⟦⟧]*⟧")
#: Whole or cut.
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f-]{27})?")
#: The visitor, the worker, the order, the schedule with its reason and its words, which a library has,
#: names of states, signals, options, result backends and a zone: all of it shows as it is.
SCENE = """superuser testserver celery@web/1 Order nightly It is kept elsewhere At
tests shop.pay SUCCESS FAILURE TERM INT KILL args kwargs autoscale django-db redis CST"""
#: Attributes that a person reads or hears.
SPOKEN = ("title", "aria-label", "placeholder", "alt")
PAGES = [
    pytest.param(address, sent, id=f"{name}-{what}")
    for name, rows in ROWS.items()
    for what, address, sent, expected in rows
    if expected.get("GET", {}).get("superuser") == 200 and not name.startswith(("api-", "metrics")) and what != "as CSV"
]


@pytest.fixture(autouse=True)
def marked(monkeypatch, settings):
    """A language of which every message shows where it begins and ends; nothing else was written in it and kept."""
    settings.LANGUAGE_CODE = "eo"
    catalogue = translation._trans
    monkeypatch.setattr(catalogue, "gettext", lambda text: f"⟦{text}⟧")
    monkeypatch.setattr(catalogue, "pgettext", lambda context, text: f"⟦{text}⟧")
    monkeypatch.setattr(catalogue, "ngettext", lambda one, many, n: f"⟦{one if n == 1 else many}⟧")
    monkeypatch.setattr(catalogue, "npgettext", lambda context, one, many, n: f"⟦{one if n == 1 else many}⟧")


def read_of(html: str) -> str:
    spoken = [element.attributes[name] or "" for name in SPOKEN for element in elements(html, **{name: True})]
    return " ".join([text_of(html), *spoken])


def words_of(text: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"[^\W\d_]{2,}", text)}


def unmarked(text: str) -> set[str]:
    """The words that are in no message; messages within messages are taken out from the innermost."""
    while MESSAGE.search(text):
        text = MESSAGE.sub(" ", text)
    return words_of(text)


@pytest.fixture(scope="module")
def data():
    """The words that are the site's own: those of its tasks' module, names of tasks, and what this scene is made of."""
    app.loader.import_default_modules()
    return words_of(" ".join([inspect.getsource(tasks), SCENE, repr(FAILURE), *app.tasks, *app.amqp.queues]))


@pytest.mark.parametrize(("address", "sent"), PAGES)
def test_every_word_is_marked(address, sent, order, actors, data):  # noqa: F811 - a fixture
    scene = Scene(actors["superuser"], order)
    page = scene.client.get(address(scene), sent)
    text = read_of(page.text).replace(scene.task_id, "")
    assert unmarked(UUID.sub("", text)) - data == set()
