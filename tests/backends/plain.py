"""A Celery app without Django, so that its workers start quickly: ``celery -A tests.backends.plain worker``."""

import os
import time

from celery import Celery

from tests.clock import travel

travel()

app = Celery("plain", broker=os.environ.get("TEST_BROKER_URL"), set_as_current=False)  # tests import it, too
app.conf.update(broker_connection_retry_on_startup=True, worker_prefetch_multiplier=10)
if "C_FORCE_ROOT" in os.environ:  # a worker that takes pickle, which Celery forbids root without this
    app.conf.accept_content = ["json", "pickle"]


@app.task(name="shop.nap")
def nap(seconds, *others):
    time.sleep(seconds)


@app.task(name="shop.limited", rate_limit="10/m", soft_time_limit=20, time_limit=30)
def limited():
    pass
