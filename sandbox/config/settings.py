"""Settings of the sandbox, an ordinary small site. What celery_ops needs is marked."""

import os
from importlib.util import find_spec
from pathlib import Path

from celery.schedules import crontab
from django import VERSION as DJANGO

from .redis_url import for_celery, for_redis

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(exist_ok=True)

SECRET_KEY = "for-the-sandbox-only"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
SHOP_NAME = "Harbour Tools"
SITE_URL = f"http://127.0.0.1:{os.environ.get('SANDBOX_PORT') or 8000}"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # celery_ops and what it stands on
    "crispy_forms",
    "crispy_bootstrap5",
    "django_celery_results",
    "celery_ops",
    # the shop
    "inventory",
    "shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "celery_ops.middleware.StartedByMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context_processors.site",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "db.sqlite3",
        # The site, the worker and beat write to one file: readers never wait, writers wait their turn.
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = os.environ.get("SANDBOX_LANGUAGE", "en")

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "media/"
MEDIA_ROOT = VAR_DIR / "media"

# Celery

REDIS_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"

CELERY_BROKER_URL = for_celery(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Queues of its own: a Redis named by REDIS_URL may be another project's broker too.
CELERY_TASK_DEFAULT_QUEUE = "sandbox"
CELERY_TASK_ROUTES = {"inventory.tasks.generate_*": {"queue": "sandbox-documents"}}
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_SOFT_TIME_LIMIT = 4 * 60
CELERY_TASK_TIME_LIMIT = 5 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL_RESTARTS = True
CELERY_BEAT_SCHEDULE = {
    "average lead times": {
        "task": "inventory.tasks.update_average_lead_times",
        "schedule": 60.0,
    },
    "sales report": {"task": "shop.office.sales_report", "schedule": 30.0, "args": ["2026-01-01"]},
    "stock of the night": {"task": "shop.office.count_stock", "schedule": crontab(hour=2, minute=30), "args": [1]},
    "sign in at the carrier": {
        "task": "shop.office.sign_in_at_carrier",
        "schedule": crontab(minute="*/2"),
        "kwargs": {"account": "harbour", "password": "wrong"},
    },
    "prices of a task that nobody has": {"task": "shop.office.follow_market", "schedule": crontab(minute="*/5")},
    "leap day": {
        "task": "shop.office.count_stock",
        "schedule": crontab(hour=12, minute=0, day_of_month=29, month_of_year=2),
        "args": [1],
    },
}

# Entries in the database as well, where django-celery-beat is installed and takes this Django.
if find_spec("django_celery_beat") and DJANGO < (6, 1):
    INSTALLED_APPS += ["django_celery_beat"]
    CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

# celery_ops: every key is optional

CELERY_OPS = {
    "STORE_URL": for_redis(REDIS_URL),
    "STORE_PREFIX": "sandbox",
    "BASE_TEMPLATE": "base.html",
    "REFRESH_SECONDS": 2,
    # It breaks when the shop opens, and at each delivery, and holds again some minutes later.
    "OBJECTIVES": {
        "documents are printed in time": {"queue": "sandbox-documents", "wait_p95": 5, "window": "2m"},
    },
    "METRICS_TOKEN": os.environ.get("METRICS_TOKEN") or None,
    "ALERTS": ["shop.alerts.tell_the_office"],
    "RUNNABLE_TASKS": {
        "shop.office.sales_report": {"group": "Office", "label": "Sales report"},
        "shop.office.change_price": {
            "group": "Office",
            "label": "Change a price",
            "permission": "shop.change_product",
            "confirm": True,
        },
        "shop.office.count_stock": {"group": "Office", "label": "Count the stock"},
        "shop.office.sign_in_at_carrier": {"group": "Office", "label": "Sign in at the carrier", "max_per_minute": 6},
        "inventory.tasks.generate_index_card": {"group": "Inventory"},
        "inventory.tasks.generate_qr_code": {"group": "Inventory"},
        "inventory.tasks.update_average_lead_times": {"group": "Inventory"},
        "shop.tasks.export_invoice": {"group": "Orders"},
        "shop.tasks.process_payment": {"group": "Orders"},
        "shop.tasks.restock_product": {"group": "Orders"},
        "shop.tasks.sync_to_carrier": {"group": "Orders", "queues": ["sandbox", "sandbox-documents"]},
    },
}
