"""The tests' own site: no admin, SQLite or what TEST_DATABASE names, a store and a broker of the run's own."""

import os
from importlib.util import find_spec
from typing import Any

from tests.clock import travel

travel()

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
DEBUG = False
USE_TZ = True
TIME_ZONE = os.environ.get("TEST_TIME_ZONE", "America/Chicago")
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
LOGIN_URL = "/login/"

# celery_ops first: its place among the apps must not matter.
INSTALLED_APPS = [
    "celery_ops",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_celery_results",
    "crispy_forms",
    "crispy_bootstrap5",
    "tests.shop",
]
if find_spec("django_celery_beat"):  # setup.cfg says where it is
    INSTALLED_APPS.append("django_celery_beat")
#: Tables of these are made as their models are: by their migrations a database took twice as long, in each process.
MIGRATION_MODULES = dict.fromkeys(["auth", "contenttypes", "django_celery_beat", "sessions"])
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tests.middleware.content_security_policy",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

#: Whether what was written is on the disk: benchmarks want to know how long that takes, tests only wait for it.
DURABLE = "TEST_DURABLE" in os.environ

if os.environ.get("TEST_DATABASE") == "postgresql":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ.get("TEST_POSTGRES_HOST", "127.0.0.1"),
            "USER": os.environ.get("TEST_POSTGRES_USER", "postgres"),
            "NAME": os.environ.get("TEST_DATABASE_NAME", "celery_ops"),
            "OPTIONS": {} if DURABLE else {"options": "-c synchronous_commit=off"},
        }
    }
elif os.environ.get("TEST_DATABASE") == "mariadb":
    import pymysql

    pymysql.install_as_MySQLdb()
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "HOST": os.environ.get("TEST_MARIADB_HOST", "127.0.0.1"),
            "USER": os.environ.get("TEST_MARIADB_USER", "root"),
            "NAME": os.environ.get("TEST_DATABASE_NAME", "celery_ops"),
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            # A file: the workers of a test read what the test wrote, and a live server shares no connection with it.
            "NAME": os.environ.get("TEST_DATABASE_NAME") or os.environ.get("TEST_SQLITE_FILE", ":memory:"),
            "OPTIONS": {"timeout": 20} if DURABLE else {"timeout": 20, "init_command": "PRAGMA synchronous = OFF"},
            "TEST": {"NAME": os.environ.get("TEST_SQLITE_FILE")},
        }
    }

CELERY_BROKER_URL = os.environ.get("TEST_BROKER_URL", "memory://")
CELERY_RESULT_BACKEND = os.environ.get("TEST_RESULT_BACKEND", "django-db")
CELERY_TASK_TRACK_STARTED = True
CELERY_RESULT_EXTENDED = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

#: Django's own tasks: nothing but ``tests.shop.django_tasks`` and ``tests.shop.backend_tasks`` has any.
TASKS = {
    "anything": {"BACKEND": "tests.shop.django_backends.TakesAnything"},
    "wrapping": {"BACKEND": "tests.shop.django_backends.Wraps"},
    "numbering": {"BACKEND": "tests.shop.django_backends.Numbers"},
}
for package in ("celery", "fennel"):
    if find_spec(f"django_tasks_{package}"):  # Django's own check makes each
        TASKS[package] = {"BACKEND": f"django_tasks_{package}.CeleryBackend", "QUEUES": []}

CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore"}
if store_url := os.environ.get("TEST_STORE_URL"):
    CELERY_OPS = {"STORE_URL": store_url, "STORE_PREFIX": os.environ.get("TEST_STORE_PREFIX", "celery_ops")}
    if store_timeout := os.environ.get("TEST_STORE_TIMEOUT"):
        CELERY_OPS["STORE_TIMEOUT"] = float(store_timeout)
