"""``doctor``: nothing ails a healthy site, and each fault that is planted is named, and no other."""

import contextlib
import json
import re
import time
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import celery
import kombu
import pytest
import redis
from django.conf import settings as site
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from kombu import Queue

from celery_ops import doctor
from celery_ops.backends.remote.gather import Answers
from celery_ops.control.standing import PAUSE
from celery_ops.doctor import broker as broker_checks
from celery_ops.doctor import clocks, finding, queues, report, workers
from celery_ops.doctor import settings as site_settings
from celery_ops.info import QueueInfo
from celery_ops.models import ControlRecord, TaskRunRecord
from tests.celery import app
from tests.commands.conftest import call, forget
from tests.conftest import broker, configure, store_settings
from tests.ops.backends import Queues, queue
from tests.servers import RedisServer, Worker, free_port
from tests.shop import tasks

HEALTHY = {"task_time_limit": 1800}
UNSET = object()
DELETES = kombu.VERSION[:2] >= (5, 7)
GONE = b"\x06\x16\x06\x16gone@test.celery.pidbox"


@contextlib.contextmanager
def configured(**values):
    """Celery's configuration with other values, in both places, and as it was afterwards."""
    before = {key: (app.conf[key], getattr(site, f"CELERY_{key.upper()}", UNSET)) for key in values}
    configure(**values)
    try:
        yield
    finally:
        for key, (ours, djangos) in before.items():
            configure(**{key: ours})
            if djangos is UNSET:
                delattr(site, f"CELERY_{key.upper()}")


@pytest.fixture(scope="module")
def site_broker(redis_server):
    return f"{redis_server.url}/22"


@pytest.fixture(scope="module")
def site_worker(site_broker):
    """A worker of the whole site."""
    worker = Worker(f"doctor-{uuid.uuid4().hex[:6]}@test", {"TEST_BROKER_URL": site_broker}, "-P", "solo")
    yield worker
    worker.stop()


@pytest.fixture
def healthy(db, site_worker, site_broker, redis_server, settings, loaded_tasks):
    """A site that has everything that a site needs."""
    User.objects.create_superuser("root")
    settings.CELERY_OPS = {**store_settings(f"{redis_server.url}/23", "doctor"), "CONTROL_TIMEOUT": 5.0}
    with broker(site_broker), configured(**HEALTHY):
        yield site_worker


def ailing():
    """Return the levels other than ok by the check's name."""
    forget()
    found = doctor.diagnose()
    assert all(bool(each.hint) == (each.level != doctor.OK) for each in found)
    assert all(each.message.isprintable() and each.hint.isprintable() for each in found)
    return {each.name: each.level for each in found if each.level != doctor.OK}


def test_nothing_ails_a_healthy_site(healthy):
    said = call("doctor")

    assert [each for each in said.data["checks"] if each["level"] != "ok"] == []
    assert (said.code, said.data["ok"]) == (0, True)
    names = {each["name"] for each in said.data["checks"]}
    assert {"broker", "control", "worker", "clocks", "result-backend", "store", "journal", "consumers"} <= names
    assert all(set(each) == {"name", "level", "message", "hint"} for each in said.data["checks"])


def test_the_documentation_has_each_check(healthy):
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    table = page.partition("| check | asks |")[2].partition("\n\n")[0]
    documented = {
        name for cell in re.findall(r"^\|([^|]+)\|", table, re.M) for name in re.findall(r"`([a-z-]+)`", cell)
    }
    assert documented == {each.name for each in doctor.diagnose()}


@pytest.mark.parametrize("moment", [10**400, float("nan"), float("inf"), -1, "x", None, []], ids="{!r:.20}".format)
def test_a_heartbeat_of_a_time_that_no_clock_says_hides_no_other(moment):
    beats = [{"type": clocks.HEARTBEAT, "hostname": host, "timestamp": at} for host, at in (("a", moment), ("b", 1.5))]
    assert [*clocks._heartbeats(SimpleNamespace(decode=lambda: beats))] == [("b", 1.5)]


def test_a_workers_line_has_its_version_pool_and_clock(healthy):
    line = next(line for line in call("doctor", output="text").lines if healthy.hostname in line)
    said = rf"Celery {re.escape(celery.__version__)}, solo x 1, clock [+-][01](\.\d)? s"
    assert re.search(said, line)


def test_a_task_of_this_apps_own_is_not_said_to_run_for_ever(loaded_tasks, settings):
    with configured(task_time_limit=None):
        (said,) = (found.message for found in site_settings.check() if found.name == "time-limits")
    assert "tests.shop." in said
    assert "celery_ops." not in said


# -- faults, each planted in the healthy site


def dead(name):
    return f"redis://127.0.0.1:{free_port()}/{name}"


@contextlib.contextmanager
def options(settings, **values):
    settings.CELERY_OPS = {**settings.CELERY_OPS, **values}
    yield


@contextlib.contextmanager
def member(url, key, value):
    with redis.Redis.from_url(url) as client:
        client.sadd(key, value)
        try:
            yield client
        finally:
            client.srem(key, value)


@contextlib.contextmanager
def killed(settings, url):
    """A worker that the broker still has a queue for."""
    with options(settings, CONTROL_TIMEOUT=1.0), member(url, "_kombu.binding.celery.pidbox", GONE):
        yield


@contextlib.contextmanager
def lonely(url):
    """A queue with a message that nobody reads."""
    with member(url, "_kombu.binding.celery", b"lonely\x06\x16\x06\x16lonely") as client:
        client.lpush("lonely", "{}")
        try:
            yield
        finally:
            client.delete("lonely")


@contextlib.contextmanager
def stray(url):
    """The same with a queue of which the settings know nothing, as ``apply_async(queue="stray")`` makes it."""
    with member(url, "_kombu.binding.stray", b"stray\x06\x16\x06\x16stray") as client:
        client.lpush("stray", json.dumps({"headers": {"task": "shop.tasks.child", "id": "1"}}))
        try:
            yield
        finally:
            client.delete("stray")


@contextlib.contextmanager
def paused(url):
    """The same, and somebody wanted it so."""
    ControlRecord.objects.create(action=PAUSE, target="lonely")
    try:
        with lonely(url):
            yield
    finally:
        app.amqp.queues.pop("lonely", None)


@contextlib.contextmanager
def full():
    server = RedisServer(free_port(), "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def task_of_ours():
    def here():
        """A worker does not have it yet."""

    app.task(here, name="shop.only_here")
    try:
        yield
    finally:
        del app.tasks["shop.only_here"]


@contextlib.contextmanager
def task_of_theirs():
    task = app.tasks.pop(tasks.child.name)
    try:
        yield
    finally:
        app.tasks[task.name] = task


def old_row():
    TaskRunRecord.objects.create(task_name="x", task_id="x")
    TaskRunRecord.objects.update(created_at=timezone.now() - timedelta(weeks=8))
    return contextlib.nullcontext()


def unapplied():
    MigrationRecorder(connection).record_unapplied("celery_ops", latest())
    return contextlib.nullcontext()


def latest():
    applied = MigrationRecorder(connection).applied_migrations()
    return max(name for label, name in applied if label == "celery_ops")


def removed(rows):
    rows.delete()
    return contextlib.nullcontext()


@contextlib.contextmanager
def old_messages(settings):
    Queues.hold(queue("celery", oldest_age=timedelta(hours=1)))
    try:
        with options(settings, QUEUE_BACKEND="tests.ops.backends.Queues"):
            yield
    finally:
        Queues.hold()


def without_urls(settings):
    settings.ROOT_URLCONF = ()
    return contextlib.nullcontext()


@contextlib.contextmanager
def patched(monkeypatch, target, name, value):
    monkeypatch.setattr(target, name, value)
    yield


FAST = SimpleNamespace(time=lambda: time.time() - 60, monotonic=time.monotonic)

#: What is planted, and what it is called at which level.
FAULTS = {
    "broker": (lambda f: broker(dead(0)), {"broker": "error"}),
    "no worker": (lambda f: broker(f.url.replace("/22", "/25")), {"control": "error"}),
    "killed worker": (
        lambda f: killed(f.settings, f.url),
        {"silent-workers": "warning"},
    ),
    "versions": (lambda f: patched(f.monkeypatch, celery, "__version__", "5.0.0"), {"versions": "warning"}),
    "clocks": (lambda f: patched(f.monkeypatch, clocks, "time", FAST), {"clocks": "warning"}),
    "open to all": (
        lambda f: patched(f.monkeypatch, broker_checks, "_is_public", lambda host: True),
        {"broker-login": "error"},
    ),
    "results away": (lambda f: configured(result_backend=dead(1)), {"result-backend": "error"}),
    "no results": (lambda f: configured(result_backend="disabled://"), {"result-backend": "warning"}),
    "bare results": (lambda f: configured(result_extended=False), {"result-details": "warning"}),
    "untold starts": (lambda f: configured(task_track_started=False), {"track-started": "warning"}),
    "results for ever": (lambda f: configured(result_expires=None), {"result-expiry": "warning"}),
    "store away": (lambda f: options(f.settings, STORE_URL=dead(1)), {"store": "error"}),
    "store of one": (
        lambda f: options(f.settings, STORE="celery_ops.tracking.memory.MemoryStore"),
        {"store": "warning"},
    ),
    "kept for ever": (lambda f: options(f.settings, RECORD_RETENTION=None), {"retention": "warning"}),
    "never pruned": (lambda f: old_row(), {"retention": "warning"}),
    "not migrated": (lambda f: unapplied(), {"journal": "error"}),
    "no permission": (lambda f: removed(Permission.objects.filter(codename="view_ops")), {"permissions": "error"}),
    "nobody may": (lambda f: removed(User.objects.all()), {"permission-holders": "warning"}),
    "not deployed": (lambda f: task_of_ours(), {"tasks-missing": "warning"}),
    "only deployed": (lambda f: task_of_theirs(), {"tasks-unknown": "warning"}),
    "misspelt": (lambda f: options(f.settings, RUNNABLE_TASKS=["shop.nosuch"]), {"runnable-tasks": "warning"}),
    "mistracked": (
        lambda f: options(f.settings, TRACKED_TASKS={"shop.nosuch": {"model": "shop.Order"}}),
        {"tracked-tasks": "warning"},
    ),
    "lonely queue": (lambda f: lonely(f.url), {"consumers": "error"}),
    "stray queue": (lambda f: stray(f.url), {"consumers": "error"}),
    "paused queue": (lambda f: paused(f.url), {}),
    "long wait": (lambda f: old_messages(f.settings), {"waiting": "warning"}),
    "pickle": (lambda f: configured(accept_content=["json", "pickle"]), {"pickle": "error"}),
    "no limit": (lambda f: configured(task_time_limit=None), {"time-limits": "warning"}),
    "twice": (lambda f: configured(task_acks_late=True, task_time_limit=7200), {"visibility-timeout": "warning"}),
    "no urls": (lambda f: without_urls(f.settings), {"urls": "warning"}),
    "bad setting": (lambda f: options(f.settings, PAGE_SIZE=0), {"settings": "error"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_no_other(name, healthy, site_broker, settings, monkeypatch):
    plant, names = FAULTS[name]
    with plant(SimpleNamespace(url=site_broker, settings=settings, monkeypatch=monkeypatch)):
        assert ailing() == names


def test_a_store_that_throws_away_is_named(healthy, settings):
    with full() as server, options(settings, STORE_URL=f"{server.url}/0"):
        assert ailing() == {"store-memory": "error"}
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", 0)
        assert ailing() == {"store-memory": "warning"}


def test_messages_that_are_no_tasks_are_somebody_elses(healthy, site_broker):
    with member(site_broker, "_kombu.binding.other", b"other\x06\x16\x06\x16other") as client:
        client.lpush("other", json.dumps({"body": "e30=", "headers": {}}))
        found = ailing()
        client.delete("other")
    assert found == {}


@pytest.mark.parametrize("wrong", [{"APP": "no.such.app"}, {"CONTROL_TIMEOUT": "soon"}, ["APP"]])
def test_with_settings_that_let_nothing_be_tried_the_settings_are_named(wrong, settings):
    settings.CELERY_OPS = wrong
    found = doctor.diagnose()
    settings.CELERY_OPS = {}
    assert {(each.name, each.level) for each in found if each.level == doctor.ERROR} == {("settings", "error")}


def test_an_error_is_exit_code_1(healthy, dead_broker):
    said = call("doctor")
    assert (said.code, said.data["ok"]) == (1, False)


# -- time


@pytest.mark.django_db(transaction=True)
def test_everything_dead_takes_no_more_than_five_seconds(own_redis, settings, loaded_tasks):
    settings.CELERY_OPS = {"STORE_URL": f"{own_redis.url}/1"}
    with broker(f"{own_redis.url}/0"), configured(**HEALTHY, result_backend=f"{own_redis.url}/2"):
        own_redis.freeze()
        begin = time.monotonic()
        found = ailing()
        took = time.monotonic() - begin

    assert {"broker", "store", "result-backend"} <= {name for name, level in found.items() if level == "error"}
    assert took < 5


def test_a_check_that_raises_is_told_and_the_others_go_on(caplog):
    def bad():
        yield finding.ok("bad", "so far")
        raise RuntimeError("secret")

    found = report.side_by_side({"bad": bad, "good": lambda: [finding.ok("good", "well")]}, 5)

    assert [(each.name, each.level) for each in found] == [("bad", "ok"), ("bad", "error"), ("good", "ok")]
    assert "secret" not in found[1].message
    assert caplog.records[0].name in found[1].hint


# -- what no real part can be brought to do here


def test_a_task_held_for_longer_than_the_broker_waits():
    eta = (timezone.now() + timedelta(hours=2)).isoformat()
    held = [{"eta": eta, "request": {"id": "1", "name": "shop.remind"}}]
    with broker("redis://127.0.0.1:1/0"):
        (found,) = broker_checks.check_visibility(Answers((), {"w@test": {"scheduled": held}}, timezone.now()))
    assert (found.name, found.level) == ("visibility-timeout", "warning")
    assert "shop.remind" in found.message


@pytest.mark.parametrize(
    ("host", "is_public"),
    [("127.0.0.1", False), ("10.1.2.3", False), ("::1", False), ("8.8.8.8", True), ("no.such.host.invalid", False)],
)
def test_public_addresses(host, is_public):
    assert broker_checks._is_public(host) is is_public


@pytest.mark.parametrize("report", [None, "x", {"ok": 5}, {"ok": "no version"}, {"error": "x"}])
def test_a_report_without_a_version_is_no_fault(report):
    answers = Answers(("w@test",), {"w@test": {"report": report}}, timezone.now())
    assert workers._versions(answers).level == "ok"


@pytest.mark.parametrize("declared", [{"expires": 3}, {"queue_arguments": {"x-expires": 3000}}])
def test_a_queue_that_expires_is_named_where_redis_deletes_what_waits_in_it(declared, monkeypatch):
    amqp = SimpleNamespace(queues={"mail": Queue("mail", **declared), "other": Queue("other")})
    monkeypatch.setattr(queues, "conf", SimpleNamespace(celery_app=SimpleNamespace(amqp=amqp)))
    found = queues._expiring()
    assert (found.level, "mail" in found.message) == (("warning", True) if DELETES else ("ok", False))
    assert "other" not in found.message


def test_a_queue_of_the_settings_that_nobody_reads():
    deserted = [QueueInfo("mail", depth=0, consumers=0, sources=("settings",))]
    assert queues._consumers(deserted).level == "warning"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("known", "name", "said"),
    [
        ({"depth": 3, "oldest_age": None}, "waiting", "Nobody says for how long messages wait in these: mail."),
        ({"depth": 0, "oldest_age": None}, "waiting", "Nothing has waited for longer than 10 min 0 s."),
        ({"consumers": None}, "consumers", "Nobody says whether these have a worker: mail."),
    ],
    ids=["how long messages wait", "that nothing waits", "who consumes a queue"],
)
def test_of_queues_no_more_is_said_than_is_known(known, name, said, settings):
    Queues.hold(queue("mail", **known))
    with options(settings, QUEUE_BACKEND="tests.ops.backends.Queues"):
        (found,) = (found for found in queues.check() if found.name == name)
    Queues.hold()
    assert (found.level, found.message) == ("ok", said)
