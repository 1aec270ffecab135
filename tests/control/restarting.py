"""The tests' app with pools that may be restarted, and quickly: ``celery -A tests.control.restarting worker``."""

from celery.concurrency.asynpool import AsynPool

from tests.celery import app

__all__ = ["app"]

app.conf.worker_pool_restarts = True
AsynPool.timers = property(lambda pool: {pool.maintain_pool: 0.1})  # five seconds until it misses a process
