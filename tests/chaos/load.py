"""People at work on the site: they publish tasks of every kind, run some by hand, revoke some, and look at pages."""

import http.client
import itertools
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter

from celery import chain, group
from django.db import connections

from celery_ops.control import revoke as revoking

from . import tasks
from .truth import tell

#: What is looked at meanwhile.
PAGES = (
    "/ops/",
    "/ops/tasks/",
    "/ops/workers/",
    "/ops/queues/",
    "/ops/insight/",
    "/ops/schedules/",
    "/ops/failures/",
    "/ops/api/history/",
)
#: What Django takes for the token of a form that it made itself.
TOKEN = "t" * 32
#: Tasks of one object: fewer than the 200 that are kept of it at least.
TASKS_OF_AN_ORDER = 20


class Load:
    """Publishes about ``rate`` tasks a second until it is told to stop, whatever the broker says."""

    def __init__(self, seed: int, rate: float, site: str, session: str) -> None:
        """``site`` is the address of its pages, which somebody looks at who is logged in by this ``session``."""
        self.chance, self.rate = random.Random(seed), rate
        self.site, self.session = site, session
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.refused: Counter[str] = Counter()
        self._numbers = itertools.count(TASKS_OF_AN_ORDER * 100)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def orders(self) -> int:
        """How many objects there are so far."""
        return next(self._numbers) // TASKS_OF_AN_ORDER + 1

    def start(self) -> None:
        for work in (self._publish, self._publish, self._revoke, self._look, self._run):
            self._threads.append(threading.Thread(target=self._until_stopped, args=(work,)))
        self._to_revoke: list[tuple[float, str, bool]] = []
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _until_stopped(self, work) -> None:
        while not self._stop.wait(self.chance.expovariate(self.rate / 2)):
            try:
                work()
            except Exception as error:  # the broker or the database is away: nothing was sent
                self.refused[type(error).__name__] += 1
                connections.close_all()

    def _publish(self) -> None:
        order = next(self._numbers) // TASKS_OF_AN_ORDER
        kind = self.chance.choices(list(KINDS), list(KINDS.values()))[0]
        kind(self, order)

    def _revoke(self) -> None:
        now = time.monotonic()
        for due in [one for one in self._to_revoke if one[0] < now]:
            self._to_revoke.remove(due)
            _, task_id, terminate = due
            tell("asked to revoke", task_id)
            revoking.revoke([task_id], None, terminate=terminate)

    def _look(self) -> None:
        page, begun = self.chance.choice(PAGES), time.time()
        answer = self._ask(page)
        if answer is not None:
            tell("page", name=page, text=str(answer[0]), until=begun)

    def _run(self) -> None:
        """Run a task by hand: the site's process writes its journal and sends it."""
        page, begun, order = "/ops/api/runs/", time.time(), next(self._numbers) // TASKS_OF_AN_ORDER
        answer = self._ask(page, {"task": tasks.is_asked_for.name, "args": [order]})
        if answer is not None:
            status, text = answer
            tell("page", name=page, text=str(status), until=begun)
            if status == 201:
                tell("answered", json.loads(text)["task_id"], name=tasks.is_asked_for.name)

    def _ask(self, page: str, data: object = None) -> tuple[int, bytes] | None:
        """Return what the site answers, None where it is away itself."""
        headers = {"Cookie": f"sessionid={self.session}; csrftoken={TOKEN}"}
        body = None
        if data is not None:
            headers |= {"X-CSRFToken": TOKEN, "Content-Type": "application/json"}
            body = json.dumps(data).encode()
        request = urllib.request.Request(self.site + page, body, headers)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""
        except (OSError, http.client.HTTPException):
            return None


def _simple(task, **arguments):
    def publish(load: Load, order: int) -> None:
        task.delay(order, **arguments)

    return publish


def _retries(load: Load, order: int) -> None:
    tasks.retries.delay(order, times=load.chance.randint(1, 2))


def _soon(load: Load, order: int) -> None:
    tasks.succeeds.apply_async((order,), countdown=load.chance.uniform(1, 6))


def _revoked(load: Load, order: int) -> None:
    result = tasks.waits.apply_async((order,), countdown=6)
    load._to_revoke.append((time.monotonic() + load.chance.uniform(0.5, 3), result.id, False))


def _stopped(load: Load, order: int) -> None:
    result = tasks.is_stopped.delay(order)
    load._to_revoke.append((time.monotonic() + load.chance.uniform(2, 6), result.id, True))


def _chain(load: Load, order: int) -> None:
    chain(tasks.succeeds.si(order), tasks.is_late.si(order, seconds=0.5), tasks.succeeds.si(order)).delay()


def _group(load: Load, order: int) -> None:
    group(tasks.succeeds.si(order, seconds=0.3) for _ in range(3)).delay()


#: What is published, and how often.
KINDS = {
    _simple(tasks.succeeds): 30,
    _simple(tasks.fails): 10,
    _simple(tasks.is_late): 12,
    _retries: 10,
    _soon: 8,
    _chain: 5,
    _group: 4,
    _revoked: 4,
    _stopped: 2,
    _simple(tasks.is_too_long): 1,
    _simple(tasks.is_limited): 2,
}
