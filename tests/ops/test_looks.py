"""What the pages spare a person: rows that are of no use, filters that are not needed, buttons that do nothing yet."""

import re
from dataclasses import replace

import pytest

from celery_ops.info import Binding, MessageInfo, RegisteredTask
from celery_ops.models import ControlRecord
from celery_ops.running.kinds import kind_of
from tests.conftest import browser_of
from tests.pages import html_of, text_of

from .backends import Queues, Tasks, Workers, queue, worker
from .conftest import OPS
from .journal import journal
from .task_backends import a_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

PAYMENT = "tests.shop.tasks.process_payment"
FOLDED = re.compile(r"<details class=\"celery-ops-run-folded\"[^>]*?( open)?>")
MORE = re.compile(r"<details class=\"celery-ops-filter-more\"[^>]*?( open)?>")


def folds(pattern, html):
    """Whether each fold of this kind is open."""
    return [bool(is_open) for is_open in pattern.findall(html)]


def test_tasks_that_a_viewer_cannot_run_are_folded_away(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [PAYMENT]}
    html = html_of(browser.get(f"{OPS}run/?page_size=200"))
    assert folds(FOLDED, html) == [False]
    assert html.index(PAYMENT) < html.index("celery-ops-run-folded") < html.index("tests.shop.tasks.untracked")


def test_a_search_opens_what_is_folded(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [PAYMENT]}
    assert folds(FOLDED, html_of(browser.get(f"{OPS}run/?q=untracked"))) == [True]


def test_nothing_is_folded_for_who_can_run_all_there_is(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [PAYMENT]}
    assert folds(FOLDED, html_of(browser.get(f"{OPS}run/?runnable=1"))) == []


@pytest.mark.parametrize(
    ("query", "is_open"),
    [
        ("", False),
        ("?q=shop", False),
        ("?worker=w1%40a", True),
        ("?since=2026-01-01", True),
        ("?since=yesterdey", True),
    ],
)
def test_more_filters_are_open_where_they_say_something(query, is_open, browser):
    assert folds(MORE, html_of(browser.get(f"{OPS}tasks/{query}"))) == [is_open]


def test_a_long_name_breaks_between_its_words(browser):
    Tasks.hold(a_task(1, name="inventory.tasks.download_image"))
    assert "inventory.<wbr>tasks.<wbr>download_<wbr>image" in html_of(browser.get(f"{OPS}tasks/"))


@pytest.mark.parametrize("name", ["", ".", "..a", "_private", "a", "a._b.", "no dots"])
def test_no_letter_of_a_name_is_lost(name, browser):
    from celery_ops.tags.pages import breakable

    assert "".join(breakable(name)) == name


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int | None, "a whole number, or nothing"),
        (list[int], "a list, by commas, by lines or as JSON"),
        (dict[str, int], "a JSON object"),
        (tuple[int, str], "2 values, by commas, by lines or as JSON"),
    ],
)
def test_a_kind_has_words_for_people(annotation, words):
    assert kind_of(annotation).words == words


@pytest.mark.parametrize(
    ("path", "reason", "hint"),
    [
        ("workers/nobody/", "There is no such worker.", "listed for ten minutes"),
        ("queues/nothing/", "There is no such queue.", "for as long as a worker consumes it"),
        ("run/no.such.task/", "There is no such task to run.", "(RUNNABLE_TASKS)"),
        ("retry/all/99999/", "There is no such row in the journal.", "Old rows are deleted"),
        ("journal/99999/", "There is no such row in the journal.", "Old rows are deleted"),
        ("journal/control/99999/", "There is no such row in the journal.", "Old rows are deleted"),
    ],
)
def test_what_is_not_there_is_said_with_what_may_have_become_of_it_and_a_way_on(path, reason, hint, browser):
    response = browser.get(f"{OPS}{path}")
    html = response.text
    assert (response.status_code, reason in html, hint in html) == (404, True, True)
    assert f'href="{OPS}tasks/"' in html


@pytest.fixture
def one_of_each():
    """A row for each table."""
    task = a_task(1, state="FAILURE")
    registered = (RegisteredTask(task.name),)
    Tasks.hold(task)
    Workers.hold(replace(worker(), active=(task,), reserved=(task,), scheduled=(task,), registered=registered))
    messages = (MessageInfo(task.id, task.name),)
    Queues.hold(replace(queue(), messages=messages, bindings=(Binding("", "direct", "celery"),)))
    journal()
    ControlRecord.objects.create(action="pause", target="celery")


@pytest.mark.parametrize(
    ("path", "captions"),
    [
        ("", ["Workers", "Queues", "Recent failures"]),
        ("tasks/", ["Tasks"]),
        ("workers/", ["Workers"]),
        ("workers/celery@one/", ["Active", "Reserved", "Scheduled", "Tasks it knows"]),
        ("queues/", ["Queues"]),
        ("queues/celery/", ["Next messages", "Bindings"]),
        ("run/", ["Tasks to run", "Tasks to run"]),
        ("journal/", ["Runs"]),
        ("journal/control/", ["Control actions"]),
    ],
)
def test_each_table_says_what_it_lists(path, captions, one_of_each, superuser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [PAYMENT]}
    client = browser_of(superuser)
    html = html_of(client.get(OPS + path))
    assert [text_of(caption) for caption in re.findall(r"<caption[^>]*>(.*?)</caption>", html, re.S)] == captions
    assert html.count("<table") == len(captions)
