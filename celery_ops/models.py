"""The journal: who ran which task (``TaskRunRecord``), and everything else that anyone did (``ControlRecord``)."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Journalled(models.Model):
    """Who and when; the name stays when the user goes."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    username = models.CharField(_("username"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)

    class Meta:
        abstract = True


class TaskRunRecord(Journalled):
    """One run asked for by a person: written before the send, completed after it."""

    class SendState(models.TextChoices):
        REQUESTED = "REQUESTED", _("Requested")
        SENT = "SENT", _("Sent")
        FAILED = "FAILED", _("Failed")

    task_name = models.CharField(_("task name"), max_length=255, db_index=True)
    task_id = models.CharField(_("task id"), max_length=255, db_index=True)
    args = models.JSONField(_("arguments"), default=list, blank=True)
    kwargs = models.JSONField(_("keyword arguments"), default=dict, blank=True)
    options = models.JSONField(_("options"), default=dict, blank=True)
    object_type = models.CharField(_("object type"), max_length=255, blank=True)
    object_id = models.CharField(_("object id"), max_length=255, blank=True)
    send_state = models.CharField(_("send state"), max_length=9, choices=SendState.choices, default=SendState.REQUESTED)
    error = models.TextField(_("error"), blank=True)
    retry_of = models.CharField(_("run again of"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("task run")
        verbose_name_plural = _("task runs")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["object_type", "object_id"], name="celery_ops_run_object")]
        permissions = [
            ("view_ops", "Can view the ops pages"),
            ("view_payload", "Can view arguments, results and tracebacks of tasks"),
        ]

    def __str__(self) -> str:
        return f"{self.task_name} {self.task_id}"


class ControlRecord(Journalled):
    """One command given to workers, queues or tasks: written before it is given, completed with the replies."""

    action = models.CharField(_("action"), max_length=64, db_index=True)
    target = models.CharField(_("target"), max_length=255, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    replies = models.JSONField(_("replies"), default=dict, blank=True)

    class Meta:
        verbose_name = _("control action")
        verbose_name_plural = _("control actions")
        ordering = ["-pk"]
        permissions = [
            ("revoke_task", "Can revoke tasks"),
            ("control_workers", "Can control workers"),
            ("manage_queues", "Can manage queues"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
