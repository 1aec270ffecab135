"""What the tests of the command share: calling it, and a worker for those that ask one."""

import json
import uuid
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from redis import Redis

from celery_ops.backends.broker import backend as broker_queues
from celery_ops.backends.remote import registered, snapshot
from celery_ops.backends.remote.known_workers import known_workers
from tests.backends.starting import end, start
from tests.commands import planted
from tests.conftest import broker
from tests.servers import free_port


@dataclass(frozen=True)
class Called:
    """How a subcommand ended, and what it said."""

    code: int
    out: str
    error: str = ""

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def call(*words: str, output: str = "json") -> Called:
    """Call ``celery_ops`` as a shell would, in this process, which knows no worker yet."""
    forget()
    out, err = StringIO(), StringIO()
    try:
        call_command("celery_ops", *words, "--format", output, stdout=out, stderr=err)
    except CommandError as error:
        return Called(error.returncode, out.getvalue(), str(error))
    except SystemExit as error:
        return Called(int(error.code or 0), out.getvalue())
    return Called(0, out.getvalue())


def forget() -> None:
    known_workers().forget()
    snapshot.forget()
    registered.forget()
    broker_queues.forget()


@pytest.fixture(scope="session")
def shell(django_db_setup, tmp_path_factory):
    """Processes of the command; its tests are one group, so that one start does for all of them."""
    shell = planted.Shell(tmp_path_factory.mktemp("shell"))
    yield shell
    shell.close()


@pytest.fixture(autouse=True)
def _nothing_is_known():
    yield
    forget()


@pytest.fixture(scope="package")
def alone_url(redis_server):
    return f"{redis_server.url}/20"


@pytest.fixture(scope="package")
def plain_worker(alone_url):
    """A worker without Django, the only one of its broker, also where another package was between these tests."""
    with Redis.from_url(alone_url) as server:
        server.flushdb()  # where an earlier one is bound still
    (worker,) = start(f"plain-{uuid.uuid4().hex[:6]}@test", url=alone_url, options=("-P", "solo"))
    yield worker.hostname
    end(worker)


@pytest.fixture
def hostname(plain_worker, alone_url, settings):
    """The hostname of the one worker there is."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 5.0}
    with broker(alone_url):
        yield plain_worker


@pytest.fixture
def empty_broker(redis_server, settings):
    """A broker that no worker has ever used."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.2}
    with broker(f"{redis_server.url}/21") as url:
        yield url


@pytest.fixture
def dead_broker():
    with broker(f"redis://127.0.0.1:{free_port()}/0") as url:
        yield url
