"""The modules that have a site's tasks: a new process has imported none of them yet."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from celery.fixups.django import DjangoFixup
from celery.signals import import_modules
from django.apps import apps

from ..conf import conf
from ..logs import get_logger

logger = get_logger("celery_ops.tracking")


def load_task_modules() -> list[str]:
    """Import what a worker would, and ``tasks`` of every installed app; return what could not be, in words."""
    problems = []
    try:
        _import_modules_of(conf.celery_app)
    except Exception as error:
        logger.warning("The Celery app's modules could not be imported", exc_info=True)
        problems.append(f"the Celery app's modules could not be imported: {type(error).__name__}: {error}")
    for config in apps.get_app_configs():
        module = f"{config.name}.tasks"
        try:
            if find_spec(module):
                import_module(module)
        except Exception as error:
            logger.warning("%s could not be imported", module, exc_info=True)
            problems.append(f"{module} could not be imported: {type(error).__name__}: {error}")
    return problems


def _import_modules_of(app: Any) -> None:
    """``loader.import_default_modules`` without Celery's Django fixup.

    That is for a worker's start: it configures logging anew and runs every system check, which queries the database.
    """
    for discover in import_modules._live_receivers(app):
        if not isinstance(getattr(discover, "__self__", None), DjangoFixup):
            discover(signal=import_modules, sender=app)
    for module in app.loader.default_modules:
        app.loader.import_task_module(module)
