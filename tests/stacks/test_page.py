"""The page and the JSON of where a task is: to whom, and what when nobody says it."""

import pytest
from django.urls import reverse

from celery_ops.exceptions import BrokerUnavailable, NoStack, NotRunning
from celery_ops.stacks import asking
from celery_ops.stacks.asking import Frame, Stack
from tests.conftest import browser_of, make_user
from tests.pages import elements, html_of, text_of
from tests.planting import plant
from tests.worker.conftest import reached

from .test_asking import running

pytestmark = pytest.mark.django_db
BROWSER = {"headers": {"accept": "text/html,application/xhtml+xml"}}
FRAMES = (
    Frame("shop/tasks.py", 12, "charge", "ask_bank(order)", True),
    Frame("socket.py", 7, "recv", "<script>", False),
)


@pytest.fixture
def browser(superuser):
    return browser_of(superuser)


@pytest.fixture
def poor_browser():
    """Of staff who may not see payloads."""
    return browser_of(make_user("viewer", is_staff=True))


@pytest.fixture
def answers(monkeypatch, memory_store, loaded_tasks):
    """``answers(stack or exception)`` says what workers say, and returns whom they were asked by."""

    def say(answer):
        asked = []

        def stack_of(task_id, hostname=None):
            asked.append((task_id, hostname))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr("celery_ops.views.tasks.stack.stack_of", stack_of)
        return asked

    return say


def address(task_id):
    return reverse("celery_ops:task-stack", args=[task_id])


@pytest.mark.django_db(transaction=True)
def test_json_says_where_a_real_task_is(working, order, pace, browser):
    with working("prefork") as worker:
        task_id = running(order, pace)
        answer = browser.post(address(task_id))
        assert answer.status_code == 200
        said = answer.json()
        assert sorted(said) == ["hostname", "pid", "stack"]
        assert said["hostname"] == worker.hostname
        assert any('File "tests/shop/tasks.py"' in line and "in paced" in line for line in said["stack"])
        pace.to(1)
        reached(order, "SUCCESS")
        assert browser.post(address(task_id)).status_code == 404


def test_the_page_shows_it_to_browsers(answers, order, browser):
    asked = answers(Stack("celery@one", 77, "tests.shop.tasks.long", FRAMES, 3))
    task_id = plant(order, "tests.shop.tasks.long", "STARTED")
    html = html_of(browser.post(address(task_id), **BROWSER))
    assert [id for id, _host in asked] == [task_id]
    assert [text_of(item.html) for item in elements(html, "li") if "shop/tasks.py" in item.html] == [
        "shop/tasks.py:12 charge ask_bank(order)"
    ]
    assert "In process 77 of celery@one" in text_of(html)
    assert "3 calls in the middle are left out" in text_of(html)
    assert "<script>" not in "".join(item.html for item in elements(html, "li"))


def test_ids_of_processes_and_numbers_of_lines_are_not_grouped(answers, order, browser, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    answers(Stack("celery@one", 12345, "tests.shop.tasks.long", (Frame("shop/tasks.py", 1234, "charge", "", True),)))
    text = text_of(html_of(browser.post(address(plant(order, "tests.shop.tasks.long", "STARTED")), **BROWSER)))
    assert "In process 12345 of celery@one" in text
    assert "shop/tasks.py:1234" in text


def test_who_may_not_see_payloads_is_refused_and_offered_nothing(answers, order, poor_browser):
    asked = answers(Stack("celery@one", 77, "tests.shop.tasks.long", FRAMES))
    task_id = plant(order, "tests.shop.tasks.long", "STARTED")
    assert poor_browser.post(address(task_id)).status_code == 403
    assert poor_browser.post(address(task_id), **BROWSER).status_code == 403
    assert asked == []
    page = reverse("celery_ops:task-detail", args=[task_id])
    assert address(task_id) not in html_of(poor_browser.get(page))


def test_what_a_policy_lets_see_of_one_task_alone_is_asked_by_its_name(answers, order, browser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.OnlyNoop"}
    answers(Stack("celery@one", 77, "tests.shop.tasks.long", FRAMES))
    long, noop = (plant(order, f"tests.shop.tasks.{name}", "STARTED") for name in ("long", "noop"))
    assert browser.post(address(long)).status_code == 403
    assert browser.post(address(noop)).status_code == 403  # the worker says that it is another task
    answers(Stack("celery@one", 77, "tests.shop.tasks.noop", FRAMES))
    assert browser.post(address(noop)).status_code == 200


class OnlyNoop:
    def allows(self, user, action, obj=None):
        return action != "view_payload" or obj == "tests.shop.tasks.noop"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (NotRunning(), 404),
        (NoStack("No answer from celery@one."), 503),
        (BrokerUnavailable("The broker is away."), 503),
    ],
)
def test_without_an_answer_json_and_page_say_why(answer, status, answers, order, browser):
    answers(answer)
    task_id = plant(order, "tests.shop.tasks.long", "STARTED")
    said = browser.post(address(task_id))
    assert said.status_code == status
    assert said.json()["errors"]["__all__"][0] == (str(answer) or "The task is not running.")
    page = browser.post(address(task_id), **BROWSER)
    assert page.status_code == status
    assert (str(answer) or "The task is not running.") in text_of(page.content.decode())


def test_a_task_that_has_ended_is_not_running_and_nobody_is_asked(answers, order, browser):
    asked = answers(Stack("celery@one", 77, "tests.shop.tasks.noop", FRAMES))
    assert browser.post(address(plant(order, "tests.shop.tasks.noop", "SUCCESS"))).status_code == 404
    assert asked == []


def test_a_task_that_only_its_worker_knows_is_asked_for(answers, browser):
    answers(Stack("celery@one", 77, "tests.shop.tasks.noop", FRAMES))
    assert browser.post(address("nobody/knows it")).status_code == 200
    answers(NotRunning())
    assert browser.post(address("nobody/knows it")).status_code == 404


@pytest.mark.parametrize(
    "reply",
    [None, "text", {"error": "KeyError"}, {"stack": 3}, {"stack": [[["a"]], 0], "pid": 1, "name": "x"}, {"why": 5}],
)
def test_rubbish_is_no_stack(reply):
    assert asking._read("celery@one", reply) is None
    assert asking._reason("celery@one", reply).startswith("celery@one does not know the question")


def test_what_a_reply_says_is_redacted_and_clean():
    reply = {"stack": [[["a\x00b.py", 3, "f", "connect(password='hunter2')", True]], 0], "pid": 1, "name": "x"}
    (frame,) = asking._read("celery@one", reply).frames
    assert "hunter2" not in str(frame)
    assert "\x00" not in str(frame)
