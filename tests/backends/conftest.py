"""Three real workers for all the tests here, and some that only pretend. Nothing known to a test is to the next."""

import contextlib
import os
import socket
import uuid
from dataclasses import dataclass

import pytest
import redis

pytest.register_assert_rewrite("celery_ops.testing")

from celery_ops.backends.remote import registered, snapshot  # noqa: E402 - after the assertions of the suites are rewritten
from celery_ops.backends.remote.known_workers import known_workers  # noqa: E402
from tests.backends.brokers import unhurried  # noqa: E402
from tests.backends.fakes import FakeWorkers  # noqa: E402
from tests.backends.starting import end, start  # noqa: E402
from tests.celery import app  # noqa: E402
from tests.conftest import broker, rabbitmq_vhost  # noqa: E402
from tests.servers import RedisServer, free_port  # noqa: E402


@pytest.fixture(scope="session")
def redis_server():
    """Not the one of all other tests: the workers there are not to be asked here, nor these to take tasks there."""
    server = RedisServer(free_port())
    yield server
    server.kill()


@pytest.fixture(scope="session")
def rabbitmq_url():
    """As with Redis."""
    with rabbitmq_vhost() as url:
        yield url


@pytest.fixture(name="unhurried")
def _unhurried():
    """For what is not about how long a look takes."""
    with unhurried():
        yield


@pytest.fixture(autouse=True)
def _nothing_is_known(settings):
    settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore"}
    forget()
    yield
    forget()


@pytest.fixture
def tenants(settings):
    """Let somebody be the tenant whose tables the database has."""
    current = [""]
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: current[0]}

    @contextlib.contextmanager
    def being(name):
        current[0] = name
        yield

    return being


def forget():
    known_workers().forget()
    snapshot.forget()
    registered.forget()


def expect(*hostnames):
    """Have this process know these workers, and wait for no others. Redis has them bound, as if they were real."""
    answered = {hostname: {} for hostname in hostnames}
    known_workers().note((), (), answered, looked_around=True)
    bind(*hostnames)


BOUND = "_kombu.binding.celery.pidbox"


def bind(*hostnames):
    with _redis() as client:
        for hostname in hostnames if client else ():
            client.sadd(BOUND, _member(hostname))


def unbind(*hostnames):
    with _redis() as client:
        client.srem(BOUND, *map(_member, hostnames))


def _member(hostname):
    return f"\x06\x16\x06\x16{hostname}.celery.pidbox".encode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _redis():
    """Yield a client of the broker, None of another broker or of several addresses."""
    url = app.conf.broker_url
    if not url.startswith("redis:") or ";" in url:
        yield None
        return
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        yield client


#: Nobody is waited for that long, and a busy machine answers sooner.
LONG = 5.0


def have_time(settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": LONG}


@pytest.fixture(scope="package")
def fleet_url(redis_server):
    return f"{redis_server.url}/4"


@pytest.fixture(scope="package")
def started(fleet_url):
    run = uuid.uuid4().hex[:6]
    workers = start(*(f"w{number}-{run}@test" for number in (1, 2, 3)), url=fleet_url)
    yield workers
    for worker in workers:
        end(worker)


@pytest.fixture
def fleet(started, fleet_url):
    """Three prefork workers that other tests use too: leave them as they were found."""
    with broker(fleet_url):
        forget()
        yield started


@pytest.fixture
def names(fleet, settings):
    """The three workers' hostnames, and this process knows them."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.5}
    hostnames = tuple(worker.hostname for worker in fleet)
    expect(*hostnames)
    return hostnames


@dataclass(frozen=True)
class Laden:
    hostname: str
    running: str
    fetched: str
    scheduled: str


@pytest.fixture(scope="package")
def laden_url(redis_server):
    return f"{redis_server.url}/7"


@pytest.fixture(scope="package")
def burdened(laden_url):
    hostname = f"busy-{uuid.uuid4().hex[:6]}@test"
    (worker,) = start(hostname, url=laden_url, options=("-c", "1", "-Q", hostname))
    with broker(laden_url):
        running, fetched = (app.send_task("shop.nap", (600,), queue=hostname).id for _ in range(2))
        scheduled = app.send_task("shop.nap", (0,), queue=hostname, countdown=3600).id
    yield Laden(hostname, running, fetched, scheduled)
    end(worker)


@pytest.fixture
def laden(burdened, laden_url):
    """A worker that runs a task, has fetched one, and holds one until its time comes."""
    with broker(laden_url):
        forget()
        yield burdened


@pytest.fixture
def empty_url(redis_server, settings):
    """A broker without workers, until a test has some pretend to be there; nobody needs to be waited for long."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.5}
    url = f"{redis_server.url}/5"
    with broker(url):
        forget()
        yield url


@pytest.fixture
def fakes(empty_url):
    """Workers that say what the test has them say: set ``answer``."""
    with FakeWorkers(empty_url) as workers:
        yield workers
        with _redis() as client:
            client.delete(BOUND)


@pytest.fixture
def silent_port():
    """A port that accepts and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def sockets():
    """Return this process's open sockets."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if link.startswith("socket:"):
            links.append(link)
    return sorted(links)


@pytest.fixture
def tell(redis_server, prefix):
    """Ask Redis something, a key of this test's first."""

    def ask(command, key, *words):
        with redis.Redis(port=redis_server.port, db=6, protocol=2) as client:
            return client.execute_command(command, f"{prefix}{key}", *words)

    return ask
