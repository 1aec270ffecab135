"""A panel's fragment, its forms, and the details of one task."""

from contextlib import suppress

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from ..backends.control import Replies
from ..conf import conf
from ..control.journal import plain
from ..databases import instance_of, writer
from ..exceptions import BadInput, BadToken, StoreUnavailable
from ..panels import actions
from ..panels.building import Draft
from ..panels.entity_tags import Unchanged, etag
from ..panels.query import PanelQuery
from ..panels.texts import shown_payload
from ..panels.token import PanelOptions, options_of, viewer
from ..panels.user_panel import may_view
from ..panels.viewer import Viewer, task_parameter
from ..permissions import VIEW_OPS, VIEW_PAYLOAD, allows
from ..states import is_final
from ..task_detail.own_states import with_own_states
from ..task_logs.reading import read_log
from ..tracking.accounts import read_payload
from ..tracking.reading import read_tasks
from ..tracking.refs import ObjectRef, key_of
from .logs import PARAMETER, after_in, lines_response, log_part
from .objects import own_page
from .ops import errors
from .private import PrivateView
from .refusals import log_refusal, noting_refusals
from .request import form_key, leading_back, moment_of, next_url, page_before, wants_json
from .tasks.revoke import is_running
from .tasks.workflow import link_of


class PanelView(PrivateView):
    """GET answers the list, or with ``task`` the details of one; POST launches, runs again or revokes.

    A token that is foreign, tampered with or too old, and an object that is gone or may not be seen, are all 404.
    """

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        options, instance = self._subject(token)
        if "task" in request.GET and not options.public:
            return self._detail(options, instance, request.GET["task"])
        selection = PanelQuery(request.GET, options.prefix, "")
        draft = Draft(request, instance, options, url=request.path, selection=selection, next_url=next_url(request))
        unchanged = Unchanged(draft)
        tag = unchanged.tag(request.headers.get("If-None-Match", ""))
        response = get_conditional_response(request, etag=tag) if tag else None
        if response is None:
            panel = draft.page()
            tag = etag(panel)
            unchanged.remember(tag)
            response = get_conditional_response(request, etag=tag)
            response = response or render(request, "celery_ops/panel/region.html", {"panel": panel})
        response["ETag"] = tag
        return response

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        with writer():
            return noting_refusals(lambda: self._posted(token), self._log_refusal)

    def _log_refusal(self, status: int) -> None:
        posted = self.request.POST
        log_refusal(status, posted.get("action", ""), posted.get("task") or posted.get("task_id") or "", self.user)

    def _posted(self, token: str) -> HttpResponse:
        try:
            options, instance = self._subject(token)
            if options.public:
                raise Http404
            return self._answer(self._act(options, instance), instance)
        except PermissionDenied:
            if not wants_json(self.request):
                raise
            return errors(_("You may not do this."), status=403)
        except Http404 as error:
            if not wants_json(self.request):
                raise
            return errors(str(error) or _("Not found."), status=404)

    def _act(self, options: PanelOptions, instance: models.Model) -> actions.ActionOutcome:
        posted = self.request.POST
        action, confirmed = posted.get("action"), posted.get("confirm") == "1"
        if options.started and action in ("revoke", "retry"):
            self._check_started(options, instance, posted.get("task_id", ""))
        if action == "launch":
            if not options.launch:
                raise Http404
            task = posted.get("task", "")
            return actions.launch_task(self.user, instance, task, form_key(posted), confirmed=confirmed)
        if action == "revoke":
            terminate = posted.get("terminate") == "1"
            return actions.revoke_task(self.user, instance, posted.get("task_id", ""), terminate=terminate)
        if action == "retry":
            task_id, key = posted.get("task_id", ""), form_key(posted)
            try:
                shown_at = moment_of(posted, "shown_at")
            except BadInput:  # nobody has read what was shown at no time
                confirmed, shown_at = False, None
            return actions.run_again(self.user, instance, task_id, key, confirmed=confirmed, shown_at=shown_at)
        return actions.ActionOutcome(_("A panel knows the actions launch, retry and revoke."), status=400)

    def _check_started(self, options: PanelOptions, instance: models.Model, task_id: str) -> None:
        """Raise Http404 for a task of the account's that somebody else started: this panel does not show it."""
        with suppress(StoreUnavailable):  # whoever acts asks the store, too, and says that it is away
            tasks = options.chosen(read_tasks([ObjectRef.of(instance)])[0])
            if all(task.id != task_id for task in tasks):
                raise Http404(_("This task does not belong to this object."))

    def _answer(self, outcome: actions.ActionOutcome, instance: models.Model) -> HttpResponse:
        if wants_json(self.request):
            if not outcome.ok:
                return errors(outcome.message, status=outcome.status)
            return JsonResponse({**plain(Replies()), **outcome.data, "message": outcome.message}, status=outcome.status)
        back = self._back(instance)
        if outcome.ok and back:
            messages.success(self.request, outcome.message, fail_silently=True)
            return HttpResponseRedirect(back)
        context = {"outcome": outcome, "next_url": back, "base_template": conf.BASE_TEMPLATE}
        status = 200 if outcome.ok else outcome.status
        return render(self.request, "celery_ops/panel/outcome_page.html", context, status=status)

    def _back(self, instance: models.Model) -> str:
        """Return where the person goes on: as the form says, else where they came from, else the object's own page."""
        request = self.request
        return next_url(request) or page_before(request) or leading_back(request, own_page(instance))

    def _detail(self, options: PanelOptions, instance: models.Model, task_id: str) -> HttpResponse:
        ref = ObjectRef.of(instance)
        try:
            tasks = with_own_states(options.chosen(read_tasks([ref])[0]))
            task = next((task for task in tasks if task.id == task_id), None)
            if task is None:
                raise Http404
            if not allows(self.user, VIEW_PAYLOAD, task.name):
                raise PermissionDenied
            after = after_in(self.request)
            if after is not None:
                return lines_response(self.request, read_log(task_id, after), after, is_over=is_final(task.state))
            payload = shown_payload(read_payload(ref, task_id))
        except StoreUnavailable:
            outcome = actions.ActionOutcome(_("The details cannot be read at the moment."), status=503)
            return self._answer(outcome, instance)
        viewed = Viewer(self.user, public=False, url=self.request.path)
        page_url = viewed.page_url(task)
        url = f"{self.request.path}?task={task_parameter(task.id)}&{PARAMETER}="
        context = {
            "row": viewed.row(task),
            "page_url": page_url,
            "may_ask_where": bool(page_url) and is_running(task.state),
            "payload": payload,
            "workflow": link_of(task.id) if viewed.may(VIEW_OPS) else None,
            "log": log_part(task.id, url, is_over=is_final(task.state), is_tracked=True),
            "base_template": conf.BASE_TEMPLATE,
            "next_url": next_url(self.request),
        }
        page = "detail.html" if self.request.headers.get("X-Celery-Ops") == "fragment" else "detail_page.html"
        return render(self.request, f"celery_ops/panel/{page}", context)

    def _subject(self, token: str) -> tuple[PanelOptions, models.Model]:
        try:
            options = options_of(token)
        except BadToken as error:
            raise Http404 from error
        if options.user != viewer(self.user):
            raise Http404
        instance = _instance(options)
        if not options.public and not may_view(self.user, instance, started=options.started):
            raise Http404
        return options, instance


def _instance(options: PanelOptions) -> models.Model:
    try:
        model = apps.get_model(options.label)
        instance = instance_of(model._base_manager, key_of(model, options.pk), options.using)
    except (LookupError, TypeError, ValueError, ValidationError) as error:
        raise Http404 from error
    if instance is None:
        raise Http404
    return instance
