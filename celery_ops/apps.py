from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class CeleryOpsConfig(AppConfig):
    """Connects the receivers and registers the checks: no query, no connection."""

    name = "celery_ops"
    verbose_name = _("Celery operations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import receivers

        receivers.connect()
        checks.register(check_settings, "celery_ops")


def check_settings(app_configs: Any, **options: Any) -> Iterable[checks.CheckMessage]:
    """What ``checks.check_settings`` says, which a process that runs no checks does not import."""
    from .checks import check_settings

    return check_settings(app_configs, **options)
