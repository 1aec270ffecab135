"""Each peer as its own documentation says."""

from datetime import timedelta
from importlib.util import find_spec

from tests.celery import app
from tests.settings import *  # noqa: F403 - a site of settings
from tests.settings import INSTALLED_APPS

ROOT_URLCONF = "tests.benchmarks.site.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.admin"]

if find_spec("dj_celery_panel"):
    INSTALLED_APPS += ["dj_control_room_base", "dj_celery_panel"]

if find_spec("vcelerytaskrunner"):
    INSTALLED_APPS += ["rest_framework", "vcelerytaskrunner.apps.AppConfig"]
    VCELERY_TASKRUN_CELERY_APP = app
    VCELERY_TASK_RUN_RECORD_LONGEVITY = timedelta(weeks=52)
