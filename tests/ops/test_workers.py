"""The list of workers, and the page of one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from celery_ops.info import NO_REPLY, RegisteredTask, TaskInfo
from celery_ops.permissions import Policy
from tests.pages import heads, html_of, links, region, rows, text_of

from .backends import Workers, ago, worker
from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

LIST = f"{OPS}workers/"
ONE = f"{LIST}celery%2540one/"
UNFINISHED = b"data-unfinished"
OPENED = {"Sec-Fetch-Mode": "navigate"}
SECRETS = ["hunter2", "4111111111111111"]
TASK = TaskInfo(
    "3f0c9a52-1111-4222-8333-444455556666",
    "shop.tasks.charge",
    "STARTED",
    started_at=ago(hours=5),
    args=["order 7"],
    kwargs={"password": "hunter2", "card": "4111111111111111"},
)
FULL = replace(
    worker(),
    active=(TASK,),
    reserved=(replace(TASK, id="reserved-1"),),
    scheduled=(replace(TASK, id="scheduled-1", eta=ago(hours=-9)),),
    registered=(RegisteredTask("shop.tasks.charge", "10/m", 30.0, 60.5), RegisteredTask("shop.tasks.mail")),
    totals={"shop.tasks.charge": 1234, "shop.tasks.gone": 5},
    pid=41234,
    uptime=timedelta(days=3, hours=4),
    prefetch_count=16,
    pool={"max-concurrency": 4, "processes": [1, 2]},
    resources={"maxrss": 51200, "utime": 1.5},
    broker={"transport": "redis", "hostname": "10.0.0.1", "port": 6379, "userid": "u", "password": "hunter2"},
    conf={
        "broker_url": "redis://u:hunter2@10.0.0.1:6379/0",
        "timezone": "Europe/Vienna",
        "redis_password": "hunter2",
        "task_routes": {"shop.*": {"queue": "celery", "secret": "hunter2"}},
    },
)


def workers(browser, query=""):
    return rows(html_of(browser.get(LIST + query)))


@pytest.fixture
def three():
    Workers.hold(
        worker("celery@a", processed=30, queues=("celery", "mail")),
        worker("celery@b", processed=None, queues=None),
        worker("batch@c", processed=200, queues=("batch",), state=NO_REPLY, last_seen=ago(minutes=3)),
    )


# -- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [LIST, OPS])
def test_a_page_opened_in_a_browser_says_that_workers_are_still_being_asked(browser, address, monkeypatch):
    for is_slow in (True, False):
        monkeypatch.setattr(Workers, "is_slow", is_slow)
        assert (UNFINISHED in browser.get(address, headers=OPENED).content) == is_slow


@pytest.mark.parametrize("headers", [{"X-Celery-Ops": "fragment", "Sec-Fetch-Mode": "cors"}, {}])
def test_a_script_or_a_program_that_asks_for_a_page_waits_for_the_workers(browser, headers, monkeypatch):
    monkeypatch.setattr(Workers, "is_slow", True)
    assert UNFINISHED not in browser.get(LIST, headers=headers).content


def test_a_worker_is_listed_with_what_it_says(browser):
    Workers.hold(worker(last_seen=ago(minutes=1)))
    assert workers(browser)["celery@one"] == {
        "Worker": "celery@one",
        "State": "Online",
        "Pool": "prefork",
        "Concurrency": "4",
        "Active": "1",
        "Reserved": "2",
        "Scheduled": "3",
        "Processed": "4,567",
        "Queues": "celery",
        "Last seen": "1 min ago",
    }


def test_a_worker_and_its_queues_lead_to_their_pages(browser):
    Workers.hold(worker(queues=("celery", "a/b")))
    found = dict(links(html_of(browser.get(LIST))))
    assert (found["celery@one"], found["a/b"]) == (ONE, f"{OPS}queues/a%252Fb/")


def test_a_silent_worker_stays_listed_with_when_it_was_heard(browser, three):
    row = workers(browser)["batch@c"]
    assert (row["State"], row["Last seen"]) == ("No reply", "3 min ago")


def test_what_a_worker_does_not_say_is_unknown(browser, three):
    row = workers(browser)["celery@b"]
    assert (row["Processed"], row["Queues"]) == ("unknown", "unknown")


def test_a_worker_that_consumes_nothing_is_not_unknown(browser):
    Workers.hold(worker(queues=()))
    assert workers(browser)["celery@one"]["Queues"] == "none"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["celery@a", "celery@b", "batch@c"]),
        ("?q=CELERY", ["celery@a", "celery@b"]),
        ("?state=no_reply", ["batch@c"]),
        ("?state=no_reply&state=online", ["celery@a", "celery@b", "batch@c"]),
        ("?queue=mail", ["celery@a"]),
        ("?q=celery&queue=batch", []),
        ("?unknown=1", ["celery@a", "celery@b", "batch@c"]),
    ],
)
def test_the_list_is_filtered(query, found, browser, three):
    assert sorted(workers(browser, query)) == sorted(found)


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("processed", ["celery@a", "batch@c", "celery@b"]),
        ("-processed", ["batch@c", "celery@a", "celery@b"]),
        ("hostname", ["batch@c", "celery@a", "celery@b"]),
    ],
)
def test_the_list_is_sorted(sort, found, browser, three):
    assert list(workers(browser, f"?sort={sort}")) == found


@pytest.mark.parametrize("sort", ["processed", "-processed", "pool", "-pool", "last_seen", "-last_seen"])
def test_what_is_unknown_of_a_worker_is_sorted_last_as_in_json(sort, browser):
    unknown = worker("celery@a", processed=None, pool=None, last_seen=None)
    Workers.hold(unknown, worker("celery@b", processed=5), worker("celery@c", processed=2, pool="threads"))
    found = list(workers(browser, f"?sort={sort}"))
    assert found[-1] == "celery@a"
    assert found == [item["hostname"] for item in browser.get(f"{OPS}api/workers/?sort={sort}").json()["results"]]


def test_the_head_of_a_column_sorts_by_it_and_keeps_the_filters(browser, three):
    found = dict(links(html_of(browser.get(f"{LIST}?q=celery&page=2"))))
    assert found["Processed"] == "?sort=-processed&q=celery"


def test_the_head_of_a_sorted_column_turns_the_order_round(browser, three):
    html = html_of(browser.get(f"{LIST}?sort=-processed"))
    assert dict(links(html))["Processed"] == "?sort=processed"
    assert 'aria-sort="descending"' in html


def test_a_queue_that_is_gone_may_still_be_asked_for(browser, three):
    html = html_of(browser.get(f"{LIST}?queue=gone"))
    assert "No worker matches these filters." in html
    assert "not one of the available choices" not in html


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("state=bogus", "bogus is not one of the available choices"),
        ("sort=hostname.x", "Order: Select a valid choice"),
        ("page=two", "Page: Enter a whole number."),
        ("page_size=1e9", "Rows a page: Enter a whole number."),
        ("q=%00", "Null characters are not allowed."),
        ("q=" + "x" * 100_000, "at most 300 characters"),
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_and_said(query, message, browser, three):
    html = html_of(browser.get(f"{LIST}?{query}"))
    assert len(rows(html)) == 3
    assert message in text_of(html)


def test_a_long_search_is_not_repeated_in_every_link(browser, three):
    assert len(html_of(browser.get(f"{LIST}?q=" + "x" * 100_000))) < 150_000


@pytest.mark.parametrize("page", ["100000000000000000000", "9" * 5000, "2"])
def test_a_page_beyond_the_last_is_the_last(page, browser, three):
    assert list(workers(browser, f"?page={page}&page_size=2&sort=hostname")) == ["celery@b"]


@pytest.mark.parametrize("page", ["0", "-1", "-" + "9" * 5000, ""])
def test_a_page_before_the_first_is_the_first(page, browser, three):
    assert list(workers(browser, f"?page={page}&page_size=2&sort=hostname")) == ["batch@c", "celery@a"]


def test_the_way_on_keeps_what_was_asked_for(browser, three):
    html = html_of(browser.get(f"{LIST}?page_size=2&sort=hostname"))
    assert 'rel="next" href="?sort=hostname&amp;page=2&amp;page_size=2"' in html
    assert "1\u20132 of 3" in text_of(html)


def test_a_list_on_one_page_has_no_way_on(browser, three):
    assert 'rel="next"' not in html_of(browser.get(LIST))


def test_a_page_has_no_more_rows_than_the_site_allows(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "MAX_PAGE_SIZE": 7}
    Workers.hold(*(worker(f"w{number:02}") for number in range(20)))
    assert len(workers(browser, "?page_size=1000000000")) == 7


class Noting(Policy):
    """Remembers about which workers it was asked."""

    asked = []

    def may_control_workers(self, user, hostname=None):
        self.asked.append(hostname)
        return super().may_control_workers(user, hostname)


def test_the_policy_is_asked_about_the_workers_of_the_page_that_is_shown_and_no_others(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.Noting"}
    Workers.hold(*(worker(f"w{number:02}", processed=number) for number in range(20)))
    Noting.asked.clear()
    assert list(workers(browser, "?page_size=3&sort=-processed&page=2")) == ["w16", "w15", "w14"]
    assert set(filter(None, Noting.asked)) == {"w16", "w15", "w14"}


def test_a_filter_keeps_the_order_of_the_list(browser, three):
    form = html_of(browser.get(f"{LIST}?sort=-processed")).partition("<form")[2].partition("</form>")[0]
    assert '<input type="hidden" name="sort" value="-processed"' in form


def test_no_worker_at_all_is_said_with_what_to_do(browser):
    assert "No worker runs. Start one, and it appears here when it first answers" in text_of(html_of(browser.get(LIST)))


def test_old_news_are_shown_with_their_age_and_why(browser, monkeypatch):
    Workers.hold(worker())
    monkeypatch.setattr(Workers, "trouble", "The broker does not answer.")
    monkeypatch.setattr(Workers, "collected_at", ago(minutes=4))
    html = html_of(browser.get(LIST))
    assert "celery@one" in rows(html)
    assert "The broker does not answer." in region(html, "list")
    assert "Collected 4 min ago" in text_of(region(html, "source"))


def test_a_broker_that_is_away_is_said_calmly_and_without_its_password(browser, use):
    use(WORKER_BACKEND="AwayWorkers")
    html = html_of(browser.get(LIST))
    assert "does not answer." in region(html, "list")
    assert "hunter2" not in html
    assert "No worker runs." not in html


# -- one worker -------------------------------------------------------------------------------------------------------


@pytest.fixture
def full():
    Workers.hold(FULL)


def test_a_worker_says_how_it_is_set_up(browser, full):
    said = text_of(region(html_of(browser.get(ONE)), "worker"))
    for fact in (
        "celery@one Online",
        "Pool prefork",
        "Concurrency 4",
        "Prefetch 16",
        "Processed 4,567",
        "Uptime 3 d 4 h",
        "Process id 41234",
        "Broker redis://10.0.0.1:6379",
        "Queues celery",
    ):
        assert fact in said


@pytest.mark.parametrize("task_id", [TASK.id, "reserved-1", "scheduled-1"])
def test_what_it_has_in_hand_leads_to_the_tasks_pages(task_id, browser, full):
    found = links(region(html_of(browser.get(ONE)), "held"))
    assert (task_id[:8], f"{OPS}tasks/{task_id}/") in found


def test_a_task_in_hand_says_when_it_began_or_begins(browser, full):
    found = rows(region(html_of(browser.get(ONE)), "held"))
    assert found[TASK.id]["Started"] == "5 h ago"
    assert found["scheduled-1"]["ETA"] == "in 8 h"


def test_arguments_are_shown_redacted_to_those_who_may_see_them(browser, full):
    shown = rows(region(html_of(browser.get(ONE)), "held"))[TASK.id]["Arguments"]
    assert shown == '{"args": ["order 7"], "kwargs": {"password": "[redacted]", "card": "[redacted]"}}'


def test_arguments_are_not_shown_to_others(poor_browser, full):
    html = html_of(poor_browser.get(ONE))
    assert rows(region(html, "held"))[TASK.id]["Task"] == "shop.tasks.charge"
    assert "order 7" not in html


def test_the_tasks_it_knows_are_listed_with_their_limits(browser, full):
    assert rows(region(html_of(browser.get(ONE)), "known")) == {
        "shop.tasks.charge": {
            "Task": "shop.tasks.charge",
            "Processed": "1,234",
            "Rate limit": "10/m",
            "Soft time limit": "30 s",
            "Time limit": "60.5 s",
        },
        "shop.tasks.gone": {
            "Task": "shop.tasks.gone",
            "Processed": "5",
            "Rate limit": "",
            "Soft time limit": "",
            "Time limit": "",
        },
        "shop.tasks.mail": {
            "Task": "shop.tasks.mail",
            "Processed": "",
            "Rate limit": "",
            "Soft time limit": "",
            "Time limit": "",
        },
    }


def test_its_configuration_is_shown(browser, full):
    said = text_of(region(html_of(browser.get(ONE)), "entries"))
    assert "Celery's configuration 4" in said
    assert "timezone Europe/Vienna" in said
    assert "maxrss 51200" in said
    assert 'task_routes {"shop.*": {"queue": "celery", "secret": "[redacted]"}}' in said


def test_no_secret_of_its_configuration_shows(browser, full):
    html = html_of(browser.get(ONE))
    assert [secret for secret in SECRETS if secret in html] == []


def test_a_long_configuration_is_shown_as_a_whole(browser):
    Workers.hold(replace(FULL, conf={f"CELERY_SETTING_{number}": "x" * 50 for number in range(170)}))
    said = text_of(region(html_of(browser.get(ONE)), "entries"))
    assert "Celery's configuration 170" in said
    assert "CELERY_SETTING_169" in said


def test_a_sites_other_settings_are_not_shown(browser):
    Workers.hold(replace(FULL, conf={"timezone": "UTC", "CELERY_RESULT_BACKEND": "rpc", "SHOP_PIN": "0815", 7: "x"}))
    said = text_of(region(html_of(browser.get(ONE)), "entries"))
    assert "Celery's configuration 2 CELERY_RESULT_BACKEND rpc timezone UTC" in said


SCHEDULED = {
    "dict": {"task": "shop.tasks.charge", "schedule": 30.0, "args": ["order 7"], "kwargs": {"x": "order 7"}},
    "text": "<ScheduleEntry: text shop.tasks.charge('order 7') <freq: 30.00 seconds>>",
}


@pytest.mark.parametrize("name", ["beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE"])
@pytest.mark.parametrize("value", [SCHEDULED, [SCHEDULED], "{'x': {'args': ['order 7']}}"])
def test_what_scheduled_tasks_are_given_is_shown_to_those_alone_who_may_see_it(name, value, browser, poor_browser):
    Workers.hold(replace(FULL, active=(), reserved=(), scheduled=(), conf={name: value}))
    assert "order 7" in html_of(browser.get(ONE))
    html = html_of(poor_browser.get(ONE))
    assert "order 7" not in html
    assert ("shop.tasks.charge" in text_of(region(html, "entries"))) == (value is SCHEDULED)


@pytest.mark.parametrize(
    "value", [None, 1, "text", ["x"], {3: b"x"}, {"x" * 5000: "y" * 1_000_000}, {"\ud800": "\x00"}]
)
@pytest.mark.parametrize("part", ["conf", "pool", "resources", "broker"])
def test_a_part_may_be_anything(part, value, browser):
    said = value if isinstance(value, dict) else {"one": value, None: value}
    Workers.hold(replace(FULL, **{part: said}))
    assert len(html_of(browser.get(ONE))) < 50_000


def test_a_part_that_did_not_come_is_named_and_not_taken_for_nothing(browser):
    Workers.hold(replace(worker(), missing=("reserved",)))
    html = html_of(browser.get(ONE))
    assert "It did not answer, or not in a way that can be read: reserved" in text_of(region(html, "worker"))
    assert "Active 0 It runs nothing just now. Reserved unknown" in text_of(region(html, "held"))


def test_a_silent_worker_says_when_it_was_heard(browser):
    Workers.hold(worker(state=NO_REPLY, last_seen=ago(minutes=3), active=None))
    html = html_of(browser.get(ONE))
    assert "No reply, last seen 3 min ago" in text_of(region(html, "worker"))
    assert "It runs nothing just now." not in html


def test_a_worker_that_cannot_be_asked_has_a_page_that_says_so(browser, use):
    use(WORKER_BACKEND="AwayWorkers")
    html = html_of(browser.get(ONE))
    assert "does not answer." in text_of(region(html, "worker"))
    assert "hunter2" not in html


def test_a_column_has_a_head(browser, three):
    assert len(heads(html_of(browser.get(LIST)))) == 10


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "gone"}, "It is gone"),
        ({"state": "ended"}, "It ended well"),
        ({"is_twice": True}, "Two workers have this name"),
        ({"queues": ()}, "it consumes no queue"),
        ({"concurrency": 0}, "its pool has no process"),
    ],
)
def test_the_page_of_a_worker_says_how_it_is(fields, words, browser):
    Workers.hold(worker("b@two", last_seen=ago(minutes=3), **fields))
    assert words in text_of(html_of(browser.get(f"{OPS}workers/b%2540two/")))


@pytest.mark.parametrize("state", ["online", "no_reply", "ended", "gone"])
def test_each_state_is_a_filter(state, browser):
    Workers.hold(*(worker(f"{each}@x", state=each) for each in ("online", "no_reply", "ended", "gone")))
    found = browser.get(f"{OPS}workers/?state={state}").text
    assert [each for each in ("online", "no_reply", "ended", "gone") if f'data-key="{each}@x"' in found] == [state]
