"""What surrounds every operations page."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.test import Client
from django.urls import reverse
from django.utils import translation

import celery_ops
from tests.conftest import browser_of, make_user
from tests.pages import elements, html_of, links, text_of, value

from .backends import HOSTILE, Queues, Tasks, Workers, queue, worker
from .conftest import OPS
from .task_backends import a_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

PAGES = ["", "workers/", "queues/", "workers/celery@one/", "queues/celery/"]
TEMPLATES = Path(celery_ops.__file__).parent / "templates/celery_ops"


@pytest.fixture(autouse=True)
def _one_of_each():
    Workers.hold(worker())
    Queues.hold(queue())


@pytest.fixture
def own_messages(monkeypatch):
    """Let every page find a message waiting."""

    def say(text):
        storage = "django.contrib.messages.storage.fallback.FallbackStorage._get"
        monkeypatch.setattr(storage, lambda self: ([Message(constants.WARNING, text)], True))

    return say


def fragment(browser, path):
    return html_of(browser.get(OPS + path, headers={"X-Celery-Ops": "fragment"}))


def test_the_navigation_leads_to_the_pages(browser):
    found = dict(links(html_of(browser.get(OPS)).partition("</nav>")[0].partition("<nav")[2]))
    assert found == {
        "Overview": OPS,
        "Tasks": f"{OPS}tasks/",
        "Insight": f"{OPS}insight/",
        "Task types": f"{OPS}types/",
        "Failures": f"{OPS}failures/",
        "Schedules": f"{OPS}schedules/",
        "Workers": f"{OPS}workers/",
        "Queues": f"{OPS}queues/",
        "Run": f"{OPS}run/",
        "Journal": f"{OPS}journal/",
    }


@pytest.mark.parametrize(("path", "section"), [("", "Overview"), ("workers/", "Workers"), ("queues/celery/", "Queues")])
def test_the_navigation_says_where_one_is(path, section, browser):
    assert re.findall(r'aria-current="page">(\w+)<', html_of(browser.get(OPS + path))) == [section]


@pytest.mark.parametrize("path", PAGES)
def test_an_anonymous_visitor_is_sent_to_log_in(path):
    response = Client().get(OPS + path)
    assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("path", PAGES)
def test_an_anonymous_script_that_asks_for_json_is_told_to_log_in(path):
    response = Client().get(OPS + path, headers={"Accept": "application/json"})
    assert (response.status_code, response.json()) == (401, {"errors": {"__all__": ["Log in first."]}})


@pytest.mark.parametrize("path", PAGES)
def test_who_may_not_see_operations_is_refused(path):
    client = browser_of(make_user("nobody"))
    assert client.get(OPS + path).status_code == 403


@pytest.mark.parametrize("path", PAGES)
def test_the_permission_is_enough(path):
    client = browser_of(make_user("clerk", "celery_ops.view_ops"))
    assert client.get(OPS + path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_posted_to_a_page(path, browser):
    assert browser.post(OPS + path).status_code == 405


@pytest.mark.parametrize("path", [*PAGES, "workers/unknown/"])
def test_a_page_is_its_viewers_own(path, browser):
    response = browser.get(OPS + path)
    assert response["Cache-Control"] == "private, no-store"
    assert "Cookie" in response["Vary"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_inline_script_or_style(path, browser):
    html = html_of(browser.get(OPS + path))
    assert re.findall(r"<style|<script(?![^>]* src=)|\son\w+=|\sstyle=|javascript:", html) == []


@pytest.mark.parametrize("are_away", [False, True], ids=["all there", "all away"])
def test_a_site_that_looks_for_unknown_names_in_its_templates_finds_none_of_ours(are_away, browser, settings, use):
    """``string_if_invalid`` is for that; what it says would be in sentences and hidden fields."""
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "string_if_invalid": "UNKNOWN %s"}}]
    Tasks.hold(a_task(1, "STARTED", id="runs"))
    if are_away:
        use(WORKER_BACKEND="AwayWorkers", QUEUE_BACKEND="AwayQueues", TASK_BACKEND="AwayTasks")
    lists = ("tasks/", "tasks/runs/", "insight/", "types/", "failures/", "schedules/", "run/", "journal/")
    pages = {path: browser.get(OPS + path).text for path in (*PAGES, *lists, "revoke/stamped/", "retry/all/")}
    assert {path: re.findall(r"UNKNOWN [\w.]+", html) for path, html in pages.items() if "UNKNOWN" in html} == {}


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_stays_behind_the_prefix(path, browser):
    found = [url for _, url in links(html_of(browser.get(OPS + path)))]
    elsewhere = [url for url in found if not url.startswith((OPS, "?"))]
    assert elsewhere == ["/"]  # the way home


def header(browser):
    return elements(html_of(browser.get(OPS)), "header", class_="celery-ops-site")[0].html


def test_a_site_without_a_base_template_of_its_own_has_its_name_a_way_home_and_who_one_is(browser):
    html = header(browser)
    assert links(html) == [("testserver", "/")]
    assert ("staff" in text_of(html), "Log out" in html) == (True, False)


def test_who_can_log_out_there_finds_it_on_every_page(browser, settings):
    settings.ROOT_URLCONF = "tests.urls_with_logout"
    html = html_of(browser.get("/ops/tasks/"))
    (form,) = elements(html, "form", action="/out/")
    browser.post("/out/", {"csrfmiddlewaretoken": value(form.html, "csrfmiddlewaretoken")})
    assert browser.get("/ops/tasks/").status_code == 302


def test_the_way_out_is_where_the_sites_addresses_have_it_now(browser, settings, monkeypatch):
    assert "Log out" not in header(browser)
    settings.ROOT_URLCONF = "tests.urls_with_logout"
    assert 'action="/out/"' in html_of(browser.get("/ops/tasks/"))
    monkeypatch.setattr("celery_ops.tags.pages.get_script_prefix", lambda: "/shop/")
    monkeypatch.setattr("django.urls.base.get_script_prefix", lambda: "/shop/")
    assert 'action="/shop/out/"' in html_of(browser.get("/ops/tasks/"))


def test_a_template_of_the_sites_own_has_no_header_of_ours(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "BASE_TEMPLATE": "shop/base.html"}
    assert "celery-ops-site" not in html_of(browser.get(OPS))


@pytest.mark.parametrize("path", PAGES)
def test_a_refresh_brings_the_regions_without_the_frame(path, browser):
    html = fragment(browser, path)
    assert "data-region" in html
    assert re.findall("<html|<nav class=.celery-ops-nav|<script|<celery-ops-page", html) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_refresh_brings_the_regions_that_the_page_has(path, browser):
    names = re.compile(r'data-region="(\w+)"')
    assert names.findall(fragment(browser, path)) == names.findall(html_of(browser.get(OPS + path)))


def test_a_message_is_shown(browser, own_messages):
    own_messages("<b>Saved</b>")
    assert '<p class="celery-ops-message" data-tone="warning">&lt;b&gt;Saved&lt;/b&gt;</p>' in html_of(browser.get(OPS))


def test_a_refresh_leaves_messages_for_the_next_page(browser, own_messages):
    own_messages("Saved")
    assert "Saved" not in fragment(browser, "")


def test_a_sites_own_base_is_what_the_pages_extend(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "BASE_TEMPLATE": "shop/site.html"}
    html = html_of(browser.get(f"{OPS}workers/"))
    assert "<h1>Shop</h1>" in html
    assert "<title>Workers</title>" in html
    assert "<celery-ops-page" in html


def test_a_message_that_the_sites_base_has_shown_is_not_shown_again(browser, settings, own_messages):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "BASE_TEMPLATE": "shop/site.html"}
    own_messages("Saved")
    assert html_of(browser.get(OPS)).count("Saved") == 1


def test_the_style_is_there_once(browser):
    assert html_of(browser.get(OPS)).count("panel.css") == 1


def test_the_refresh_is_a_number_that_a_script_reads_in_every_language(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 2.5}
    settings.LANGUAGE_CODE = "de"
    assert 'data-refresh="2.5"' in html_of(browser.get(OPS))


def test_a_page_is_refreshed_no_more_than_once_a_second(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 0}
    assert 'data-refresh="1"' in html_of(browser.get(OPS))


@pytest.mark.parametrize("path", ["workers/", "queues/", "workers/celery@one/", "queues/celery/"])
def test_a_page_says_where_its_data_comes_from(path, browser):
    shown = text_of(html_of(browser.get(OPS + path)))
    assert re.search("Stub (workers|queues) What the test said. Source: a test", shown)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("page", ["worker-detail", "queue-detail"])
def test_any_name_has_a_page(page, name, browser):
    Workers.hold(worker(name))
    Queues.hold(queue(name))
    assert browser.get(reverse(f"celery_ops:{page}", args=[name])).status_code == 200


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["", "workers/", "queues/"])
def test_any_name_is_inert_in_a_list_and_leads_to_its_page(path, name, browser):
    Workers.hold(worker(name, queues=(name,)))
    Queues.hold(queue(name))
    html = html_of(browser.get(OPS + path))
    kinds = {"": ("worker", "queue"), "workers/": ("worker", "queue"), "queues/": ("queue",)}[path]
    assert re.findall("<img|<script(?! src)|\x00|\x1b", html) == []
    assert {reverse(f"celery_ops:{kind}-detail", args=[name]) for kind in kinds} <= {url for _, url in links(html)}


def test_a_name_that_no_address_can_have_is_shown_without_a_link(browser):
    Workers.hold(worker(""), worker("two"))
    assert html_of(browser.get(f"{OPS}workers/")).count('data-state="online"') == 2


@pytest.mark.parametrize("path", ["workers/nobody/", "queues/nothing/", "workers/%00/", "queues/%2500/"])
def test_what_nobody_knows_is_not_found(path, browser):
    assert browser.get(OPS + path).status_code == 404


def test_relative_times_are_made_of_the_sites_words(browser):
    html = html_of(browser.get(OPS))
    assert 'data-text-ago="%(time)s ago"' in html
    assert 'data-text-units="%(n)s s|%(n)s min|%(n)s h|%(n)s d"' in html


def test_the_pages_follow_the_language(browser, settings):
    with translation.override("de"):
        words = translation.gettext("Page")  # of Django's own catalogue
    settings.LANGUAGE_CODE = "de"
    html = html_of(browser.get(f"{OPS}workers/?page=x"))
    assert 'lang="de"' in html
    assert f"{words}:" in text_of(html)


PARTS = [path for path in TEMPLATES.rglob("*.html") if path.name not in ("texts.html", "nonce.html")]  # of attributes


@pytest.mark.parametrize("path", PARTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_word_of_a_template_is_marked_for_translation(path):
    text = re.sub(r"(?s)\{% comment %\}.*?\{% endcomment %\}", "", path.read_text())
    text = re.sub(r"(?s)\{% blocktranslate .*?\{% endblocktranslate %\}", "", text)
    text = re.sub(r"(?s)\{%.*?%\}|\{\{.*?\}\}", "", text)
    shown = re.sub(r"(?s)<pre.*?</pre>|<code>[^<{]*</code>|<kbd>.</kbd>|<[^>]*>", "", text)
    spoken = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*)"', text)
    assert re.findall(r"[^\W\d_]{2,}", shown + " ".join(spoken)) == []


@pytest.mark.parametrize("path", ["retry/", "revoke/", "failures/act/", "schedules/act/", "control/workers/"])
@pytest.mark.parametrize(
    ("posted", "there"),
    [({"next": f"{OPS}tasks/?q=a"}, f"{OPS}tasks/?q=a"), ({}, OPS), ({"next": "https://elsewhere.example/"}, OPS)],
    ids=["a page of the site", "nothing", "a page elsewhere"],
)
def test_who_was_logged_out_meanwhile_comes_back_from_the_login_to_a_page(path, posted, there, browser):
    answer = Client().post(OPS + path, posted)
    (after,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert after == there
    assert browser.get(after).status_code == 200
