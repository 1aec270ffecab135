from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class CeleryOpsConfig(AppConfig):
    """Connects the receivers and registers the checks: no query, no connection."""

    name = "celery_ops"
    verbose_name = _("Celery operations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .checks import check_settings
        from .control import worker_receivers
        from .tracking import receivers

        receivers.connect()
        worker_receivers.connect()
        checks.register(check_settings, "celery_ops")
