"""How often the workers are asked when many web processes look at them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import redis

from celery_ops.backends.remote.snapshot import FRESH, QUESTIONS
from tests.celery import app

from .crowd import crowd
from .figures import Figure, at_most
from .registry import WORKERS, benchmark
from .timing import sized

PROCESSES = sized(6, quick=2)
SECONDS = sized(12, quick=2)


@benchmark("one_look", WORKERS)
def looks() -> Iterator[Figure]:
    """How often workers are asked while each of several web processes looks at them ten times a second."""
    command = [sys.executable, "-m", "tests.benchmarks.watcher", str(SECONDS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with crowd(3), ExitStack() as stack:
        watchers = [
            stack.enter_context(subprocess.Popen(command, env=os.environ, text=True, **pipes)) for _ in range(PROCESSES)
        ]
        assert [watcher.stdout.readline() for watcher in watchers] == ["looking\n"] * PROCESSES
        with redis.Redis.from_url(app.conf.broker_url) as client, client.pubsub() as channel:
            channel.psubscribe("*pidbox")
            channel.get_message(timeout=5)
            for watcher in watchers:
                watcher.stdin.write("\n")
                watcher.stdin.flush()
            seen = sum(int(watcher.communicate()[0]) for watcher in watchers)
            questions = 0
            while (heard := channel.get_message(timeout=0.1)) is not None:
                questions += heard["type"] == "pmessage"
    yield Figure.of(f"{PROCESSES} processes, looks in {SECONDS} s", seen)
    yield Figure.of("… rounds of questions", questions / len(QUESTIONS), target=at_most(SECONDS / FRESH + 1))
