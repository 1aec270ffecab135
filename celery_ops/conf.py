"""Every setting of ``CELERY_OPS``, its default and one line of meaning.

Values are read from ``django.conf.settings`` at each use, so ``override_settings`` works and nothing is cached.
"""

from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import celery
from django.conf import settings
from django.utils.module_loading import import_string

NAME = "CELERY_OPS"

DEFAULTS: dict[str, Any] = {
    # Dotted path of the Celery app; None is celery.current_app.
    "APP": None,
    # Where the task list comes from.
    "TASK_BACKEND": "celery_ops.backends.results.ResultsTaskBackend",
    # Where workers come from.
    "WORKER_BACKEND": "celery_ops.backends.control.ControlWorkerBackend",
    # Where queues come from.
    "QUEUE_BACKEND": "celery_ops.backends.broker.BrokerQueueBackend",
    # Where tracked tasks live.
    "STORE": "celery_ops.tracking.redis.RedisStore",
    # None uses the broker's URL when that is Redis, else redis://localhost:6379/0.
    "STORE_URL": None,
    # Seconds: connect and read, per store call.
    "STORE_TIMEOUT": 0.1,
    # First part of every key.
    "STORE_PREFIX": "celery_ops",
    # Seconds or timedelta: how long tracked tasks live.
    "RETENTION": 86400,
    # The same: how long what tasks that failed were given is kept, so that they can be run again.
    "RERUN_RETENTION": timedelta(days=7),
    # Bindings without touching code: {"app.tasks.name": {"model": "app.Model", "id_query": "pk_argument"}}.
    "TRACKED_TASKS": {},
    # Names, or {name: options}; empty means nothing runs; "*" every task of the site; celery.* never.
    "RUNNABLE_TASKS": (),
    # Age at which `prune` deletes journal rows; None keeps for ever.
    "RECORD_RETENTION": timedelta(weeks=4),
    # Who may do what.
    "POLICY": "celery_ops.permissions.Policy",
    # What never shows and is never stored: parts of names, compared without case; "=pin" is a whole word of a name.
    "REDACT_KEYS": (
        "api",
        "auth",
        "token",
        "key",
        "secret",
        "pass",
        "signature",
        "card",
        "cvv",
        "ssn",
        "cookie",
        "session",
        "pwd",
        "credential",
        "=pin",
        "=otp",
    ),
    # Dotted path of a callable (name, value) -> value, asked for every argument after the rules above.
    "REDACTOR": None,
    # none, redacted or full; at most 2 KiB a field is stored.
    "ARGS_CAPTURE": "redacted",
    "RESULT_CAPTURE": "redacted",
    # Rows a page.
    "PAGE_SIZE": 25,
    "MAX_PAGE_SIZE": 200,
    # Seconds between polls of panels and live pages; never under 1.
    "REFRESH_SECONDS": 5,
    # Seconds: one deadline for one question to all workers.
    "CONTROL_TIMEOUT": 1.0,
    # Count what tasks do, in publishers and workers; needs the store.
    "METRICS": True,
    # Seconds or timedelta: how far back numbers and failure groups go.
    "METRICS_RETENTION": timedelta(days=30),
    # A bearer token for the page of metrics; None: only viewers.
    "METRICS_TOKEN": None,
    # Metrics are called as celery-exporter's ("celery"), or are Flower's six ("flower").
    "METRICS_NAMES": "celery",
    # What the running code is called where charts mark that it changed; None: SENTRY_RELEASE, else git's commit.
    "RELEASE": None,
    # What must hold: {"name": {"queue": "mail*", "wait_p95": 30, "window": "15m"}}.
    "OBJECTIVES": {},
    # Dotted paths called with an alert when an objective breaks and when it holds again.
    "ALERTS": (),
    # Where celery_ops.alerts.webhook posts JSON to.
    "ALERT_WEBHOOK": None,
    # Seconds or timedelta: how long the same alert stays silent.
    "ALERT_COOL_DOWN": timedelta(minutes=15),
    # Log lines of none, of tracked or of all tasks are kept: the beginning and the end of what each attempt logs.
    "LOGS": "tracked",
    # A URL with {trace_id}: where a task's page leads when its message carries a W3C traceparent.
    "TRACE_URL": None,
    # What the ops pages extend: put the site's own here.
    "BASE_TEMPLATE": "celery_ops/base.html",
}


#: What Django has read of the settings before: every publish asks here, and more than once.
_READ: Final[dict[str, Any]] = object.__getattribute__(settings, "__dict__")


def _of_the_site(_conf: object = None) -> Any:
    """The site's dict itself, our defaults where it has none: what is derived from it holds for as long as it is this
    one."""
    kept = _READ.get(NAME)
    return getattr(settings, NAME, DEFAULTS) if kept is None else kept


class Conf:
    """``conf.PAGE_SIZE`` is the site's value, or the default when the site has none."""

    def __getattr__(self, key: str) -> Any:
        raise AttributeError(f"{NAME} has no key {key!r}")

    source = property(_of_the_site)

    def load(self, key: str) -> Any:
        """Return the object that the dotted path in ``key`` names, or None when the setting is None.

        Raises ImportError when it cannot be imported. A value that is not a string is returned as it is.
        """
        value = getattr(self, key)
        return imported(value) if isinstance(value, str) else value

    @property
    def celery_app(self) -> Any:
        """The site's Celery app: ``APP``, else ``celery.current_app``."""
        return self.load("APP") or celery.current_app

    @property
    def retention_seconds(self) -> int:
        """``RETENTION`` in whole seconds, at least 1."""
        return whole_seconds(self.RETENTION)

    @property
    def rerun_seconds(self) -> int:
        """``RERUN_RETENTION`` in whole seconds, at least 1."""
        return whole_seconds(self.RERUN_RETENTION)

    @property
    def metrics_seconds(self) -> int:
        """``METRICS_RETENTION`` in whole seconds, at least 1."""
        return whole_seconds(self.METRICS_RETENTION)

    @property
    def cool_down_seconds(self) -> int:
        """``ALERT_COOL_DOWN`` in whole seconds, 0 for alerts that never stay silent."""
        return whole_seconds(self.ALERT_COOL_DOWN) if self.ALERT_COOL_DOWN else 0


def whole_seconds(value: Any) -> int:
    """Return a setting that is seconds or a timedelta in whole seconds, at least 1."""
    return max(1, int(value.total_seconds() if isinstance(value, timedelta) else value))


def _setting(key: str, default: Any) -> property:
    """Python comes to a property in a third of the time that ``__getattr__`` takes: every publish asks for several."""
    return property(lambda _conf: _of_the_site().get(key, default))


for _key, _default in DEFAULTS.items():
    setattr(Conf, _key, _setting(_key, _default))

imported = lru_cache(maxsize=None)(import_string)
conf = Conf()
