"""The frame of the operations pages in a real browser: live, by keyboard, dark, narrow, and without script."""

import re
from dataclasses import replace

import pytest

from celery_ops.backends.remote.glance import current
from celery_ops.info import Binding, MessageInfo, RegisteredTask, TaskInfo
from tests.ops import backends
from tests.ops.backends import HOSTILE, Queues, Tasks, Workers, ago, queue, worker

from .test_staff import NAMELESS

pytestmark = pytest.mark.browser

OPS = "/behind/a/prefix/"
PAGES = ["", "workers/", "queues/", "workers/celery@one/", "queues/celery/"]
TASK = "3f0c9a52-1111-4222-8333-444455556666"


@pytest.fixture
def site(memory_store, loaded_tasks):
    """No broker and no worker: the backends hold what a test gives them."""


@pytest.fixture
def open_page(visit, staff, settings):
    """Open one of the pages as staff; they refresh every second."""
    chosen = {"WORKER_BACKEND": "Workers", "QUEUE_BACKEND": "Queues", "TASK_BACKEND": "Tasks"}
    paths = {setting: f"{backends.HERE}.{name}" for setting, name in chosen.items()}
    settings.CELERY_OPS = {**settings.CELERY_OPS, **paths, "REFRESH_SECONDS": 1}
    hold(1)
    yield lambda path="", **options: visit(f"{OPS}{path}", staff, **options)
    for backend in (Workers, Queues, Tasks):
        backend.hold()


def hold(number, hostname="celery@one"):
    """Let the only worker run ``number`` tasks, and as many messages wait."""
    tasks = tuple(TaskInfo(f"{TASK[:-1]}{n}", "shop.tasks.charge", "STARTED", args=[number]) for n in range(number))
    held = replace(
        worker(hostname, active=number), active=tasks, conf={"timezone": "UTC", "worker_concurrency": number}
    )
    Workers.hold(replace(held, registered=(RegisteredTask("shop.tasks.charge"),)))
    Queues.hold(queue(depth=number))


def active(page):
    return page.locator("td[data-label=Active]")


def is_refresh(request):
    return request.headers.get("x-celery-ops") == "fragment"


def count_refreshes(page):
    seen = []
    page.on("request", lambda request: is_refresh(request) and seen.append(request.url))
    return seen


def refreshed(page):
    """Wait until the page has been refreshed once more."""
    return page.expect_response(lambda response: is_refresh(response.request))


# -- live -------------------------------------------------------------------------------------------------------------


def test_the_list_follows_what_happens_without_a_reload(open_page, expect):
    page = open_page("workers/")
    page.evaluate("window.stayed = true")
    hold(7)
    expect(active(page)).to_have_text("7")
    assert page.evaluate("window.stayed")


def test_what_workers_answer_after_the_page_has_come_is_fetched_at_once(open_page, expect, settings, monkeypatch):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 3600}
    workers = Workers.workers
    monkeypatch.setattr(Workers, "is_slow", True)
    monkeypatch.setattr(Workers, "workers", lambda self: hold(1 if current() else 7) or workers(self))
    expect(active(open_page("workers/"))).to_have_text("7")


def test_what_has_not_changed_is_not_touched(open_page, expect):
    page = open_page()
    page.evaluate("document.querySelector('[data-region=workers] table').kept = true")
    Queues.hold(queue(depth=70))
    expect(page.locator("[data-region=queues] td[data-label=Waiting]")).to_have_text("70")
    assert page.evaluate("document.querySelector('[data-region=workers] table').kept")


def test_what_is_typed_stays(open_page, expect):
    page = open_page("workers/")
    page.get_by_label("Hostname").fill("cel")
    hold(7)
    expect(active(page)).to_have_text("7")
    expect(page.get_by_label("Hostname")).to_have_value("cel")
    expect(page.get_by_label("Hostname")).to_be_focused()


def test_what_is_selected_stays_until_it_is_let_go(open_page, expect):
    page = open_page("workers/")
    active(page).evaluate("(cell) => getSelection().selectAllChildren(cell)")
    hold(7)
    for _ in range(2):
        with refreshed(page):
            pass
    expect(active(page)).to_have_text("1")
    page.evaluate("getSelection().removeAllRanges()")
    expect(active(page)).to_have_text("7")


def test_what_is_opened_stays_open_and_is_kept_up_to_date(open_page, expect):
    page = open_page("workers/celery@one/")
    page.get_by_text("Celery's configuration").click()
    hold(7)
    expect(page.locator("[data-key=conf] dd").last).to_have_text("7")
    expect(page.locator("[data-key=conf]")).to_have_attribute("open", "")


def test_what_is_closed_stays_closed(open_page, expect):
    page = open_page("workers/celery@one/")
    page.locator("[data-key=known] > summary").click()
    Workers.hold(replace(worker(), registered=(RegisteredTask("shop.tasks.mail"),)))
    expect(page.locator("[data-region=known] td").first).to_have_text("shop.tasks.mail")
    expect(page.locator("[data-key=known]")).not_to_have_attribute("open", "")


def test_the_focus_stays_where_it_is(open_page, expect):
    page = open_page("workers/")
    page.get_by_role("link", name="celery@one").focus()
    hold(7)
    expect(active(page)).to_have_text("7")
    expect(page.get_by_role("link", name="celery@one")).to_be_focused()


def test_the_focus_does_not_fall_off_the_page_with_what_had_it(open_page, expect):
    page = open_page("workers/")
    page.get_by_role("link", name="celery@one").focus()
    hold(7, "celery@two")
    expect(active(page)).to_have_text("7")
    expect(page.locator("[data-region=list]")).to_be_focused()


def test_there_are_never_two_requests_at_once(open_page):
    page = open_page("workers/", fake_time=True)
    page.route("**/workers/", lambda route: None if is_refresh(route.request) else route.continue_())  # never answered
    seen = count_refreshes(page)
    with page.expect_request(is_refresh):
        page.clock.run_for(1500)
    page.keyboard.press("r")
    page.clock.run_for(20_000)
    assert len(seen) == 1


def test_a_server_that_fails_is_said_calmly_and_asked_more_seldom(open_page, expect):
    page = open_page("workers/", fake_time=True)
    page.route(
        "**/workers/", lambda route: route.fulfill(status=502) if is_refresh(route.request) else route.continue_()
    )
    seen = count_refreshes(page)
    for _ in range(40):
        page.clock.run_for(1000)
        page.wait_for_timeout(20)
    expect(page.locator("[data-note]")).to_contain_text("Not refreshed since")
    assert 3 <= len(seen) <= 7


def test_a_server_that_is_back_is_not_spoken_of_any_more(open_page, expect, visit):
    page = open_page("workers/")
    page.route("**/workers/", lambda route: route.abort() if is_refresh(route.request) else route.continue_())
    expect(page.locator("[data-note]")).to_contain_text("Not refreshed since")
    page.unroute("**/workers/")
    page.keyboard.press("r")
    expect(page.locator("[data-note]")).to_be_empty()
    visit.troubles.clear()  # the browser's own line for each request that failed


@pytest.mark.parametrize("how", ["live is off", "it is final"])
def test_a_page_that_is_asked_for_once_does_not_say_that_it_tries_again(how, open_page, expect, visit):
    page = open_page("workers/", fake_time=True)
    if how == "live is off":
        page.get_by_role("switch", name="Live").click()
    else:
        page.evaluate("document.querySelector('[data-region]').dataset.final = ''")
        page.clock.run_for(2000)  # what was to be asked already
    page.route("**/workers/", lambda route: route.abort() if is_refresh(route.request) else route.continue_())
    seen = count_refreshes(page)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # somebody comes back to it
    page.clock.run_for(60_000)
    assert seen == []
    page.keyboard.press("r")
    expect(page.locator("[data-note]")).to_have_text(re.compile(r"^Not refreshed since [^.]+\.$"))
    visit.troubles.clear()


@pytest.mark.parametrize("trouble", ["logged out", "refused", "gone"])
def test_a_page_that_is_no_longer_ones_own_stops(trouble, open_page, staff, expect, visit):
    page = open_page("workers/celery@one/")
    if trouble == "logged out":
        page.context.clear_cookies()
    elif trouble == "refused":
        type(staff).objects.filter(pk=staff.pk).update(is_staff=False)
    else:
        Workers.hold()
    expect(page.locator("[data-note]")).to_have_text("This page is out of date. Reload it.")
    seen = count_refreshes(page)
    page.keyboard.press("r")
    page.wait_for_timeout(1500)
    assert seen == []
    visit.troubles.clear()


def test_a_page_out_of_sight_is_not_refreshed(open_page):
    page = open_page("workers/", fake_time=True)
    page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { get: () => true });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    seen = count_refreshes(page)
    page.clock.run_for(60_000)
    assert seen == []


def test_live_switched_off_stops_the_refresh_and_is_remembered(open_page, expect):
    page = open_page("workers/", fake_time=True)
    page.get_by_role("switch", name="Live").click()
    page.reload()
    expect(page.get_by_role("switch", name="Live")).to_have_attribute("aria-checked", "false")
    seen = count_refreshes(page)
    page.clock.run_for(60_000)
    assert seen == []


def test_live_is_the_switch_of_the_panels_too(open_page):
    page = open_page("workers/")
    page.get_by_role("switch", name="Live").click()
    assert page.evaluate("localStorage.getItem('celery-ops-refresh')") == "off"


def test_times_go_on_between_two_refreshes(open_page, expect):
    page = open_page("workers/", fake_time=True)
    page.get_by_role("switch", name="Live").click()
    page.clock.run_for(3 * 60_000)
    expect(page.locator("td[data-label='Last seen'] time")).to_have_text("3 min ago")


# -- by keyboard ------------------------------------------------------------------------------------------------------


def test_r_refreshes_now(open_page, expect):
    page = open_page("workers/")
    page.get_by_role("switch", name="Live").click()
    hold(7)
    page.keyboard.press("r")
    expect(active(page)).to_have_text("7")


@pytest.mark.parametrize(("path", "label"), [("", "Find a task"), ("workers/", "Hostname"), ("queues/", "Name")])
def test_a_slash_leads_to_the_search(path, label, open_page, expect):
    page = open_page(path)
    page.keyboard.press("/")
    expect(page.get_by_label(label)).to_be_focused()
    expect(page.get_by_label(label)).to_have_value("")


def test_a_question_mark_lists_the_shortcuts(open_page, expect):
    page = open_page()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Refresh now")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_shortcuts_are_a_click_away_too(open_page, expect):
    page = open_page()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_keys_are_letters_while_one_types(open_page, expect):
    page = open_page("workers/")
    page.get_by_role("switch", name="Live").click()
    seen = count_refreshes(page)
    page.get_by_label("Hostname").press_sequentially("r/?")
    expect(page.get_by_label("Hostname")).to_have_value("r/?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert seen == []


def test_a_browsers_own_shortcut_is_left_alone(open_page):
    page = open_page("workers/")
    page.get_by_role("switch", name="Live").click()
    seen = count_refreshes(page)
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'r', ctrlKey: true, bubbles: true }))"
    )
    page.wait_for_timeout(200)
    assert seen == []


# -- how it looks -----------------------------------------------------------------------------------------------------

GROUND = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.mark.parametrize(("system", "theme"), [("light", "Dark theme"), ("dark", "Light theme")])
def test_a_theme_is_chosen_and_remembered(system, theme, open_page, expect):
    page = open_page(color_scheme=system)
    before = page.evaluate(GROUND)
    page.get_by_label("Theme").select_option(theme)
    chosen = page.evaluate(GROUND)
    assert chosen != before
    page.reload()
    assert page.evaluate(GROUND) == chosen
    expect(page.get_by_label("Theme")).to_have_value(theme.split()[0].lower())


def test_the_systems_theme_comes_back(open_page):
    page = open_page(color_scheme="dark")
    before = page.evaluate(GROUND)
    page.get_by_label("Theme").select_option("Light theme")
    page.get_by_label("Theme").select_option("System theme")
    assert page.evaluate(GROUND) == before


def test_on_a_sites_own_page_only_what_is_ours_is_painted(open_page, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "BASE_TEMPLATE": "shop/site.html"}
    page = open_page()
    page.get_by_label("Theme").select_option("Dark theme")
    assert page.evaluate("document.documentElement.attributes.length") == 1  # its lang
    assert page.locator("celery-ops-page").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_screen_does_not_scroll_sideways(path, open_page):
    name = "celery@" + "w" * 120
    Workers.hold(worker(), worker(name, queues=("q" * 150,)))
    message = MessageInfo("i" * 100, "n" * 150, "{'a': '" + "x" * 900, size=10)
    full = replace(queue(), bindings=(Binding("e" * 100, "topic", "k" * 200),), messages=(message,), workers=(name,))
    Queues.hold(full, queue("q" * 150, consumers=0))
    Tasks.hold(TaskInfo("i" * 100, "n" * 150, "FAILURE", name, created_at=ago(seconds=1), error="E: " + "x" * 500))
    Workers.trouble = "x" * 300
    page = open_page(path, viewport={"width": 420, "height": 900})
    Workers.trouble = ""
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


@pytest.mark.parametrize("width", [1100, 1200, 1440])
def test_the_overview_hides_no_column(width, open_page):
    Workers.hold(worker())
    Queues.hold(queue())
    page = open_page("", viewport={"width": width, "height": 900})
    hidden = "tables => tables.map(table => table.scrollWidth - table.parentElement.clientWidth)"
    assert [pixels for pixels in page.locator("table").evaluate_all(hidden) if pixels > 0] == []


def test_on_a_phone_the_sections_are_one_row_and_show_where_one_is(open_page):
    page = open_page("journal/", viewport={"width": 420, "height": 900})
    row = page.locator(".celery-ops-nav").bounding_box()
    here = page.locator(".celery-ops-nav [aria-current]").bounding_box()
    assert row["height"] < 2 * here["height"]
    assert row["x"] <= here["x"] <= here["x"] + here["width"] <= row["x"] + row["width"]


@pytest.mark.parametrize("path", PAGES)
def test_every_control_has_a_name(path, open_page):
    assert open_page(path).evaluate(NAMELESS) == []


@pytest.mark.parametrize("path", PAGES)
def test_no_id_is_there_twice(path, open_page):
    ids = open_page(path).evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_a_page_is_forbidden_under_the_strictest_policy(path, open_page, visit):
    page = open_page(path)
    with refreshed(page):
        pass
    assert visit.troubles == []


@pytest.mark.parametrize("path", ["", "workers/", "queues/"])
def test_what_others_have_named_is_inert(path, open_page, visit):
    Workers.hold(*(worker(name, queues=(name,)) for name in HOSTILE))
    Queues.hold(*(queue(name) for name in HOSTILE))
    Tasks.hold(*(TaskInfo(name, name, "FAILURE", name, error=name) for name in HOSTILE))
    page = open_page(path)
    with refreshed(page):
        pass
    assert page.locator("img, script:not([src])").count() == 0
    assert visit.troubles == []


def test_a_worker_of_any_name_is_a_click_away(open_page, expect):
    Workers.hold(worker("a/../b c%2F?#"))
    page = open_page("workers/")
    page.get_by_role("link", name="a/../b c%2F?#").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a/../b c%2F?#")


def test_a_whole_id_is_copied(open_page, expect):
    page = open_page("workers/celery@one/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the task id").click()
    expect(page.locator("[data-announce]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{TASK[:-1]}0"


def test_the_address_of_a_filtered_list_says_what_was_asked_for_alone(open_page, expect):
    page = open_page("workers/")
    page.get_by_label("Hostname").fill("one")
    page.get_by_label("Online").check()
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="Show all")).to_be_visible()
    assert page.url.endswith("workers/?q=one&state=online")


# -- without script ---------------------------------------------------------------------------------------------------


def test_a_plain_page_is_filtered_and_sorted(open_page, expect):
    Workers.hold(worker("a@one", processed=1), worker("b@two", processed=2), worker("c"))
    page = open_page("workers/", java_script_enabled=False)
    page.get_by_label("Hostname").fill("@")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Processed").click()
    expect(page.locator("tbody tr td:first-child")).to_have_text(["b@two", "a@one"])


def test_a_plain_page_says_how_long_ago(open_page, expect):
    Workers.hold(worker(last_seen=ago(hours=2)))
    page = open_page("workers/", java_script_enabled=False)
    expect(page.locator("td[data-label='Last seen'] time")).to_have_text("2 h ago")


def test_what_only_a_script_can_do_is_not_offered(open_page):
    page = open_page("workers/celery@one/", java_script_enabled=False)
    offered = page.locator("[data-switch], [data-theme-choice], [data-shortcuts], [data-copy]")
    assert [control for control in offered.all() if control.is_visible()] == []
