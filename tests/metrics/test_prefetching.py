"""How long the task that began last had waited in its worker, which is told under Flower's names alone."""

import json
import time
import uuid
from types import SimpleNamespace

import pytest

from celery_ops.metrics import executing, prefetching
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.prefetching import Prefetching, prefetched_row
from celery_ops.metrics.rows import host
from celery_ops.prometheus.totals import totals
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.stamp import RECEIVED, now_ms
from celery_ops.tracking.tallies import Row, Wanted
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks

HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.1})
FLOWER = {"METRICS_NAMES": "flower"}


@pytest.fixture
def flower(store, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, **FLOWER}


def sender(**details):
    return SimpleNamespace(name="shop.mail", request=SimpleNamespace(id="t1", delivery_info={}, **details))


def waited(*, by_host=False):
    """Flush, and return the seconds of the one task that was counted."""
    flusher().flush()
    (task,) = totals(by_host=by_host)
    return task.prefetch_seconds


def test_a_task_that_begins_tells_for_how_long_it_had_waited_and_zero_when_it_has_ended(flower):
    begun = sender(**{RECEIVED: now_ms() - 2500})
    executing.task_prerun(sender=begun)
    assert waited() == pytest.approx(2.5, abs=1)
    assert waited(by_host=True) == pytest.approx(2.5, abs=1)
    executing.task_success(sender=begun)
    assert waited() == 0.0


def test_one_that_failed_has_ended(flower):
    begun = sender(**{RECEIVED: now_ms() - 2500})
    executing.task_prerun(sender=begun)
    executing.task_failure(sender=begun, task_id="t1", exception=ValueError())
    assert waited() == 0.0


@pytest.mark.parametrize("later", [0, 5], ids=["this process", "another"])
def test_what_began_later_is_told_whoever_tells_first(flower, later, monkeypatch):
    executing.task_prerun(sender=sender(**{RECEIVED: now_ms() - 2500}))
    row = Row(prefetched_row(), 60, texts={"shop.mail": f"{now_ms() + later * 1000} 7.000"})
    if later:
        recorder().ask(lambda store: store.add([row], "another's"))
    assert waited() == pytest.approx(7 if later else 2.5, abs=1)


@pytest.mark.parametrize(
    "details",
    [
        {},
        {RECEIVED: "1800000000000"},
        {RECEIVED: True},
        {RECEIVED: now_ms() - 2500, "eta": "2027-01-15T08:00:00+00:00"},
    ],
    ids=["nobody noted", "a text", "no number", "an eta"],
)
def test_what_is_not_known_is_not_told(flower, details):
    executing.task_prerun(sender=sender(**details))
    assert waited() is None


def test_a_clock_that_was_put_back_makes_nothing_negative(flower):
    executing.task_prerun(sender=sender(**{RECEIVED: now_ms() + 60_000}))
    assert waited() == 0.0


@pytest.mark.parametrize("text", ["", "1", "1 x", "1 nan", "1 inf", "1 -2", "x 2"])
def test_a_text_that_says_no_seconds_is_left_out(flower, text):
    executing.task_prerun(sender=sender())
    recorder().ask(lambda store: store.add([Row(prefetched_row(), 60, texts={"shop.mail": text})], "one"))
    assert waited() == (2.0 if text == "x 2" else None)


def test_under_other_names_nobody_counts_it(store):
    request = SimpleNamespace(
        id="t1", task=SimpleNamespace(name="shop.mail"), delivery_info={}, request_dict={}, eta=None, args=(), kwargs={}
    )
    executing.task_received(request=request)
    assert RECEIVED not in request.request_dict
    executing.task_prerun(sender=sender(**{RECEIVED: now_ms()}))
    assert waited() is None
    rows = [prefetched_row(), prefetched_row(host())]
    assert recorder().ask(lambda store: store.tallies(Wanted(fields=rows))).fields == [{}, {}]


def test_a_process_remembers_so_many_tasks(flower, monkeypatch):
    monkeypatch.setattr(prefetching, "TASKS_KEPT", 2)
    source = Prefetching()
    for name in ("a", "b", "c", "a"):
        source.note("", name, 1.0)
    (rows,) = source.take().values()
    assert [sorted(row.texts) for row in rows] == [["a", "b"], ["a", "b"]]
    assert len(source) == 0


@pytest.fixture
def site(redis_server, settings):
    site = Site(f"{redis_server.url}/59", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    environment = {**site.environment, "TEST_HURRY": HURRY, "TEST_CELERY_OPS": json.dumps(FLOWER)}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "1", app="tests.quick_app")
    with visiting(site, settings):
        settings.CELERY_OPS = {**settings.CELERY_OPS, **FLOWER}
        yield site
    worker.stop()


def test_a_worker_tells_for_how_long_it_held_a_task(site, tmp_path):
    files = [tmp_path / name for name in ("first", "second")]
    for file in files:
        file.touch()

    def told():
        flusher().flush()
        by_task = {task.subject.task: task.prefetch_seconds for task in totals()}
        return by_task.get(tasks.untracked_paced.name)

    tasks.untracked_paced.delay(f"{files[0]}.begun", str(files[0]))
    wait_for(lambda: told() is not None, "the first to begin")
    tasks.untracked_paced.delay(f"{files[1]}.begun", str(files[1]))
    until = time.monotonic() + 0.5
    wait_for(lambda: time.monotonic() > until, "the second to have waited")
    files[0].write_text(".")
    wait_for(lambda: (told() or 0) > 0.4, "the second to say that it waited")
    files[1].write_text(".")
    wait_for(lambda: told() == 0.0, "the second to end")
