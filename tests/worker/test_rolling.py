"""A rolling deploy, with real workers on each broker: one ends well, one is killed, one stands still, one stays."""

import json
import signal
import threading
import uuid
from dataclasses import dataclass

import pytest
from django.urls import reverse

from celery_ops.backends.broker import backend as queues
from celery_ops.backends.remote import presence, snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.tracking.store import BEAT_EVERY
from tests.conftest import browser_of, visiting
from tests.pages import html_of, region, text_of
from tests.servers import Site, Worker, wait_for

pytestmark = pytest.mark.django_db

HURRY = json.dumps({"celery_ops.tracking.heartbeat.BEAT_EVERY": 0.5})
QUIET = 3  # no busy machine holds up six beats in a row
FATES = ("ended", "frozen", "killed", "stays")
#: These have no celery_ops, so they give no signs.
PLAIN = ("plain-ended", "plain-frozen")


@dataclass
class Deploy:
    site: Site
    workers: dict[str, Worker]

    def states(self, answers):
        """Return the states that the answer of ``api-workers`` has, by what became of each."""
        found = {item["hostname"]: item["state"] for item in answers.json()["results"]}
        return {fate: found.get(worker.hostname) for fate, worker in self.workers.items()}


@pytest.fixture(scope="module", params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def started(request, redis_server):
    url = f"{redis_server.url}/50" if request.param == "redis" else request.getfixturevalue("rabbitmq_url")
    site = Site(url, store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    workers, run = {}, uuid.uuid4().hex[:6]

    def start(fate):
        app, more = ("tests.quick_app", {"TEST_HURRY": HURRY}) if fate in FATES else ("tests.backends.plain", ALONE)
        workers[fate] = Worker(f"{fate}-{run}@test", {**site.environment, **more}, "-c", "1", "-Q", fate, app=app)

    threads = [threading.Thread(target=start, args=(fate,)) for fate in (*FATES, *PLAIN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield Deploy(site, workers)
    for worker in workers.values():
        worker.signal_all(signal.SIGKILL)
        worker.stop()


ALONE = {"DJANGO_SETTINGS_MODULE": ""}


@pytest.fixture
def deploy(started, settings, monkeypatch):
    monkeypatch.setattr(presence, "QUIET", QUIET)
    with visiting(started.site, settings):
        forget()
        yield started
        forget()


def forget():
    known_workers().forget()
    snapshot.forget()
    queues.forget()


@pytest.fixture
def browser(staff):
    return browser_of(staff)


def listed(browser, deploy):
    snapshot.expire()
    return deploy.states(browser.get(reverse("celery_ops:api-workers")))


def wrong(browser):
    """Return what the overview says is wrong."""
    return text_of(region(html_of(browser.get(reverse("celery_ops:overview"))), "problems"))


AFTER = {
    "ended": "ended",
    "frozen": "no_reply",
    "killed": "gone",
    "stays": "online",
    "plain-ended": "ended",
    "plain-frozen": "no_reply",
}


@pytest.fixture
def deployed(deploy, browser):
    """The same once some are gone; this process has heard all of them."""
    if deploy.workers["ended"].process.poll() is None:
        wait_for(lambda: set(listed(browser, deploy).values()) == {"online"}, "all to answer")
        for fate, number in {
            "frozen": signal.SIGSTOP,
            "plain-frozen": signal.SIGSTOP,
            "killed": signal.SIGKILL,
        }.items():
            deploy.workers[fate].signal_all(number)
        for fate in ("ended", "plain-ended"):
            deploy.workers[fate].process.terminate()
            deploy.workers[fate].process.wait(20)
        wait_for(lambda: listed(browser, deploy) == AFTER, f"{AFTER}")
    return deploy


def test_each_is_said_to_be_what_it_is(deployed, browser):
    said = wrong(browser)
    names = {fate: worker.hostname for fate, worker in deployed.workers.items()}
    assert f"{names['killed']} is gone: it gives no sign of life, and never said goodbye." in said
    assert f"{names['frozen']} does not reply." in said
    assert f"{names['plain-frozen']} does not reply." in said
    assert not any(names[fate] in said for fate in ("stays", "ended", "plain-ended"))


def test_a_new_process_says_the_same_of_those_that_give_signs(deployed, browser):
    forget()
    found = listed(browser, deployed)
    assert {fate: found[fate] for fate in FATES} == {fate: AFTER[fate] for fate in FATES}


def test_it_is_said_within_twenty_seconds():
    assert BEAT_EVERY < presence.QUIET
    assert presence.QUIET + snapshot.FRESH < 20
