"""What is lost when the store's master is killed in a burst, and its replica takes its place by itself."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

from celery_ops.tracking import counters
from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.redis.cluster import Cluster
from celery_ops.tracking.refs import ObjectRef
from tests.clusters import RedisCluster, Sentinels
from tests.servers import RedisServer, wait_for
from tests.shop import tasks

from .figures import Figure, exactly
from .registry import TRACKING, benchmark
from .setup import use_store
from .storage import lifecycle
from .timing import sized

TASKS = sized(5000, quick=200)
#: Tasks a second of this one process, three events each: it holds 1,000 events while a server is away.
RATE = 100
#: Milliseconds after which the others give a master up: short for a cluster of one machine, usual ones have seconds.
PATIENCE = 500
#: Objects that are written and read at once, and rounds of that.
OBJECTS = 300
ROUNDS = sized(15, quick=2)


@benchmark("failover", TRACKING)
def cluster() -> Iterator[Figure]:
    """A master killed in a burst of tasks: of a cluster of three, and the one that sentinels watch."""
    servers = RedisCluster(replicas=1, patience=PATIENCE)
    with contextlib.closing(_Stopped(servers.kill)):
        use_store(servers.url)
        yield from burst("cluster", servers.nodes[0])
        without = len(servers.keys_without_ttl())
        yield Figure.of("keys without an end on the cluster's servers", without, target=exactly(0))
    watched = Sentinels(3, patience=PATIENCE)
    with contextlib.closing(_Stopped(watched.kill)):
        use_store(f"{watched.url}/main/0")
        yield from burst("sentinels", watched.master)
        yield Figure.of("keys without an end", len(watched.replica.keys_without_ttl()), target=exactly(0))


class _Stopped:
    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close


def burst(kind: str, master: RedisServer) -> Iterator[Figure]:
    """Publish and run tasks, an object each, and kill the master after two fifths of them."""
    counters.reset()
    lifecycle(tasks.noop, (TASKS + 1,))
    took: list[float] = []
    killed, began = TASKS * 2 // 5, time.perf_counter()
    for number in range(TASKS):
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        if number == killed:
            master.kill()
        begin = time.perf_counter()
        lifecycle(tasks.noop, (number,))
        took.append(1000 * (time.perf_counter() - begin))
    recorder().flush(10)
    wait_for(lambda: not recorder().kept, "the replica to be promoted, and what waited to be written")
    lists = lists_of_all()
    yield Figure.of(f"{kind}: events that waited for the replica", counters.counts()["kept"])
    yield Figure.of(f"{kind}: events lost by the process", counters.counts()["lost"], target=exactly(0))
    yield Figure.of(f"{kind}: of {TASKS:,} tasks nothing is known", sum(not tasks for tasks in lists))
    unended = sum(bool(tasks) and tasks[0].state != "SUCCESS" for tasks in lists)
    yield Figure.of(f"{kind}: tasks whose end is not known", unended)
    yield Figure.of(f"{kind}: the slowest publish and run after it was killed", max(took[killed:]), "ms")
    yield Figure.of("the same, before", max(took[:killed]), "ms")


def lists_of_all() -> list:
    """Return the tasks of every object, read a few hundred objects at a time."""
    refs = [ObjectRef("shop.order", str(number)) for number in range(TASKS)]
    return [listed for at in range(0, TASKS, OBJECTS) for listed in read_tasks(refs[at : at + OBJECTS])]


@benchmark("cluster", TRACKING)
def beside_one_server() -> Iterator[Figure]:
    """A store in a cluster over one in a single server: the same writes and reads, in turn."""
    from celery_ops.tracking.redis import RedisStore

    from .setup import new_server

    servers = RedisCluster()
    with contextlib.closing(_Stopped(servers.kill)):
        use_store(f"{new_server().url}/0")
        single = RedisStore()
        use_store(servers.url)
        clustered = RedisStore()
        trips = _visits(clustered.cluster)
        one = [(ObjectRef("shop.order", "1"), {"1:a:task": "shop.tasks.pay", "1:a:args": "x" * 90})]
        many = [(ObjectRef("shop.order", str(number)), dict(one[0][1])) for number in range(100)]
        refs = [ref for ref, _fields in many]
        for what, call in (
            ("one object written", lambda store: [store.write(one) for _ in range(100)]),
            ("one object read", lambda store: [store.read(refs[:1]) for _ in range(100)]),
            ("100 objects written at once", lambda store: store.write(many)),
            ("100 objects read at once", lambda store: store.read(refs)),
        ):
            ratios = []
            for _ in range(ROUNDS):
                plain, ours = _seconds(call, single), _seconds(call, clustered)
                ratios.append(ours / plain)
            yield Figure.of(f"{what}: cluster / one server", ratios, "x")
            trips.clear()
            call(clustered)
            yield Figure.of("the same: round trips", len(trips) / (100 if what.startswith("one") else 1))


def _seconds(call: Callable[[object], object], store: object) -> float:
    return statistics.median(_once(call, store) for _ in range(3))


def _once(call: Callable[[object], object], store: object) -> float:
    begin = time.perf_counter()
    call(store)
    return time.perf_counter() - begin


def _visits(cluster: Cluster) -> list[int]:
    """Note how much goes to a server in each round trip."""
    made: list[int] = []
    begun = cluster._begun

    def noted(address, errands):
        made.append(len(errands))
        return begun(address, errands)

    cluster._begun = noted
    return made
