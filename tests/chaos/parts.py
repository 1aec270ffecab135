"""The processes of the soak's site. Each may be frozen, killed and started again, and nothing else is touched."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tests.servers import redis_binary

from .truth import tell

#: Seconds until a part that starts has to be there, and until one that ends is gone before it is killed.
STARTS_WITHIN = 120.0
ENDS_WITHIN = 25.0
#: Tables that a deploy changes.
LOCKED = ("celery_ops_taskrunrecord", "django_celery_results_taskresult")
CELERY = [sys.executable, "-m", "celery", "-A", "tests.chaos.site"]


def descendants(pid: int) -> list[int]:
    """Return a process and all that descend from it, whatever their groups and sessions are."""
    pids = [pid]
    for one in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return pids


def is_there(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_until(condition: Callable[[], object], what: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


class Part:
    """One process of the site, and its children."""

    #: What ends it well.
    end_signal = signal.SIGTERM

    def __init__(self, name: str, command: Sequence[str], directory: Path, env: Mapping[str, str]) -> None:
        self.name, self.command, self.directory = name, list(command), directory
        self.env = {**os.environ, **env}
        self.process: subprocess.Popen | None = None
        #: The processes that it was seen to have last.
        self.family: list[int] = []

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    def begin(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, cwd=self.cwd, stdout=log, stderr=log, start_new_session=True, **self.user
            )
        tell("began", name=self.name, text=str(self.process.pid))

    @property
    def cwd(self) -> str:
        return os.getcwd()

    @property
    def user(self) -> Mapping[str, object]:
        return {}

    def start(self) -> None:
        """Start it and wait until it is there; one that ends at once is started again."""
        until = time.monotonic() + STARTS_WITHIN
        self.begin()
        while not self.is_ready():
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            if self.process.poll() is not None:
                time.sleep(0.5)
                self.begin()
            time.sleep(0.1)

    def is_ready(self) -> bool:
        return self.process.poll() is None

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def pids(self) -> list[int]:
        return descendants(self.process.pid)

    def freeze(self) -> None:
        send(self.pids, signal.SIGSTOP)

    def thaw(self) -> None:
        send(self.pids, signal.SIGCONT)

    def kill(self) -> None:
        """End it with all its children, at once."""
        pids = self.pids
        self.kill_those(pids)
        self.process.wait(10)
        wait_until(lambda: not any(map(is_there, pids)), f"{self.name} to be gone", 10)

    def bury(self) -> None:
        """It has ended by itself: so has whatever is left of it."""
        self.kill_those(self.family)

    def kill_those(self, pids: Iterable[int]) -> None:
        """Kill those of its processes that are still there."""
        left = [pid for pid in pids if is_there(pid)]
        for pid in left:
            tell("killed", text=str(pid))
        send(left, signal.SIGKILL)

    def end(self) -> None:
        """Ask it to end, as a deploy does."""
        pids = self.pids
        send(pids[:1], self.end_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDS_WITHIN)
        self.kill_those(pids)
        self.process.wait(10)


class Redis(Part):
    """A Redis that writes everything to its disk before it answers."""

    def __init__(self, name: str, port: int, directory: Path) -> None:
        self.port = port
        bounds = ["--bind", "127.0.0.1", "--save", "", "--dir", str(directory), "--appenddirname", name]
        keeps = ["--appendonly", "yes", "--appendfsync", "always"]
        super().__init__(name, [redis_binary(), "--port", str(port), *bounds, *keeps], directory, {})

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def is_ready(self) -> bool:
        import redis

        with contextlib.suppress(redis.RedisError, OSError), contextlib.closing(self._client()) as client:
            return bool(client.ping())
        return False

    def empty(self) -> None:
        """Lose everything, as one does that writes nothing to its disk and is started again."""
        with contextlib.closing(self._client()) as client:
            client.flushall()
        tell("emptied", name=self.name)

    def _client(self):
        import redis

        return redis.Redis(port=self.port, socket_timeout=10, retry=None)


class Postgres(Part):
    """A PostgreSQL of the soak's own, of a user who is not root."""

    end_signal = signal.SIGINT

    def __init__(self, binaries: Path, directory: Path) -> None:
        self.data, self.socket = directory / "postgres", directory / "socket"
        self.account = pwd.getpwnam(_somebody()) if os.geteuid() == 0 else None
        options = ["-D", str(self.data), "-k", str(self.socket), "-c", "listen_addresses="]
        super().__init__("database", [str(binaries / "postgres"), *options], directory, {})
        for path in (self.data, self.socket):
            path.mkdir(mode=0o700)
            if self.account:
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        if self.account:  # it has to get there
            directory.chmod(0o711)
        init = [
            str(binaries / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "chaos",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run([*init, "--no-sync"], check=True, capture_output=True, cwd="/", **self.user)

    @property
    def cwd(self) -> str:
        return "/"

    @property
    def user(self) -> Mapping[str, object]:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    @property
    def environment(self) -> dict[str, str]:
        return {"CHAOS_POSTGRES": str(self.socket)}

    def is_ready(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.Error), self._connection() as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
        return False

    def lock(self, seconds: float) -> None:
        """Let nobody read or write the journal and the results for so long, as a migration does."""
        with self._connection() as connection:
            connection.execute(f"LOCK TABLE {', '.join(LOCKED)} IN ACCESS EXCLUSIVE MODE")
            time.sleep(seconds)

    def _connection(self):
        import psycopg

        return psycopg.connect(host=str(self.socket), user="chaos", dbname="postgres", connect_timeout=3)


def _somebody() -> str:
    names = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = shutil.which("initdb") or (found and str(found[-1]))
    return Path(path).parent if path and (Path(path).parent / "postgres").exists() else None


class Worker(Part):
    """A prefork worker with two children."""

    def __init__(self, name: str, directory: Path, env: Mapping[str, str]) -> None:
        self.hostname = f"{name}@chaos"
        options = ["-n", self.hostname, "-c", "2", "-l", "INFO", "--without-gossip", "--without-mingle"]
        super().__init__(
            name, [sys.executable, "-m", "celery", "-A", "tests.chaos.site", "worker", *options], directory, env
        )
        self.seen = 0

    def begin(self) -> None:
        self.seen = self.log.stat().st_size if self.log.exists() else 0
        super().begin()

    def is_ready(self) -> bool:
        with self.log.open("rb") as log:
            log.seek(self.seen)
            return b" ready." in log.read()

    def kill_child(self, index: int) -> None:
        """Kill one process of its pool: the others and the main process go on."""
        children = self.pids[1:]
        if children:
            self.kill_those([children[index % len(children)]])


class Beat(Part):
    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        options = ["-l", "INFO", "--pidfile=", "-s", str(directory / "beat-schedule"), "--max-interval", "5"]
        super().__init__(
            "beat", [sys.executable, "-m", "celery", "-A", "tests.chaos.site", "beat", *options], directory, env
        )


class Web(Part):
    def __init__(self, port: int, directory: Path, env: Mapping[str, str]) -> None:
        self.port = port
        command = [sys.executable, "-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
        super().__init__("web", command, directory, {**env, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        import socket

        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False
