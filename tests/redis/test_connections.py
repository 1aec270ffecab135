"""Ways to a Redis: whatever leads Celery there leads the store, the queues, a purge and doctor there too."""

import ssl
import subprocess
import time
import uuid

import pytest
import redis
from django.core.checks import ERROR
from kombu.transport.redis import Channel as KombusChannel

from celery_ops import connections
from celery_ops.backends.broker import backend as broker_backend
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.checks import check_settings
from celery_ops.connections.redis import pool_of_url
from celery_ops.control import queues as acting
from celery_ops.doctor import broker, store
from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import counters
from celery_ops.tracking.recorder import Recorder
from celery_ops.tracking.redis import RedisStore
from celery_ops.tracking.refs import ObjectRef
from tests.backends.brokers import make_app, publish, using
from tests.clusters import Sentinels
from tests.servers import FILES, PATIENCE, RedisServer, free_port, unavailable, wait_for

REF = ObjectRef("shop.order", "1")
FACTS = {"t:1:published": "1"}


@pytest.fixture
def site(settings):
    """Make the site's broker what a test says; there are no workers. The store is the broker's, unless it says more."""
    stack = []

    def use(url, *, store=None, **conf):
        app = make_app(url, **conf)
        held = using(settings, app)
        held.__enter__()
        stack.append(held)
        settings.CELERY_OPS = {"APP": app, "STORE_URL": store, "STORE_TIMEOUT": 2.0, "CONTROL_TIMEOUT": 0.1}
        return app

    yield use
    for held in reversed(stack):
        held.__exit__(None, None, None)


def kept_and_read():
    """Whether a new store keeps what it is given."""
    store = RedisStore()
    try:
        store.write([(REF, FACTS)])
        return store.read([REF]) == [FACTS]
    finally:
        store.close()


def waiting(name="celery"):
    """Return how many messages wait there."""
    broker_backend.forget()
    report = BrokerQueueBackend().queues()
    assert report.trouble == ""
    return next(queue.depth for queue in report.queues if queue.name == name)


# -- lists of addresses -----------------------------------------------------------------------------------------------


@pytest.fixture
def failover(own_redis):
    """The first of the addresses is dead."""
    return f"redis://127.0.0.1:{free_port()}/0;{own_redis.url}/3"


@pytest.mark.django_db
def test_queues_a_purge_and_the_store_are_where_celery_has_gone_over_to(site, failover):
    app = site(failover)
    publish(app, "celery", times=2)
    assert waiting() == 2
    assert acting.purge("celery", None) == 2
    assert waiting() == 0
    assert kept_and_read()


def test_a_run_is_sent_to_where_celery_has_gone_over_to(site, failover):
    app = site(failover)
    with connections.publishing() as connection:
        app.send_task("x", connection=connection)
    assert waiting() == 1


def test_all_addresses_of_a_list_are_named(site, failover, own_redis):
    site(failover)
    assert BrokerQueueBackend().data_source.endswith(f", 127.0.0.1:{own_redis.port}/3")


def test_doctor_goes_over_too(site, failover):
    site(failover)
    assert {finding.name: finding.level for finding in broker.check()}["broker"] == "ok"


def test_the_addresses_of_the_stores_own_url_are_gone_through(site, failover, own_redis):
    site("memory://", store=failover)
    assert kept_and_read()
    assert own_redis.tell("DBSIZE") == 0  # it is the third database, as the address says


def test_a_store_goes_over_when_its_server_dies(site, own_redis):
    second = RedisServer(free_port())
    try:
        site("memory://", store=f"{own_redis.url}/0;{second.url}/0")
        store = RedisStore()
        store.write([(REF, FACTS)])
        own_redis.kill()
        store.write([(REF, FACTS)])
        assert store.read([REF]) == [FACTS]
        assert second.tell("DBSIZE") > 0
        store.close()
    finally:
        second.kill()


def test_a_store_goes_over_when_its_server_has_become_a_replica(site, own_redis):
    second = RedisServer(free_port())
    try:
        site("memory://", store=f"{own_redis.url}/0;{second.url}/0")
        store = RedisStore()
        store.write([(REF, FACTS)])
        own_redis.tell("REPLICAOF", "127.0.0.1", second.port)
        store.write([(REF, FACTS)])
        assert store.read([REF]) == [FACTS]
        assert second.tell("DBSIZE") > 0
        second.tell("CONFIG", "RESETSTAT")
        store.write([(REF, FACTS)])
        assert "cmdstat_multi" not in second.tell("INFO", "commandstats"), "a script"
        second.tell("REPLICAOF", "127.0.0.1", own_redis.port)
        with pytest.raises(StoreUnavailable, match="read only"):
            store.write([(REF, FACTS)])
        store.close()
    finally:
        second.kill()


def test_a_list_of_dead_addresses_is_given_up_in_time(site, settings):
    site("memory://", store=f"redis://127.0.0.1:{free_port()}/0;redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        kept_and_read()
    assert time.monotonic() - began < 1


def test_an_address_that_hangs_takes_no_more_than_its_time(site, settings, own_redis):
    hung = RedisServer(free_port())
    site("memory://", store=f"{hung.url}/0;{own_redis.url}/0")
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_TIMEOUT": 0.1}
    hung.freeze()
    try:
        store = RedisStore()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):  # it lets one connect and then does not answer
            store.write([(REF, FACTS)])
        assert time.monotonic() - began < 1
    finally:
        hung.kill()
    store.write([(REF, FACTS)])
    store.close()


# -- TLS and logins ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate():
    key, pem = FILES / "tls.key", FILES / "tls.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made = subprocess.run([*command, "-keyout", key, "-out", pem], capture_output=True, timeout=60, check=False)
    if made.returncode:
        pytest.skip("no openssl")
    return key, pem


@pytest.fixture(scope="module")
def secure(certificate, redis_server):
    """A Redis that speaks TLS on a port of its own, which is returned."""
    if not redis_server.tell("CONFIG", "GET", "tls-port"):
        unavailable("a Redis that was built with TLS")
    key, pem = certificate
    port = free_port()
    files = ["--tls-cert-file", str(pem), "--tls-key-file", str(key), "--tls-ca-cert-file", str(pem)]
    server = RedisServer(free_port(), "--tls-port", str(port), *files, "--tls-auth-clients", "no")
    server.tls_port = port
    yield server
    server.kill()


@pytest.fixture
def database():
    return int(uuid.uuid4().hex[:1], 16)


def test_the_brokers_tls_is_the_stores_and_the_queues(site, secure, database):
    url = f"redis://127.0.0.1:{secure.tls_port}/{database}"
    app = site(url, broker_use_ssl={"ssl_cert_reqs": ssl.CERT_NONE})
    before = waiting()
    publish(app, "celery")
    assert waiting() == before + 1
    assert kept_and_read()


def test_a_brokers_url_with_tls_is_understood_as_celery_does(site, secure, database):
    site(f"rediss://127.0.0.1:{secure.tls_port}/{database}?ssl_cert_reqs=CERT_NONE")
    assert kept_and_read()


def test_a_certificate_that_is_not_trusted_is_refused(site, secure, database):
    url = f"rediss://127.0.0.1:{secure.tls_port}/{database}?ssl_cert_reqs=CERT_REQUIRED"
    site(url)
    with pytest.raises(StoreUnavailable):
        kept_and_read()


def test_the_stores_own_url_may_have_tls(site, secure, database):
    site("memory://", store=f"rediss://127.0.0.1:{secure.tls_port}/{database}?ssl_cert_reqs=none")
    assert kept_and_read()


@pytest.mark.skipif(not hasattr(KombusChannel, "client_name"), reason="this kombu has no such option")
def test_the_broker_sees_the_name_that_the_options_give(site, own_redis):
    site(f"{own_redis.url}/0", broker_transport_options={"client_name": "shop"})
    store = RedisStore()
    store.write([(REF, FACTS)])
    assert waiting() == 0
    with redis.Redis(port=own_redis.port) as client:
        assert [info["name"] for info in client.client_list()].count("shop") >= 2
    store.close()


def test_the_brokers_prefix_is_not_the_stores(site, own_redis):
    site(f"{own_redis.url}/0", broker_transport_options={"global_keyprefix": "shop:"})
    assert kept_and_read()
    assert all(key.startswith(b"celery_ops:") for key in own_redis.tell("KEYS", "*"))


class Login(redis.CredentialProvider):
    def get_credentials(self):
        return "clerk", "wage-slave"


@pytest.mark.skipif(not hasattr(KombusChannel, "_process_credential_provider"), reason="this kombu asks no provider")
def test_a_credential_provider_logs_the_store_in(site, own_redis):
    own_redis.tell("ACL", "SETUSER", "clerk", "on", ">wage-slave", "~*", "&*", "+@all")
    own_redis.tell("ACL", "SETUSER", "default", "resetpass", "on", ">other")
    site(f"{own_redis.url}/0?credential_provider={__name__}.Login")
    assert kept_and_read()
    assert waiting() == 0


# -- sentinels --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def watched():
    """A master, its replica, and three sentinels that watch them."""
    servers = Sentinels(3)
    yield servers
    servers.kill()


@pytest.fixture
def doomed():
    """The same, for a test that kills the master or makes it the replica."""
    servers = Sentinels(3)
    yield servers
    servers.kill()


def test_a_burst_in_which_a_sentinels_master_is_killed_loses_nothing_that_its_replica_had(site, doomed, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN", 0.1)
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN_MAX", 0.1)
    app = site(f"{doomed.url}/4", broker_transport_options={"master_name": "main"})
    publish(app, "celery")
    assert waiting() == 1
    recorder = Recorder(RedisStore())
    refs = [ObjectRef("shop.order", str(number)) for number in range(300)]
    for number, ref in enumerate(refs):
        if number == 100:
            recorder.flush(PATIENCE)
            doomed.copy()
            doomed.master.kill()
        recorder.record([(ref, FACTS)])
    recorder.pause()
    wait_for(lambda: not recorder.kept and recorder.is_well, "everything to be written")
    assert recorder.store.read(refs) == [FACTS] * len(refs)
    assert counters.counts()["lost"] == 0
    recorder.store.close()
    assert waiting() == 1


def test_a_master_that_has_become_a_replica_is_left_for_the_one_that_is_master_now(site, doomed):
    site("memory://", store=f"{doomed.url}/main/0")
    store = RedisStore()
    store.write([(REF, FACTS)])
    doomed.change_places()
    assert store.write([(REF, {"t:1:started": "2"})]) == 0
    assert store.read([REF]) == [{**FACTS, "t:1:started": "2"}]
    store.close()


@pytest.mark.parametrize(
    "form",
    [
        "sentinel://{0};{0}/main/5",
        "sentinel://{1};{0}/main/5",
        "sentinel://{0}/main",
        "sentinel://{1};sentinel://{0}/5?master_name=main",
    ],
)
def test_the_stores_own_url_may_name_sentinels(site, watched, form):
    url = form.format(f"127.0.0.1:{watched.port}", f"127.0.0.1:{free_port()}")
    site("memory://", store=url)
    assert kept_and_read()
    assert watched.master.tell("INFO", "keyspace")


def test_it_may_name_them_as_celery_does(site, watched):
    url = f"sentinel://127.0.0.1:{free_port()};sentinel://127.0.0.1:{watched.port}/6"
    site("memory://", store=url, broker_transport_options={"master_name": "main"})
    assert kept_and_read()


def test_sentinels_have_a_login_and_tls_of_their_own():
    url = (
        "sentinel://clerk:p%40ss@one;two:7000/main/2?ssl_ca_certs=/ca&sentinel_password=s&sentinel_ssl_ca_certs=/theirs"
    )
    pool = pool_of_url(url, 0.5)
    parameters, sentinels = pool.connection_kwargs, pool.sentinel_manager.sentinels
    assert (parameters["username"], parameters["password"], parameters["db"]) == ("clerk", "p@ss", 2)
    assert (pool.connection_class.__name__, parameters["ssl_ca_certs"]) == ("SentinelManagedSSLConnection", "/ca")
    asked = [sentinel.connection_pool.connection_kwargs for sentinel in sentinels]
    names = ("host", "port", "password", "ssl_ca_certs", "socket_timeout")
    assert [[each[name] for name in names] for each in asked] == [
        ["one", 26379, "s", "/theirs", 0.5],
        ["two", 7000, "s", "/theirs", 0.5],
    ]


def test_sentinels_that_hang_take_no_more_than_their_time(site, settings, own_redis):
    site("memory://", store=f"sentinel://127.0.0.1:{own_redis.port}/main/0")
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_TIMEOUT": 0.1}
    own_redis.freeze()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        kept_and_read()
    assert time.monotonic() - began < 1


# -- what leads nowhere -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+cluster://one:7000,two:7000/2", "A cluster has no databases"),
        ("redis+cluster://one:7000,two:seven", "Write it as redis+cluster://host:port,host:port"),
        ("unix+cluster:///run/redis.sock", "Begin it with redis://"),
        ("sentinel://one:26379", "Name the master"),
        ("sentinel://one:26379/0", "Name the master"),
        ("http://one", "Begin it with redis://"),
    ],
)
def test_a_url_that_leads_nowhere_is_an_error_that_says_what_to_write(site, url, words):
    site("memory://", store=url)
    (error,) = (message for message in check_settings(None) if message.id == "celery_ops.E013")
    assert (error.level, words in error.hint) == (ERROR, True)


@pytest.mark.parametrize("url", ["redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+cluster://127.0.0.1:1/0"])
@pytest.mark.django_db
def test_a_cluster_as_the_broker_is_said_to_be_none_and_its_store_is_a_store(site, redis_cluster, url):
    site(url, store=redis_cluster.url)
    broker_backend.forget()
    report = BrokerQueueBackend().queues()
    assert report.trouble or [queue.depth for queue in report.queues] == [None]
    (told,) = broker.check()
    assert (told.level, told.message.partition(":")[0]) == ("error", "broker_url names a Redis Cluster")
    assert {finding.level for finding in store.check()} == {"ok"}
