"""A worker of a site with tenants: it serves all of them, and outside of a task it is nobody's."""

from django.conf import settings

from tests.celery import app

PREFIX = settings.CELERY_OPS["STORE_PREFIX"]
settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: f"{PREFIX}-nobody"}

__all__ = ["app"]
