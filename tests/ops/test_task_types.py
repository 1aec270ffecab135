"""The list of the types of tasks, and the same as JSON."""

import time
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest

from celery_ops import states
from celery_ops.exceptions import StoreUnavailable
from celery_ops.info import TaskInfo
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.timezones import entered
from celery_ops.tracking.costs import Cost
from tests.backends.result_rows import plant
from tests.pages import heads, html_of, links, region, rows, text_of
from tests.planting_counts import count

from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

LIST = f"{OPS}types/"
API = f"{OPS}api/types/"
FIELDS = ["name", "runs", "failures", "failure_rate", "wait_p50", "wait_p95", "run_p50", "run_p95", "run_total"]
FIELDS += ["last_failure_at"]


def types(browser, query=""):
    return rows(html_of(browser.get(LIST + query)))


def names(browser, query=""):
    return [item["name"] for item in browser.get(API + query).json()["results"]]


@pytest.fixture
def counted():
    """Two tasks: one that waits and fails, one that takes long."""
    count("shop.mail", *[Total.STARTED] * 4, seconds=2)
    count("shop.mail", *[Total.SUCCESS] * 3, seconds=0.5)
    count("shop.mail", Total.FAILURE, seconds=0.5, queue="slow")
    count("shop.report", Total.SUCCESS, seconds=90)


def test_a_row_says_what_a_task_did(browser, counted):
    row = types(browser)["shop.mail"]
    assert row["Runs"] == "4"
    assert row["Failures"] == "1"
    assert row["Failure rate"] == "25 %"
    assert row["Wait p50"].endswith(" s")
    assert row["Run p95"].endswith(" ms")
    assert row["Last failure"]
    assert types(browser)["shop.report"]["Last failure"] == ""
    assert types(browser)["shop.report"]["Wait p50"] == "unknown"


def test_what_is_counted_together_leads_to_no_list_of_tasks(browser, monkeypatch):
    monkeypatch.setattr("celery_ops.metrics.rows.PAIRS_KEPT", 1)
    count("shop.mail", Total.FAILURE, seconds=1)
    count("shop.report", Total.FAILURE, seconds=1)
    for page in (LIST, f"{OPS}insight/"):
        urls = [url for _text, url in links(html_of(browser.get(page)))]
        assert any("tasks/?" in url and "name=shop.mail" in url for url in urls)
        assert not any("tasks/?" in url and "name=other" in url for url in urls)
        assert any("insight/?task=other" in url for url in urls)
    assert "name=other" not in browser.get(f"{OPS}insight/?task=other").text


def test_what_shows_all_task_types_stays_in_the_window(browser):
    count("shop.mail", Total.SUCCESS, seconds=1, ago=3 * 86_400)
    page = html_of(browser.get(f"{LIST}?window=7d&q=nothing"))
    (url,) = [url for text, url in links(page) if text == "Show all task types"]
    assert list(types(browser, url)) == ["shop.mail"]


def test_a_row_says_what_a_task_cost(browser, counted):
    place = (int(time.time()) // 60, "", "shop.report", "", "mail")
    flusher().counting.spend(place, Cost(75.0, 300 * 2**20))
    flusher().flush()
    row = types(browser)["shop.report"]
    assert row["CPU"] == "1 min 15 s"
    assert row["Memory"].endswith(" MB")
    assert types(browser)["shop.mail"]["CPU"] == types(browser)["shop.mail"]["Memory"] == "unknown"
    assert names(browser, "?sort=-cpu_total")[0] == names(browser, "?sort=-peak_memory")[0] == "shop.report"
    report = next(item for item in browser.get(API).json()["results"] if item["name"] == "shop.report")
    assert report["cpu_total"] == 75
    assert report["peak_memory"] == pytest.approx(300 * 2**20, rel=0.05)


def test_the_numbers_lead_to_the_tasks_that_they_count(browser, counted):
    failures = next(url for text, url in links(html_of(browser.get(LIST))) if text == "1" and "FAILURE" in url)
    query = parse_qs(urlsplit(failures).query)
    assert query["state"] == [states.FAILURE]
    assert query["name"] == ["shop.mail"]
    since = entered(datetime.fromisoformat(query["since"][0]))  # with an offset where that hour comes twice
    day = timedelta(hours=24)
    assert abs(datetime.now(timezone.utc) - since - day) < timedelta(minutes=16)
    assert browser.get(failures).status_code == 200


@pytest.mark.parametrize(
    "name", ["runs", "failures", "failure_rate", "wait_p50", "run_p95", "run_total", "cpu_total", "name"]
)
def test_each_column_sorts(browser, counted, name):
    first, last = names(browser, f"?sort={name}"), names(browser, f"?sort=-{name}")
    assert sorted(first) == sorted(last) == ["shop.mail", "shop.report"]
    assert list(types(browser, f"?sort=-{name}")) == last
    if name not in ("wait_p50", "cpu_total"):  # what is unknown comes last, either way
        assert first == last[::-1]


def test_a_task_is_found_by_a_part_of_its_name(browser, counted):
    assert list(types(browser, "?q=REP")) == ["shop.report"]
    page = html_of(browser.get(f"{LIST}?q=nothing&window=7d"))
    assert "No task matches" in text_of(region(page, "list"))


@pytest.mark.parametrize(("window", "runs"), [("1h", 1), ("24h", 2), ("7d", 3), ("30d", 4), ("", 2)])
def test_a_window_has_what_was_in_it(browser, window, runs):
    for ago in (60, 7200, 3 * 86_400, 20 * 86_400):
        count("shop.mail", Total.SUCCESS, ago=ago)
    assert types(browser, f"?window={window}")["shop.mail"]["Runs"] == str(runs)


def test_the_tabs_keep_what_is_searched_for(browser, counted):
    page = html_of(browser.get(f"{LIST}?q=mail&window=7d&sort=-runs"))
    tabs = dict(links(region(page, "tabs")))
    assert list(tabs) == ["1 hour", "24 hours", "7 days", "30 days"]
    assert parse_qs(tabs["30 days"].removeprefix("?")) == {"q": ["mail"], "sort": ["-runs"], "window": ["30d"]}


def test_an_unknown_window_is_said_and_the_usual_one_shown(browser, counted):
    page = html_of(browser.get(f"{LIST}?window=1000000000d"))
    assert "There is no such window." in text_of(page)
    assert rows(page)["shop.mail"]["Runs"] == "4"
    assert browser.get(f"{API}?window=soon").status_code == 400


def test_nothing_has_run(browser):
    page = html_of(browser.get(LIST))
    assert "No task did anything in this window." in text_of(page)
    assert "Traceback" not in page


def test_json_has_the_fields_of_the_contract(browser, counted):
    mail, report = browser.get(API).json()["results"]
    assert list(mail) == FIELDS
    assert (mail["runs"], mail["failures"], mail["failure_rate"]) == (4, 1, 0.25)
    assert mail["run_total"] == pytest.approx(2)
    assert mail["wait_p95"] == pytest.approx(2, rel=0.05)
    assert datetime.fromisoformat(mail["last_failure_at"]).tzinfo
    assert (report["wait_p50"], report["last_failure_at"]) == (None, None)


def seconds_since_the_last_failure(browser, window):
    told = browser.get(f"{API}?window={window}").json()["results"][0]["last_failure_at"]
    return (datetime.now(timezone.utc) - datetime.fromisoformat(told)).total_seconds()


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "30d"])
def test_the_last_failure_is_told_to_the_minute(browser, window):
    for ago in (2700, 1500):
        count("shop.mail", Total.FAILURE, seconds=1, ago=ago)
    assert 1500 <= seconds_since_the_last_failure(browser, window) < 1565


def test_an_older_failure_that_is_told_of_late_is_not_the_last_one(browser):
    for ago in (1500, 2700):
        count("shop.mail", Total.FAILURE, seconds=1, ago=ago)
    assert 1500 <= seconds_since_the_last_failure(browser, "1h") < 1565


def test_json_comes_in_pages(browser, counted):
    first = browser.get(f"{API}?page_size=1&window=7d").json()
    second = browser.get(first["next"]).json()
    assert [item["name"] for page in (first, second) for item in page["results"]] == ["shop.mail", "shop.report"]
    assert second["next"] is None


def test_a_site_that_does_not_count_answers_by_its_results(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS": False}
    now = datetime.now(timezone.utc)
    plant(TaskInfo("1", "shop.mail", states.FAILURE, created_at=now, finished_at=now))
    page = html_of(browser.get(LIST))
    assert rows(page)["shop.mail"]["Failures"] == "1"
    assert "newest 10,000 results" in text_of(page)
    assert browser.get(API).json()["results"][0]["last_failure_at"] == now.isoformat()


def test_a_store_that_is_away_is_said_and_results_answer(browser, monkeypatch):
    def away(*args, **options):
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr("celery_ops.backends.task_types.types", away)
    now = datetime.now(timezone.utc)
    plant(TaskInfo("1", "shop.mail", states.SUCCESS, created_at=now, finished_at=now))
    page = html_of(browser.get(LIST))
    assert "The store does not answer." in text_of(region(page, "list"))
    assert rows(page)["shop.mail"]["Runs"] == "1"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\nb", "é&name=x", "x" * 199])
def test_a_hostile_name_is_text(browser, name):
    count(name, Total.SUCCESS, Total.FAILURE)
    page = html_of(browser.get(LIST))
    assert "<script>alert" not in page
    assert heads(page)
    assert browser.get(API).status_code == 200
