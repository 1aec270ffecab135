from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class CeleryOpsConfig(AppConfig):
    """Connects the receivers and registers the checks: no query, no connection."""

    name = "celery_ops"
    verbose_name = _("Celery operations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .acting import in_worker
        from .checks import check_settings
        from .tracking import receivers

        receivers.connect()
        in_worker.connect()
        checks.register(check_settings, "celery_ops")
