"""What people do to schedules: run one now, pause it, resume it, leave its next occurrence out."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.utils.json import dumps

from ... import timezones
from ...catalog import may_run_something
from ...exceptions import BadInput, Claimed, NotDone, NotSent, RerunRefused, ScheduleRefused, SentNothing
from ...formatting import clean
from ...links import schedule_url
from ...permissions import MANAGE_SCHEDULES, RUN_TASK, VIEW_OPS, allows
from ...rerun.policy import check_fits, permitted
from ...running.allowlist import Runnable
from ...running.launcher import Run, launch
from ...running.options import SendOptions
from ...schedules import acting
from ...schedules.info import Entry, ScheduleInfo
from ...schedules.report import report
from ...schedules.sources.base import ACTIONS, PAUSE, RESUME, RUN
from ..bulk.retry import stands_for
from ..control.actions import ActionView
from ..not_found import no_schedule
from ..request import is_confirmed, moment_of, next_url
from ..runs.json import sent_item, sent_nothing
from .detail import arguments_of

#: Seconds by which a time that is skipped may differ from the one that is due: addresses and forms round.
SAME: Final = 1.0


class ScheduleActionView(ActionView):
    """``schedule-action``: POST ``name`` and ``action``: ``run``, ``pause`` (``until``), ``resume`` or ``skip``.

    With ``ask`` a run is asked about first, and nothing is sent.
    """

    section = "celery_ops:schedule-list"
    title = gettext_lazy("Schedules")

    @property
    def posted_name(self) -> str:
        return self.request.POST.get("name", "")

    def permission(self) -> str:
        return RUN_TASK if self.named() == RUN else MANAGE_SCHEDULES

    def authorise(self) -> None:
        if self.named() == RUN:  # which task that is, is asked when it is known
            is_allowed = may_run_something(self.user)
        else:
            is_allowed = allows(self.user, MANAGE_SCHEDULES, self.posted_name or None)
        if not is_allowed:
            raise PermissionDenied

    def objects(self) -> list[str]:
        return [self.posted_name] if self.posted_name else []

    def check_known(self) -> None:
        if not self.posted_name:
            raise BadInput({"name": [_("Name a schedule.")]})
        answer = report(asks_around=False)
        schedule = next((schedule for schedule in answer.schedules if schedule.entry.name == self.posted_name), None)
        if schedule is None:
            if answer.trouble:
                raise NotDone(answer.trouble)
            raise no_schedule()
        if self.named() not in ACTIONS:
            raise BadInput({"action": [_("The actions are %(names)s.") % {"names": ", ".join(ACTIONS)}]})
        self.schedule: ScheduleInfo = schedule
        self.runnable = self.permitted_task() if self.named() == RUN else None

    def act(self, posted: QueryDict) -> HttpResponse:
        if reason := acting.reason_against(self.schedule, self.named()):
            raise BadInput({"action": [reason]})
        try:
            if self.runnable is not None:
                return self.run(posted, self.runnable)
            return self.change(posted)
        except ScheduleRefused as error:
            raise BadInput({"action": [str(error)]}) from error

    # -- what is changed

    def change(self, posted: QueryDict) -> HttpResponse:
        name = {"name": clean(self.schedule.entry.name, 100)}
        if self.named() == PAUSE:
            until = moment_of(posted, "until")
            if until is not None and until <= timezones.now():
                raise BadInput({"until": [_("That is past.")]})
            record = acting.pause(self.schedule, until, self.user, self.key())
            sentence = _("%(name)s is paused.") % name
        elif self.named() == RESUME:
            record = acting.resume(self.schedule, self.user, self.key())
            sentence = _("%(name)s is sent again when it is due.") % name
        else:
            record = acting.skip(self.schedule, self.due(posted), self.user, self.key())
            sentence = _("The next occurrence of %(name)s is left out.") % name
        answer = {"name": self.schedule.entry.name, "action": self.named(), "record": record.pk}
        return self.done(answer, sentence, messages.SUCCESS)

    def due(self, posted: QueryDict) -> datetime:
        """Return which occurrence is left out. Raises BadInput when it is not the next one any more."""
        due, asked = self.schedule.next_due, moment_of(posted, "due")
        if due is None:
            raise BadInput({"action": [_("Nothing is to come that could be skipped.")]})
        if asked is not None and abs((asked - due).total_seconds()) > SAME:
            raise BadInput({"due": [_("That is not the next occurrence any more.")]})
        return due

    # -- a run

    def run(self, posted: QueryDict, runnable: Runnable) -> HttpResponse:
        if posted.get("ask") or self.must_ask(posted, runnable):
            if self.is_json:
                raise BadInput({"confirm": [_("This task asks first: send confirm=1 as well.")]})
            return self.asked(runnable)
        try:
            record = launch(self.run_of(runnable), self.user)
        except Claimed as error:
            raise BadInput(str(error)) from error
        except SentNothing as error:
            if self.is_json:
                return sent_nothing(error)
            raise BadInput(str(error)) from error
        except NotSent as error:
            raise NotDone(str(error)) from error
        answer = {"name": self.schedule.entry.name, "action": RUN, **sent_item(record)}
        sentence = _("%(name)s was sent.") % {"name": clean(self.schedule.entry.name, 100)}
        return self.done(answer, sentence, messages.SUCCESS)

    def must_ask(self, posted: QueryDict, runnable: Runnable) -> bool:
        """Whether something is to be read before it is sent: nothing was confirmed yet, or something else than this."""
        has_confirmed = posted.get("confirm") == "1"
        asks = runnable.confirm or (has_confirmed and posted.get("previewed"))
        return bool(asks) and not is_confirmed(posted, _seen(self.schedule.entry))

    def permitted_task(self) -> Runnable:
        """Return the task, as "Run again" asks for it. Raises BadInput, NotDone, PermissionDenied and Http404.

        To those who may not see schedules, one whose task nobody may run is as if there were none.
        """
        entry = self.schedule.entry
        try:
            runnable = permitted(entry.task, self.user)
            check_fits(runnable, entry.args, entry.kwargs)
        except RerunRefused as error:
            if error.is_forbidden:
                raise PermissionDenied from error
            if error.is_closed and not allows(self.user, VIEW_OPS):
                raise no_schedule() from error
            raise (NotDone(error.reason) if error.is_away else BadInput({"action": [error.reason]})) from error
        return runnable

    def run_of(self, runnable: Runnable) -> Run:
        entry = self.schedule.entry
        return Run(
            runnable.name,
            runnable.task,
            list(entry.args),
            dict(entry.kwargs),
            SendOptions(queue=entry.queue or None),
            submission=self.key(),
        )

    def asked(self, runnable: Runnable) -> HttpResponse:
        """Return the page that asks whether it is to run now."""
        context = self.get_context_data(
            schedule=self.schedule,
            heading=_("Run now"),
            task_name=clean(runnable.name),
            arguments=arguments_of(self.schedule) if self.may_view_payload(runnable.name) else "",
            submission=uuid4(),
            previewed=_seen(self.schedule.entry),
            has_changed=self.request.POST.get("confirm") == "1",
            back_url=next_url(self.request) or self.home(),
        )
        return render(self.request, "celery_ops/schedules/ask.html", context)

    def home(self) -> str:
        return schedule_url(self.posted_name) or reverse("celery_ops:schedule-list")


def _seen(entry: Entry) -> str:
    """Return what tells that which would be sent from anything else, and nothing else of it: it stands in the page."""
    try:
        arguments = dumps([list(entry.args), dict(entry.kwargs)])
    except (TypeError, ValueError):  # each process has another text of objects that JSON does not know
        arguments = ""
    return stands_for([entry.task, arguments, entry.queue])
