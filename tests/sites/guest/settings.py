"""GUEST is ``bare`` for a site without our app, ``theirs`` with the apps that the README has beside it, ``ours`` with
all, and ``lean`` with those that our pages cannot do without.
"""

import os

THEIRS = ("django_tables2", "django_filters", "crispy_forms", "crispy_bootstrap5")
ADDED = {
    "bare": (),
    "theirs": THEIRS,
    "ours": (*THEIRS, "celery_ops"),
    "lean": ("crispy_forms", "crispy_bootstrap5", "celery_ops"),
}[os.environ.get("GUEST", "ours")]

SECRET_KEY = "only-for-tests"
ROOT_URLCONF = "tests.sites.guest.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGIN_URL = "admin:login"
STATIC_URL = "/static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_celery_results",
    *ADDED,
    "tests.sites.guest",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
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
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("GUEST_DATABASE", ":memory:")}}
CELERY_BROKER_URL = os.environ.get("TEST_BROKER_URL", "memory://")
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
