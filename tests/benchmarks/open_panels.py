"""Many open panels: what their polls cost a real server, and, simulated, a site of many hosts.

A panel polls every ``REFRESH_SECONDS`` while a task of its object waits or runs, else so many times as seldom as
panel.js says. A process answers a poll cheaply where it has worked out this panel since its last change.
"""

import contextlib
import heapq
import itertools
import random
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from celery.utils import uuid
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

import celery_ops
from celery_ops import states
from celery_ops.conf import DEFAULTS
from celery_ops.panels.entity_tags import REMEMBERED
from celery_ops.tracking.recorder import recorder
from tests.planting import plant
from tests.shop.models import Order

from . import web
from .figures import Figure
from .panel import url_of
from .registry import GROWTH, SCALING, benchmark
from .setup import client as redis
from .setup import default_store
from .timing import sized

SCRIPT = Path(celery_ops.__file__).parent / "static" / "celery_ops" / "panel.js"
#: Seconds between two polls: while a task waits or runs, and while none does.
BUSY = DEFAULTS["REFRESH_SECONDS"]
IDLE = BUSY * int(re.search(r"isBusy \? this\.backoff : (\d+);", SCRIPT.read_text()).group(1))
CURVE = sized((1, 10, 100, 1_000), quick=(1, 10))
POLLS = sized(1_000, quick=20)
TASKS_A_PANEL = 10
#: Of each object whose panel is open: tasks an hour, and the seconds that each runs.
TASKS_AN_HOUR, RUNS = 6, 10
HOURS = sized(2.0, quick=0.1)
#: How a poll is answered: nothing new, as is known without working it out; nothing new; something new.
CHEAP, WORKED_OUT, NEW = "known", "worked out", "new"
COMMANDS, INPUT, OUTPUT = "total_commands_processed", "total_net_input_bytes", "total_net_output_bytes"


@dataclass
class OpenPanel:
    order: Order
    url: str
    tag: str = ""

    def poll(self, server: web.WebServer) -> int:
        status, tag = server.get(self.url, self.tag)
        assert status in (200, 304), status
        self.tag = tag or self.tag
        return status


@dataclass(frozen=True)
class Cost:
    """Milliseconds of a web process's CPU for one poll, by how it is answered."""

    known: float
    worked_out: float
    new: float

    def of(self, answers: Counter[str]) -> float:
        """Return the seconds that all these polls take."""
        return (answers[CHEAP] * self.known + answers[WORKED_OUT] * self.worked_out + answers[NEW] * self.new) / 1000


@dataclass(frozen=True)
class Site:
    """So many open panels, whose polls meet any of the processes."""

    panels: int
    hosts: int
    processes: int

    def figures(self, cost: Cost) -> Iterator[Figure]:
        answers = simulated(self.panels, self.processes, HOURS * 3600)
        polls, seconds = answers.total(), HOURS * 3600
        cores = cost.of(answers) / seconds
        what = f"{self.panels:,} panels, {self.hosts} hosts, {self.processes} processes"
        yield Figure.of(f"{what}: polls", polls / seconds, "a second")
        yield Figure.of("… answered 304", (polls - answers[NEW]) / polls * 100, "%")
        yield Figure.of("… of them known without working it out", answers[CHEAP] / polls * 100, "%")
        yield Figure.of("… CPU of all hosts, of one core", cores * 100, "%")
        yield Figure.of("… CPU of each host, of one core", cores / self.hosts * 100, "%")


SITES = (Site(10, 1, 2), Site(100, 4, 16), Site(1_000, 1, 4), Site(1_000, 100, 400))


@benchmark("growth_panels", GROWTH)
def growth() -> Iterator[Figure]:
    """One web process while more and more panels are open on which nothing happens, all polled in turn."""
    if not web.IS_INSTALLED:
        return
    with _opened(max(CURVE)) as (server, panels):
        for number in CURVE:
            spent, statuses = _polled(server, panels[:number], POLLS)
            yield Figure.of(f"{number:,} open panels: CPU a poll", spent, "ms")
            yield Figure.of("… answered 304", statuses[304] / statuses.total() * 100, "%")


@benchmark("panels_a_site", SCALING)
def site() -> Iterator[Figure]:
    """Open panels on sites of one to a hundred hosts: what a poll costs, measured, times what a simulation counts."""
    if not web.IS_INSTALLED:
        return
    with _opened(sized(2 * REMEMBERED, quick=20)) as (server, panels):
        cost = _cost(server, panels)
        yield Figure.of("a poll when nothing is new, known: CPU", cost.known, "ms")
        yield Figure.of("… nothing is new, worked out: CPU", cost.worked_out, "ms")
        yield Figure.of("… something is new: CPU", cost.new, "ms")
        yield from _wire(server, panels[0])
        yield from _real_run(server, panels[: sized(300, quick=10)], cost)
    for each in SITES:
        yield from each.figures(cost)


@contextlib.contextmanager
def _opened(number: int) -> Iterator[tuple[web.WebServer, list[OpenPanel]]]:
    """Start a server, and have one viewer open so many panels of objects whose tasks have ended."""
    default_store()
    settings.CELERY_OPS["STORE_TIMEOUT"] = 20  # a busy machine is no outage here
    user = User.objects.create_superuser(f"panels-{uuid()[:8]}")
    orders = [Order.objects.create() for _ in range(number)]
    for order in orders:
        for _ in range(TASKS_A_PANEL):
            plant(order)
        recorder().flush()
    browser = Client()
    browser.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    with web.WebServer(f"{name}={browser.cookies[name].value}") as server:
        panels = [OpenPanel(order, url_of(order, user)) for order in orders]
        for panel in panels:
            panel.poll(server)
        yield server, panels
    redis().flushdb()


def _polled(server: web.WebServer, panels: list[OpenPanel], number: int) -> tuple[float, Counter[int]]:
    """Return the milliseconds of CPU that a poll takes, and the statuses, all panels in turn, after a round of each."""
    for panel in panels:
        panel.poll(server)
    before = server.busy
    statuses = Counter(panel.poll(server) for panel in itertools.islice(itertools.cycle(panels), number))
    return (server.busy - before) * 1000 / number, statuses


def _cost(server: web.WebServer, panels: list[OpenPanel]) -> Cost:
    known, _ = _polled(server, panels[: len(panels) // 10], POLLS)
    worked_out, _ = _polled(server, panels, len(panels))  # more than it remembers: each has been forgotten
    for panel in panels:
        panel.url += "&" if "?" in panel.url else "?"  # nobody has asked for this one
    before = server.busy
    for panel in panels:
        server.get(panel.url)
    return Cost(known, worked_out, (server.busy - before) * 1000 / len(panels))


def _wire(server: web.WebServer, panel: OpenPanel) -> Iterator[Figure]:
    """What the store is asked by a poll when nothing is new."""
    panel.poll(server)
    counted = []
    for _ in range(2):  # the first pair is the cost of counting
        before = redis().info("everything")
        for _ in range(100 * len(counted)):
            panel.poll(server)
        after = redis().info("everything")
        counted.append([after[name] - before[name] for name in (COMMANDS, INPUT, OUTPUT)])
    counting, polling = counted
    each = [(more - less) / 100 for less, more in zip(counting, polling, strict=True)]
    for what, value, unit in zip(("commands", "to the store", "from the store"), each, ("", "B", "B"), strict=True):
        yield Figure.of(f"… nothing is new, known: {what}", value, unit)


def _real_run(server: web.WebServer, panels: list[OpenPanel], cost: Cost) -> Iterator[Figure]:
    """Let panels poll as their script does until each has, a twentieth of them with a task that waits."""
    busy = panels[: max(1, len(panels) // 20)]
    for panel in busy:
        plant(panel.order, state=states.PENDING)
    recorder().flush()
    intervals = {id(panel): float(IDLE) for panel in panels} | {id(panel): float(BUSY) for panel in busy}
    for panel in panels:
        panel.poll(server)
    begun, spent, answers = time.monotonic(), server.busy, Counter[str]()
    due = [(begun + random.uniform(0, intervals[id(panel)]), number) for number, panel in enumerate(panels)]
    heapq.heapify(due)
    until = begun + sized(IDLE, quick=BUSY + 1)
    while due[0][0] < until:
        at, number = heapq.heappop(due)
        time.sleep(max(0.0, at - time.monotonic()))
        panel = panels[number]
        is_new = panel.poll(server) == 200
        answers[NEW if is_new else WORKED_OUT if panel in busy else CHEAP] += 1
        heapq.heappush(due, (at + intervals[id(panel)], number))
    spent, seconds = server.busy - spent, time.monotonic() - begun
    what = f"{len(panels)} panels for {seconds:.0f} s as their script polls, {len(busy)} with a task that waits"
    yield Figure.of(f"{what}: polls", answers.total() / seconds, "a second")
    yield Figure.of("… CPU, of one core", spent / seconds * 100, "%")
    yield Figure.of("… over the costs above times these polls", spent / cost.of(answers), "x")


def simulated(panels: int, processes: int, seconds: float) -> Counter[str]:
    """Count how the polls of so many panels are answered by so many processes, each poll by any of them.

    Tasks come at random, ``TASKS_AN_HOUR`` to an object; each changes it when it is published, and when it ends.
    """
    chance = random.Random(13)
    remembered: list[OrderedDict[int, int]] = [OrderedDict() for _ in range(processes)]
    versions, seen, busy_until = [0] * panels, [-1] * panels, [0.0] * panels
    answers = Counter[str]()
    events = [(chance.expovariate(TASKS_AN_HOUR / 3600), number, "task") for number in range(panels)]
    events += [(chance.uniform(0, IDLE), number, "poll") for number in range(panels)]
    heapq.heapify(events)
    while events[0][0] < seconds:
        now, number, kind = heapq.heappop(events)
        if kind != "poll":
            versions[number] += 1
            if kind == "task":
                busy_until[number] = max(busy_until[number], now + RUNS)
                heapq.heappush(events, (now + RUNS, number, "end"))
                heapq.heappush(events, (now + chance.expovariate(TASKS_AN_HOUR / 3600), number, "task"))
            continue
        memory, version, is_busy = chance.choice(remembered), versions[number], now < busy_until[number]
        if seen[number] != version:
            answers[NEW] += 1
        elif memory.get(number) == version and not is_busy:
            answers[CHEAP] += 1
        else:
            answers[WORKED_OUT] += 1
        seen[number] = version
        if not is_busy:  # a panel on which a task waits or runs is worked out each time
            memory[number] = version
        if number in memory:
            memory.move_to_end(number)
        if len(memory) > REMEMBERED:
            memory.popitem(last=False)
        heapq.heappush(events, (now + (BUSY if is_busy else IDLE), number, "poll"))
    return answers
