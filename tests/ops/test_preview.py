"""A preview says what would be published, and publishes nothing."""

from datetime import datetime, timedelta, timezone

import pytest
from celery import signals
from kombu import Exchange, Queue, serialization
from kombu.compression import decompress

from celery_ops.exceptions import BadInput
from celery_ops.running import launcher
from celery_ops.running.launcher import Run
from celery_ops.running.options import SendOptions
from celery_ops.running.preview import preview
from tests.celery import app
from tests.conftest import broker, configure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("memory_store", "loaded_tasks")]

UNTRACKED = "tests.shop.tasks.untracked"
SOON = datetime.now(timezone.utc) + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _in_memory():
    with broker("memory://"):
        yield


@pytest.fixture
def routed():
    """Set Celery's configuration for one test."""
    before = {}

    def put(**values):
        before.update({name: app.conf[name] for name in values})
        configure(**values)
        app.amqp = type(app.amqp)(app)

    yield put
    if before:
        configure(**before)
        app.amqp = type(app.amqp)(app)


@pytest.fixture
def messages():
    """What is really published: where to, its headers, and its body before it is encoded."""
    seen = []

    def note(body=None, exchange=None, routing_key=None, headers=None, declare=None, properties=None, **_):
        name = getattr(exchange, "name", exchange)
        queue = declare[0].name if declare else None
        seen.append({"exchange": name, "routing_key": routing_key, "queue": queue, "body": body, "headers": headers})

    signals.before_task_publish.connect(note)
    yield seen
    signals.before_task_publish.disconnect(note)


def run_of(name=UNTRACKED, args=(), kwargs=None, **options):
    return Run(name, app.tasks.get(name), args, kwargs or {}, SendOptions(**options))


def sent(run, messages):
    launcher.launch(run, None)
    return messages[-1]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda: run_of(args=[7]), id="args"),
        pytest.param(lambda: run_of(kwargs={"number": "ü" * 100}), id="kwargs"),
        pytest.param(lambda: run_of(kwargs={"number": datetime(2026, 1, 31, tzinfo=timezone.utc)}), id="a date"),
        pytest.param(lambda: run_of(queue="slow"), id="a queue"),
        pytest.param(lambda: run_of(eta=SOON, expires=SOON + timedelta(hours=1), priority=3), id="options"),
        pytest.param(lambda: Run("elsewhere.task", None, [1], {"a": 2}), id="a task that only workers know"),
    ],
)
def test_a_preview_is_what_is_published(run, messages):
    run = run()
    foreseen, really = preview(run), sent(run, messages)
    assert (foreseen.exchange, foreseen.routing_key) == (really["exchange"], really["routing_key"])
    assert foreseen.queue == really["queue"]
    assert foreseen.body == serialization.dumps(really["body"], "json")[2].encode()
    assert (foreseen.eta and foreseen.eta.isoformat()) == really["headers"]["eta"]
    assert (foreseen.expires and foreseen.expires.isoformat()) == really["headers"]["expires"]


def test_a_site_without_zones_can_put_a_task_off(settings, messages):
    settings.USE_TZ = False
    run = run_of(eta=SOON)
    assert preview(run).eta.isoformat() == sent(run, messages)["headers"]["eta"]


@pytest.mark.parametrize(
    ("queue", "place"),
    [
        (Queue("made", Exchange("things", "topic"), routing_key="things.made"), ("things", "topic", "things.made")),
        (Queue("made", Exchange("things", "direct"), routing_key="things.made"), ("", "direct", "made")),
        (Queue("made", Exchange("all", "fanout")), ("all", "fanout", "default")),
    ],
    ids=["topic", "direct", "fanout"],
)
def test_a_preview_goes_by_the_sites_queues_and_routes(queue, place, routed, messages):
    routed(task_queues=[queue], task_default_routing_key="default", task_routes={UNTRACKED: {"queue": "made"}})
    foreseen, really = preview(run_of()), sent(run_of(), messages)
    assert (foreseen.exchange, foreseen.exchange_type, foreseen.routing_key) == place
    assert (foreseen.exchange, foreseen.routing_key) == (really["exchange"], really["routing_key"])


def test_a_preview_counts_the_body_as_it_is_compressed(routed):
    plain = preview(run_of(args=["x" * 5000]))
    routed(task_compression="zlib")
    packed = preview(run_of(args=["x" * 5000]))
    assert packed.compression == "zlib"
    assert packed.size < 200
    assert decompress(packed.body, "application/x-gzip") == plain.body


def test_a_preview_publishes_nothing_and_tells_nobody(messages):
    preview(run_of(args=[1]))
    assert messages == []


def test_a_preview_hides_what_is_never_shown():
    message = preview(run_of("tests.shop.tasks.process_payment", [1], {"card": "4111"}))
    assert "4111" not in message.arguments
    assert b"4111" in message.body


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda: run_of(kwargs={"nothing": 1}), id="an argument it does not take"),
        pytest.param(lambda: run_of(args=[object()]), id="a value that cannot be encoded"),
    ],
)
def test_a_preview_of_what_celery_refuses_says_why(run):
    with pytest.raises(BadInput, match="Celery would not send this"):
        preview(run())


def test_a_preview_says_that_the_site_runs_its_tasks_at_once(eager):
    assert preview(run_of()).is_eager
