"""A site of a test's own, its real beats, and waits that are shorter than a minute."""

import json
import uuid

import pytest

from tests.beating import schedule_of
from tests.celery import app
from tests.conftest import visiting
from tests.servers import FILES, Site, Worker

from .beats import SHORT, Beat


@pytest.fixture
def site(transactional_db, redis_server, settings):
    redis_server.empty(54)  # of what the beats of other tests have sent
    site = Site(f"{redis_server.url}/54", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    with visiting(site, settings) as site:
        yield site


@pytest.fixture
def keep_entries():
    """Have the settings here say the same as those of a beat."""
    before = app.conf.beat_schedule

    def keep(entries):
        app.conf.beat_schedule = schedule_of(entries)

    yield keep
    app.conf.beat_schedule = before


@pytest.fixture
def make_beat(site, keep_entries):
    """Start beats of this site."""
    beats = []

    def make(entries, *options, **env):
        keep_entries(entries)
        beats.append(Beat({**site.environment, "TEST_HURRY": json.dumps(SHORT), **env}, entries, *options))
        return beats[-1]

    yield make
    for beat in beats:
        beat.stop()


@pytest.fixture
def make_worker_with_beat(site, keep_entries):
    """Start workers of this site that have a beat of their own (``-B``)."""
    workers = []

    def make(entries, *options):
        keep_entries(entries)
        name = uuid.uuid4().hex[:6]
        env = {
            **site.environment,
            "TEST_HURRY": json.dumps(SHORT),
            "TEST_BEAT_SCHEDULE": json.dumps(entries),
        }
        options = ("-B", "-s", str(FILES / f"beat-{name}"), "-c", "1", *options)
        workers.append(Worker(f"w{name}@test", env, *options, app="tests.beating"))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


@pytest.fixture
def impatient(monkeypatch):
    """A minute of silence takes three seconds, and half a minute two."""
    monkeypatch.setattr("celery_ops.schedules.report.SILENT_AFTER", 3)
    monkeypatch.setattr("celery_ops.schedules.problems.OVERDUE_AFTER", 2)


@pytest.fixture
def use_redbeat():
    """Have the settings here name the Redis of a redbeat, under a prefix of this test's own."""
    before = {name: app.conf.get(name) for name in ("redbeat_redis_url", "redbeat_key_prefix")}

    def use(url):
        prefix = f"rb-{uuid.uuid4().hex[:6]}:"
        app.conf.update(redbeat_redis_url=url, redbeat_key_prefix=prefix)
        _forget_redbeat()
        return {"TEST_REDBEAT_URL": url, "TEST_REDBEAT_PREFIX": prefix, "TEST_REDBEAT_LOCK": "5"}

    yield use
    _forget_redbeat()
    app.conf.update(before)


def _forget_redbeat():
    for name in ("redbeat_conf", "redbeat_redis"):
        if (kept := app.__dict__.pop(name, None)) is not None and hasattr(kept, "close"):
            kept.close()
