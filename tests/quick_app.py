"""The tests' app with shorter waits: ``celery -A tests.quick_app worker``.

``TEST_HURRY`` is JSON, ``{"module.NAME": value}``; ``TEST_CELERY_OPS`` is JSON too, more of that setting, and
``TEST_CELERY`` is more of Celery's.
"""

import json
import os
from importlib import import_module

import django
from django.conf import settings

from tests.celery import app

__all__ = ["app"]

django.setup()
app.conf.worker_lost_wait = 0.2  # Celery's ten seconds before a pool child counts as lost
settings.CELERY_OPS.update(json.loads(os.environ.get("TEST_CELERY_OPS", "{}")))
app.conf.update(json.loads(os.environ.get("TEST_CELERY", "{}")))
for path, value in json.loads(os.environ.get("TEST_HURRY", "{}")).items():
    module, _, name = path.rpartition(".")
    setattr(import_module(module), name, value)
