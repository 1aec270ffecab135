"""The overview: what is wrong first, then a little of everything."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import translation

from celery_ops.alerts.evaluating import evaluate
from celery_ops.exceptions import StoreUnavailable
from celery_ops.info import NO_REPLY, TaskInfo
from celery_ops.metrics.cells import Total
from celery_ops.models import ControlRecord
from celery_ops.tracking.registry import registry
from tests.celery import app
from tests.conftest import configure
from tests.pages import html_of, links, region, rows, text_of
from tests.planting_counts import count
from tests.servers import wait_for

from .backends import Queues, Tasks, Workers, ago, queue, worker
from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

FAILED = TaskInfo(
    "3f0c9a52-1111-4222-8333-444455556666",
    "shop.tasks.charge",
    "FAILURE",
    "celery@one",
    error="CardRefused: password=hunter2 for order 7",
)


def wrong(browser):
    """What the page says is wrong, None when it says nothing."""
    return text_of(region(html_of(browser.get(OPS)), "problems")) or None


@pytest.fixture
def well():
    Workers.hold(worker())
    Queues.hold(queue())


# -- what is wrong ----------------------------------------------------------------------------------------------------


def test_nothing_is_said_when_nothing_is_wrong(browser, well):
    assert wrong(browser) is None


def test_no_worker_at_all_is_wrong(browser, well):
    Workers.hold()
    assert wrong(browser) == "What is wrong No worker runs."


def test_a_silent_worker_is_wrong_and_leads_to_its_page(browser, well):
    Workers.hold(worker(), worker("b@two", state=NO_REPLY, last_seen=ago(minutes=3)))
    assert wrong(browser) == "What is wrong b@two does not reply. Last seen 3 min ago ."
    assert ("b@two", f"{OPS}workers/b%2540two/") in links(region(html_of(browser.get(OPS)), "problems"))


def test_many_silent_workers_are_not_all_named(browser, well):
    Workers.hold(*(worker(f"w{number}", state=NO_REPLY) for number in range(8)))
    assert wrong(browser).endswith(" 3 more workers do not reply.")


def test_many_queues_are_not_all_named(browser, well):
    Queues.hold(*(queue(f"q{number}", consumers=0) for number in range(6)))
    assert wrong(browser).endswith(" 1 more queue waits like these.")


def test_messages_that_nobody_takes_are_wrong(browser, well):
    Queues.hold(queue("mail", depth=18, consumers=0))
    assert wrong(browser) == "What is wrong mail has 18 messages and nobody to take them."


def grown(minutes, *, sent=20, started=10):
    """Count what comes into a queue and what is begun in each of the last minutes."""
    for minute in range(minutes):
        count("shop.mail", *[Total.SENT] * sent, *[Total.STARTED] * started, ago=minute * 60)


@pytest.mark.parametrize(("minutes", "words"), [(13, "10 min"), (34, "30 min")])
def test_a_queue_that_grows_and_grows_is_wrong(minutes, words, browser, well):
    grown(minutes)
    Queues.hold(queue("mail", depth=10_000))
    assert wrong(browser) == f"What is wrong mail has grown for more than {words}: more comes than is begun."


def test_a_burst_that_is_drained_is_well(browser, well):
    grown(14, sent=5, started=10)
    count("shop.mail", *[Total.SENT] * 900, ago=400)
    Queues.hold(queue("mail", depth=850))
    assert wrong(browser) is None


def test_a_paused_queue_that_grows_is_well(browser, well):
    grown(14)
    Queues.hold(queue("mail", depth=10_000, paused=True))
    assert wrong(browser) is None


def test_the_last_hour_is_summed_up_where_anything_was_counted(browser, well):
    assert not text_of(region(html_of(browser.get(OPS)), "numbers"))
    count("shop.mail", *[Total.SENT] * 3, *[Total.STARTED] * 3, Total.FAILURE, seconds=1)
    count("shop.pay", Total.SUCCESS, seconds=1, queue="other")
    page = html_of(browser.get(OPS))
    assert text_of(region(page, "numbers")).startswith("Last hour Runs 2 Failures 1 Per minute 0.")
    assert ("Last hour", f"{OPS}insight/?window=1h") in links(page)


@pytest.mark.parametrize(
    ("age", "words"),
    [({"minutes": 6}, "5 min"), ({"minutes": 59}, "5 min"), ({"hours": 2}, "1 h"), ({"days": 9}, "1 d")],
)
def test_a_message_that_waits_for_long_is_wrong(age, words, browser, well):
    Queues.hold(queue("mail", oldest_age=timedelta(**age)))
    assert wrong(browser) == f"What is wrong mail has had its oldest message for more than {words}."


def test_messages_that_nobody_takes_come_before_workers_that_are_silent(browser, well):
    Workers.hold(worker("b@two", state=NO_REPLY))
    Queues.hold(queue("mail", depth=1, consumers=0))
    assert wrong(browser).startswith("What is wrong mail has a message and nobody to take it. b@two does not reply.")


def test_a_paused_queue_in_which_messages_wait_is_shown_before_the_lists(browser, well):
    Queues.hold(queue("mail", depth=1, paused=True), queue("news", depth=0, paused=True), queue("print", depth=3))
    html = html_of(browser.get(OPS))
    assert text_of(region(html, "held-up")) == "What is paused mail has 1 message waiting."
    assert html.index('data-region="held-up"') < html.index('data-region="workers"')


def test_who_paused_a_queue_in_which_messages_wait_is_said(browser, well):
    ControlRecord.objects.create(action=ControlRecord.PAUSE, target="mail", username="ada")
    Queues.hold(queue("mail", depth=1200))
    said = text_of(region(html_of(browser.get(OPS)), "held-up"))
    assert said.startswith("What is paused mail has 1,200 messages waiting. Paused by ada ")


def test_while_no_queue_is_held_up_nothing_is_said_of_it(browser, well):
    Queues.hold(queue("mail", depth=0, paused=True))
    assert text_of(region(html_of(browser.get(OPS)), "held-up")) == ""


@pytest.mark.parametrize(("paused", "heads"), [(True, ["Paused"]), (False, []), (None, [])])
def test_queues_are_said_to_be_paused_once_one_is(paused, heads, browser, well):
    Queues.hold(queue("mail", paused=paused), queue("news"))
    assert [head for head in rows(region(html_of(browser.get(OPS)), "queues"))["mail"] if head == "Paused"] == heads


@pytest.mark.parametrize(
    "fields",
    [
        {"oldest_age": timedelta(minutes=5)},
        {"consumers": None},
        {"depth": None, "consumers": 0},
        {"paused": True, "consumers": 0, "oldest_age": timedelta(hours=1)},
    ],
    ids=["not long", "consumers unknown", "depth unknown", "paused"],
)
def test_nothing_is_guessed_to_be_wrong(fields, browser, well):
    Queues.hold(queue(**fields))
    assert wrong(browser) is None


def test_a_broker_that_is_away_is_said_once_and_without_its_password(browser, well, use, monkeypatch):
    use(WORKER_BACKEND="AwayWorkers")
    monkeypatch.setattr(Queues, "trouble", "The broker at redis://:hunter2@far:6379 does not answer.")
    assert wrong(browser) == "What is wrong The broker at redis://[redacted]@far:6379 does not answer."


def test_old_news_say_how_old_they_are(browser, well, monkeypatch):
    monkeypatch.setattr(Workers, "trouble", "The broker does not answer.")
    monkeypatch.setattr(Workers, "collected_at", ago(minutes=4))
    html = html_of(browser.get(OPS))
    assert "Collected 4 min ago" in text_of(region(html, "workers"))
    assert "Collected" not in text_of(region(html, "queues"))


def test_a_module_whose_tasks_are_not_known_is_wrong(browser, well, monkeypatch):
    monkeypatch.setattr(registry, "_unimported", ["shop.tasks could not be imported: ImportError: no"])
    assert wrong(browser) == "What is wrong shop.tasks could not be imported: ImportError: no"


def test_what_is_wrong_comes_before_everything_else(browser, well):
    Workers.hold()
    html = html_of(browser.get(OPS))
    assert html.index('data-region="problems"') < html.index('data-region="workers"')


# -- the parts --------------------------------------------------------------------------------------------------------


def test_the_workers_are_listed_the_silent_first(browser, well):
    Workers.hold(worker("a@one"), worker("b@two", state=NO_REPLY))
    found = rows(region(html_of(browser.get(OPS)), "workers"))
    assert list(found) == ["b@two", "a@one"]
    assert found["a@one"]["Active"] == "1"


def test_the_fullest_queues_are_listed_first(browser, well):
    Queues.hold(queue("a", depth=None), queue("b", depth=3), queue("c", depth=30))
    assert list(rows(region(html_of(browser.get(OPS)), "queues"))) == ["c", "b", "a"]


def test_queues_that_need_somebody_are_listed_before_fuller_ones(browser, well):
    Queues.hold(queue("a", depth=30), queue("b", depth=3, paused=True), queue("c", depth=2, consumers=0))
    assert list(rows(region(html_of(browser.get(OPS)), "queues"))) == ["b", "c", "a"]


def test_a_long_list_says_how_much_more_there_is(browser, well):
    Workers.hold(*(worker(f"w{number}") for number in range(37)))
    html = region(html_of(browser.get(OPS)), "workers")
    assert len(rows(html)) == 10
    assert ("and 27 more", f"{OPS}workers/") in links(html)


def test_recent_failures_are_listed_newest_first(browser, well):
    failed = replace(FAILED, created_at=ago(minutes=2), finished_at=ago(minutes=1))
    Tasks.hold(failed, TaskInfo("later", "x", "FAILURE", created_at=ago(seconds=5)), TaskInfo("fine", "x", "SUCCESS"))
    found = rows(region(html_of(browser.get(OPS)), "failures"))
    assert list(found) == ["later", FAILED.id]
    assert found[FAILED.id] == {
        "Id": FAILED.id[:8],
        "Task": "shop.tasks.charge",
        "Error": "CardRefused: password=[redacted] for order 7",
        "Worker": "celery@one",
        "Finished": "1 min ago",
    }


def test_no_more_than_ten_failures_are_listed(browser, well):
    Tasks.hold(*(TaskInfo(f"t{number}", "x", "FAILURE", created_at=ago(seconds=5)) for number in range(30)))
    assert len(rows(region(html_of(browser.get(OPS)), "failures"))) == 10


def test_the_message_of_an_error_is_not_for_everyone(poor_browser, well):
    Tasks.hold(FAILED)
    assert rows(region(html_of(poor_browser.get(OPS)), "failures"))[FAILED.id]["Error"] == "CardRefused"


def test_all_failures_are_one_click_away(browser, well):
    found = links(region(html_of(browser.get(OPS)), "failures"))
    assert ("Recent failures", f"{OPS}tasks/?state=FAILURE") in found


def test_the_sites_own_tasks_are_counted_and_named(browser, well):
    html = region(html_of(browser.get(OPS)), "site")
    own = [name for name in app.tasks if not name.startswith("celery.")]
    assert f"Registered tasks {len(own)}" in text_of(html)
    assert "<code>tests.shop.tasks.noop</code>" in html
    assert "celery.chord" not in html


def test_broker_and_result_backend_are_named_without_who_logs_in(browser, well):
    before = (app.conf.broker_url, app.conf.result_backend)
    configure(broker_url="redis://user:hunter2@10.0.0.1:6379/3", result_backend="db+postgresql://u:hunter2@db/x")
    try:
        html = html_of(browser.get(OPS))
    finally:
        configure(broker_url=before[0], result_backend=before[1])
    assert "Broker redis://10.0.0.1:6379 Result backend db+postgresql://db" in text_of(region(html, "site"))
    assert "hunter2" not in html


def test_a_task_is_searched_for_from_here(browser, well):
    html = html_of(browser.get(OPS))
    assert f'action="{OPS}tasks/"' in html
    assert 'name="q"' in html


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "name", "missing", "left"),
    [
        ("WORKER_BACKEND", "AwayWorkers", "workers", ["queues", "failures"]),
        ("QUEUE_BACKEND", "AwayQueues", "queues", ["workers", "failures"]),
        ("TASK_BACKEND", "AwayTasks", "failures", ["workers", "queues"]),
    ],
)
def test_a_part_that_is_away_leaves_the_others(setting, name, missing, left, browser, well, use):
    Tasks.hold(FAILED)
    use(**{setting: name})
    html = html_of(browser.get(OPS))
    assert "just now." in text_of(region(html, missing))
    assert [part for part in left if not rows(region(html, part))] == []


def test_two_parts_that_are_frozen_keep_nobody_waiting(browser, well, use):
    use(WORKER_BACKEND="FrozenWorkers", QUEUE_BACKEND="FrozenQueues")
    browser.get(f"{OPS}tasks/")  # what a first request costs is not this page's
    begin = time.perf_counter()
    html = html_of(browser.get(OPS))
    assert time.perf_counter() - begin < 3.5  # 2.5 on a machine with nothing else to do
    assert "There was no answer within 2.35 s." in text_of(region(html, "problems"))


def test_a_fault_of_the_sites_own_backend_is_not_swallowed(browser, well, use):
    use(WORKER_BACKEND="FaultyWorkers")
    with pytest.raises(RuntimeError):
        browser.get(OPS)


def test_the_parts_answer_in_the_viewers_language(browser, well, monkeypatch):
    monkeypatch.setattr(Workers, "trouble", property(lambda self: translation.gettext("Monday")))
    with translation.override("de"):
        assert "Montag" in wrong(browser)


def test_the_page_asks_the_database_three_times_at_most(browser, well, django_assert_max_num_queries):
    browser.get(OPS)
    with django_assert_max_num_queries(3):
        browser.get(OPS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "gone"}, "is gone: it gives no sign of life, and never said goodbye."),
        ({"is_twice": True}, "is the name of two workers: what one is told reaches the other."),
        ({"queues": ()}, "answers, and takes nothing: it consumes no queue."),
        ({"concurrency": 0}, "answers, and takes nothing: its pool has no process."),
    ],
)
def test_what_ails_a_worker_is_said(fields, words, browser, well):
    Workers.hold(worker(), worker("b@two", **fields))
    assert wrong(browser).startswith(f"What is wrong b@two {words}")


@pytest.mark.parametrize("fields", [{"state": "ended"}, {"concurrency": 0, "scales": True}])
def test_what_is_as_it_should_be_is_not_said(fields, browser, well):
    Workers.hold(worker(), worker("b@two", **fields))
    assert wrong(browser) is None


def test_when_all_have_ended_no_worker_runs(browser, well):
    Workers.hold(worker("b@two", state="ended"))
    assert wrong(browser) == "What is wrong No worker runs."


# -- objectives -------------------------------------------------------------------------------------------------------


@pytest.fixture
def objectives(settings, well):
    wanted = {"mail goes out": {"queue": "ma*", "depth": 3}, "all": {"queue": "*", "depth": 10**9}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "OBJECTIVES": wanted}


def test_a_breached_objective_is_wrong_and_leads_to_its_queue(browser, objectives):
    Queues.hold(queue("mail"))
    evaluate()
    sentence = "mail breaches “mail goes out”. The number of waiting messages is more than 3."
    assert wrong(browser) == f"What is wrong {sentence}"
    assert ("mail", f"{OPS}queues/mail/") in links(region(html_of(browser.get(OPS)), "problems"))


def test_a_breached_failure_rate_leads_to_the_failures_of_its_task(browser, objectives, settings):
    settings.CELERY_OPS["OBJECTIVES"] = {"works": {"task": "shop.*", "failure_rate": 0.1}}
    count("shop.mail", Total.FAILURE, seconds=1.0)
    evaluate()
    assert wrong(browser) == "What is wrong shop.mail breaches “works”. The failure rate is more than 10 %."
    shown = links(region(html_of(browser.get(OPS)), "problems"))
    assert ("shop.mail", f"{OPS}tasks/?name=shop.mail&state=FAILURE") in shown


def test_an_objective_that_holds_again_is_not_wrong(browser, objectives):
    Queues.hold(queue("mail"))
    evaluate()
    Queues.hold(queue("mail", depth=1))
    evaluate()
    assert wrong(browser) is None


def test_a_page_evaluates_beside_itself_where_nobody_has_for_a_while(browser, objectives):
    Queues.hold(queue("mail"))
    wrong(browser)
    wait_for(lambda: wrong(browser), "the page's own evaluation")


def test_a_page_is_shown_while_the_store_has_no_objectives_to_tell(browser, objectives, memory_store, monkeypatch):
    def away(*args):
        raise StoreUnavailable("away")

    monkeypatch.setattr(type(memory_store), "read_notes", away)
    assert wrong(browser) is None


def test_many_breached_objectives_are_not_all_named(browser, objectives, settings):
    settings.CELERY_OPS["OBJECTIVES"] = {f"o{n}": {"queue": "mail", "depth": n / 10} for n in range(8)}
    Queues.hold(queue("mail"))
    evaluate()
    said = wrong(browser)
    assert said.count("mail breaches") == 5
    assert said.endswith("3 more objectives are breached.")
