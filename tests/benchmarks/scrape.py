"""What a scrape by Prometheus costs."""

import time
from collections.abc import Iterator
from unittest import mock

from django.test import Client
from django.urls import reverse
from redis.connection import AbstractConnection

from celery_ops.backends.memory import MemoryQueueBackend, MemoryWorkerBackend
from celery_ops.info import QueueDetail, QueueInfo, WorkerDetail, WorkerInfo
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.tally import minute
from celery_ops.prometheus.exposition import exposition
from celery_ops.prometheus.sources import Answers
from celery_ops.prometheus.totals import totals
from tests.servers import PORT

from .figures import Figure, at_most, exactly
from .registry import INSIGHT, benchmark
from .setup import use_store
from .timing import in_turn, sized

NAMES = sized(500, quick=20)
ROUNDS = sized(60, quick=2)
TOKEN = "of-the-benchmark"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
MEMORY = "celery_ops.backends.memory.Memory{}Backend"


@benchmark("scrape", INSIGHT)
def scrape() -> Iterator[Figure]:
    """A scrape of 500 names, each sent, received, waited for, succeeded and failed: 22,000 lines."""
    backends = {"WORKER_BACKEND": MEMORY.format("Worker"), "QUEUE_BACKEND": MEMORY.format("Queue")}
    use_store(f"redis://127.0.0.1:{PORT}/1", METRICS_TOKEN=TOKEN, STORE_TIMEOUT=5, **backends)
    for number in range(NAMES):
        plant(f"shop.tasks.number_{number:03}")
    flusher().flush()
    workers = [WorkerDetail(WorkerInfo(f"w{n}@host-{n}", active=1, concurrency=4, queues=("mail",))) for n in range(20)]
    with MemoryWorkerBackend.holding(*workers), MemoryQueueBackend.holding(QueueDetail(QueueInfo("mail", depth=3))):
        yield from figures()


def figures() -> Iterator[Figure]:
    known = Answers(totals())
    text = exposition(known).body.decode()
    yield Figure.of("lines", text.count("\n"))
    yield Figure.of("round trips to the store", trips(totals), target=exactly(2))
    page, whole, read = in_turn(scraped, lambda: scraped(OPENMETRICS), totals, rounds=ROUNDS, clock=time.process_time)
    yield Figure.of("500 names, the whole request, CPU", page, "ms", target=at_most(50))
    yield Figure.of("… as OpenMetrics", whole, "ms", target=at_most(50))
    yield Figure.of("… of which reading the store", read, "ms")
    library = _in_the_library(text)
    ours, theirs = in_turn(lambda: exposition(known), library, rounds=sized(20, quick=1), clock=time.process_time)
    yield Figure.of("… and writing the text", ours, "ms", peer="prometheus_client alone", theirs=theirs)


def plant(task: str) -> None:
    place = (minute(), "", task, "", "mail")
    add = flusher().counting.add
    add((place, Total.SENT, None, "", False))
    add((place, Total.RECEIVED, None, "", False))
    add((place, Total.STARTED, 0.2, "", False))
    add((place, Total.SUCCESS, 1.5, "", False))
    add((place, Total.FAILURE, 0.1, "ValueError", False))


def scraped(accept: str = "text/plain") -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
    answer = Client().get(reverse("celery_ops:metrics"), headers=headers)
    assert answer.status_code == 200


def _in_the_library(text: str):
    """Return what has prometheus_client write the same samples."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.parser import text_string_to_metric_families

    families = list(text_string_to_metric_families(text))

    class Collector:
        def collect(self):
            return families

    registry = CollectorRegistry()
    registry.register(Collector())
    return lambda: generate_latest(registry)


def trips(call) -> int:
    send = AbstractConnection.send_packed_command
    with mock.patch.object(AbstractConnection, "send_packed_command", autospec=True, side_effect=send) as spy:
        call()
    return spy.call_count
