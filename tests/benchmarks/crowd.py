"""``python -m tests.benchmarks.crowd URL NUMBER``: so many that are no workers, and answer as idle ones.

They are bound as workers are. What they say is packed beforehand: their own cost is not to be measured.
"""

import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import redis

from tests.celery import app

STATS = {
    "total": {f"shop.tasks.task_{number}": 100 * number for number in range(20)},
    "pid": 4242,
    "uptime": 90,
    "clock": "100",
    "prefetch_count": 8,
    "pool": {
        "implementation": "celery.concurrency.prefork:TaskPool",
        "max-concurrency": 4,
        "processes": [1, 2, 3, 4],
        "max-tasks-per-child": "N/A",
        "put-guarded-by-semaphore": False,
        "timeouts": [0, 0],
        "writes": {"total": 4000, "avg": "25.00%", "all": "25.00%, 25.00%, 25.00%, 25.00%", "raw": "1, 1, 1, 1"},
    },
    "broker": {"hostname": "127.0.0.1", "userid": None, "virtual_host": "/", "port": 6379, "transport": "redis"},
    "rusage": dict.fromkeys(("utime", "stime", "maxrss", "ixrss", "idrss", "isrss", "minflt", "majflt"), 1.5),
}
QUEUE = {
    "name": "celery",
    "exchange": {"name": "celery", "type": "direct", "arguments": None, "durable": True, "passive": False},
    "routing_key": "celery",
    "queue_arguments": None,
    "durable": True,
    "exclusive": False,
    "auto_delete": False,
    "no_ack": False,
    "bindings": [],
    "expires": None,
    "max_priority": None,
}
SAID = {"stats": STATS, "active": [], "reserved": [], "scheduled": [], "active_queues": [QUEUE]}
BOUND = "_kombu.binding.celery.pidbox"


def hostname(number: int) -> str:
    return f"celery@worker-{number:03d}"


def body(host: str, method: str) -> str:
    return base64.b64encode(json.dumps({host: SAID[method]}).encode()).decode()


def message(packed: str, ticket: str) -> bytes:
    properties = {"delivery_mode": 1, "priority": 0, "body_encoding": "base64", "delivery_tag": "tag"}
    properties["delivery_info"] = {"exchange": "reply.celery.pidbox", "routing_key": "id"}
    headers = {"ticket": ticket, "clock": 1}
    fields = {"body": packed, "content-encoding": "utf-8", "content-type": "application/json"}
    return json.dumps({**fields, "headers": headers, "properties": properties}).encode()


def main(url: str, number: int) -> None:
    client = redis.Redis.from_url(url)
    hosts = [hostname(each) for each in range(number)]
    packed = {method: [body(host, method) for host in hosts] for method in SAID}
    client.sadd(BOUND, *(f"\x06\x16\x06\x16{host}.celery.pidbox" for host in hosts))
    with client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(f"/{client.connection_pool.connection_kwargs.get('db', 0)}.celery.pidbox")
        print("listening", flush=True)
        for heard in channel.listen():
            question = json.loads(base64.b64decode(json.loads(heard["data"])["body"]))
            if question["method"] in packed:
                answer(client, question, packed[question["method"]])


def answer(client: redis.Redis, question: dict, packed: list[str]) -> None:
    queue = f"{question['reply_to']['routing_key']}.{question['reply_to']['exchange']}"
    with client.pipeline(transaction=False) as pipe:
        pipe.lpush(queue, *(message(each, question["ticket"]) for each in packed))
        pipe.expire(queue, 10)
        pipe.execute()


@contextlib.contextmanager
def crowd(number: int) -> Iterator[None]:
    """So many of them on the broker of this run."""
    url = app.conf.broker_url
    command = [sys.executable, "-m", "tests.benchmarks.crowd", url, str(number)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "listening\n"
        yield
    finally:
        process.kill()
        process.wait()
        with redis.Redis.from_url(url) as client:
            client.flushdb()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
