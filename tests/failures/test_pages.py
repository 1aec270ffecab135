"""The list of failure groups, the page of one, and what people do about it: pages, JSON and the journal."""

import time
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from celery_ops.bulk.base import progress_of
from celery_ops.bulk.progress import DONE, RUNNING
from celery_ops.bulk.rerun import RerunAction
from celery_ops.exceptions import StoreUnavailable
from celery_ops.failures.fingerprint import Fingerprint
from celery_ops.failures.tally import NAMES_KEPT
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.permissions import Policy
from celery_ops.tracking import facts
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.store import TASK
from tests.conftest import broker, browser_of, make_user
from tests.ops.task_backends import Held, a_task, use
from tests.pages import html_of, links, rows, text_of
from tests.planting_counts import fail, flush

from .conftest import hearing

pytestmark = pytest.mark.django_db

UNTRACKED = "tests.shop.tasks.untracked"
REFUSED = Fingerprint("ValueError", "order <number> was refused", "shop.tasks.charge")
TRACEBACK = """Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/celery/app/trace.py", line 453, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/srv/shop/tasks.py", line 12, in charge
    raise ValueError(message)
ValueError: order {number} was refused
"""


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks, no_live_task):
    use(settings, Held, RUNNABLE_TASKS={UNTRACKED: {}}, CONTROL_TIMEOUT=0.1)
    with broker("memory://"):
        yield
    Held.hold()


@pytest.fixture
def manager(db):
    return make_user(
        "manager",
        *(f"celery_ops.{name}" for name in ("view_ops", "view_payload", "resolve_failures", "add_taskrunrecord")),
    )


@pytest.fixture
def browser(manager):
    return browser_of(manager)


@pytest.fixture
def poor_browser(db):
    return browser_of(make_user("viewer", is_staff=True))


def refused(number=1, **about):
    """Count so many of the same failure."""
    for one in range(number):
        given = {"task": UNTRACKED, "frame": REFUSED.frame, "task_id": f"id-{one}", **about}
        fail(f"order {one} was refused", **given)
    flush()


@pytest.mark.parametrize("url", ["failure-list", "api-failures", "overview"])
def test_what_lies_among_the_groups_without_a_key_is_none(url, browser, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Fingerprint, "key", "")
        refused()
    answer = browser.get(reverse(f"celery_ops:{url}"))
    assert answer.status_code == 200
    assert "was refused" not in answer.content.decode()


def kept(settings, number):
    """Let the list have so many tasks that failed so, with another one, and the store what each was given."""
    batch, tasks = [], []
    for n in range(number):
        task_id = f"id-{n}"
        fields = facts.published(task_id, 1_900_000_000_000, UNTRACKED)
        fields[facts.field(task_id, facts.ENDED["FAILURE"])] = "1900000003000"
        fields[facts.field(task_id, facts.ARGUMENTS)] = f'={{"args": [{n}], "kwargs": {{}}}}'
        batch.append((ObjectRef(TASK, task_id), fields))
        tasks.append(
            a_task(
                n,
                "FAILURE",
                id=task_id,
                name=UNTRACKED,
                error=f"ValueError: order {n} was refused",
                traceback=TRACEBACK.format(number=n),
            )
        )
    other = a_task(50, "FAILURE", id="other", name=UNTRACKED, error="ValueError: no stock")
    recorder().record(batch)
    use(settings, Held, *tasks, other)


def listed(browser, query=""):
    return browser.get(reverse("celery_ops:api-failures") + query).json()["results"]


def act(browser, action, key=REFUSED.key, **headers):
    return browser.post(reverse("celery_ops:failure-action"), {"key": key, "action": action}, headers=headers)


def page_of(browser, key=REFUSED.key):
    return browser.get(reverse("celery_ops:failure-detail", args=[key]))


def state(browser):
    (item,) = listed(browser, "?resolved=all")
    return item["state"]


# -- the list ---------------------------------------------------------------------------------------------------------


def test_a_group_is_listed_with_what_is_known_of_it(browser):
    refused(3, objects=("shop.order\x1f1",))
    row = rows(html_of(browser.get(reverse("celery_ops:failure-list"))))[REFUSED.key]
    assert row["Failure"] == "ValueError order <number> was refused shop.tasks.charge"
    assert (row["Failures"], row["Objects in all"], row["Tasks"], row["State"]) == ("3", "1", UNTRACKED, "Open")


def test_the_same_as_json(browser):
    refused(3, objects=("shop.order\x1f1",))
    (item,) = listed(browser)
    assert item.pop("first_seen") <= item.pop("last_seen")
    assert item == {
        "key": REFUSED.key,
        "exception": "ValueError",
        "message": "order <number> was refused",
        "frame": "shop.tasks.charge",
        "count": 3,
        "state": "open",
        "tasks": [UNTRACKED],
        "objects": 1,
        "sample_task_id": "id-2",
    }


def test_without_view_payload_there_is_no_message_and_none_can_be_found(poor_browser):
    refused(traceback="Traceback: hidden words")
    (item,) = listed(poor_browser)
    assert (item["message"], item["sample_task_id"]) == (None, None)
    assert listed(poor_browser, "?q=refused") == []
    assert len(listed(poor_browser, "?q=valueerror")) == 1
    for page in (poor_browser.get(reverse("celery_ops:failure-list")), page_of(poor_browser)):
        assert "refused" not in html_of(page)
        assert "hidden words" not in page.text
        assert "id-0" not in page.text  # the task that is its sample


class EachTask(Policy):
    """Payloads are shown of tasks that are asked about by name, and not of all."""

    def may_view_payload(self, user, task_name=None):
        return task_name is not None


@pytest.mark.parametrize(("tasks", "is_read"), [(NAMES_KEPT, True), (NAMES_KEPT + 1, False)])
def test_of_more_tasks_than_are_named_a_message_is_read_by_who_may_read_all(browser, settings, tasks, is_read):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.EachTask"}
    for number in range(tasks):
        fail("the card was refused", task=f"shop.task_{number}")
    flush()
    (item,) = listed(browser)
    assert (item["message"] is not None) == is_read


class AllButOne(Policy):
    """Payloads are shown, and not those of one task."""

    def may_view_payload(self, user, task_name=None):
        return task_name != "shop.secret"


def test_a_message_that_is_not_shown_is_not_found_either_whichever_task_failed_last(browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.AllButOne"}
    for task in ("shop.secret", "shop.open"):
        fail("the card was refused", task=task)
        flush()
    (item,) = listed(browser)
    assert item["message"] is None
    assert listed(browser, "?q=refused") == []
    assert rows(html_of(browser.get(reverse("celery_ops:failure-list") + "?q=refused"))) == {}
    assert len(listed(browser, "?q=valueerror")) == 1


def test_groups_are_found_by_class_message_function_and_task(browser):
    refused()
    fail("no stock", exception="shop.Empty", task="shop.ship")
    flush()
    for text in ("valueerror", "was refused", "tasks.charge", "untracked"):
        assert [item["key"] for item in listed(browser, f"?q={text}")] == [REFUSED.key]
    assert listed(browser, "?q=nothing") == []


def test_groups_are_in_the_order_that_is_asked_for(browser):
    refused(3, at=time.time() - 100)
    fail("no stock", exception="KeyError")
    flush()
    assert [item["exception"] for item in listed(browser)] == ["KeyError", "ValueError"]
    assert [item["exception"] for item in listed(browser, "?sort=-count")] == ["ValueError", "KeyError"]
    assert [item["exception"] for item in listed(browser, "?sort=last_seen")] == ["ValueError", "KeyError"]


@pytest.mark.parametrize("query", ["?window=9y", "?resolved=7", "?sort=frame", "?page=x"])
def test_what_cannot_be_read_is_refused_in_json_and_left_out_on_the_page(browser, query):
    refused()
    assert browser.get(reverse("celery_ops:api-failures") + query).status_code == 400
    assert REFUSED.key in rows(html_of(browser.get(reverse("celery_ops:failure-list") + query)))


def test_what_shows_all_failures_stays_in_the_window(browser):
    refused(at=time.time() - 3 * 86_400)
    page = html_of(browser.get(reverse("celery_ops:failure-list") + "?window=7d&q=nothing"))
    (url,) = [url for text, url in links(page) if text == "Show all failures"]
    assert REFUSED.key in rows(html_of(browser.get(reverse("celery_ops:failure-list") + url)))


@pytest.mark.parametrize(
    ("name", "query", "all_of_it"),
    [
        ("failure-list", "?window=7d&resolved=all&q=nothing", "?window=7d"),
        ("task-type-list", "?q=nothing&window=30d", "?window=30d"),
        ("insight", "?task=shop.pay&window=1h", "?window=1h"),
        ("schedule-list", "?q=nothing&view=day", "?view=day"),
        ("failure-list", "?q=nothing", "?"),
        ("task-list", "?q=nothing&page_size=50", "?"),
    ],
)
def test_what_shows_all_beside_a_filter_stays_in_the_window(browser, name, query, all_of_it):
    page = html_of(browser.get(reverse(f"celery_ops:{name}") + query))
    assert ("Show all", all_of_it) in links(page)


def test_the_list_is_paged(browser):
    for number in range(3):
        fail("".join("klmnopqrst"[number]) * 5)
    flush()
    first = browser.get(reverse("celery_ops:api-failures") + "?page_size=2").json()
    assert len(first["results"]) == 2
    assert len(browser.get(first["next"]).json()["results"]) == 1


# -- resolving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_tz", [True, False], ids=["zones", "no zones"])
def test_what_is_resolved_leaves_the_list_and_comes_back_when_it_fails_again(use_tz, browser, manager, settings):
    settings.USE_TZ = use_tz
    refused()
    assert act(browser, "resolve").status_code == 302
    assert listed(browser) == []
    assert [item["state"] for item in listed(browser, "?resolved=1")] == ["resolved"]
    record = ControlRecord.objects.get()
    assert (record.action, record.target, record.user) == ("resolve_failures", REFUSED.key, manager)
    refused(at=time.time() + 5)
    assert [item["state"] for item in listed(browser)] == ["regressed"]
    assert "Back after resolving" in text_of(html_of(page_of(browser)))


def test_a_failure_from_before_does_not_bring_it_back(browser):
    refused()
    act(browser, "resolve")
    refused(at=time.time() - 60)
    assert state(browser) == "resolved"


def test_a_failure_from_before_does_not_settle_what_came_back(browser):
    refused()
    act(browser, "resolve")
    refused(at=time.time() + 5)
    refused(at=time.time() - 60)
    assert state(browser) == "regressed"


def test_what_was_resolved_can_be_reopened(browser):
    refused()
    act(browser, "resolve")
    assert act(browser, "reopen").status_code == 302
    assert state(browser) == "open"


def test_resolving_is_answered_in_json(browser):
    refused()
    answer = act(browser, "resolve", accept="application/json").json()
    assert (answer["key"], answer["state"]) == (REFUSED.key, "resolved")


def test_the_same_form_twice_is_one_row(browser):
    refused()
    form = {"key": REFUSED.key, "action": "resolve", "submission": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
    for _ in range(2):
        assert browser.post(reverse("celery_ops:failure-action"), form).status_code == 302
    assert ControlRecord.objects.count() == 1


def test_what_a_worker_with_a_clock_ahead_has_seen_can_be_resolved(browser):
    refused(at=time.time() + 120)
    act(browser, "resolve")
    assert "It failed again since" not in text_of(html_of(page_of(browser)))
    with hearing() as heard:
        refused(at=time.time() + 120)
    assert "It failed again since" in text_of(html_of(page_of(browser)))
    assert [told["is_regressed"] for told in heard] == [True]


def test_resolving_needs_its_permission(poor_browser):
    refused()
    assert act(poor_browser, "resolve").status_code == 403
    assert "Resolve" not in html_of(page_of(poor_browser))


@pytest.mark.parametrize(
    ("posted", "status"),
    [
        ({"action": "resolve"}, 400),
        ({"key": REFUSED.key, "action": "forget"}, 400),
        ({"key": "nothing", "action": "resolve"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(browser, posted, status):
    refused()
    for headers in ({}, {"accept": "application/json"}):
        assert browser.post(reverse("celery_ops:failure-action"), posted, headers=headers).status_code == status


# -- one group --------------------------------------------------------------------------------------------------------


def test_the_page_of_a_group_says_how_often_since_when_and_where(browser, settings):
    kept(settings, 2)
    refused(2)
    words = text_of(html_of(page_of(browser)))
    assert "shop.tasks.charge" in words
    assert "order <number> was refused" in words
    assert "id-1" in words
    assert "raise ValueError(message)" in words


def test_a_task_that_keeps_no_traceback_shows_the_one_that_was_kept_of_the_group(browser):
    refused(traceback="Traceback (most recent call last):\n  x = 1\nValueError: password=hunter2")
    words = text_of(html_of(page_of(browser)))
    assert "x = 1" in words
    assert "hunter2" not in words


def test_a_group_that_nobody_knows_is_not_found(browser):
    assert page_of(browser, "nothing").status_code == 404


# -- again ------------------------------------------------------------------------------------------------------------


def test_a_group_is_run_again_and_no_other_task(browser, settings):
    kept(settings, 3)
    refused(3)
    response = act(browser, "rerun")
    record = ControlRecord.objects.get()
    assert response.url == reverse("celery_ops:bulk-retry-detail", args=[record.pk])
    assert {row.retry_of for row in TaskRunRecord.objects.all()} == {"id-0", "id-1", "id-2"}
    page = html_of(browser.get(response.url))
    assert "Run again: done" in page


def test_it_is_asked_first_on_the_way_from_the_groups_page(browser, settings):
    kept(settings, 3)
    refused(3)
    url = f"{reverse('celery_ops:bulk-retry')}?failure={REFUSED.key}"
    assert url in page_of(browser).text
    assert "Run up to 3 tasks again" in text_of(html_of(browser.get(url)))
    assert TaskRunRecord.objects.count() == 0
    browser.post(url, {"count": "3"})
    assert TaskRunRecord.objects.count() == 3


def test_running_a_group_again_is_answered_in_json(browser, settings):
    kept(settings, 2)
    refused(2)
    answer = act(browser, "rerun", accept="application/json").json()
    assert (answer["done"], answer["skipped"], answer["state"]) == (2, 0, "done")


def test_who_may_run_its_tasks_may_run_a_group_again(settings):
    kept(settings, 2)
    refused(2)
    runner = browser_of(make_user("runner", "celery_ops.add_taskrunrecord"))
    response = act(runner, "rerun")
    assert (response.url, runner.get(response.url).status_code) == (reverse("celery_ops:record-list"), 200)
    assert {row.retry_of for row in TaskRunRecord.objects.all()} == {"id-0", "id-1"}


def test_running_again_needs_run_task(browser, manager, settings):
    kept(settings, 1)
    refused()
    manager.user_permissions.remove(Permission.objects.get(codename="add_taskrunrecord"))
    assert act(browser, "rerun").status_code == 403
    assert "Run them again" not in page_of(browser).text


def test_the_list_of_tasks_can_be_kept_to_a_group(browser, settings):
    kept(settings, 3)
    refused(3)
    page = html_of(browser.get(reverse("celery_ops:task-list") + f"?failure={REFUSED.key}"))
    assert set(rows(page)) == {"id-0", "id-1", "id-2"}
    assert browser.get(reverse("celery_ops:task-list") + "?failure=nothing").status_code == 404


def test_the_json_of_tasks_can_be_kept_to_a_group_and_goes_on_within_it(browser, settings):
    kept(settings, 2)
    refused(2)
    url = reverse("celery_ops:api-history")
    answers = [browser.get(url, {"failure": REFUSED.key, "page_size": "1"}).json()]
    while answers[-1]["next"]:
        answers.append(browser.get(answers[-1]["next"]).json())
    assert sorted(item["task_id"] for answer in answers for item in answer["results"]) == ["id-0", "id-1"]
    gone = browser.get(url, {"failure": "nothing"})
    assert (gone.status_code, list(gone.json())) == (404, ["errors"])


def test_a_group_of_more_tasks_than_it_names_has_those_of_the_others_too(browser, settings):
    kept(settings, 2)
    for number in range(NAMES_KEPT):
        refused(task=f"shop.task_{number}")
    refused(2)
    page = html_of(browser.get(reverse("celery_ops:task-list") + f"?failure={REFUSED.key}"))
    assert set(rows(page)) == {"id-0", "id-1"}
    assert "name=shop.task_1" in page_of(browser).text
    assert "name=other" not in page_of(browser).text


def test_a_task_with_a_name_too_long_to_keep_is_in_its_group(browser, settings):
    name = "shop." + "long" * 60
    refused(task=name)
    task = a_task(0, "FAILURE", id="id-0", name=name, traceback=TRACEBACK.format(number=1))
    use(settings, Held, task)
    page = html_of(browser.get(reverse("celery_ops:task-list") + f"?failure={REFUSED.key}"))
    assert set(rows(page)) == {"id-0"}


# -- without the store ------------------------------------------------------------------------------------------------


def plant_results(settings):
    tasks = [
        a_task(
            n,
            "FAILURE",
            id=f"id-{n}",
            name=UNTRACKED,
            error=f"ValueError: order {n} was refused",
            traceback=TRACEBACK.format(number=n),
        )
        for n in range(3)
    ]
    use(settings, Held, *tasks)
    return tasks


@pytest.fixture
def by_results(settings, monkeypatch):
    """A site that does not count, whose results were written a moment ago."""
    from dataclasses import replace

    from celery_ops.timezones import now

    tasks = [replace(task, created_at=now(), finished_at=now()) for task in plant_results(settings)]
    use(settings, Held, *tasks, METRICS=False)


def test_a_site_that_does_not_count_has_groups_of_its_newest_results(browser, by_results):
    (item,) = listed(browser)
    assert (item["exception"], item["message"], item["count"]) == ("ValueError", "order <number> was refused", 3)
    words = text_of(html_of(browser.get(reverse("celery_ops:failure-list"))))
    assert "newest 500" in words
    assert "3" in text_of(html_of(page_of(browser, item["key"])))
    assert act(browser, "resolve", item["key"]).status_code == 302
    assert listed(browser) == []


def test_a_store_that_is_away_is_told_of_beside_the_newest_results(browser, settings, monkeypatch):
    plant_results(settings)

    def away(self, wanted):
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr("celery_ops.tracking.memory.MemoryStore.tallies", away)
    words = text_of(html_of(browser.get(reverse("celery_ops:failure-list"))))
    assert "newest 500" in words


@pytest.fixture
def away(monkeypatch):
    """The store is away inside ``away()``, and results, of which only the newest are read, do not know the group."""

    @contextmanager
    def away():
        with monkeypatch.context() as patch:
            patch.setattr("celery_ops.tracking.memory.MemoryStore.tallies", refuse)
            patch.setattr("celery_ops.failures.results.NEWEST", 0)
            yield
        recorder().try_again()

    def refuse(self, wanted):
        raise StoreUnavailable("the store does not answer")

    return away


@pytest.mark.parametrize("url", ["failure-detail", "task-list", "bulk-retry"])
def test_a_group_that_only_the_store_knows_is_not_gone_while_that_is_away(browser, away, url):
    refused()
    url = (
        reverse("celery_ops:failure-detail", args=[REFUSED.key])
        if url == "failure-detail"
        else (reverse(f"celery_ops:{url}") + f"?failure={REFUSED.key}")
    )
    with away():
        page = browser.get(url)
    assert page.status_code == 503
    assert "the store does not answer" in page.text


@pytest.mark.parametrize("action", ["resolve", "rerun"])
def test_nothing_is_done_to_a_group_while_nobody_can_tell_what_it_is(browser, away, action):
    refused()
    with away():
        assert act(browser, action, accept="application/json").status_code == 503
    assert ControlRecord.objects.count() == 0


def test_a_group_is_run_again_to_its_end_though_the_store_was_away_in_between(browser, settings, monkeypatch, away):
    monkeypatch.setattr(RerunAction, "chunk_size", 1)
    monkeypatch.setattr(RerunAction, "seconds", 0.0)
    kept(settings, 3)
    refused(3)
    page = act(browser, "rerun").url
    with away():
        assert browser.post(page).status_code == 503
        assert progress_of(ControlRecord.objects.get()).state == RUNNING
    for _ in range(4):
        browser.post(page)
    assert progress_of(ControlRecord.objects.get()).state == DONE
    assert {row.retry_of for row in TaskRunRecord.objects.all()} == {"id-0", "id-1", "id-2"}
