"""A Redis of the run's own, and Django on a database of the run's own."""

import os
import uuid

from tests.servers import PORT, RedisServer

servers: list[RedisServer] = []
databases: list[str] = []


def django_with_redis() -> None:
    servers.append(RedisServer(PORT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.site.settings"
    os.environ["TEST_DURABLE"] = "yes"
    os.environ["TEST_BROKER_URL"] = f"redis://127.0.0.1:{PORT}/0"
    os.environ["TEST_STORE_URL"] = f"redis://127.0.0.1:{PORT}/1"
    if os.environ.get("TEST_DATABASE") == "postgresql":
        os.environ["TEST_DATABASE_NAME"] = _new_database()
    os.environ.setdefault("TEST_DATABASE_NAME", os.environ["TEST_SQLITE_FILE"])
    import django
    from django.core.management import call_command

    django.setup()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"  # of processes to come, which show no page of a peer
    call_command("migrate", run_syncdb=True, verbosity=0)


def new_server(*options: str) -> RedisServer:
    from tests.servers import free_port

    servers.append(RedisServer(free_port(), *options))
    return servers[-1]


def _new_database() -> str:
    name = f"celery_ops_benchmark_{uuid.uuid4().hex[:8]}"
    with _administration() as admin:
        admin.execute(f"CREATE DATABASE {name}")
    databases.append(name)
    return name


def _administration():
    import psycopg

    host, user = os.environ.get("TEST_POSTGRES_HOST", "127.0.0.1"), os.environ.get("TEST_POSTGRES_USER", "postgres")
    return psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True)


def stop() -> None:
    for server in servers:
        server.kill()
    for name in databases:
        from django.db import connection

        connection.close()
        with _administration() as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def client(database: int = 1):
    import redis

    return redis.Redis(port=PORT, db=database)


def use_store(url: str, **settings_of_it: object) -> None:
    """Point the store at ``url``, with nothing kept from another one."""
    from django.conf import settings

    from celery_ops.tracking import recorder

    settings.CELERY_OPS = {"STORE_URL": url, **settings_of_it}
    recorder.forget()


def fresh() -> None:
    """Leave nothing of one benchmark to the next."""
    client().flushall()
    default_store()


def default_store() -> None:
    use_store(f"redis://127.0.0.1:{PORT}/1")
