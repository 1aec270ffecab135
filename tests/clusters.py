"""Servers that belong together: a Redis Cluster, and sentinels with what they watch."""

import contextlib
import subprocess
import uuid
from collections.abc import Iterator

import redis
from redis.crc import key_slot

from tests.servers import FILES, RedisServer, free_port, wait_for

#: Milliseconds after which a server is given up by the others. Where no test waits for that, nothing is to be given up.
NEVER = 120_000
SLOTS = 16384


class ClusterNode(RedisServer):
    """A server of a cluster; one that was killed knows its place when it starts again."""

    def __init__(self, patience: int) -> None:
        self.bus = free_port()
        port = free_port()
        options = {
            "enabled": "yes",
            "config-file": f"nodes-{port}.conf",
            "port": str(self.bus),
            "node-timeout": str(patience),
            "replica-validity-factor": "0",
            "require-full-coverage": "no",  # the others go on without the one that a test has stopped
        }
        words = [word for name, value in options.items() for word in (f"--cluster-{name}", value)]
        super().__init__(port, *words, "--repl-diskless-sync-delay", "0")
        self.id = self.cluster("MYID").decode()

    def cluster(self, *words):
        return self.tell("CLUSTER", *words)

    @property
    def is_master(self) -> bool:
        return self.tell("ROLE")[0] == b"master"

    def knows(self, text: str) -> bool:
        return text.encode() in self.cluster("INFO")


class RedisCluster:
    """Masters that share the slots evenly, and replicas of the first few."""

    def __init__(self, masters: int = 3, replicas: int = 0, patience: int = NEVER) -> None:
        self.replicas = replicas
        self.nodes = [ClusterNode(patience) for _ in range(masters + replicas)]
        firsts = [SLOTS * number // masters for number in range(masters + 1)]
        for number, node in enumerate(self.nodes):
            node.cluster("SET-CONFIG-EPOCH", number + 1)
            if number < masters:
                node.cluster("ADDSLOTSRANGE", firsts[number], firsts[number + 1] - 1)
            self.nodes[0].cluster("MEET", "127.0.0.1", node.port, node.bus)
        wait_for(lambda: self._all_know(f"cluster_known_nodes:{len(self.nodes)}"), "the servers to meet")
        for master, replica in zip(self.nodes, self.nodes[masters:], strict=False):
            replica.cluster("REPLICATE", master.id)
        wait_for(lambda: self.is_whole() and self._all_know(f"cluster_size:{masters}"), "a cluster")

    def _all_know(self, text: str) -> bool:
        return all(node.knows(text) for node in self.nodes)

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def masters(self) -> list[ClusterNode]:
        return [node for node in self.nodes if node.process.poll() is None and node.is_master]

    def owner(self, key: str) -> ClusterNode:
        """Return the master that has this key."""
        slot = key_slot(key.encode())
        asked = self.masters[0]
        port = next(owner[1] for first, last, owner, *_ in asked.cluster("SLOTS") if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def is_whole(self) -> bool:
        """Return whether each server knows that all are there, and each replica has what its master has."""
        roles = [node.tell("ROLE") for node in self.nodes]
        replicas = [role for role in roles if role[0] != b"master"]
        copies = sum(len(role[2]) for role in roles if role[0] == b"master")
        is_copied = copies == len(replicas) == self.replicas and all(role[3] == b"connected" for role in replicas)
        return is_copied and self._all_know("cluster_state:ok")

    def copied(self, master: ClusterNode) -> ClusterNode:
        """Return the replica of this master, once it has all that the master has."""
        replica = next(node for node in self.nodes if not node.is_master and node.tell("ROLE")[2] == master.port)
        wait_for(lambda: replica.tell("ROLE")[4] == master.tell("ROLE")[1], "a copy")
        return replica

    def promote(self, replica: ClusterNode) -> None:
        """Give a replica its dead master's place, without the others' votes and the time that those take."""
        replica.cluster("FAILOVER", "TAKEOVER")
        running = [node for node in self.nodes if node.process.poll() is None]
        wait_for(
            lambda: all(any(s[2][1] == replica.port for s in node.cluster("SLOTS")) for node in running), "promotion"
        )

    def move_slot(self, key: str, to: ClusterNode) -> None:
        """Move the slot of a key with all that is in it."""
        source = self.owner(key)
        with self.moving(key, to) as slot:
            self.move_keys(slot, source, to)

    def move_keys(self, slot: int, source: ClusterNode, to: ClusterNode) -> None:
        """Move all that is in a slot: also what other tests have left of the same object, under their prefixes."""
        while names := source.cluster("GETKEYSINSLOT", slot, 1000):
            source.tell("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *names)

    @contextlib.contextmanager
    def moving(self, key: str, to: ClusterNode) -> Iterator[int]:
        """Let the slot of a key be on its way inside, and be there afterwards; its keys are the caller's to move."""
        slot, source = key_slot(key.encode()), self.owner(key)
        to.cluster("SETSLOT", slot, "IMPORTING", source.id)
        source.cluster("SETSLOT", slot, "MIGRATING", to.id)
        yield slot
        for node in (to, source, *self.masters):
            node.cluster("SETSLOT", slot, "NODE", to.id)

    def keys_without_ttl(self) -> list[bytes]:
        return [key for node in self.masters for key in node.keys_without_ttl()]

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


class Sentinels:
    """A master, its replica, and sentinels that watch them."""

    def __init__(self, number: int = 1, *options: str, patience: int = 500) -> None:
        self.master = RedisServer(free_port(), "--repl-diskless-sync-delay", "0")
        self.replica = RedisServer(free_port(), "--replicaof", "127.0.0.1", str(self.master.port))
        self.servers = (self.master, self.replica)
        self.ports = [free_port() for _ in range(number)]
        names = {port: uuid.uuid4().hex + uuid.uuid4().hex[:8] for port in self.ports}
        # told of each other, which they else find out within seconds
        others = {
            port: [f"sentinel known-sentinel main 127.0.0.1 {other} {names[other]}" for other in names if other != port]
            for port in names
        }
        quorum = number // 2 + 1
        self._processes = [
            self._started(port, [f"sentinel myid {names[port]}", *options], others[port], quorum, patience)
            for port in self.ports
        ]
        self._client = redis.Redis(port=self.ports[0])
        wait_for(lambda: self._is_seen(number), "the sentinels to know each other and the replica")

    @property
    def port(self) -> int:
        return self.ports[0]

    def _started(self, port: int, first: list[str], last: list[str], quorum: int, patience: int) -> subprocess.Popen:
        configuration = FILES / f"sentinel-{port}.conf"
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {FILES}",
            *first,
            f"sentinel monitor main 127.0.0.1 {self.master.port} {quorum}",
            f"sentinel down-after-milliseconds main {patience}",
            "sentinel failover-timeout main 2000",
            *last,
        ]
        configuration.write_text("\n".join(lines) + "\n")
        command = [self.master.command[0], str(configuration), "--sentinel"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _master(self) -> dict:
        """Return what the first sentinel knows of the master; nothing while it starts."""
        try:
            return self._client.sentinel_masters()["main"]
        except redis.ConnectionError:
            return {}

    def _is_seen(self, number: int) -> bool:
        master = self._master()
        return (master.get("num-slaves"), master.get("num-other-sentinels")) == (1, number - 1)

    @property
    def url(self) -> str:
        """As Celery writes it; the master is called ``main``."""
        return ";".join(f"sentinel://127.0.0.1:{port}" for port in self.ports)

    def copy(self) -> None:
        """Return when the replica has all that the master has."""
        wait_for(
            lambda: len({s.tell("INFO", "replication")["master_repl_offset"] for s in self.servers}) == 1, "a copy"
        )

    def change_places(self) -> None:
        """Let master and replica change places, both alive, and tell the sentinels: they would take ten seconds."""
        self.copy()
        self.replica.tell("REPLICAOF", "NO", "ONE")
        self.master.tell("REPLICAOF", "127.0.0.1", self.replica.port)
        for port in self.ports:
            with contextlib.closing(redis.Redis(port=port)) as client:
                client.sentinel_remove("main")
                client.sentinel_monitor("main", "127.0.0.1", self.replica.port, 1)

    def kill(self) -> None:
        self._client.close()
        for process in self._processes:
            process.kill()
            process.wait(10)
        self.master.kill()
        self.replica.kill()
