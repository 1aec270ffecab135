"""What a store takes for so many tasks a day: what one task takes, by these formulas, held against a large sample.

memory = tasks a day x days kept x bytes a task + failures a day x days that they can be run again x bytes a failure
       + tasks a day x days kept x what an entry of the index takes more, where these are more than it has compactly
rate = tasks a day / 86,400 x PEAK; commands, bytes on the wire and the store's CPU a second = rate x those of one task
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from celery.utils import uuid
from django.conf import settings
from redis import Redis

from celery_ops.conf import DEFAULTS
from celery_ops.tracking import counters, executing, facts, index, publishing, stamp
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.clusters import RedisCluster

from .figures import Figure, at_most
from .registry import SCALING, benchmark
from .setup import new_server, use_store
from .storage import Clock, charge_card, real
from .timing import sized

DAY = 86_400
#: The busiest second over the mean of the day, and how many tasks fail.
PEAK, FAILED = 10, 0.01
DAYS_KEPT = DEFAULTS["RETENTION"] / DAY
DAYS_RERUNNABLE = DEFAULTS["RERUN_RETENTION"].total_seconds() / DAY
MASTERS = 3
#: Of memory over what Redis counts as used: fragmentation, and what a fork copies while it saves.
HEADROOM = 1.5
SAMPLE, LARGE = sized(5_000, quick=100), sized(100_000, quick=1_000)
#: Seconds: a busy machine is no outage here.
PATIENT = 20
ONE_BY_ONE = sized(300, quick=20)
SIZES = (10_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Cost:
    """What one task takes: bytes kept, commands, bytes to and from the store, microseconds of the store's CPU."""

    kept: float
    commands: float
    received: float
    sent: float
    busy: float


@dataclass(frozen=True)
class Store:
    """So many tasks a day in a store, on so many masters."""

    tasks: int
    task: Cost
    failure: Cost
    index: "Index"

    @property
    def rate(self) -> float:
        """Tasks in the busiest second."""
        return self.tasks / DAY * PEAK

    @property
    def gigabytes(self) -> float:
        tasks = self.tasks * DAYS_KEPT
        kept = tasks * (self.task.kept + (self.index.more if tasks > self.index.compact else 0))
        return (kept + self.tasks * FAILED * DAYS_RERUNNABLE * self.failure.kept) / 2**30

    def figures(self) -> Iterator[Figure]:
        yield Figure.of(f"{self.tasks:,} tasks a day: memory of all masters", self.gigabytes, "GB")
        yield Figure.of(f"… of each of {MASTERS}, with headroom", self.gigabytes / MASTERS * HEADROOM, "GB")
        yield Figure.of("… tasks in the busiest second", self.rate, "a second")
        yield Figure.of("… commands then", self.rate * self.task.commands, "a second")
        yield Figure.of("… to the store then", self.rate * self.task.received * 8 / 1e6, "Mbit/s")
        yield Figure.of("… from the store then", self.rate * self.task.sent * 8 / 1e6, "Mbit/s")
        yield Figure.of("… of one core of the store's then", self.rate * self.task.busy / 1e4, "%")


@dataclass(frozen=True)
class Index:
    """How many tasks it has in Redis's compact encoding, and how many bytes more a task takes beyond that."""

    compact: int
    more: float

    @classmethod
    def of(cls, redis: Redis) -> "Index":
        fields = int(redis.config_get("hash-max-listpack-entries")["hash-max-listpack-entries"])
        compact, loose = (cls._entry(redis, number) for number in (fields, 2 * fields))
        return cls(index.SLOTS * index.SHARDS * fields, loose - compact)

    @staticmethod
    def _entry(redis: Redis, number: int) -> float:
        """Return the bytes of an entry where a hash has so many."""
        redis.flushall()
        before = redis.info("memory")["used_memory"]
        for shard in range(index.SHARDS):
            fields: dict[str, str] = {}
            while len(fields) < number:
                fields |= index.entry(uuid(), [ObjectRef("shop.order", str(10432 + len(fields)))], stamp.now_ms())[1]
            redis.hset(f"index:{shard}", mapping=fields)
        return (redis.info("memory")["used_memory"] - before) / index.SHARDS / number


@benchmark("store_a_day", SCALING)
def store() -> Iterator[Figure]:
    """The store of 10,000, a million and ten million tracked tasks a day, from what one task takes."""
    server = new_server()
    use_store(server.url)
    settings.CELERY_OPS["STORE_TIMEOUT"] = PATIENT
    with Redis(port=server.port) as redis:
        alone = measured([redis], real, SAMPLE)
        together = measured([redis], lambda number, clock: real(number // 20, clock), SAMPLE)
        failure = measured([redis], failing, SAMPLE // 5)
        single = measured([redis], one_by_one, ONE_BY_ONE)
        listed = Index.of(redis)
        yield Figure.of("one task, alone on its object: kept", alone.kept, "B")
        yield Figure.of("… one of 20 of its object: kept", together.kept, "B")
        yield Figure.of("… one that failed: kept beside it, to be run again", failure.kept - alone.kept, "B")
        yield Figure.of("… tasks that the index has in the compact encoding", listed.compact)
        yield Figure.of("… one of more than these: kept besides", listed.more, "B")
        yield Figure.of("… commands, each event by itself", single.commands)
        yield Figure.of("… to the store", single.received, "B")
        yield Figure.of("… from the store", single.sent, "B")
        yield Figure.of("… of the store's CPU", single.busy, "us")
        task = Cost(alone.kept, single.commands, single.received, single.sent, single.busy)
        rest = Cost(failure.kept - alone.kept, 0, 0, 0, 0)
        for tasks in SIZES:
            yield from Store(tasks, task, rest, listed).figures()
    server.kill()
    yield from _large(alone)


def measured(nodes: list[Redis], publish: Callable[[int, Clock], None], number: int) -> Cost:
    """Publish and run so many tasks on an empty store, and return what one took."""
    clock = Clock()
    counters.reset()
    publish(0, clock)  # connects, and brings the script
    recorder().flush()
    for node in nodes:
        node.flushall()
    first, before = _counted(nodes), _counted(nodes)  # what counting itself takes is no task's
    with clock.stopped():
        for task in range(number):
            publish(task, clock)
            if task % 50 == 0:  # no more than a process keeps for its writer
                recorder().flush()
    recorder().flush()
    assert not counters.counts().get("lost"), "facts were lost, so memory would be too little"
    taken = zip(first, before, _counted(nodes), strict=True)
    return Cost(*((after - begin - (begin - first)) / number for first, begin, after in taken))


def _counted(nodes: list[Redis]) -> list[float]:
    """Return memory, commands, bytes in and out, and microseconds of CPU, of all nodes and up to now."""
    names = ("used_memory", "total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")
    infos = [node.info("everything") for node in nodes]
    busy = sum(info["used_cpu_user"] + info["used_cpu_sys"] for info in infos) * 1e6
    return [*(sum(info[name] for info in infos) for name in names), busy]


def one_by_one(number: int, clock: Clock) -> None:
    """Each event written by itself, as where publisher and worker are two of many processes."""
    real(number, Waiting(clock))


@dataclass
class Waiting:
    """A clock that has everything written before it goes on."""

    clock: Clock

    def passes(self, milliseconds: int) -> None:
        recorder().flush()
        self.clock.passes(milliseconds)


def failing(number: int, clock: Clock) -> None:
    """Take a task through publish, start and an error."""
    task_id, args, kwargs = uuid(), (10432 + number,), {"currency": "EUR"}
    task = charge_card()
    headers = {"id": task_id, "task": task.name, "parent_id": None}
    publishing.before_task_publish(sender=task.name, headers=headers, body=(args, kwargs, {}))
    publishing.after_task_publish(sender=task.name, headers=headers, body=(args, kwargs, {}))
    clock.passes(15)
    request = {**headers, "args": args, "kwargs": kwargs, "hostname": "celery@worker-6d8f9c7b5d-x2k4q"}
    request |= {stamp.RECEIVED: stamp.now_ms(), stamp.DELIVERY: facts.execution_tag()}
    task.request_stack.push(type(task.request)(request))
    try:
        executing.task_prerun(sender=task, task_id=task_id, args=args, kwargs=kwargs)
        clock.passes(437)
        error = ValueError("the card was refused")
        known = {"sender": task, "task_id": task_id, "args": args, "kwargs": kwargs}
        executing.task_failure(**known, exception=error, einfo=None)
        executing.task_postrun(**known, state="FAILURE")
    finally:
        task.request_stack.pop()


def _large(alone: Cost) -> Iterator[Figure]:
    """Hold the small sample against a large one in a real cluster of three masters."""
    cluster = RedisCluster(MASTERS)
    try:
        use_store(cluster.url)
        settings.CELERY_OPS["STORE_TIMEOUT"] = PATIENT
        nodes = [Redis(port=node.port) for node in cluster.nodes]
        large = measured(nodes, real, LARGE)
        used, keys = [node.info("memory")["used_memory_dataset"] for node in nodes], [node.dbsize() for node in nodes]
        yield Figure.of(f"{LARGE:,} tasks in a cluster of {MASTERS}: keys", sum(keys))
        yield Figure.of("… bytes a task, over those of the formula", large.kept / alone.kept, "x", target=at_most(1.1))
        yield Figure.of("… the fullest master over their mean, keys", max(keys) * MASTERS / sum(keys), "x")
        yield Figure.of("… memory", max(used) * MASTERS / sum(used), "x", target=at_most(1.1))
        yield Figure.of("… of all masters' CPU a task, written in groups", large.busy, "us")
    finally:
        for node in cluster.nodes:
            node.kill()
