"""The site of the soak: the tests' site, with servers that nobody else uses."""

import os

from tests.settings import *  # noqa: F403 - it is that site

ROOT_URLCONF = "tests.chaos.urls"
CELERY_BROKER_URL = os.environ["CHAOS_BROKER"]
CELERY_RESULT_BACKEND = "django-db"
#: Longer than any task waits and runs; short enough for what a killed worker held to be delivered again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": float(os.environ.get("CHAOS_VISIBLE_AFTER", "20")),
    "socket_connect_timeout": 3,
    # what a killed worker held is looked for this often, and not every hundred seconds
    "unacked_restore_interval": 3,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 10,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 2
CELERY_OPS = {
    "APP": "tests.chaos.site.app",
    "STORE_URL": os.environ["CHAOS_STORE"],
    "STORE_TIMEOUT": float(os.environ.get("CHAOS_STORE_TIMEOUT", "1")),
    "RUNNABLE_TASKS": ["tests.chaos.tasks.is_asked_for"],
    "MAX_PAGE_SIZE": 1000,
}
if host := os.environ.get("CHAOS_POSTGRES"):
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": host,
            "USER": "chaos",
            "NAME": "postgres",
            "OPTIONS": {"connect_timeout": 3},
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(os.environ["CHAOS_DIRECTORY"], "site.sqlite3"),
            "OPTIONS": {"timeout": 3},
        }
    }
