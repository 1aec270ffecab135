"""The tests' site without ``celery_ops``."""

from tests.settings import *  # noqa: F403 - it is that site
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [name for name in INSTALLED_APPS if name != "celery_ops"]
