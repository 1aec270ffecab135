"""Tasks that were published and that no result row knows: listed with the rows, on every page once, and counted."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.backends import on_its_way, waiting
from celery_ops.backends.memory import MemoryQueueBackend
from celery_ops.backends.results import pages as results_pages
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.exceptions import BackendUnavailable, StoreUnavailable
from celery_ops.info import MessageInfo, QueueDetail, QueueInfo, TaskInfo
from celery_ops.states import PENDING, STARTED, SUCCESS
from celery_ops.task_query import LAST_FINISHED_FIRST, NEWEST_FIRST, OLDEST_FIRST, Cursor, TaskQuery
from celery_ops.tracking import index, newest
from tests.backends.result_rows import NOON, row, walk
from tests.planting import plant

pytestmark = pytest.mark.django_db


class Queues(MemoryQueueBackend):
    """Some queues with messages."""


class Away(MemoryQueueBackend):
    questions = 0

    def queues(self):
        type(self).questions += 1
        raise BackendUnavailable("The broker is away.")


@pytest.fixture(autouse=True)
def _sources(memory_store, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": f"{__name__}.Queues"}
    waiting.forget()
    yield
    Queues.hold()
    waiting.forget()


def queue(*ids, name="mail", **fields):
    messages = tuple(MessageInfo(id, "shop.send", published_at=NOON, **fields) for id in ids)
    Queues.hold(QueueDetail(QueueInfo(name, depth=len(ids)), messages=messages))


def page(**query):
    return ResultsTaskBackend().page(TaskQuery(**query))


def listed(**query):
    return {task.id: task.state for task in page(**query).tasks}


def test_a_tracked_task_that_nobody_has_begun_is_listed(order):
    task_id = plant(order, "shop.charge", PENDING)
    (task,) = page().tasks
    assert (task.id, task.name, task.state, task.started_at) == (task_id, "shop.charge", PENDING, None)
    assert task.created_at is not None


def test_a_message_at_a_queues_head_is_listed():
    queue("1")
    (task,) = page().tasks
    assert (task.id, task.name, task.state, task.queue, task.created_at) == ("1", "shop.send", PENDING, "mail", NOON)


@pytest.mark.database
def test_what_both_know_is_listed_once_and_says_what_each_knows(order):
    queue(task_id := plant(order, "shop.charge", PENDING), arguments="(8,)")
    (task,) = page().tasks
    assert (task.id, task.name, task.queue, task.args) == (task_id, "shop.charge", "mail", "(8,)")


def test_a_row_is_believed_before_the_message(order):
    queue(task_id := plant(order, state=PENDING))
    row(task_id, status="STARTED")
    assert listed() == {task_id: "STARTED"}


@pytest.mark.parametrize("state", [STARTED, SUCCESS])
def test_a_tracked_task_that_has_begun_does_not_wait(order, state):
    plant(order, state=state)
    assert listed() == {}


def test_a_row_that_comes_while_what_waits_is_kept_is_seen_at_once(order):
    task_id = plant(order, state=PENDING)
    assert listed() == {task_id: PENDING}
    row(task_id, status="STARTED")
    assert listed() == {task_id: "STARTED"}


def test_filters_hold_for_what_waits(order):
    queue("1")
    task_id = plant(order, "shop.charge", PENDING)
    row("2")
    assert listed(states=(PENDING,)) == {"1": PENDING, task_id: PENDING}
    assert listed(name="charge") == {task_id: PENDING}
    assert listed(until=NOON) == {"1": PENDING}
    assert listed(worker="w1@host") == {}
    assert listed(text="shop.se") == {"1": PENDING}
    assert listed(text=task_id) == {task_id: PENDING}
    assert listed(text=task_id, states=(SUCCESS,)) == {task_id: PENDING}


def test_hidden_arguments_of_what_waits_are_not_found():
    queue("1", arguments="{'password': 'hunter2secret', 'customer': 'Ada'}")
    assert listed(text="Ada", searches_arguments=True) == {"1": PENDING}
    assert listed(text="hunter2secret", searches_arguments=True) == {}


@pytest.mark.database
def test_what_waits_is_counted(order):
    queue("1")
    plant(order, state=PENDING)
    row("2")
    counts = ResultsTaskBackend().counts(TaskQuery())
    assert {state: count.number for state, count in counts.states.items() if count.number} == {PENDING: 2, SUCCESS: 1}
    assert counts.all.number == 3


@pytest.mark.parametrize("sort", ResultsTaskBackend.sorts)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_every_page_goes_on_where_the_one_before_ended_and_back_again(sort, size):
    queue(*(f"w{number}" for number in range(5)))
    for number in range(7):
        row(str(number))
    pages = [ResultsTaskBackend().page(TaskQuery(sort=sort), size=size)]
    while pages[-1].next:
        pages.append(ResultsTaskBackend().page(TaskQuery(sort=sort), cursor=pages[-1].next, size=size))
    ids = [task.id for page in pages for task in page.tasks]
    assert sorted(ids) == sorted([*(f"w{n}" for n in range(5)), *map(str, range(7))])
    assert all(len(page.tasks) == size for page in pages[:-1])
    waits_first = [id[0] == "w" for id in ids]
    assert waits_first == sorted(waits_first, reverse=sort == NEWEST_FIRST)
    back = [pages[-1]]
    while back[-1].previous:
        back.append(ResultsTaskBackend().page(TaskQuery(sort=sort), cursor=back[-1].previous, size=size))
    assert [[t.id for t in page.tasks] for page in back[::-1]] == [[t.id for t in page.tasks] for page in pages]


def test_tasks_that_begin_meanwhile_lose_and_repeat_nothing_of_the_others():
    queue("w0", "w1", "w2", "w3")
    row("0")
    first = ResultsTaskBackend().page(TaskQuery(), size=2)
    queue("w1", "w3")
    waiting.forget()
    following = ResultsTaskBackend().page(TaskQuery(), cursor=first.next, size=9)
    assert [task.id for task in (*first.tasks, *following.tasks)] == ["w0", "w1", "w3", "0"]


tasks = st.lists(
    st.builds(
        TaskInfo,
        id=st.text("abc", min_size=1, max_size=3),
        created_at=st.none() | st.integers(0, 3).map(lambda step: NOON + timedelta(seconds=step)),
    ),
    unique_by=lambda task: task.id,
    max_size=12,
)


@given(tasks, tasks, st.integers(1, 5), st.sampled_from([NEWEST_FIRST, OLDEST_FIRST, LAST_FINISHED_FIRST]))
def test_two_lists_behind_each_other_are_paged_as_one(waits, rows, size, sort):
    class Rows(results_pages.WaitingRows):
        def has(self, key):
            return key[0] != results_pages.MARK

    second = Rows(rows, sort)
    second.items = [(key[1:], task) for key, task in second.items]
    second.keys, second.end = [key for key, _task in second.items], second.end[1:]

    def at(cursor=None):
        place = Cursor.decoded(cursor) if cursor else None
        return results_pages.page_of(TaskQuery(sort=sort), results_pages.WaitingRows(waits, sort), second, place, size)

    pages = [at()]
    while pages[-1].next:
        pages.append(at(pages[-1].next))
    assert sorted(task.id for page in pages for task in page.tasks) == sorted(task.id for task in (*waits, *rows))
    back = [pages[-1]]
    while back[-1].previous:
        back.append(at(back[-1].previous))
    assert [page.tasks for page in back[::-1]] == [page.tasks for page in pages]


def test_all_of_it_is_exported(order):
    queue("1")
    row("2")
    assert [task.id for task in ResultsTaskBackend().iterate(TaskQuery())] == ["1", "2"]
    assert walk(TaskQuery(), size=1) == ["1", "2"]


def test_a_store_that_is_away_leaves_the_queues(monkeypatch):
    def away(_limit):
        raise StoreUnavailable

    queue("1")
    monkeypatch.setattr(newest, "newest_tasks", away)
    assert listed() == {"1": PENDING}
    assert page().notes == ("More tasks may wait than are listed here.",)


def test_a_broker_that_is_away_leaves_the_store_and_is_not_asked_again_at_once(order, settings, monkeypatch):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": f"{__name__}.Away"}
    task_id = plant(order, state=PENDING)
    monkeypatch.setattr(waiting, "_shared", waiting.Shared(0.0))
    assert listed() == listed() == {task_id: PENDING}
    assert Away.questions == 1


def test_a_store_in_which_very_many_tasks_come_is_not_read(order, monkeypatch):
    plant(order, state=PENDING, ago=0)
    monkeypatch.setattr(newest, "MOST_READ", 0)
    monkeypatch.setattr(newest, "SAMPLE", index.SHARDS)
    assert listed() == {}
    assert page().notes


def test_what_waits_is_found_out_once_for_all_viewers(order, monkeypatch):
    plant(order, state=PENDING)
    listed()
    monkeypatch.setattr(waiting, "tasks_in", None)
    monkeypatch.setattr(newest, "newest_tasks", None)
    assert len(listed()) == 1


def test_a_site_on_which_nothing_waits_pays_no_query():
    row("1")
    listed()
    with CaptureQueriesContext(connection) as captured:
        page()
    assert len(captured) == 1


# -- one that no list has, by its whole id -----------------------------------------------------------------------------

DEEP = "6f1b1c8e-0d6f-4a5b-9a54-3f0a4b8e7c21"


@pytest.fixture
def deep(settings, no_worker):
    """A message far behind the head of its queue."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": f"{__name__}.Deep"}
    Deep.asked = []
    return Deep.asked


class Deep(Queues):
    asked = []

    def waiting_message(self, task_id):
        self.asked.append(task_id)
        return ("mail", MessageInfo(DEEP, "shop.send", published_at=NOON)) if task_id == DEEP else None


@pytest.fixture
def no_worker(monkeypatch):
    monkeypatch.setattr(on_its_way, "live_task", lambda task_id: None)


def test_a_task_that_waits_behind_the_heads_is_found_by_its_whole_id(deep):
    queue("1")
    (task,) = page(text=DEEP).tasks
    assert (task.id, task.name, task.state, task.queue) == (DEEP, "shop.send", PENDING, "mail")
    assert listed(text=DEEP, states=(SUCCESS,)) == {DEEP: PENDING}


def test_a_task_that_a_worker_holds_and_nobody_else_knows_is_found_by_its_whole_id(deep, monkeypatch):
    monkeypatch.setattr(on_its_way, "live_task", lambda task_id: TaskInfo(task_id, "shop.send", STARTED))
    assert listed(text=DEEP) == {DEEP: STARTED}
    assert deep == []


def test_what_a_list_has_and_what_can_be_no_id_is_looked_for_nowhere_else(deep, order):
    row("2")
    queue("1")
    task_id = plant(order, state=PENDING)
    assert [listed(text=text) for text in ("1", "2", task_id)] == [{"1": PENDING}, {"2": SUCCESS}, {task_id: PENDING}]
    assert [listed(text=text) for text in ("nothing", "order 8 of 9")] == [{}, {}]
    assert deep == []


def test_a_text_that_finds_nothing_is_looked_for_once_by_all_viewers(deep):
    assert listed(text="4711") == listed(text="4711") == {}
    assert deep == ["4711"]


def test_a_search_says_why_a_task_may_not_have_been_found(deep, monkeypatch):
    monkeypatch.setattr(Deep, "out_of_sight", lambda self: "Some wait where nobody sees them.")
    assert page(text="4711").notes == ("Some wait where nobody sees them.",)


def test_a_broker_that_is_away_is_said_where_an_id_was_not_found(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "QUEUE_BACKEND": f"{__name__}.Away"}
    assert page(text=DEEP).notes == ("The broker is away.",)
