"""``python -m tests.benchmarks.fleet URL NUMBER``: so many real workers, each a process with a solo pool.

They are forked by one process that has imported Celery, so a hundred take little memory and start in seconds.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import redis
from celery import Celery
from celery.worker import WorkController

from tests.servers import wait_for

BOUND = "_kombu.binding.celery.pidbox"


def hostname(number: int) -> str:
    return f"real-{number:03d}@bench"


@contextlib.contextmanager
def fleet(url: str, number: int) -> Iterator[None]:
    """So many real workers on a broker that is Redis, without celery_ops."""
    command = [sys.executable, "-m", "tests.benchmarks.fleet", url, str(number)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": ""}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        with redis.Redis.from_url(url) as client:
            wait_for(lambda: client.scard(BOUND) == number, f"{number} workers to listen", 180)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main(url: str, number: int) -> None:
    from kombu.asynchronous import set_event_loop

    from tests.backends.plain import app

    app.conf.broker_url = url
    worker(app, "imports@all")
    for each in range(number):
        if not os.fork():
            set_event_loop(None)  # an epoll of all of them would tell each of the others' messages
            worker(app, hostname(each)).start()
            os._exit(0)
    for _ in range(number):
        os.wait()


def worker(app: Celery, name: str) -> WorkController:
    quiet = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True, "loglevel": "ERROR"}
    return app.Worker(hostname=name, pool_cls="solo", **quiet)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
