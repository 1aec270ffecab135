import pytest

from tests.ops import backends
from tests.ops.backends import FrozenWorkers, Queues, Workers

TOKEN = "s3cret-of-the-scraper"
METRICS = "/behind/a/prefix/metrics/"


@pytest.fixture
def stubs(memory_store, settings, db):
    """Workers and queues that a test fills, numbers in memory, and a token."""
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "WORKER_BACKEND": f"{backends.HERE}.Workers",
        "QUEUE_BACKEND": f"{backends.HERE}.Queues",
        "METRICS_TOKEN": TOKEN,
    }
    FrozenWorkers.thaw.clear()
    yield
    FrozenWorkers.thaw.set()
    Workers.hold()
    Queues.hold()


@pytest.fixture
def scrape(client):
    """``scrape(query, accept)`` returns the answer to one who brings the token."""

    def asked(query="", accept="text/plain"):
        return client.get(f"{METRICS}{query}", headers={"Authorization": f"Bearer {TOKEN}", "Accept": accept})

    return asked


@pytest.fixture
def samples(scrape):
    """``samples(query)`` returns the values of a scrape by name and sorted labels, as prometheus_client reads them."""
    from prometheus_client.parser import text_string_to_metric_families

    def read(query=""):
        text = scrape(query).content.decode()
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return read
