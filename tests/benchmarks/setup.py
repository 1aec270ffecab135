"""A Redis of the run's own, Django on an in-memory database, and what a figure is."""

import os
from dataclasses import dataclass

from tests.servers import PORT, RedisServer

servers: list[RedisServer] = []


@dataclass(frozen=True)
class Figure:
    what: str
    measured: str
    reach: str


def django_with_redis() -> None:
    servers.append(RedisServer(PORT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["TEST_BROKER_URL"] = f"redis://127.0.0.1:{PORT}/0"
    os.environ["TEST_STORE_URL"] = f"redis://127.0.0.1:{PORT}/1"
    os.environ.setdefault("TEST_DATABASE_NAME", os.environ["TEST_SQLITE_FILE"])
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


def new_server(*options: str) -> RedisServer:
    from tests.servers import free_port

    servers.append(RedisServer(free_port(), *options))
    return servers[-1]


def stop() -> None:
    for server in servers:
        server.kill()


def client(database: int = 1):
    import redis

    return redis.Redis(port=PORT, db=database)


def use_store(url: str) -> None:
    """Point the store at ``url``, with nothing kept from another one."""
    from django.conf import settings

    from celery_ops.tracking import recorder

    settings.CELERY_OPS = {"STORE_URL": url}
    recorder.forget()


def default_store() -> None:
    use_store(f"redis://127.0.0.1:{PORT}/1")
