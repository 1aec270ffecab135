"""Rows that were written before are written again, for whoever sees the same of them, and for nobody else."""

import datetime
from dataclasses import replace
from datetime import timedelta

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import get_template
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from celery_ops.info import TaskInfo
from celery_ops.tables.kept import Kept, kept
from celery_ops.tables.task_rows import task_rows
from celery_ops.views.ops import SECTIONS
from tests.conftest import browser_of, make_user

from .backends import Tasks
from .task_backends import LIST

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=60)
CHARGE = TaskInfo("one", "shop.tasks.charge", "SUCCESS", worker="w@host", created_at=LONG_AGO, finished_at=LONG_AGO)
FAILED = TaskInfo(
    "two", "shop.tasks.charge", "FAILURE", error="ValueError: card of Ada", created_at=LONG_AGO, args=("x",)
)


@pytest.fixture(autouse=True)
def _nothing_kept(pages):
    kept.forget()
    yield
    kept.forget()


def rows(browser, path=LIST, **headers):
    html = browser.get(path, headers=headers).content.decode()
    return html[html.index("<tbody>") : html.index("</tbody>")]


@pytest.fixture
def written(monkeypatch):
    """The rows whose parts were worked out, by their ids."""
    asked = []
    name = task_rows.__globals__["TaskRow"].name
    monkeypatch.setattr(
        "celery_ops.tables.task_rows.TaskRow.name", property(lambda row: asked.append(row.id) or name.fget(row))
    )
    return asked


def test_a_list_that_is_looked_at_again_writes_the_rows_that_are_new(browser, written):
    Tasks.hold(CHARGE, FAILED)
    first = rows(browser)
    assert sorted(written) == ["one", "two"]
    assert rows(browser) == first
    Tasks.hold(CHARGE, FAILED, TaskInfo("three", "shop.tasks.charge"))
    assert 'data-key="three"' in rows(browser)
    assert sorted(written) == ["one", "three", "two"]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "FAILURE"},
        {"name": "shop.tasks.refund"},
        {"worker": "other@host"},
        {"finished_at": LONG_AGO + timedelta(seconds=1)},
        {"started_at": LONG_AGO},
        {"error": "ValueError: no"},
        {"revoke_requested_at": LONG_AGO},
    ],
)
def test_a_task_that_has_changed_is_written_anew(browser, written, change):
    Tasks.hold(CHARGE)
    rows(browser)
    Tasks.hold(replace(CHARGE, **change))
    rows(browser)
    assert written == ["one", "one"]


def test_times_go_on(browser, monkeypatch):
    now = timezone.now()
    Tasks.hold(TaskInfo("one", "shop.tasks.charge", "SUCCESS", finished_at=now - timedelta(hours=2, minutes=5)))
    assert ">2 h ago<" in rows(browser)
    monkeypatch.setattr("celery_ops.tables.tasks.timezone.now", lambda: now + timedelta(hours=1))
    assert ">3 h ago<" in rows(browser)


def test_who_may_not_read_errors_gets_no_row_of_those_who_may(browser):
    Tasks.hold(FAILED)
    viewer = browser_of(make_user("someone", "celery_ops.view_ops"))
    assert "card of Ada" in rows(browser)
    assert "card of Ada" not in rows(viewer)
    assert "card of Ada" in rows(browser)


def test_who_may_choose_nothing_gets_no_box(browser):
    Tasks.hold(FAILED)
    viewer = browser_of(make_user("someone", "celery_ops.view_ops", "celery_ops.view_payload"))
    assert 'type="checkbox"' in rows(browser)
    assert "celery-ops-choose" not in rows(viewer)


def test_rows_are_redacted_by_the_settings_of_now(browser, settings):
    Tasks.hold(replace(FAILED, error="ValueError: shoe=brown"))
    assert "brown" in rows(browser)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REDACT_KEYS": ("shoe",)}
    assert "brown" not in rows(browser)


def test_each_list_leads_back_to_itself(browser):
    Tasks.hold(CHARGE)
    assert "?back=" not in rows(browser)
    assert "?back=name" in rows(browser, f"{LIST}?name=charge")


def test_what_is_kept_has_a_bound():
    html = Kept(10_000)
    for number in range(100):
        html.keep(("x" * 500, number), "y" * 1000)
        assert html.size <= 10_000
    assert html.get(("x" * 500, 99)) == "y" * 1000
    assert html.get(("x" * 500, 0)) is None


def test_what_was_asked_for_last_stays_longest():
    html = Kept(3500)
    for key in "ab":
        html.keep((key,), "")
    html.get(("a",))
    for key in "cd":
        html.keep((key,), "")
    assert [html.get((key,)) for key in "abcd"] == ["", None, "", ""]


def test_what_is_no_key_is_written_each_time():
    html = Kept()
    html.keep(([],), "y")
    assert html.get(([],)) is None
    assert html.size == 0


class Thing:
    def __init__(self, key, is_whole=True):
        self.key, self.is_whole, self.asked = key, is_whole, 0

    @property
    def word(self):
        self.asked += 1
        return "a word"


@pytest.mark.parametrize(("key", "is_whole", "times"), [(("k",), True, 1), (None, True, 2), (("k",), False, 2)])
def test_a_template_writes_once_what_may_be_kept(key, is_whole, times):
    thing = Thing(key, is_whole)
    template = Template("{% load celery_ops_pages %}{% kept thing %}{{ thing.word }}{% endkept %}")
    assert [template.render(Context({"thing": thing})) for _round in range(2)] == ["a word"] * 2
    assert thing.asked == times


@pytest.mark.parametrize(("key", "is_whole", "times"), [(("k",), True, 1), (None, True, 2), (("k",), False, 2)])
def test_a_loop_writes_once_what_may_be_kept(key, is_whole, times):
    things = [Thing(key, is_whole), Thing(("another",))]
    template = Template(
        "{% load celery_ops_pages %}{% kept_each thing in things %}{{ thing.word }}, {% endkept_each %}{{ thing }}"
    )
    assert [template.render(Context({"things": things, "thing": "x"})) for _round in range(2)] == [
        "a word, a word, x"
    ] * 2
    assert [thing.asked for thing in things] == [times, 1]


def test_a_loop_says_how_it_is_written():
    with pytest.raises(TemplateSyntaxError, match="kept_each row in rows"):
        Template("{% load celery_ops_pages %}{% kept_each rows %}{% endkept_each %}")


def test_words_that_wait_for_their_language_are_kept_in_each():
    template = Template("{% load celery_ops_pages %}{% kept word %}{{ word }}{% endkept %}")
    words = []
    for language in ("en", "de", "en"):
        with translation.override(language):
            words.append(template.render(Context({"word": gettext_lazy("Monday")})))
    assert words == ["Monday", "Montag", "Monday"]


def test_what_is_html_is_not_taken_for_a_text_that_reads_the_same():
    template = Template("{% load celery_ops_pages %}{% kept word %}{{ word }}{% endkept %}")
    words = [template.render(Context({"word": word})) for word in (SafeString("<b>"), "<b>", SafeString("<b>"))]
    assert words == ["<b>", "&lt;b&gt;", "<b>"]


def part(browser, begin, end, query=""):
    html = browser.get(f"{LIST}{query}").content.decode()
    return html[html.index(begin) : html.index(end, html.index(begin))] if begin in html else ""


def test_what_may_be_done_with_a_list_is_said_to_each_as_the_policy_does(browser, settings):
    Tasks.hold(FAILED)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": "*"}
    revoker = browser_of(make_user("someone", "celery_ops.view_ops", "celery_ops.revoke_task"))
    viewer = browser_of(make_user("other", "celery_ops.view_ops"))
    offered = [part(client, 'id="celery-ops-chosen"', "</form>") for client in (browser, revoker, viewer, browser)]
    assert ["Run again all" in html for html in offered] == [True, False, False, True]
    assert ["Revoke all" in html for html in offered] == [True, True, False, True]
    stamped = ["Revoke by stamped" in client.get(LIST).content.decode() for client in (browser, revoker, viewer)]
    assert stamped == [True, True, False]


def test_each_form_has_a_submission_of_its_own(browser):
    Tasks.hold(FAILED)
    assert part(browser, 'name="submission"', ">") != part(browser, 'name="submission"', ">")


def test_how_many_would_be_run_again_is_counted_anew(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": "*"}
    Tasks.hold(FAILED)
    assert "all 1 that match" in part(browser, 'id="celery-ops-chosen"', "</form>")
    Tasks.hold(FAILED, replace(FAILED, id="three"))
    assert "all 2 that match" in part(browser, 'id="celery-ops-chosen"', "</form>")


def test_ranges_go_on_with_the_time_and_the_zone(browser, monkeypatch):
    now = timezone.now()
    first = part(browser, 'class="celery-ops-ranges"', "</nav>")
    assert part(browser, 'class="celery-ops-ranges"', "</nav>", "?name=x") != first
    with timezone.override(timezone.get_fixed_timezone(7)):  # which no site has
        assert part(browser, 'class="celery-ops-ranges"', "</nav>") != first
    monkeypatch.setattr("celery_ops.filters.task_links.timezones.now", lambda: now + timedelta(days=1))
    assert part(browser, 'class="celery-ops-ranges"', "</nav>") != first


def test_pages_lead_on_from_where_the_list_ends_now(browser):
    tasks = [replace(CHARGE, id=f"task-{number}", created_at=LONG_AGO + timedelta(number)) for number in range(4)]
    Tasks.hold(*tasks[:3])
    first = part(browser, 'class="pagination"', "</nav>", "?page_size=1")
    Tasks.hold(*tasks)
    assert first != part(browser, 'class="pagination"', "</nav>", "?page_size=1") != ""
    assert part(browser, 'class="pagination"', "</nav>") == ""


def test_the_source_is_told_as_the_backend_tells_it(browser, monkeypatch):
    for name in ("label", "description", "data_source"):
        monkeypatch.setattr(Tasks, name, f"a new {name}")
        assert f"a new {name}" in part(browser, 'data-region="source"', "</p>")


def filters(browser, query="", **headers):
    html = browser.get(f"{LIST}{query}", headers=headers).content.decode()
    return html[html.index('<form class="celery-ops-filter"') : html.index("</form>")]


@pytest.mark.parametrize(
    "query", ["?name=charge", "?state=FAILURE", "?since=2026-01-31", "?since=nonsense", "?page_size=nonsense"]
)
def test_filters_say_what_this_request_asks_for(browser, query):
    empty = filters(browser)
    kept.forget()
    asked = filters(browser, query)
    assert asked != empty
    assert [filters(browser), filters(browser, query)] == [empty, asked]


def test_what_is_kept_is_in_one_language():
    template = Template("{% load celery_ops_pages i18n %}{% kept %}{% translate 'Monday' %}{% endkept %}")
    words = []
    for language in ("en", "de", "en"):
        with translation.override(language):
            words.append(template.render(Context()))
    assert words == ["Monday", "Montag", "Monday"]


def test_what_is_kept_is_in_one_time_zone_though_two_have_one_name():
    template = Template("{% load celery_ops_pages %}{% kept %}{{ now|moment }}{% endkept %}")
    written = []
    for hours in (2, 9):
        with timezone.override(datetime.timezone(timedelta(hours=hours), "local")):
            written.append(template.render(Context({"now": LONG_AGO})))
    assert ["+02:00" in html for html in written] == [True, False]


def test_values_are_keys_themselves():
    template = Template("{% load celery_ops_pages %}{% kept words %}{{ words|join:' ' }}{% endkept %}")
    assert [template.render(Context({"words": list(words)})) for words in ("ab", "ba", "ab")] == ["a b", "b a", "a b"]


def test_the_navigation_is_what_this_viewer_may_open():
    template = get_template("celery_ops/parts/navigation.html")
    shown = [template.render({"sections": sections, "section": ""}) for sections in ([*SECTIONS], [*SECTIONS[:2]])]
    assert [">Journal<" in html for html in shown] == [True, False]
