"""The text that Prometheus scrapes: names, types and labels as celery-exporter's, and nothing that is not known."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from django.db import DatabaseError
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from celery_ops import info
from celery_ops.exceptions import StoreUnavailable
from celery_ops.formatting import clean
from celery_ops.metrics import rows
from celery_ops.metrics.cells import Total
from celery_ops.models import ControlRecord
from celery_ops.prometheus import sources
from celery_ops.schedules.info import BeatInfo, Entry, ScheduleInfo, ScheduleReport
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.tallies import Row
from tests.metrics.test_counting import count, flush
from tests.ops import backends
from tests.ops.backends import HOSTILE, Queues, Workers, ago, queue, worker

pytestmark = pytest.mark.usefixtures("stubs")

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

#: Name, type and labels of each family that celery-exporter 0.14 has, and of ours.
FAMILIES = {
    **{
        f"celery_task_{event}": ("counter", {"name", "hostname", "queue_name"})
        for event in ("sent", "received", "started", "succeeded", "rejected", "revoked", "retried")
    },
    "celery_task_failed": ("counter", {"name", "hostname", "queue_name", "exception"}),
    "celery_task_runtime": ("histogram", {"name", "hostname", "queue_name"}),
    "celery_task_queue_wait_time": ("histogram", {"name", "hostname", "queue_name"}),
    "celery_worker_up": ("gauge", {"hostname"}),
    "celery_worker_tasks_active": ("gauge", {"hostname"}),
    "celery_queue_length": ("gauge", {"queue_name"}),
    "celery_active_consumer_count": ("gauge", {"queue_name"}),
    "celery_active_worker_count": ("gauge", {"queue_name"}),
    "celery_active_process_count": ("gauge", {"queue_name"}),
    "celery_task_lost": ("counter", {"name"}),
    "celery_queue_oldest_message_age_seconds": ("gauge", {"queue_name"}),
    "celery_queue_paused": ("gauge", {"queue_name"}),
}
MAIL = (("hostname", ""), ("name", "shop.mail"), ("queue_name", "mail"))


def of_mail(name, *labels):
    return (name, *sorted((*MAIL, *labels)))


@pytest.fixture
def busy():
    """A task that was sent, waited, ran and failed once, a worker, and a queue."""
    count(Total.SENT)
    count(Total.RECEIVED)
    count(Total.STARTED, 45.0)
    count(Total.SUCCESS, 0.3)
    count(Total.FAILURE, 2.0, exception="ValueError")
    flush()
    Workers.hold(worker("w1@pod", active=2, concurrency=4, queues=("mail",)))
    Queues.hold(queue("mail", depth=7, consumers=1, oldest_age=timedelta(seconds=90)))


@pytest.mark.parametrize(("accept", "parse"), [("text/plain", plain), (OPENMETRICS, openmetrics)])
def test_every_family_has_the_type_and_the_labels_of_celery_exporter(busy, scrape, accept, parse):
    answer = scrape(accept=accept)
    families = {
        family.name: (family.type, {name for sample in family.samples for name in sample.labels} - {"le"})
        for family in parse(answer.content.decode())
    }
    assert families == FAMILIES
    assert answer["Content-Type"].startswith(accept.partition(";")[0])


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/openmetrics-text",
        "application/openmetrics-text; version=abc",
        "application/openmetrics-text;version=1.0.0;escaping=dots",
        "application/openmetrics-text; version=\u0661.0.0",
        "application/openmetrics-text;;=;version=1..0",
        "text/plain;version=x.y;escaping = allow-utf-8;q=0.5",
        "text/plain;version=1.0.0;escaping=values,*/*",
    ],
)
def test_whatever_a_scraper_accepts_it_gets_a_text_that_it_can_read(busy, scrape, accept):
    answer = scrape(accept=accept)
    parse = openmetrics if answer["Content-Type"].startswith("application/openmetrics-text") else plain
    families = {family.name: family.type for family in parse(answer.content.decode())}
    assert families == {name: kind for name, (kind, _labels) in FAMILIES.items()}


def test_a_task_is_told_of_from_its_publish_to_its_end(busy, samples):
    values = samples()
    assert values[of_mail("celery_task_sent_total")] == 1
    assert values[of_mail("celery_task_received_total")] == 1
    assert values[of_mail("celery_task_succeeded_total")] == 1
    assert values[of_mail("celery_task_retried_total")] == 0
    assert values[of_mail("celery_task_failed_total", ("exception", "ValueError"))] == 1
    assert values[of_mail("celery_task_failed_total", ("exception", ""))] == 0


def test_runtimes_are_of_successes_and_waits_reach_to_half_an_hour(busy, samples):
    values = samples()
    assert values[of_mail("celery_task_runtime_count")] == 1
    assert values[of_mail("celery_task_runtime_sum")] == pytest.approx(0.3)
    assert values[of_mail("celery_task_runtime_bucket", ("le", "0.25"))] == 0
    assert values[of_mail("celery_task_runtime_bucket", ("le", "0.5"))] == 1
    assert values[of_mail("celery_task_queue_wait_time_bucket", ("le", "30.0"))] == 0
    assert values[of_mail("celery_task_queue_wait_time_bucket", ("le", "60.0"))] == 1
    assert values[of_mail("celery_task_queue_wait_time_bucket", ("le", "+Inf"))] == 1


def test_a_histogram_of_nothing_is_absent(samples):
    count(Total.SENT)
    count(Total.FAILURE, 1.0, exception="ValueError")
    flush()
    assert not [name for name, *_ in samples() if name.startswith(("celery_task_runtime", "celery_task_queue_wait"))]


def test_nothing_is_said_of_what_workers_count_where_none_counts(samples):
    count(Total.SENT)
    flush()
    assert {name for name, *_ in samples() if name.startswith("celery_task")} == {"celery_task_sent_total"}


def test_hosts_are_told_apart_where_that_is_asked_for(busy, samples, monkeypatch):
    monkeypatch.setattr(rows, "_host", "pod-2")
    count(Total.STARTED, 0.1)
    count(Total.FAILURE, 2.0, exception="KeyError")
    flush()
    started = {
        dict(labels)["hostname"]: value
        for (name, *labels), value in samples("?hostname=1").items()
        if name == "celery_task_started_total"
    }
    failed = {
        (dict(labels)["hostname"], dict(labels)["exception"])
        for (name, *labels), value in samples("?hostname=1").items()
        if name == "celery_task_failed_total" and value
    }
    here = rows.gethostname()
    assert started == {here: 1, "pod-2": 1}
    assert failed == {(here, "ValueError"), ("pod-2", "KeyError")}
    assert samples()[of_mail("celery_task_started_total")] == 2


def test_more_hosts_than_are_kept_are_one(samples, monkeypatch):
    monkeypatch.setattr(rows, "HOSTS_KEPT", 3)
    for number in range(5):
        monkeypatch.setattr(rows, "_host", f"pod-{number}")
        count(Total.STARTED, 0.1)
        flush()
    started = {
        dict(labels)["hostname"]: value
        for (name, *labels), value in samples("?hostname=1").items()
        if name == "celery_task_started_total"
    }
    assert started == {"pod-0": 1, "pod-1": 1, "pod-2": 1, "other": 2}


def test_a_queue_and_who_consumes_it(busy, samples):
    values = samples()
    mail = ("queue_name", "mail")
    assert values["celery_queue_length", mail] == 7
    assert values["celery_active_consumer_count", mail] == 1
    assert values["celery_active_worker_count", mail] == 1
    assert values["celery_active_process_count", mail] == 4
    assert values["celery_queue_oldest_message_age_seconds", mail] == 90
    assert values["celery_queue_paused", mail] == 0


def test_a_paused_queue_says_so(busy, samples):
    ControlRecord.objects.create(action="pause", target="mail")
    assert samples()["celery_queue_paused", ("queue_name", "mail")] == 1


def test_what_a_queue_does_not_tell_is_absent(samples):
    Queues.hold(queue("mail", depth=None, consumers=None, oldest_age=None))
    Workers.hold(worker("w1@pod", queues=None, active=None, concurrency=None))
    names = {name for name, *_ in samples()}
    assert names == {"celery_worker_up", "celery_queue_paused"}


@pytest.mark.parametrize(
    ("workers", "up"),
    [
        ([("a@pod", info.ONLINE, 1)], 1),
        ([("a@pod", info.GONE, 1)], 0),
        ([("a@pod", info.ENDED, 1)], 0),
        ([("a@pod", info.NO_REPLY, 30)], 1),
        ([("a@pod", info.NO_REPLY, 360)], 0),
        ([("a@pod", info.ENDED, 1), ("b@pod", info.ONLINE, 1)], 1),
        ([("a@pod", info.GONE, 1), ("b@pod", info.ONLINE, 1)], 0),
    ],
    ids=["online", "gone", "ended", "silent for a moment", "silent", "replaced", "one of two gone"],
)
def test_a_host_is_up_while_all_that_should_be_there_are(samples, workers, up):
    Workers.hold(*(worker(name, state=state, last_seen=ago(seconds=silent)) for name, state, silent in workers))
    assert samples()["celery_worker_up", ("hostname", "pod")] == up


def test_workers_of_one_host_share_a_series(samples):
    Workers.hold(worker("a@pod", active=2), worker("b@pod", active=3))
    assert samples()["celery_worker_tasks_active", ("hostname", "pod")] == 5


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_hostile_names_come_back_as_a_page_shows_them(scrape, accept):
    for text in HOSTILE:
        count(Total.STARTED, 0.1, task=text, queue=text)
        count(Total.FAILURE, 0.1, task=text, queue=text, exception=text)
    flush()
    Workers.hold(*(worker(f"w@{text}") for text in HOSTILE))
    Queues.hold(*(queue(text) for text in HOSTILE))
    parse = openmetrics if accept == OPENMETRICS else plain
    families = {family.name: family for family in parse(scrape(accept=accept).content.decode())}
    shown = {clean(text) for text in HOSTILE}
    assert {sample.labels["name"] for sample in families["celery_task_started"].samples} == shown
    assert {sample.labels["exception"] for sample in families["celery_task_failed"].samples} == {"", *shown}
    assert {sample.labels["queue_name"] for sample in families["celery_queue_length"].samples} == shown


def test_names_that_a_page_shows_alike_are_added_up(samples):
    for text in ("a\x00b", "a\x01b"):
        count(Total.STARTED, 0.1, task=text, queue="q")
        count(Total.FAILURE, 0.1, task=text, queue="q", exception="ValueError")
    flush()
    values = samples()
    alike = (("hostname", ""), ("name", "a\ufffdb"), ("queue_name", "q"))
    assert values[("celery_task_started_total", *alike)] == 2
    assert values[("celery_task_failed_total", ("exception", "ValueError"), *alike)] == 2


@pytest.mark.parametrize("number", ["abc", "", "1.5", "9" * 5000, "\u0663"])
def test_a_number_of_failures_that_is_none_hides_no_other(busy, samples, number):
    pair = rows.SEPARATOR.join(("shop.mail", "mail"))
    fields = {f"{pair}{rows.SEPARATOR}KeyError": number}
    recorder().ask(lambda store: store.add([Row(rows.failed_row(), 60, texts=fields)], "planted"))
    values = samples()
    assert values[of_mail("celery_task_failed_total", ("exception", "ValueError"))] == 1
    assert values[of_mail("celery_task_started_total")] == 1


def test_numbers_of_a_site_that_counts_no_more_are_absent(busy, samples, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS": False}
    assert families_of(samples) == {"celery_worker", "celery_queue", "celery_active"}


NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


@pytest.fixture
def scheduled(monkeypatch):
    """``scheduled(report)`` has a scrape know of schedules."""

    def know(report):
        really = sources.ask
        monkeypatch.setattr(sources, "ask", lambda **options: replace(really(**options), schedules=report))

    return know


def an_entry(name, **fields):
    entry = Entry(name, "shop.mail", "settings", "every minute", "every minute")
    return ScheduleInfo(entry, **fields)


def test_beat_and_its_schedule_are_told(scheduled, samples):
    beats = [
        BeatInfo("beat@pod", 1, "persistent", NOW, NOW + timedelta(seconds=seconds), 5.0, entries=2)
        for seconds in (10, 90, 50)
    ]
    scheduled(ScheduleReport((an_entry("nightly", overdue=True), an_entry('"hourly"')), tuple(beats)))
    assert samples() == {
        ("celery_beat_last_tick_timestamp_seconds",): NOW.timestamp() + 90,
        ("celery_schedule_overdue", ("schedule", "nightly")): 1,
        ("celery_schedule_overdue", ("schedule", '"hourly"')): 0,
    }


def test_a_beat_that_was_never_heard_has_no_tick(scheduled, samples):
    scheduled(ScheduleReport((an_entry("nightly"),)))
    assert {name for name, *_ in samples()} == {"celery_schedule_overdue"}


# -- what is away -----------------------------------------------------------------------------------------------------


def families_of(samples):
    return {"_".join(name.split("_")[:2]) for name, *_ in samples()}


@pytest.fixture
def dead_store(memory_store, monkeypatch):
    def away(*_):
        raise StoreUnavailable("away")

    monkeypatch.setattr(type(memory_store), "tallies", away)


def test_a_dead_store_leaves_workers_and_queues(busy, dead_store, samples):
    assert families_of(samples) == {"celery_worker", "celery_queue", "celery_active"}


@pytest.mark.parametrize("kind", ["Away", "Frozen"])
def test_a_dead_broker_leaves_tasks(busy, samples, settings, monkeypatch, kind):
    monkeypatch.setattr(sources, "PATIENCE", 1.0)  # in which tasks have to answer on a busy machine, too
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "WORKER_BACKEND": f"{backends.HERE}.{kind}Workers",
        "QUEUE_BACKEND": f"{backends.HERE}.{kind}Queues",
    }
    assert families_of(samples) == {"celery_task"}


def test_older_answers_are_no_answers(busy, samples, monkeypatch):
    monkeypatch.setattr(Workers, "trouble", "The broker does not answer at the moment.")
    monkeypatch.setattr(Queues, "trouble", "The broker does not answer at the moment.")
    report, before = Queues().queues(), ago(minutes=5)
    monkeypatch.setattr(Queues, "queues", lambda self: replace(report, collected_at=before))
    assert families_of(samples) == {"celery_task"}


def test_a_fault_of_a_backend_of_the_sites_own_hides_its_part_alone(busy, samples, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "WORKER_BACKEND": f"{backends.HERE}.FaultyWorkers"}
    assert families_of(samples) == {"celery_task", "celery_queue", "celery_active"}


def test_a_scrape_where_nothing_answers_is_empty(busy, dead_store, scrape, settings):
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "WORKER_BACKEND": f"{backends.HERE}.AwayWorkers",
        "QUEUE_BACKEND": f"{backends.HERE}.AwayQueues",
    }
    answer = scrape()
    assert (answer.status_code, answer.content) == (200, b"")
    assert scrape(accept=OPENMETRICS).content == b"# EOF\n"


def test_a_dead_database_hides_only_what_is_paused(busy, samples, monkeypatch):
    def away():
        raise DatabaseError("away")

    monkeypatch.setattr(sources, "paused_queues", away)
    names = {name for name, *_ in samples()}
    assert "celery_queue_length" in names
    assert "celery_queue_paused" not in names
