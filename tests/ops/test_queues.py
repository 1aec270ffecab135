"""The list of queues, and the page of one."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from celery_ops.exceptions import StoreUnavailable
from celery_ops.info import Binding, MessageInfo
from celery_ops.metrics.cells import Total
from tests.pages import heads, html_of, links, region, rows, text_of
from tests.planting_counts import count

from .backends import Queues, ago, queue
from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

LIST = f"{OPS}queues/"
ONE = f"{LIST}celery/"
UNKNOWN = {"depth": None, "unacked": None, "consumers": None, "oldest_age": None, "paused": None}
MESSAGE = MessageInfo(
    "3f0c9a52-1111-4222-8333-444455556666",
    "shop.tasks.charge",
    "('order 7',) {'password': 'hunter2'}",
    published_at=ago(hours=2),
    eta=ago(hours=-9),
    size=2048,
    priority=3,
)
FULL = replace(
    queue(),
    bindings=(Binding("shop", "topic", "order.#"), Binding("", "direct", "celery")),
    durable=True,
    arguments={"x-max-priority": 9, "x-secret": "hunter2"},
    workers=("celery@one", "celery@two"),
    priorities={0: 4000, 3: 7},
    messages=(MESSAGE,),
)


def queues(browser, query=""):
    return rows(html_of(browser.get(LIST + query)))


def in_json(browser, query=""):
    return [item["name"] for item in browser.get(f"{OPS}api/queues/{query}").json()["results"]]


# -- the list ---------------------------------------------------------------------------------------------------------


def test_a_queue_is_listed_with_what_is_known_of_it(browser):
    Queues.hold(queue(depth=12345))
    assert queues(browser) == {
        "celery": {
            "Queue": "celery",
            "Waiting": "12,345",
            "Unacknowledged": "2",
            "Consumers": "1",
            "Oldest message": "1 min 30 s",
            "Paused": "no",
            "Known to": "settings, broker",
        }
    }


def test_a_queue_leads_to_its_page(browser):
    Queues.hold(queue("a/b"))
    assert ("a/b", f"{LIST}a%252Fb/") in links(html_of(browser.get(LIST)))


def test_what_nobody_knows_is_called_unknown(browser):
    Queues.hold(queue(**UNKNOWN))
    row = queues(browser)["celery"]
    assert {row[name] for name in ("Waiting", "Unacknowledged", "Consumers", "Oldest message", "Paused")} == {"unknown"}


def test_an_empty_queue_has_no_oldest_message(browser):
    Queues.hold(queue(depth=0, oldest_age=None))
    assert queues(browser)["celery"]["Oldest message"] == "none"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"depth": 3, "consumers": 0}, "Unattended 0"),
        ({"depth": 0, "consumers": 0}, "0"),
        ({"depth": None, "consumers": 0}, "0"),
        ({"depth": 3, "consumers": None}, "unknown"),
        ({"depth": 3, "consumers": 0, "paused": True}, "0"),
    ],
)
def test_a_queue_with_messages_and_nobody_to_take_them_is_marked(fields, said, browser):
    Queues.hold(queue(**fields))
    assert queues(browser)["celery"]["Consumers"] == said


def test_what_the_backend_can_never_say_has_no_column(browser, use):
    use(QUEUE_BACKEND="PoorQueues")
    Queues.hold(queue())
    assert heads(html_of(browser.get(LIST))) == ["Queue", "Waiting", "Consumers", "Paused", "Known to"]


def test_the_list_is_searched_by_name(browser):
    Queues.hold(queue("celery"), queue("mail"))
    assert list(queues(browser, "?q=MAI")) == ["mail"]


def test_the_fullest_queue_comes_first_when_its_column_is_clicked(browser):
    Queues.hold(queue("a", depth=3), queue("b", depth=None), queue("c", depth=30))
    assert dict(links(html_of(browser.get(LIST))))["Waiting"] == "?sort=-depth"
    assert list(queues(browser, "?sort=-depth")) == ["c", "a", "b"]


def test_queues_that_need_somebody_are_listed_first(browser):
    Queues.hold(queue("a"), queue("b", consumers=0), queue("c", depth=0, consumers=0), queue("d", paused=True))
    assert list(queues(browser)) == in_json(browser) == ["b", "d", "a", "c"]
    assert list(queues(browser, "?sort=-name")) == in_json(browser, "?sort=-name") == ["d", "c", "b", "a"]


def test_ages_are_sorted_as_times_and_not_as_words(browser):
    Queues.hold(queue("a", oldest_age=timedelta(seconds=9)), queue("b", oldest_age=timedelta(hours=1)))
    assert list(queues(browser, "?sort=-oldest")) == ["b", "a"]


@pytest.mark.parametrize("sort", ["depth", "-depth", "consumers", "oldest", "-oldest", "paused", "-paused"])
def test_what_is_unknown_of_a_queue_is_sorted_last_as_in_json(sort, browser):
    Queues.hold(
        queue("a", **UNKNOWN), queue("b", depth=9), queue("c", depth=1, consumers=3), queue("d", depth=4, paused=True)
    )
    found = list(queues(browser, f"?sort={sort}"))
    assert found[-1] == "a"
    assert found == in_json(browser, f"?sort={sort}")


def test_no_queue_at_all_is_said(browser):
    assert "No queue is known." in html_of(browser.get(LIST))


def test_a_search_without_a_result_leads_back(browser):
    Queues.hold(queue())
    assert ("Show all queues", "?") in links(html_of(browser.get(f"{LIST}?q=zzz")))


def test_what_is_missing_is_said_beside_what_is_there(browser, monkeypatch):
    Queues.hold(queue())
    monkeypatch.setattr(Queues, "trouble", "The broker does not answer.")
    html = html_of(browser.get(LIST))
    assert "celery" in rows(html)
    assert "The broker does not answer." in region(html, "list")


def test_a_broker_that_is_away_is_said_calmly(browser, use):
    use(QUEUE_BACKEND="AwayQueues")
    html = html_of(browser.get(LIST))
    assert "The broker does not answer." in region(html, "list")
    assert "No queue is known." not in html


# -- one queue --------------------------------------------------------------------------------------------------------


@pytest.fixture
def full():
    Queues.hold(FULL)


def test_a_queue_says_how_it_is(browser, full):
    said = text_of(region(html_of(browser.get(ONE)), "queue"))
    for fact in (
        "Waiting 5",
        "By priority 0: 4,000 · 3: 7",
        "Unacknowledged 2",
        "Consumers 1",
        "Oldest message 1 min 30 s",
        "Paused no",
        "Durable yes",
        "Workers celery@one , celery@two",
        "Known to settings, broker",
    ):
        assert fact in said


def test_a_queue_of_one_priority_says_nothing_of_priorities(browser):
    Queues.hold(replace(FULL, priorities={0: 5, 3: 0, 6: 0, 9: 0}))
    assert "By priority" not in html_of(browser.get(ONE))


def test_its_workers_lead_to_their_pages(browser, full):
    found = links(region(html_of(browser.get(ONE)), "queue"))
    assert ("celery@two", f"{OPS}workers/celery%2540two/") in found


def test_its_bindings_are_listed(browser, full):
    assert list(rows(region(html_of(browser.get(ONE)), "bindings")).values()) == [
        {"Exchange": "shop", "Type": "topic", "Routing key": "order.#"},
        {"Exchange": "the default exchange", "Type": "direct", "Routing key": "celery"},
    ]


def test_its_arguments_are_shown_without_secrets(browser, full):
    html = html_of(browser.get(ONE))
    assert "x-max-priority 9 x-secret [redacted]" in text_of(region(html, "bindings"))
    assert "hunter2" not in html


def test_the_next_messages_are_shown(browser, full):
    assert rows(region(html_of(browser.get(ONE)), "head")) == {
        MESSAGE.task_id: {
            "Task id": MESSAGE.task_id[:8],
            "Task": "shop.tasks.charge",
            "Created": "2 h ago",
            "ETA": "in 8 h",
            "Priority": "3",
            "Size": "2.0 KB",
            "Arguments": "('order 7',) {'password': '[redacted]'}",
        }
    }


def test_a_message_leads_to_its_tasks_page(browser, full):
    found = links(region(html_of(browser.get(ONE)), "head"))
    assert (MESSAGE.task_id[:8], f"{OPS}tasks/{MESSAGE.task_id}/") in found


def test_the_arguments_of_a_message_are_not_for_everyone(poor_browser, full):
    html = html_of(poor_browser.get(ONE))
    assert "Arguments" not in rows(region(html, "head"))[MESSAGE.task_id]
    assert "order 7" not in html


def test_a_head_that_cannot_be_looked_at_is_said(browser):
    Queues.hold(replace(FULL, messages=None))
    assert "They cannot be looked at just now" in region(html_of(browser.get(ONE)), "head")


def test_a_broker_that_never_shows_messages_is_said(browser, use):
    use(QUEUE_BACKEND="PoorQueues")
    Queues.hold(replace(FULL, messages=None))
    html = html_of(browser.get(ONE))
    assert "This broker cannot show them" in region(html, "head")
    assert "Unacknowledged" not in html


def test_a_queue_says_why_its_numbers_are_unknown(browser):
    Queues.hold(replace(queue(**UNKNOWN), trouble="The broker does not answer."))
    assert "The broker does not answer." in region(html_of(browser.get(ONE)), "queue")


def test_a_queue_without_messages_says_so(browser):
    Queues.hold(replace(FULL, messages=()))
    assert "No message waits." in region(html_of(browser.get(ONE)), "head")


def test_what_is_not_known_of_a_queue_is_called_unknown(browser):
    Queues.hold(replace(queue(**UNKNOWN), durable=None, workers=None))
    said = text_of(region(html_of(browser.get(ONE)), "queue"))
    for name in ("Waiting", "Unacknowledged", "Consumers", "Oldest message", "Paused", "Durable", "Workers"):
        assert f"{name} unknown" in said


def test_a_queue_that_nobody_takes_from_is_marked_on_its_page(browser):
    Queues.hold(queue(consumers=0))
    assert "celery Unattended" in text_of(region(html_of(browser.get(ONE)), "queue"))


def test_a_paused_queue_is_marked_on_its_page(browser):
    Queues.hold(queue(paused=True))
    assert "celery Paused" in text_of(region(html_of(browser.get(ONE)), "queue"))


def test_a_message_may_say_anything(browser):
    hostile = MessageInfo("<img src=x>\ud800/..", "\x00<script>", "{'a': " * 50_000)
    Queues.hold(replace(FULL, messages=(hostile, MessageInfo(""))))
    html = html_of(browser.get(ONE))
    assert "<img" not in html
    assert len(html) < 50_000


def test_a_queue_that_cannot_be_read_has_a_page_that_says_so(browser, use):
    use(QUEUE_BACKEND="AwayQueues")
    assert "The broker does not answer." in region(html_of(browser.get(ONE)), "queue")


def test_a_queue_beyond_the_first_thousand_is_found_by_its_whole_name(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": "tests.ops.backends.ManyQueues"}
    Queues.hold(*(queue(f"tenant-{number:04d}") for number in range(1002)))
    assert list(queues(browser, "?q=tenant-1001")) == ["tenant-1001"]
    answer = browser.get(f"{OPS}api/queues/?q=tenant-1001").json()["results"]
    assert [item["name"] for item in answer] == ["tenant-1001"]
    assert list(queues(browser, "?q=tenant-9999")) == []


# -- numbers ----------------------------------------------------------------------------------------------------------


def counted(name="celery", *, minutes=14, arriving=20, starting=10):
    """Count so many tasks that come and begin in each minute up to now."""
    for minute in range(minutes):
        count("shop.mail", *[Total.SENT] * arriving, ago=minute * 60, queue=name)
        count("shop.mail", *[Total.STARTED] * starting, seconds=3, ago=minute * 60, queue=name)


def test_numbers_stand_beside_what_waits(browser):
    counted()
    Queues.hold(queue(depth=500), queue("other"))
    row = queues(browser)["celery"]
    assert row["Per minute"].endswith(" out")
    assert row["Time to clear"].startswith("growing for 1")
    assert row["Longest wait"].startswith(("2.9", "3.0"))
    assert "500 now" in row["Last hour"]
    assert queues(browser)["other"]["Per minute"] == "unknown"


def test_where_rows_are_cards_an_unknown_last_hour_has_its_columns_name(browser):
    counted()
    Queues.hold(queue(depth=500), queue("other"))
    cells = [tag for tag in re.findall(r"<td[^>]*>", html_of(browser.get(LIST))) if 'data-label="Last hour"' in tag]
    assert len(cells) == 2
    assert not any("celery-ops-plain" in tag for tag in cells)


def test_what_is_taken_faster_than_it_comes_is_cleared_in_a_time(browser):
    counted(arriving=5, starting=20)
    Queues.hold(queue(depth=30))
    assert queues(browser)["celery"]["Time to clear"].startswith("about ")
    Queues.hold(queue(depth=0))
    assert queues(browser)["celery"]["Time to clear"] == "none waits"


def test_pages_say_that_numbers_are_missing_where_more_queues_are_counted_than_are_told_apart(browser, monkeypatch):
    monkeypatch.setattr("celery_ops.metrics.rows.PAIRS_KEPT", 1)
    counted()
    Queues.hold(queue(), queue("late"))
    says = "what comes to other queues, and is begun of it, is unknown"
    assert says not in text_of(browser.get(LIST).text)
    counted("late")
    assert says in text_of(browser.get(LIST).text)
    assert queues(browser)["late"]["Per minute"] == "unknown"
    assert says in text_of(browser.get(f"{LIST}late/").text)
    assert says not in text_of(browser.get(f"{LIST}celery/").text)


def test_where_nothing_was_counted_there_is_no_column_for_it(browser):
    Queues.hold(queue())
    assert "Per minute" not in heads(html_of(browser.get(LIST)))


@pytest.mark.parametrize("sort", ["arrival_rate", "-arrival_rate", "clears_in", "-longest_wait"])
def test_queues_are_in_the_order_of_their_numbers(browser, sort):
    counted("slow", arriving=5, starting=3)
    counted("fast", arriving=50, starting=60)
    Queues.hold(queue("slow"), queue("fast"), queue("unknown"))
    assert set(queues(browser, f"?sort={sort}")) == {"slow", "fast", "unknown"}
    answer = browser.get(f"{OPS}api/queues/?sort={sort}").json()["results"]
    assert answer[-1]["name"] == "unknown"
    assert "arrival_rate" not in answer[-1]
    assert answer[0]["drain_rate"] > 0


def test_the_page_of_a_queue_has_its_numbers(browser):
    counted()
    Queues.hold(queue(depth=500))
    page = text_of(region(html_of(browser.get(ONE)), "queue"))
    assert "Per minute" in page
    assert "growing for 1" in page


def test_queues_are_shown_while_the_store_is_away(browser, monkeypatch):
    def away(*args, **options):
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr("celery_ops.backends.queue_flow.queues_and_site", away)
    Queues.hold(queue())
    assert queues(browser)["celery"]["Waiting"] == "5"
    assert "celery" in text_of(html_of(browser.get(ONE)))
