"""The probe of a worker's container, as its orchestrator runs it."""

import importlib.metadata
import os
import ssl
import subprocess
import sys
import time
import uuid
from unittest import mock

import pytest

from celery_ops import alive
from celery_ops.connections.cluster import is_cluster, servers_of
from celery_ops.connections.redis import pool_of_url
from celery_ops.tracking.facts import short_host
from celery_ops.tracking.keys import worker_key
from celery_ops.tracking.recorder import recorder
from tests.clusters import Sentinels
from tests.conftest import store_settings
from tests.servers import free_port

HOST = "celery@web-1"


def probe(*arguments, **environment):
    """Run it as a process of its own, with nothing of the tests' settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "TEST", "CELERY"))}
    command = [sys.executable, "-m", "celery_ops.alive", *arguments]
    return subprocess.run(
        command, env={**clean, **environment}, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def prefix(settings):
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def beaten(settings, redis_server, prefix):
    """Return a function that gives a worker's sign of life to a store."""

    def beat(hostname=HOST, url=f"{redis_server.url}/1", name=prefix):
        settings.CELERY_OPS = store_settings(url, name)
        recorder().ask(lambda store: store.beat(short_host(hostname), 1))
        return url

    return beat


def test_a_worker_that_gives_signs_of_life_is_alive(beaten, prefix):
    ran = probe(HOST, "--store", beaten(), "--prefix", prefix)
    assert (ran.returncode, ran.stdout) == (0, f"{HOST} is alive\n")


def test_another_one_is_not(beaten, prefix):
    ran = probe("celery@web-2", "--store", beaten(), "--prefix", prefix)
    assert (ran.returncode, ran.stdout) == (1, "celery@web-2 gives no sign of life\n")


def test_the_environment_says_where_the_store_is(beaten, prefix):
    assert probe(HOST, CELERY_OPS_STORE_URL=beaten(), CELERY_OPS_STORE_PREFIX=prefix).returncode == 0


@pytest.mark.parametrize("hostname", ["celery@" + 80 * "pod", "größer@münchen", "a b@c:d"])
def test_names_are_found_that_keys_write_in_another_way(beaten, hostname):
    url = beaten(hostname, name="a prefix: with%all")
    assert alive.is_alive(hostname, url, "a prefix: with%all")


def test_a_store_that_is_away_says_one(prefix):
    ran = probe(HOST, "--store", f"redis://127.0.0.1:{free_port()}/0", "--prefix", prefix)
    assert ran.returncode == 1
    assert ran.stderr.startswith("The store does not answer")


def test_a_store_that_hangs_says_one_within_a_second(own_redis):
    own_redis.freeze()
    begin = time.monotonic()
    with pytest.raises((OSError, alive.Unavailable)):
        alive.is_alive(HOST, f"{own_redis.url}/0", "celery_ops")
    assert time.monotonic() - begin < 1
    own_redis.thaw()


def test_a_store_with_a_password_is_asked_with_it(beaten, own_redis, prefix):
    own_redis.tell("CONFIG", "SET", "requirepass", "s3cret")
    url = own_redis.url.replace("redis://", "redis://:s3cret@")
    beaten(url=f"{url}/2")
    assert alive.is_alive(HOST, f"{url}/2", prefix)
    refused = probe(HOST, "--store", f"{own_redis.url.replace('redis://', 'redis://:wr0ng@')}/2", "--prefix", prefix)
    assert refused.returncode == 1
    assert "wr0ng" not in refused.stdout + refused.stderr


def test_a_node_of_a_cluster_says_which_one_has_the_key(beaten, redis_cluster, prefix):
    url = redis_cluster.url
    beaten(url=url)
    assert alive.is_alive(HOST, url, prefix)


def test_a_key_whose_slot_is_moving_is_read_where_it_is_already(beaten, redis_cluster, prefix):
    beaten(url=redis_cluster.url)
    key = worker_key(prefix, short_host(HOST))
    source = redis_cluster.owner(key)
    to = next(node for node in redis_cluster.masters if node is not source)
    with redis_cluster.moving(key, to) as slot:
        redis_cluster.move_keys(slot, source, to)
        assert alive.is_alive(HOST, redis_cluster.url, prefix)


def test_sentinels_say_where_the_master_is(beaten, prefix):
    servers = Sentinels()
    try:
        url = beaten(url=f"{servers.url}/main/0")
        assert alive.is_alive(HOST, url, prefix)
    finally:
        servers.kill()


def test_what_a_url_says_of_tls_is_the_masters_and_with_sentinel_before_it_the_sentinels():
    url = "sentinel://clerk:one@a;b:2/main/3?ssl_ca_certs=/master.pem&sentinel_password=two&sentinel_ssl_cert_reqs=none"
    store = alive.store_of(url)
    assert [(one.host, one.password, one.tls) for one in store.addresses] == [
        ("a", "one", {"ssl_ca_certs": "/master.pem"}),
        ("b", "one", {"ssl_ca_certs": "/master.pem"}),
    ]
    assert (store.sentinels.password, store.sentinels.tls) == ("two", {"ssl_cert_reqs": "none"})
    assert alive.store_of("sentinel://a/main?ssl_cert_reqs=none").sentinels.tls is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://a/1?virtual_host=/5",
        "redis+socket:///run/a.sock?virtual_host=/5",
        "valkey+cluster://a,b:2",
        "valkeys+cluster://:p@a,b:2?ssl_cert_reqs=none",
    ],
)
def test_a_url_leads_where_the_store_goes(url):
    store = alive.store_of(url)
    if is_cluster(url):
        servers = servers_of(url, 1.0)
        known = servers.known
        given = [{"password": "", **servers.parameters}] * len(known)
    else:
        given = [pool_of_url(url, 1.0).connection_kwargs]
        known = [(given[0].get("host", "localhost"), given[0].get("port", 6379))]
    assert [(one.host, one.port) for one in store.addresses] == [*known]
    assert [one.database for one in store.addresses] == [int(one.get("db", 0)) for one in given]
    assert [one.password for one in store.addresses] == [one.get("password") or "" for one in given]
    assert [one.tls is not None for one in store.addresses] == [url.startswith("valkeys")] * len(known)


@pytest.mark.parametrize("no", ["0", "no", "False", "N"])
def test_a_certificates_name_is_left_alone_where_the_url_says_no_in_any_way(monkeypatch, no):
    context = mock.Mock()
    monkeypatch.setattr(ssl, "create_default_context", lambda **_files: context)
    alive._secured(mock.Mock(), alive.store_of(f"rediss://a?ssl_check_hostname={no}").addresses[0])
    assert context.check_hostname is False


@pytest.mark.parametrize(("installed", "compares"), [("5.2.1", False), ("6.0.0", True), ("10.0", True)])
def test_where_the_url_says_nothing_a_certificates_name_is_what_it_is_to_the_store(monkeypatch, installed, compares):
    context = mock.Mock()
    monkeypatch.setattr(ssl, "create_default_context", lambda **_files: context)
    monkeypatch.setattr(importlib.metadata, "version", {"redis": installed}.get)
    alive._secured(mock.Mock(), alive.store_of("rediss://a").addresses[0])
    assert context.check_hostname is compares


@pytest.mark.parametrize(
    ("url", "word"),
    [("amqp://localhost", "amqp"), ("localhost:6379", "redis://"), ("sentinel://localhost:26379", "master")],
)
def test_what_is_no_store_is_a_mistake_of_who_asks(url, word):
    ran = probe(HOST, "--store", url)
    assert ran.returncode == 2
    assert word in ran.stderr


def test_it_imports_neither_django_nor_celery_nor_a_client_of_redis(beaten, prefix):
    code = (
        "import sys; from celery_ops import alive; code = alive.main(sys.argv[1:]);"
        "assert not {'django', 'celery', 'kombu', 'redis'} & set(sys.modules); sys.exit(code)"
    )
    arguments = [HOST, "--store", beaten(), "--prefix", prefix]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
