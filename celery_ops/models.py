"""The journal: who ran which task (``TaskRunRecord``), and everything else that anyone did (``ControlRecord``)."""

from datetime import timedelta
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, router
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .databases import WriterManager

J = TypeVar("J", bound="Journalled")

LONGEST_USERNAME: Final = 255


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
    username = models.CharField(_("username"), max_length=LONGEST_USERNAME, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)

    objects = WriterManager()

    class Meta:
        abstract = True

    @classmethod
    def of(cls: type[J], user: Any) -> models.QuerySet[J]:
        """Return the rows of what ``user`` asked for; nobody's in particular are nobody's."""
        key, rows = account_key(user), cast("models.QuerySet[J]", cls._default_manager.all())
        return rows.none() if key is None else rows.filter(user_id=key)

    def is_of(self, user: Any) -> bool:
        """Return whether ``user`` asked for it."""
        return self.user_id is not None and self.user_id == account_key(user)


def account_key(user: Any) -> Any:
    """Return the primary key of a saved user of the site's model, None for everybody else.

    A request's user may be of another kind, as an API key's: its key would be another person's.
    """
    return user.pk if isinstance(user, get_user_model()) else None


def users_named(name: str) -> models.QuerySet[Any]:
    """Return the users of this username: nobody where the field cannot be that, as a word where names are numbers."""
    users = get_user_model()
    try:
        return users._default_manager.filter(**{users.USERNAME_FIELD: name})
    except (ValidationError, ValueError):
        return users._default_manager.none()


def asked_by(user: Any) -> dict[str, Any]:
    """Return who a row says that asked for it: ``user`` may be None, nobody in particular.

    By the key: to Django's eyes a user who was read from a copy is of another database.
    """
    name = getattr(user, "get_username", None)
    return {"user_id": account_key(user), "username": "" if name is None else str(name())[:LONGEST_USERNAME]}


class TaskRunRecord(Journalled):
    """One run asked for by a person: written before the send, completed after it."""

    class SendState(models.TextChoices):
        REQUESTED = "REQUESTED", _("Requested")
        SENT = "SENT", pgettext_lazy("state of a run", "Sent")
        FAILED = "FAILED", _("Not sent")

    task_name = models.CharField(_("task name"), max_length=255)
    task_id = models.CharField(_("task id"), max_length=255, db_index=True)
    args = models.JSONField(_("arguments"), default=list, blank=True)
    kwargs = models.JSONField(_("keyword arguments"), default=dict, blank=True)
    options = models.JSONField(_("options"), default=dict, blank=True)
    object_type = models.CharField(_("object type"), max_length=255, blank=True)
    object_id = models.CharField(_("object id"), max_length=255, blank=True)
    send_state = models.CharField(_("send state"), max_length=9, choices=SendState.choices, default=SendState.REQUESTED)
    error = models.TextField(_("error"), blank=True)
    retry_of = models.CharField(_("run again of"), max_length=255, blank=True, db_index=True)
    #: Whether ``args`` and ``kwargs`` are all that was sent: nothing was redacted or cut.
    is_exact = models.BooleanField(_("arguments are whole"), default=False)
    #: Whether they are, once the task's annotations have made dates and the like of their texts again.
    is_typed = models.BooleanField(_("arguments are whole but for their types"), default=False)
    #: What makes a form sent twice one run: the form's own key. None for what comes without one.
    submission = models.UUIDField(_("submission"), null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("task run")
        verbose_name_plural = _("task runs")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="celery_ops_run_object"),
            models.Index(fields=["task_name", "-id"], name="celery_ops_run_newest"),  # when each task ran last
            models.Index(fields=["user", "-id"], name="celery_ops_run_user"),  # one's own rows
        ]
        permissions = [
            ("view_ops", "Can view the ops pages"),
            ("view_payload", "Can view arguments, results and tracebacks of tasks"),
        ]

    def __str__(self) -> str:
        return f"{self.task_name} {self.task_id}"


class RunClaim(models.Model):
    """What one of several people gets who ask at the same moment: a task to run again, or the next place of a minute.

    A row by itself, without a key to another table: an empty table is made at once, however long the journal is.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    claimed_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.key)


class ControlRecord(Journalled):
    """One command given to workers, queues or tasks: written before it is given, completed with the replies."""

    action = models.CharField(_("action"), max_length=64, db_index=True)
    target = models.CharField(_("target"), max_length=255, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    replies = models.JSONField(_("replies"), default=dict, blank=True)
    #: What makes a form sent twice one action. None for what comes without a key.
    submission = models.UUIDField(_("submission"), null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("control action")
        verbose_name_plural = _("control actions")
        ordering = ["-pk"]
        # the last revoke of a task, and what was skipped of a schedule
        indexes = [models.Index(fields=["target"], name="celery_ops_control_target")]
        permissions = [
            ("revoke_task", "Can revoke tasks"),
            ("control_workers", "Can control workers"),
            ("manage_queues", "Can manage queues"),
            ("resolve_failures", "Can resolve failure groups"),
            ("manage_schedules", "Can manage schedules"),
        ]

    #: The actions that hold until they are taken back.
    PAUSE, RESUME = "pause", "resume"
    RESOLVE, REOPEN = "resolve_failures", "reopen_failures"
    PAUSE_SCHEDULE, RESUME_SCHEDULE, SKIP_OCCURRENCE = "pause_schedule", "resume_schedule", "skip_occurrence"
    #: And those that are held up to workers that start for so long: a message may wait as long as its queue is not
    #: emptied.
    REVOKE, REVOKE_BY_STAMPS = "revoke", "revoke_by_stamped_headers"
    REVOKES_HOLD: Final = timedelta(weeks=4)

    def __str__(self) -> str:
        return f"{self.action} {self.target}"

    @classmethod
    def from_db(cls, *row: Any, **options: Any) -> "ControlRecord":
        """Read a row. What somebody else has written into it that is no mapping says nothing: one row is no outage."""
        record = super().from_db(*row, **options)
        for name in ("parameters", "replies"):
            if not isinstance(record.__dict__.get(name, {}), dict):
                setattr(record, name, {})
        return record

    @classmethod
    def pauses(cls) -> models.QuerySet["ControlRecord"]:
        """Return the pauses that hold: of their queues nothing later was asked.

        What the broker never heard of does not count: whoever asked was told that nothing was done.
        """
        rows = cls.objects.using(router.db_for_write(cls))  # a copy may be behind
        heard = rows.filter(action__in=(cls.PAUSE, cls.RESUME)).exclude(replies__has_key="error")
        newest = heard.order_by().values("target").annotate(last=models.Max("pk"))
        return rows.filter(pk__in=newest.values("last"), action=cls.PAUSE)
