"""Task classes that send in a way of their own: what came of it is said in JSON, on the page and in the journal."""

import logging
from uuid import uuid4

import pytest
from celery import Task
from celery.result import AsyncResult, EagerResult
from django.urls import reverse

from celery_ops.exceptions import NotSent, SentNothing
from celery_ops.models import TaskRunRecord
from celery_ops.running.launcher import Run, launch, launch_all, launch_together
from tests.celery import app
from tests.conftest import broker, browser_of, make_user

pytestmark = pytest.mark.django_db

OTHER = "11111111-1111-4111-8111-111111111111"


class AlreadyQueued(Exception):
    """What such classes raise."""


class AnswersWithAnother(Task):
    """As those do that let a task be there once: the second answers with the first."""

    def apply_async(self, *args, **kwargs):
        return AsyncResult(OTHER)


class AnswersWithNothing(Task):
    def apply_async(self, *args, **kwargs):
        return EagerResult(None, None, "REJECTED")


class Raises(Task):
    def apply_async(self, *args, **kwargs):
        raise AlreadyQueued("password=hunter2 is there already")


class RepeatsItsArgument(Task):
    def apply_async(self, args=None, *others, **options):
        raise AlreadyQueued(f"{args[0]} is there already")


class HasItsOwnIds(Task):
    def apply_async(self, args=None, kwargs=None, task_id=None, **options):
        return super().apply_async(args, kwargs, task_id=f"own-{args[0]}", **options)


class Forgets(Task):
    def apply_async(self, *args, **kwargs):
        super().apply_async(*args, **kwargs)


def task_of(base, name):
    """Return a task that only the tests below have in the app: others hold the app against their workers."""

    @app.task(base=base, name=f"tests.running.{name}", shared=False, lazy=False)
    def task(number: int = 1):
        if number == 0:
            raise ValueError("nothing to divide")

    return app.tasks.pop(task.name)


@app.task(base=RepeatsItsArgument, name="tests.running.repeating", shared=False, lazy=False)
def repeating(card):
    """A task whose argument nobody is to see."""


@app.task(name="tests.running.refusing", shared=False, lazy=False)
def refusing(card):
    raise AlreadyQueued(f"{card} was refused")


for task in (repeating, refusing):
    app.tasks.pop(task.name)
another = task_of(AnswersWithAnother, "another")
nothing = task_of(AnswersWithNothing, "nothing")
raising = task_of(Raises, "raising")
own_ids = task_of(HasItsOwnIds, "own_ids")
forgetful = task_of(Forgets, "forgetful")
plain = task_of(Task, "plain")
TASKS = (another, nothing, raising, own_ids, forgetful, plain, repeating, refusing)


@pytest.fixture(autouse=True)
def _allowed(memory_store, settings, loaded_tasks, monkeypatch):
    for task in TASKS:
        monkeypatch.setitem(app.tasks, task.name, task)
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": "*", "CONTROL_TIMEOUT": 0.1}
    with broker("memory://"):
        yield


@pytest.fixture
def browser(superuser):
    return browser_of(superuser)


@pytest.fixture
def superuser(db):
    return make_user("root", is_superuser=True, is_staff=True)


def run(task, *args):
    return Run(task.name, task, args)


def over_json(browser, task):
    url = reverse("celery_ops:api-runs")
    return browser.post(url, {"task": task.name, "args": [1]}, content_type="application/json")


def test_one_that_answers_with_another_task_says_so_and_leads_to_that_one(browser):
    response = over_json(browser, another)
    record = TaskRunRecord.objects.get()
    assert (response.status_code, response.json()["task_id"], response.json()["sent"]) == (200, OTHER, False)
    assert (record.task_id, record.send_state) == (OTHER, "FAILED")
    assert "Nothing new was sent" in record.error
    assert OTHER in response.json()["message"]


def test_the_document_knows_that_answer(browser):
    schema = browser.get(reverse("celery_ops:api-schema")).json()
    answers = schema["paths"][reverse("celery_ops:api-runs")]["post"]["responses"]
    name = answers["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    answered = set(over_json(browser, another).json())
    assert answered <= set(schema["components"]["schemas"][name]["properties"])


@pytest.mark.parametrize(("task", "said"), [(nothing, "did not send it"), (raising, "AlreadyQueued")])
def test_one_that_sends_nothing_is_not_blamed_on_the_broker(browser, task, said):
    response = over_json(browser, task)
    assert response.status_code == 400
    assert said in response.json()["errors"]["__all__"][0]
    assert said in TaskRunRecord.objects.get().error
    assert "hunter2" not in response.text + TaskRunRecord.objects.get().error


def test_the_page_says_it_too(browser):
    page = reverse("celery_ops:run-task", args=[raising.name])
    response = browser.post(page, {"arg-number": "1", "submission": str(uuid4())})
    assert response.status_code == 400
    assert "AlreadyQueued" in response.text
    response = browser.post(reverse("celery_ops:run-task", args=[another.name]), {"arg-number": "1"}, follow=True)
    assert "Nothing new was sent" in response.text


def test_one_with_ids_of_its_own_is_found_under_them(superuser):
    assert launch(run(own_ids, 7), superuser).task_id == "own-7"
    assert TaskRunRecord.objects.get().task_id == "own-7"
    assert [record.task_id for record in launch_all([run(own_ids, 8)], superuser)] == ["own-8"]
    assert TaskRunRecord.objects.filter(task_id="own-8", send_state="SENT").exists()


def test_one_that_forgets_to_answer_was_sent_all_the_same(superuser):
    assert launch(run(forgetful, 1), superuser).send_state == "SENT"


def test_each_of_many_has_its_own_reason(superuser):
    sent, declined = launch_all([run(plain, 1), run(raising, 1)], superuser)
    assert (sent.send_state, type(declined), declined.record) == ("SENT", SentNothing, None)
    assert TaskRunRecord.objects.get(task_name=raising.name).send_state == "FAILED"


def test_a_task_that_ran_at_once_and_failed_was_sent(browser, eager):
    from tests.celery import app

    app.conf.task_eager_propagates = True
    try:
        url = reverse("celery_ops:api-runs")
        response = browser.post(url, {"task": plain.name, "args": [0]}, content_type="application/json")
    finally:
        app.conf.task_eager_propagates = False
    assert (response.status_code, TaskRunRecord.objects.get().send_state) == (201, "SENT")


HIDDEN = "nobody else's"


class Canvas:
    """What sends nothing, and says of what."""

    def apply_async(self):
        raise AlreadyQueued(f"{HIDDEN} is there already")


def test_a_refusal_that_repeats_what_an_argument_hides_is_told_without_it(superuser, caplog):
    with pytest.raises(SentNothing) as refusal:
        launch(run(repeating, HIDDEN), superuser)
    error = TaskRunRecord.objects.get().error
    assert "AlreadyQueued" in error
    assert HIDDEN not in f"{error}{refusal.value}{caplog.text}"


def test_a_canvas_that_cannot_be_sent_is_logged_without_what_its_arguments_hide(superuser, caplog):
    with pytest.raises(NotSent):
        launch_together([run(plain, 1)], superuser, lambda rows: Canvas())
    assert "could not be sent whole: AlreadyQueued" in caplog.text
    assert HIDDEN not in caplog.text


def test_a_task_that_raises_where_it_is_sent_is_logged_without_what_its_arguments_hide(superuser, caplog, monkeypatch):
    monkeypatch.setattr(app.conf, "task_always_eager", True)
    monkeypatch.setattr(app.conf, "task_eager_propagates", True)
    caplog.set_level(logging.DEBUG, "celery_ops")
    assert launch(run(refusing, HIDDEN), superuser).send_state == "SENT"
    (line,) = [record for record in caplog.records if "raised after it was sent" in record.getMessage()]
    assert line.getMessage().endswith("AlreadyQueued")
    assert line.exc_info is None
