"""What a task has logged: on its page, in an object's panel, and as JSON."""

import pytest
from django.urls import reverse

from celery_ops.exceptions import StoreUnavailable
from celery_ops.task_logs import reading
from celery_ops.tracking.recorder import recorder
from tests.conftest import browser_of, make_user
from tests.pages import elements, html_of, text_of
from tests.planting import add_lines, logs_of_two_executions, panel_of, plant, plant_log

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory_store", "no_live_task")]


@pytest.fixture
def browser(superuser):
    return browser_of(superuser)


@pytest.fixture
def viewer(db):
    return browser_of(make_user("viewer", "celery_ops.view_ops", "shop.view_order"))


@pytest.fixture
def failed(order):
    """A task that failed at its second attempt."""
    task_id = plant(order, "tests.shop.tasks.logs", "FAILURE", attempt=1)
    plant_log(task_id, "asking the bank", "it said no")
    plant_log(task_id, "asking once more", attempt=1, level="ERROR")
    return task_id


def page(task_id):
    return reverse("celery_ops:task-detail", args=[task_id])


def api(browser, task_id, **data):
    return browser.get(reverse("celery_ops:api-logs", args=[task_id]), data)


def lines(html):
    """Return the lines of each attempt, by its heading."""
    return {
        text_of(attempt.html.partition("</summary>")[0]): [text_of(line.html) for line in elements(attempt.html, "li")]
        for attempt in elements(html, "details", data_key=True)
        if attempt.attributes["data-key"].startswith("log ")
    }


ATTEMPTS = {
    "Attempt 1": ["02:00:00.250 INFO shop.tasks asking the bank", "02:00:00.250 INFO it said no"],
    "Attempt 2": ["02:00:00.250 ERROR shop.tasks asking once more"],
}


def test_a_tasks_page_shows_the_lines_of_each_attempt(browser, failed):
    html = html_of(browser.get(page(failed)))
    assert lines(html) == ATTEMPTS
    assert elements(html, "celery-ops-log", data_final=True)


def test_the_details_in_a_panel_show_the_same(superuser, browser, order, failed):
    for headers in ({}, {"X-Celery-Ops": "fragment"}):
        html = html_of(browser.get(panel_of(order, superuser), {"task": failed}, headers=headers))
        assert lines(html) == ATTEMPTS


def test_without_view_payload_no_line_is_shown(viewer, order, failed):
    assert "asking" not in html_of(viewer.get(page(failed)))
    assert viewer.get(page(failed), {"log": "0"}).status_code == 403
    assert api(viewer, failed).status_code == 403
    staff = make_user("other", "shop.view_order")
    assert browser_of(staff).get(panel_of(order, staff), {"task": failed, "log": "0"}).status_code == 403


def test_the_script_of_a_page_is_given_the_lines_that_it_has_not(browser, superuser, order, failed):
    for address, data in ((page(failed), {}), (panel_of(order, superuser), {"task": failed})):
        html = html_of(browser.get(address, {**data, "log": "2"}))
        assert lines(html) == {"Attempt 2": ATTEMPTS["Attempt 2"]}
        assert elements(html, "div", data_next="3")
        assert elements(html_of(browser.get(address, {**data, "log": "3"})), "div", data_next="3", data_final=True)
        assert lines(html_of(browser.get(address, {**data, "log": "rubbish"}))) == ATTEMPTS


def test_the_script_is_given_a_number_beyond_a_thousand_as_it_gives_it_back(browser, superuser, order, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    task_id = plant(order)
    plant_log(task_id, *(f"line {number}" for number in range(1, 1235)))
    for address, data in ((page(task_id), {}), (panel_of(order, superuser), {"task": task_id})):
        (log,) = elements(html_of(browser.get(address, data)), "celery-ops-log")
        seen = log.attributes["data-next"]
        html = html_of(browser.get(address, {**data, "log": seen}))
        assert (seen, lines(html)) == ("1234", {})
        assert elements(html, "div", data_next="1234")


def test_a_running_task_is_listened_to_and_one_that_nobody_tracks_is_not(browser, order):
    running = plant(order, "tests.shop.tasks.logs", "STARTED", worker="")
    (log,) = elements(html_of(browser.get(page(running))), "celery-ops-log")
    assert "data-final" not in log.attributes
    assert log.attributes["data-url"] == f"{page(running)}?log="
    assert "Nothing is logged yet" in log.html
    ended = plant(order, "tests.shop.tasks.logs")
    assert not elements(html_of(browser.get(page(ended))), "celery-ops-log")


def test_what_was_not_kept_is_said_where_it_is_missing(browser, order):
    task_id = plant(order)
    plant_log(task_id, *(f"line {number}" for number in range(1, 1001)))
    shown = lines(html_of(browser.get(page(task_id))))["Attempt 1"]
    assert shown[99:102] == [
        "02:00:00.250 INFO line 100",
        "800 lines are not kept",
        "02:00:00.250 INFO line 901",
    ]
    assert api(browser, task_id).json()["dropped"] == 800
    seen = api(browser, task_id, after=950).json()
    assert (seen["lines"][0]["n"], seen["next"], len(seen["lines"])) == (951, 1000, 50)


def test_a_hostile_line_is_text(browser, order):
    task_id = plant(order)
    plant_log(task_id, "<script>alert(1)</script>\x1b[31m\x00\u202e password=hunter2hunter2\nsecond", level="<b>")
    html = html_of(browser.get(page(task_id)))
    assert "<script>alert" not in html
    assert lines(html)["Attempt 1"] == [
        "02:00:00.250 <b> shop.tasks <script>alert(1)</script> password=[redacted] second"
    ]


def test_what_anybody_wrote_into_the_store_is_redacted_once_more_or_left_out(browser, order):
    from celery_ops.tracking.refs import ObjectRef
    from celery_ops.tracking.store import LOG

    task_id = plant(order)
    rubbish = {
        "0.1.abcd.a": '["name",[[1,0,"INFO","x","password=hunter2hunter2"],[0,0,"","",""],[2],"x",[1e400,0,"","",""]]]',
        "0.1.abcd.z": "[" * 1000,
        "1.99999999999999.abcd.z": '[3,[[3,999999999999999,"I","x","late"]]]',
        "no field of ours": "x",
        "2.1.abcd.z": "null",
    }
    recorder().record([(ObjectRef(LOG, task_id), rubbish)])
    answer = api(browser, task_id).json()
    assert [(line["n"], line["message"]) for line in answer["lines"]] == [(1, "password=[redacted]"), (4, "late")]
    assert answer["lines"][1]["at"] is None
    assert browser.get(page(task_id)).status_code == 200


@pytest.mark.parametrize("after", ["x", "-1", "1.5", str(10**30), "9" * 5000])
def test_a_number_that_is_none_is_400(browser, after):
    answer = api(browser, "one", after=after)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["after"])


def test_a_task_that_logged_nothing_has_no_lines(browser, order):
    task_id = plant(order, "tests.shop.tasks.logs", "STARTED")
    assert api(browser, task_id).json() == {"lines": [], "next": 0, "dropped": 0}
    assert api(browser, task_id, after=7).json()["next"] == 7


def test_of_a_task_that_no_source_knows_there_is_no_log(browser, viewer):
    assert api(browser, "nobodys").status_code == 404
    assert api(viewer, "nobodys").status_code == 403


def test_of_a_task_that_runs_twice_at_once_no_line_is_missed_or_comes_twice(browser, superuser, order):
    task_id = plant(order, "tests.shop.tasks.logs", "STARTED", worker="")
    first, second = logs_of_two_executions(task_id)
    addresses = ((page(task_id), {}), (panel_of(order, superuser), {"task": task_id}))
    add_lines(first, "a1")
    add_lines(second, "b1")
    answer = api(browser, task_id).json()
    shown = [html_of(browser.get(address, data)) for address, data in addresses]
    keys = [[item.attributes["data-key"] for item in elements(html, "details")] for html in shown]
    got = [line["message"] for line in answer["lines"]]
    for log_into, message in ((first, "a2"), (first, "a3"), (second, "b2")):
        add_lines(log_into, message)
        answer = api(browser, task_id, after=answer["seen"]).json()
        got += [line["message"] for line in answer["lines"]]
        for at, (address, data) in enumerate(addresses):
            (part,) = (*elements(shown[at], "celery-ops-log"), *elements(shown[at], "div", data_next=True))[:1]
            shown[at] = html_of(browser.get(address, {**data, "log": part.attributes["data-next"]}))
            (news,) = elements(shown[at], "details")
            assert news.attributes["data-key"] in keys[at]
            assert [text_of(line.html)[-2:] for line in elements(news.html, "li")] == [message]
    assert got == ["a1", "b1", "a2", "a3", "b2"]
    assert api(browser, task_id, after=answer["seen"]).json()["next"] == 5
    assert api(browser, task_id, after=answer["seen"] + "_").status_code == 400


def test_while_the_store_is_away_the_page_is_there_without_the_log(browser, failed, monkeypatch):
    def away():
        raise StoreUnavailable("away")

    monkeypatch.setattr(reading, "recorder", away)
    assert "The log cannot be read at the moment." in html_of(browser.get(page(failed)))
    assert api(browser, failed).status_code == 503


def test_a_site_that_wants_no_logs_is_not_told_to_wait_for_them(browser, order, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "LOGS": "none"}
    running = plant(order, "tests.shop.tasks.logs", "STARTED", worker="")
    assert not elements(html_of(browser.get(page(running))), "celery-ops-log")
