"""Every hostile text in every field of every page, in a real browser under ``default-src 'self'``."""

from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest
from celery.utils import uuid
from django.urls import reverse

from celery_ops import states
from celery_ops.backends.memory import MemoryQueueBackend, MemoryTaskBackend, MemoryWorkerBackend
from celery_ops.info import (
    Binding,
    MessageInfo,
    QueueDetail,
    QueueInfo,
    RegisteredTask,
    StartedBy,
    TaskInfo,
    WorkerDetail,
    WorkerInfo,
)
from celery_ops.metrics.cells import Total
from celery_ops.models import ControlRecord, TaskRunRecord
from tests.conftest import make_user
from tests.corpus import CORPUS, MARK
from tests.pages import elements
from tests.panels.conftest import browser
from tests.planting import plant
from tests.planting_counts import count, fail, flush
from tests.schedule_source import entry, keep
from tests.shop.models import Order

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NOW = datetime.now(timezone.utc)
INNOCENT = """() => ({
  ran: window.hostile !== undefined,
  elements: document.querySelectorAll("[data-hostile]").length,
  scripts: [...document.querySelectorAll("a[href], form[action], [src]")]
    .map((element) => element.getAttribute("href") ?? element.getAttribute("action") ?? element.getAttribute("src"))
    .filter((address) => /^\\s*(javascript|data|vbscript):|^(https?:)?\\/\\/example\\.invalid/i.test(address)),
})"""


@pytest.fixture
def order(db):
    return Order.objects.create(reference=CORPUS[2][:40])


def task(text, number=0):
    """A task that says ``text`` wherever a text may be."""
    return TaskInfo(
        id=text or "none",
        name=text,
        state=states.FAILURE if number % 2 else text,
        worker=text,
        queue=text,
        created_at=NOW - timedelta(minutes=1),
        started_at=NOW - timedelta(seconds=50),
        finished_at=NOW - timedelta(seconds=40),
        error=f"{text}: {text}",
        args=[text],
        kwargs={text: text},
        result={text: [text]},
        traceback=f"{text}\n  {text}",
        parent_id=text,
        root_id=text,
        children=(text,),
        meta={text: text},
        started_by=StartedBy(text, text, text),
    )


def worker(text):
    everything = {text: text, "nested": {text: [text]}}
    return WorkerDetail(
        WorkerInfo(text, queues=(text,), pool=text, concurrency=2, active=1),
        active=(task(text),),
        reserved=(task(text),),
        scheduled=(task(text),),
        registered=(RegisteredTask(text, rate_limit=text),),
        totals={text: 7},
        pool=everything,
        autoscaler=everything,
        resources=everything,
        broker=everything,
        conf=everything,
        missing=(text,),
    )


def queue(text):
    return QueueDetail(
        QueueInfo(text, 3, 1, 0, sources=(text,)),
        bindings=(Binding(text, text, text),),
        arguments={text: text},
        workers=(text,),
        messages=(MessageInfo(text, text, text, NOW, size=7),),
        trouble=text,
    )


@pytest.fixture
def client(order, settings, monkeypatch):
    """Somebody who may see everything of a site in which everything is hostile."""
    memory = "celery_ops.backends.memory.Memory{}Backend"
    backends = {f"{kind.upper()}_BACKEND": memory.format(kind) for kind in ("Task", "Worker", "Queue")}
    settings.CELERY_OPS = {**settings.CELERY_OPS, **backends, "MAX_PAGE_SIZE": 200}
    user = make_user("somebody", is_superuser=True)
    tasks = [task(text, number) for number, text in enumerate(CORPUS)]
    entries = [entry(text, text, args=(text,), kwargs={text: text}, queue=text) for text in CORPUS]
    keep(monkeypatch, *entries)
    for text in CORPUS[:9]:
        count(text, Total.SUCCESS, Total.FAILURE, seconds=0.1, queue=text)
        fail(text, task=text, task_id=text, exception=text)
        plant(order, text, "FAILURE", task_id=text, worker=text, args=text, error=f"{text}: {text}", result=text)
        TaskRunRecord.objects.create(
            task_name=text[:250].replace("\0", ""), task_id=uuid(), username=text[:150], error=text
        )
        said = {"answered": {text: text}, "silent": [text]}
        ControlRecord.objects.create(action="ping", target=text[:250], replies=said, parameters={text: text}, user=user)
    flush()
    with (
        MemoryTaskBackend.holding(*tasks),
        MemoryWorkerBackend.holding(*map(worker, CORPUS)),
        MemoryQueueBackend.holding(*map(queue, CORPUS)),
    ):
        yield browser(user)


def is_innocent(screen, client, path):
    before = len(screen.troubles)
    page = screen.show(client, path)
    status = screen.answers[next(iter(screen.answers))].status_code
    return {"status": status, **page.evaluate(INNOCENT), "troubles": screen.troubles[before:]}


FILTERS = ("q", "name", "task", "queue", "worker", "state", "window", "sort", "cursor", "user", "since", "page_size")
CALM = {"status": 200, "ran": False, "elements": 0, "scripts": [], "troubles": []}
LISTS = (
    "overview",
    "task-list",
    "worker-list",
    "queue-list",
    "insight",
    "task-type-list",
    "failure-list",
    "schedule-list",
    "run-list",
    "record-list",
    "control-record-list",
)


def test_the_corpus_is_large_enough():
    assert len(CORPUS) == len(set(CORPUS)) >= 40
    assert MARK in CORPUS[0]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_hostile_things_is_text(name, client, screen):
    path = reverse(f"celery_ops:{name}")
    assert is_innocent(screen, client, f"{path}?page_size=200") == CALM


DETAILS = ("task-detail", "worker-detail", "queue-detail", "schedule-detail")


@pytest.mark.parametrize("name", DETAILS)
def test_the_page_of_a_hostile_thing_is_text(name, client, screen):
    for text in CORPUS[::6]:
        assert is_innocent(screen, client, reverse(f"celery_ops:{name}", args=[text])) == CALM, text


@pytest.mark.parametrize("name", DETAILS)
def test_the_page_of_every_hostile_thing_is_answered(name, client):
    for text in CORPUS:
        page = client.get(reverse(f"celery_ops:{name}", args=[text]))
        assert page.status_code in (200, 404), text
        assert elements(page.text, data_hostile=True) == [], text


@pytest.mark.parametrize("name", LISTS)
def test_every_hostile_filter_is_text(name, client):
    for text in CORPUS:
        query = urlencode(dict.fromkeys(FILTERS, text), errors="surrogatepass")
        page = client.get(f"{reverse(f'celery_ops:{name}')}?{query}")
        assert page.status_code == 200, text
        assert elements(page.text, data_hostile=True) == [], text


@pytest.mark.parametrize("path", ["orders", "your-order"])
def test_a_panel_of_hostile_tasks_is_text(path, order, client, screen):
    assert is_innocent(screen, client, f"/{path}/{order.pk}/") == CALM
