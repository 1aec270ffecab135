"""Several threads and processes evaluate beside each other, on a real Redis: each alert is told once."""

import contextlib

import pytest
import redis

from celery_ops.conf import conf
from celery_ops.signals import failure_seen

from .conftest import evaluated

pytestmark = pytest.mark.usefixtures("redis_store", "site")


def test_no_key_stays_for_ever(told, redis_server):
    evaluated(mail=11, mailing=12)
    failure_seen.send(None, key="k", is_new=True, is_regressed=False, task_id="1", task_name="shop.mail")
    evaluated(mail=1)
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        keys = client.keys(f"{conf.STORE_PREFIX}:*")
        assert len(keys) > 5
        assert [key for key in keys if client.ttl(key) < 0] == []
