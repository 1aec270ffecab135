"""The page of charts, and the same as JSON."""

import re
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from celery_ops import states
from celery_ops.exceptions import StoreUnavailable
from celery_ops.info import TaskInfo
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.releases import RELEASES_ROW
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.tallies import Row
from tests.backends.result_rows import plant
from tests.pages import html_of, links, region, rows, text_of

from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

PAGE = f"{OPS}insight/"
API = f"{OPS}api/insight/"


def count(task, *kinds, seconds=None, ago=0, queue="mail", is_skewed=False):
    """Count these of a task, ``ago`` seconds before now."""
    place = (int(time.time() - ago) // 60, "", task, "", queue)
    for kind in kinds:
        flusher().counting.add((place, kind, seconds, "", is_skewed))
    flusher().flush()


def shown(browser, query=""):
    return html_of(browser.get(PAGE + query))


def answer(browser, query=""):
    return browser.get(API + query).json()


def ends(body):
    """Return how often each state is in a series."""
    return {series["state"]: sum(series["points"]) for series in body["series"] if sum(series["points"])}


@pytest.fixture
def counted():
    """Two tasks in two queues: one that waits and fails, one that takes long."""
    count("shop.mail", *[Total.STARTED] * 4, seconds=2)
    count("shop.mail", *[Total.SUCCESS] * 3, seconds=0.5)
    count("shop.mail", Total.FAILURE, seconds=0.5)
    count("shop.report", Total.SUCCESS, seconds=90, queue="slow")


@pytest.fixture
def away(monkeypatch):
    def no_answer(*args, **options):
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr("celery_ops.backends.insight.picture", no_answer)


def test_the_page_begins_with_what_matters(browser, counted):
    text = text_of(region(shown(browser), "headlines"))
    assert "Runs 5" in text
    assert "Failure rate 20 %" in text
    assert re.search(r"Wait, 95 % (1\.9|2|2\.1) s", text)
    assert re.search(r"Run time, 95 % 1\.[45] min", text)


@pytest.mark.parametrize("name", ["runs", "wait", "run"])
def test_each_chart_is_also_a_table(browser, counted, name):
    chart = region(shown(browser), name)
    assert 'role="img"' in chart
    assert "<desc>" in chart
    assert "<table" in chart
    assert "<caption" in chart


def test_the_page_is_clean_under_a_strict_policy(browser, counted):
    assert not re.search(r"style=|<style|<script(?! src)|\son\w+=", shown(browser))


def test_the_parts_lead_to_their_charts_and_to_their_tasks(browser, counted):
    page = shown(browser, "?window=7d")
    parts = rows(region(page, "parts"))
    assert parts["shop.mail"]["Failures"] == "1"
    assert parts["shop.mail"]["Run total"] == "2.0 s"
    queries = [parse_qs(urlsplit(url).query) for _text, url in links(region(page, "parts"))]
    assert {"task": ["shop.report"], "window": ["7d"]} in queries
    assert {"queue": ["slow"], "window": ["7d"]} in queries
    failures = next(url for text, url in links(region(page, "parts")) if "FAILURE" in url)
    assert browser.get(failures).status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"SUCCESS": 4, "FAILURE": 1}),
        ("?task=shop.mail", {"SUCCESS": 3, "FAILURE": 1}),
        ("?queue=slow", {"SUCCESS": 1}),
        ("?task=shop.mail&queue=slow", {}),
        ("?task=shop.nothing", {}),
    ],
)
def test_numbers_are_of_what_was_asked_for(browser, counted, query, expected):
    assert ends(answer(browser, query)) == expected


@pytest.mark.parametrize("query", ["?task=shop.nothing", "?queue=nowhere", "?task=shop.mail&queue=slow"])
def test_what_nobody_knows_is_an_empty_chart_with_a_sentence(browser, counted, query):
    page = shown(browser, query)
    assert "Nothing is known of" in text_of(region(page, "notes"))
    assert "Nothing in this time." in text_of(region(page, "runs"))


def test_the_page_says_of_what_it_is_also_on_paper(browser, counted):
    assert "shop.mail, slow, the last 7 days" in text_of(shown(browser, "?task=shop.mail&queue=slow&window=7d"))
    assert "the last 24 hours" in text_of(shown(browser))


def test_the_tabs_keep_what_is_filtered_by(browser, counted):
    tabs = dict(links(region(shown(browser, "?task=shop.mail&queue=mail&window=7d"), "tabs")))
    assert list(tabs) == ["1 hour", "24 hours", "7 days", "30 days"]
    assert parse_qs(tabs["30 days"][1:]) == {"task": ["shop.mail"], "queue": ["mail"], "window": ["30d"]}


@pytest.mark.parametrize("window", ["1000000000d", "24H", "\x00", "1h,24h"])
def test_a_window_that_there_is_not_is_said(browser, counted, window):
    page = html_of(browser.get(PAGE, {"window": window}))
    assert "There is no such window." in text_of(page)
    assert "Runs 5" in text_of(page)
    assert browser.get(API, {"window": window}).status_code == 400


@pytest.mark.parametrize("window", WINDOWS.values(), ids=lambda window: window.name)
def test_json_has_the_fields_of_the_contract(browser, counted, window):
    before = time.time()
    body = answer(browser, f"?window={window.name}")
    assert body["start"] <= time.time()
    assert before < body["end"]
    assert list(body) == ["window", "step", "start", "end", "series", "wait", "run"]
    assert (body["window"], body["step"]) == (window.name, window.step)
    assert [series["state"] for series in body["series"]] == ["SUCCESS", "FAILURE", "RETRY", "REVOKED", "REJECTED"]
    assert {len(series["points"]) for series in body["series"]} == {(body["end"] - body["start"]) / body["step"]}
    assert body["wait"] == pytest.approx({"p50": 2, "p95": 2, "p99": 2}, rel=0.05)
    assert body["run"] == pytest.approx({"p50": 0.5, "p95": 90, "p99": 90}, rel=0.05)


def test_what_is_unknown_is_null_in_json(browser):
    body = answer(browser)
    assert body["wait"] == body["run"] == {"p50": None, "p95": None, "p99": None}


def test_the_page_is_json_for_those_who_accept_that(browser, counted):
    with time_machine.travel(datetime.now(timezone.utc), tick=False):  # no step of the window begins in between
        response = browser.get(f"{PAGE}?task=shop.mail", headers={"Accept": "application/json"})
        assert response.json() == answer(browser, "?task=shop.mail")


def test_a_release_is_marked_where_it_began(browser, counted):
    texts = {
        "0": f"{time.time() - 7200:.0f} v1.2",
        "1": f"{time.time() - 90_000:.0f} v1.1",
        "2": "nonsense",
        "3": "9 <b>",
    }
    recorder().ask(lambda store: store.add([Row(RELEASES_ROW, 3600, texts=texts)], "planted"))
    page = shown(browser)
    assert "<title>v1.2</title>" in region(page, "wait")
    assert "v1.1" not in page
    assert "v1.1" in text_of(region(shown(browser, "?window=30d"), "headlines"))


def test_clocks_that_differ_are_said_on_the_page_of_the_task(browser, counted):
    count("shop.report", Total.STARTED, Total.STARTED, seconds=0.0, is_skewed=True)
    sentence = "2 waits are counted as 0"
    assert sentence in text_of(shown(browser, "?task=shop.report"))
    assert sentence in text_of(shown(browser))
    assert "counted as 0" not in text_of(shown(browser, "?task=shop.mail"))


def test_a_site_that_does_not_count_answers_by_its_results(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS": False}
    now = datetime.now(timezone.utc)
    for number, state in enumerate((states.FAILURE, states.SUCCESS)):
        begun = now - timedelta(seconds=3)
        plant(TaskInfo(str(number), "shop.mail", state, created_at=begun, started_at=begun, finished_at=now))
    page = shown(browser, "?task=shop.mail")
    assert "newest 10,000 results" in text_of(page)
    assert "Runs 2" in text_of(page)
    assert "Wait, 95 % unknown" in text_of(page)
    body = answer(browser, "?task=shop.mail")
    assert ends(body) == {"SUCCESS": 1, "FAILURE": 1}
    assert body["run"]["p50"] == pytest.approx(3, rel=0.05)
    assert ends(answer(browser, "?task=shop.other")) == {}
    assert "Results do not say in which queue" in text_of(shown(browser, "?queue=mail"))


def test_a_store_that_is_away_is_said_and_results_answer(browser, away):
    now = datetime.now(timezone.utc)
    plant(TaskInfo("1", "shop.mail", states.SUCCESS, created_at=now, finished_at=now))
    page = shown(browser)
    assert "The store does not answer." in text_of(region(page, "notes"))
    assert "Runs 1" in text_of(page)


def test_without_store_and_results_the_page_says_so(browser, away, monkeypatch):
    monkeypatch.setattr("celery_ops.backends.results.numbers.apps.is_installed", lambda name: False)
    page = shown(browser)
    assert "The store does not answer." in text_of(region(page, "notes"))
    assert browser.get(API).status_code == 503


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\nb", "é&name=x", "x" * 199, '"><svg onload=x>'])
def test_a_hostile_name_is_text(browser, name):
    count(name, Total.SUCCESS, Total.FAILURE, queue=name)
    page = shown(browser)
    assert "<script>alert" not in page
    assert "<svg onload" not in page
    for query in ({"task": name}, {"queue": name}):
        assert browser.get(PAGE, query).status_code == 200
        assert browser.get(API, query).status_code == 200


def test_a_table_of_those_that_ran_most_says_how_many_more_there_are(browser):
    for number in range(13):
        count(f"shop.number_{number:02}", *[Total.SUCCESS] * (20 - number), seconds=1)
    page = shown(browser)
    assert "shop.number_09" in rows(page)
    assert "shop.number_10" not in rows(page)
    assert "These ran most. 3 more did something." in " ".join(text_of(page).split())
