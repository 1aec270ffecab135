import contextlib
import os
import subprocess
import uuid
from datetime import timedelta
from functools import reduce
from operator import or_
from pathlib import Path
from typing import ClassVar

import pytest
from celery import signals
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q
from django.template import Template
from django.test import Client
from django.test.utils import instrumented_test_render
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from kombu import pools
from xdist.scheduler import LoadGroupScheduling

from celery_ops import objects
from celery_ops.backends import on_its_way, waiting
from celery_ops.backends.results import texts
from celery_ops.backends.results.known_arguments import known_arguments
from celery_ops.backends.results.known_rows import known_rows
from celery_ops.backends.results.looks import known_looks
from celery_ops.backends.results.queries import queries, rows_before
from celery_ops.backends.results.tracked import untracked
from celery_ops.metrics.flushing import flusher
from celery_ops.tracking import counters
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.registry import registry
from tests.celery import app
from tests.clusters import RedisCluster
from tests.servers import IN_CI, PORT, STORE_TIMEOUT, RedisServer, Site, Worker, unavailable

# On a busy machine an example may take long, and so may finding one; CI tries as many as Hypothesis does by itself.
hypothesis_settings.register_profile(
    "patient",
    hypothesis_settings(),
    max_examples=100 if IN_CI else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.register_profile("quick", hypothesis_settings.get_profile("patient"), max_examples=10)


def pytest_configure(config):
    hypothesis_settings.load_profile("quick" if config.option.quick else "patient")
    if hasattr(config, "workerinput") and not (config.option.durations or config.option.xmlpath):
        send_less(config)


def send_less(config):
    """Send pytest-xdist's first process nothing that it only counts: each message costs both of them.

    That is what went well before and after a test, and the words by which a test that passed might have been chosen.
    """
    (interactor,) = (plugin for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "sendevent"))
    send = interactor.sendevent

    def sendevent(name, **told):
        report = told["data"] if name == "testreport" else {}
        if report.get("outcome") == "passed":
            if report["when"] != "call" and not report["sections"]:
                return
            report["keywords"] = {}
        send(name, **told)

    interactor.sendevent = sendevent


def pytest_make_parametrize_id(val):
    """Name a test by the beginning of a long value: each process sends its tests' names, and logs have them."""
    if isinstance(val, str | bytes) and len(val) > 100:
        return f"{val[:20]!a} and so on, {len(val)}"
    return None


#: Fixtures that start workers or a browser for many tests.
SHARED = {
    "burdened",
    "chromium",
    "fleet",
    "patient_worker",
    "plain_worker",
    "rabbit_worker",
    "redis_cluster",
    "shared",
    "site_worker",
    "started",
}

#: Fixtures of tests that ``make test-quick`` leaves out, beside these.
SLOW = SHARED | {"doomed", "live_server", "make_worker", "own_redis", "rabbitmq_url", "redis_server", "watched"}


def is_measured(item) -> bool:
    return item.get_closest_marker("measures") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Have one process run all tests of a folder that share such a fixture: else each process starts its own."""
    if config.option.quick:
        items[:] = [item for item in items if not (SLOW.intersection(item.fixturenames) or is_measured(item))]
    for item in items:
        if SHARED.intersection(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item) -> str:
    """Return what this test is run with: in one group, those of the browser would take longer than all others."""
    folder = item.path.parent.name
    return f"{folder}, without a server" if "screen" in item.fixturenames else folder


class ByFunction(LoadGroupScheduling):
    """Has one process run a test with all its parameters, also where it is in no group.

    For each test that ends pytest-xdist looks through the units that its process was given: these are a third as many,
    and one that has ended is not looked at again.
    """

    def _split_scope(self, nodeid):
        return super()._split_scope(nodeid).partition("[")[0]

    def _pending_of(self, workload):
        for ended in [unit for unit, tests in workload.items() if all(tests.values())]:
            del workload[ended]
        return super()._pending_of(workload)


def pytest_xdist_make_scheduler(config, log):
    return ByFunction(config, log) if config.option.dist == "loadgroup" else None


@pytest.fixture(scope="session")
def redis_server():
    """This run's Redis, for stores and as the broker."""
    server = RedisServer(PORT)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def redis_cluster():
    """A Redis Cluster of three masters, the first with a replica. Who stops one starts it again."""
    cluster = RedisCluster(replicas=1)
    yield cluster
    cluster.kill()


@pytest.fixture
def own_redis():
    """A Redis that only this test has: it may be frozen, filled or killed."""
    from tests.servers import free_port

    server = RedisServer(free_port())
    yield server
    server.kill()


@pytest.fixture(scope="session", autouse=True)
def _templates_as_on_a_site(django_test_environment):
    """Nobody is told of each template that is rendered: with a copy of its context that is a twentieth of a page."""
    Template._render = lambda template, context: template.nodelist.render(context)


@pytest.fixture
def contexts(monkeypatch):
    """What a client is answered has its context."""
    monkeypatch.setattr(Template, "_render", instrumented_test_render)


@pytest.fixture(autouse=True)
def _fresh_tracking():
    """No test sees what another one tracked, counted or put aside."""
    counters.reset()
    yield
    objects.forget()
    texts.texts.forget()
    known_looks.forget()
    known_rows.forget()
    queries.forget()
    rows_before.forget()
    known_arguments.forget()
    untracked.forget()
    waiting.forget()
    on_its_way.forget()
    if flusher.current is not None:
        flusher.current.pause()
    flusher.forget()
    silence()
    app.set_current()  # it may have made another


class Noted(recorder_module.Recorder):
    """A recorder that ends with the test, though settings that went back since have put another in its place."""

    made: ClassVar[list["Noted"]] = []

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.made.append(self)


recorder_module.Recorder = Noted


def silence() -> None:
    """Let no recorder's thread or timer write, count or log in the next test."""
    recorder_module._recorder = None
    while Noted.made:
        recorder = Noted.made.pop()
        recorder._writer.stop(STORE_TIMEOUT)
        recorder.guarded.trying.acquire()  # for good
        recorder.guarded.spill.lose()
        recorder.store.close()  # what the flusher's thread had still to write may have opened it again


@pytest.fixture
def memory_store(settings):
    settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore"}
    store = recorder_module.recorder().store
    assert isinstance(store, MemoryStore)
    return store


def store_settings(url: str, prefix: str, timeout: float = STORE_TIMEOUT) -> dict[str, object]:
    """Return ``CELERY_OPS`` for a store in Redis."""
    return {"STORE_URL": url, "STORE_PREFIX": prefix, "STORE_TIMEOUT": timeout}


@pytest.fixture
def redis_store(settings, redis_server):
    """A Redis store under a prefix of this test's own."""
    settings.CELERY_OPS = store_settings(f"{redis_server.url}/1", f"test-{uuid.uuid4().hex[:8]}")
    store = recorder_module.recorder().store
    yield store
    store.close()


@pytest.fixture
def cluster_store(settings, redis_cluster):
    """A store in a cluster, under a prefix of this test's own."""
    settings.CELERY_OPS = store_settings(redis_cluster.url, f"test-{uuid.uuid4().hex[:8]}")
    store = recorder_module.recorder().store
    yield store
    store.close()


@pytest.fixture
def eager():
    """Tasks run where they are called."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@contextlib.contextmanager
def broker(url: str):
    """Point the tests' app at another broker."""
    before = app.conf.broker_url
    _connect(url)
    try:
        yield url
    finally:
        _connect(before)


def configure(**values) -> None:
    """Set Celery's configuration in both places: Celery 5.5 looks into Django's settings before its own."""
    for key, value in values.items():
        setattr(django_settings, f"CELERY_{key.upper()}", value)
        app.conf[key] = value


def _connect(url: str) -> None:
    configure(broker_url=url)
    pools.reset()
    app._pool = app.amqp._producer_pool = None


@contextlib.contextmanager
def rabbitmq_vhost():
    """A RabbitMQ virtual host of one's own, as a broker URL."""
    name = f"celery-ops-{uuid.uuid4().hex[:8]}"
    vhost, anything = f'<<"{name}">>', '<<".*">>'
    grants = f'<<"guest">>, {vhost}, {anything}, {anything}, {anything}, <<"tests">>'
    _rabbitmq(f'rabbit_vhost:add({vhost}, <<"tests">>), rabbit_auth_backend_internal:set_permissions({grants}).')
    try:
        yield f"amqp://guest:guest@127.0.0.1:5672/{name}"
    finally:
        _rabbitmq(f'rabbit_vhost:delete({vhost}, <<"tests">>).')


def _rabbitmq(expression: str) -> None:
    """Have RabbitMQ do this: each command of its own starts a whole Erlang, which takes a second."""
    try:
        subprocess.run(["rabbitmqctl", "-q", "eval", expression], check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError):
        unavailable("RabbitMQ")


@pytest.fixture(scope="session")
def rabbitmq_url():
    """A RabbitMQ virtual host of this run's own."""
    with rabbitmq_vhost() as url:
        yield url


@pytest.fixture
def make_worker(transactional_db, redis_server, settings):
    """Start workers that share this test's database, broker and store; they end with the test."""
    workers = []

    def make(hostname: str | None = None, *options: str, **env: str) -> Worker:
        environment = {
            "TEST_DATABASE": os.environ.get("TEST_DATABASE", ""),
            "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
            "TEST_BROKER_URL": app.conf.broker_url,
            "TEST_STORE_URL": settings.CELERY_OPS["STORE_URL"],
            "TEST_STORE_PREFIX": settings.CELERY_OPS["STORE_PREFIX"],
            "TEST_STORE_TIMEOUT": str(settings.CELERY_OPS.get("STORE_TIMEOUT", STORE_TIMEOUT)),
            **env,
        }
        workers.append(Worker(hostname or f"w{uuid.uuid4().hex[:6]}@test", environment, *options))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


class Pace:
    """How far a task of ``tasks.paced`` may go."""

    def __init__(self, path: Path) -> None:
        self._path, self.file = path, str(path)

    def to(self, step: int) -> None:
        """Let it take this step and those before."""
        self._path.write_bytes(b"." * step)

    def end(self) -> None:
        """Let the task fail if it still waits: it must not keep a worker's process from the next test."""
        self._path.unlink()


@pytest.fixture
def pace(tmp_path):
    pace = Pace(tmp_path / "pace")
    pace.to(0)
    yield pace
    pace.end()


def make_user(name: str, *permissions: str, **fields) -> User:
    """A user with these permissions, as ``app_label.codename``."""
    user = User.objects.create_user(name, f"{name}@example.com", "secret", **fields)
    named = [permission.split(".") for permission in permissions]
    if named:
        wanted = (Q(content_type__app_label=label, codename=codename) for label, codename in named)
        found = Permission.objects.filter(reduce(or_, wanted))
        assert len(found) == len(named), permissions
        user.user_permissions.add(*found)
    return user


def browser_of(user: User | None = None, **options) -> Client:
    """A browser in which somebody is logged in, or nobody."""
    client = Client(**options)
    if user is not None:
        log_in(client, user)
    return client


def log_in(client: Client, user: User) -> None:
    """As Django's ``force_login``, by one statement instead of ten: it begins two sessions and notes when."""
    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: django_settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    session = Session(uuid.uuid4().hex, SessionStore().encode(data), timezone.now() + timedelta(days=1))
    session.save(force_insert=True)
    client.cookies[django_settings.SESSION_COOKIE_NAME] = session.session_key


@pytest.fixture
def no_live_task(monkeypatch):
    """No worker is asked for the task of a page."""
    monkeypatch.setattr("celery_ops.task_detail.sources.live_task", lambda task_id: None)


@pytest.fixture
def published():
    """What was handed to the broker: ``(task name, args, kwargs)`` each."""
    seen = []

    def note(sender=None, body=None, **_):
        seen.append((sender, tuple(body[0]), body[1]))

    signals.after_task_publish.connect(note)
    yield seen
    signals.after_task_publish.disconnect(note)


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("root", "root@example.com", "secret")


@pytest.fixture
def staff(db):
    """Staff who may do everything that a panel offers."""
    return make_user(
        "staff",
        "celery_ops.view_payload",
        "celery_ops.add_taskrunrecord",
        "celery_ops.revoke_task",
        is_staff=True,
    )


@pytest.fixture
def order(db):
    from tests.shop.models import Customer, Order

    customer = Customer.objects.create(name="Ada", email="ada@example.com")
    return Order.objects.create(account_id=7, reference="A-1", customer=customer)


@pytest.fixture(scope="session")
def loaded_tasks(django_db_setup, django_db_blocker):
    """The site's tasks are found, whatever their modules ask the database for."""
    with django_db_blocker.unblock():
        registry.bindings("")


@contextlib.contextmanager
def visiting(site: Site, settings):
    """Publish, read and wait for results where that site's workers do."""
    settings.CELERY_OPS = store_settings(site.store, site.prefix, site.store_timeout)
    with broker(site.broker), results_at(site.results):
        try:
            yield site
        finally:
            recorder_module.recorder().store.close()


@contextlib.contextmanager
def results_at(url: str):
    """Look for results there."""
    before = app.conf.result_backend
    _keep_results_at(url)
    try:
        yield
    finally:
        _keep_results_at(before)


def _keep_results_at(url: str) -> None:
    consumer = getattr(app._backend, "result_consumer", None)
    if consumer is not None:
        consumer.stop()
        consumer._pubsub = None  # a result that is forgotten later would connect again to unsubscribe
    configure(result_backend=url)
    app._backend_cache = None
    app._local.__dict__.pop("backend", None)
