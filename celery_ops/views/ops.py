"""What the operations pages have in common: who may see them, how they look, and what they say of a failure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic.base import TemplateView

from ..backends.remote.glance import Glance, glancing
from ..catalog import may_run_something
from ..conf import conf
from ..databases import has_copy, writer
from ..exceptions import BackendUnavailable
from ..logs import get_logger
from ..models import TaskRunRecord
from ..permissions import RUN_TASK, VIEW_OPS, VIEW_PAYLOAD, VIEW_RECORDS, allows
from .lock_timeout import lock_timeout
from .private import PrivateView
from .refusals import SAFE_METHODS, log_refusal, noting_refusals
from .request import next_url, wants_json

logger = get_logger("celery_ops.views")

T = TypeVar("T")

#: What a browser brings back that has just done something, on a site whose journal is read from a copy, and the seconds
#: for which it reads what it has written from the writer: a copy is seldom further behind.
WROTE: Final = "celery_ops_wrote"
WROTE_FOR: Final = 10

#: The page that says that there is nothing to show now.
UNANSWERED: str = "celery_ops/unanswered.html"

#: What a live page extends when its own script asks for it again: the content without the site around it.
FRAGMENT: str = "celery_ops/fragment.html"


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One part of a page: what it shows, or why it cannot."""

    value: T | None = None
    trouble: str = ""

    @property
    def is_available(self) -> bool:
        return not self.trouble

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why it cannot show anything, or why something is missing in what it shows, as the source itself says."""
        return tuple(filter(None, (self.trouble, getattr(self.value, "trouble", ""))))


def part(ask: Callable[[], T]) -> Part[T]:
    """Ask a backend; one that is away becomes a sentence for its place on the page, and the rest of it goes on."""
    try:
        return Part(ask())
    except BackendUnavailable as error:
        logger.warning("A part of an operations page is missing: %s", error)
        return Part(trouble=str(error))


class OpsView(PrivateView):
    """Asks in order: is the method known, who is it, may they. JSON refuses in JSON, a page with a page."""

    http_method_names = ["get", "head"]
    is_json: bool = False
    #: Whether it shows what somebody has just done: then no copy of the database is asked.
    needs_writer: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        looks = request.method in SAFE_METHODS
        with writer(self.needs_writer or not looks or WROTE in request.COOKIES), lock_timeout(looks):
            response = noting_refusals(lambda: self.answered(request, *args, **kwargs), self.log_refusal)
        if not looks and response.status_code < 400 and has_copy(TaskRunRecord):
            is_secure = request.is_secure()
            response.set_cookie(WROTE, "1", max_age=WROTE_FOR, secure=is_secure, httponly=True, samesite="Lax")
        return response

    def answered(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if (request.method or "").lower() not in self.http_method_names:
            return self.http_method_not_allowed(request, *args, **kwargs)
        try:
            if not getattr(self.user, "is_authenticated", False):
                return self.refuse_anonymous()
            self.authorise()
            return super().dispatch(request, *args, **kwargs)
        except DatabaseError:
            logger.error("The database did not answer a page", exc_info=True)
            return self.unanswered(_("The database does not answer."))
        except BackendUnavailable as error:
            logger.warning("An operations page has nothing to show: %s", error)
            return self.unanswered(str(error))
        except PermissionDenied:
            if not self.is_json:
                raise
            return errors(_("You may not do this."), status=403)
        except Http404 as error:
            reason = str(error) or _("Not found.")
            hint = getattr(error, "hint", "")
            return errors(reason, status=404) if self.is_json else self.not_found(reason, hint)

    def not_found(self, reason: str, hint: str) -> HttpResponse:
        """Return the page that says what there is not and why that may be, with the way on beside it."""
        context = {**frame(self.request, self.user), "title": _("Not found"), "reason": reason, "hint": hint}
        return render(self.request, "celery_ops/not_found.html", context, status=404)

    def log_refusal(self, status: int) -> None:
        """Say who was refused what; looking at a page is no attempt to do something."""
        if self.request.method not in SAFE_METHODS:
            log_refusal(status, self.named(), ", ".join(self.objects()), self.user)

    def named(self) -> str:
        """Return what the log calls that which was asked for."""
        return getattr(self.request.resolver_match, "url_name", None) or ""

    def objects(self) -> list[str]:
        """Return what it was asked of."""
        return [*map(str, self.kwargs.values()), *self.request.POST.getlist("task_id")]

    def unanswered(self, trouble: str) -> HttpResponse:
        """Return the answer while what a view cannot do without is away."""
        return errors(trouble, status=503)

    def refuse_anonymous(self) -> HttpResponse:
        if self.is_json or wants_json(self.request):  # a script that follows to the login would find a page there
            return errors(_("Log in first."), status=401)
        self.log_refusal(401)
        return redirect_to_login(self.after_login())

    def after_login(self) -> str:
        """Return where the login leads: to a form's page, where this address is for what is posted only."""
        if "get" in self.http_method_names:
            return self.request.get_full_path()
        return next_url(self.request) or reverse("celery_ops:overview")

    def authorise(self) -> None:
        """Raise PermissionDenied when the policy refuses this user."""
        if not allows(self.user, VIEW_OPS):
            raise PermissionDenied

    def may_view_payload(self, task_name: str | None = None) -> bool:
        return allows(self.user, VIEW_PAYLOAD, task_name)


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One entry of the pages' navigation, for those who may do one of ``actions``: the others' answer would be 403."""

    url_name: str
    label: Any
    actions: tuple[str, ...] = (VIEW_OPS,)


SECTIONS = (
    Section("celery_ops:overview", gettext_lazy("Overview")),
    Section("celery_ops:task-list", gettext_lazy("Tasks")),
    Section("celery_ops:insight", gettext_lazy("Insight")),
    Section("celery_ops:task-type-list", gettext_lazy("Task types")),
    Section("celery_ops:failure-list", gettext_lazy("Failures")),
    Section("celery_ops:schedule-list", gettext_lazy("Schedules")),
    Section("celery_ops:worker-list", gettext_lazy("Workers")),
    Section("celery_ops:queue-list", gettext_lazy("Queues")),
    Section("celery_ops:run-list", gettext_lazy("Run"), (VIEW_OPS, RUN_TASK)),
    Section("celery_ops:record-list", gettext_lazy("Journal"), (VIEW_OPS, VIEW_RECORDS, RUN_TASK)),
)


def sections(user: Any) -> list[Section]:
    """Return the entries of the navigation that ``user`` may open."""
    granted = cache(lambda action: may_run_something(user) if action == RUN_TASK else allows(user, action))
    return [section for section in SECTIONS if any(map(granted, section.actions))]


def is_fragment(request: HttpRequest) -> bool:
    """Return whether a page's own script asks, which has the frame around it."""
    return request.headers.get("X-Celery-Ops") == "fragment"


def is_opened_by_browser(request: HttpRequest) -> bool:
    """Return whether a person opens a page in a browser, as Fetch Metadata tells over HTTPS and from localhost."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate"


def frame(request: HttpRequest, user: Any) -> dict[str, Any]:
    """Return what each page's template has: what it extends, the navigation, and how often it is refreshed."""
    is_alone = is_fragment(request)
    return {
        "base_template": FRAGMENT if is_alone else conf.BASE_TEMPLATE,
        "sections": () if is_alone else sections(user),
        "section": "",
        "refresh": max(1, conf.REFRESH_SECONDS),
    }


class OpsPage(OpsView, TemplateView):
    """A page: ``section`` is the navigation's entry it belongs to, ``title`` what the browser's tab says."""

    section: ClassVar[str] = ""
    title: ClassVar[Any] = ""
    #: Whether a browser is shown what the workers said a moment ago rather than wait for them. Who cannot be told more
    #: a second later waits: a program, and the page's own script.
    glances: ClassVar[bool] = False
    glance: Glance | None = None

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.glance = Glance() if self.glances and is_opened_by_browser(request) else None
        with glancing(self.glance):
            return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"section": self.section, "title": self.get_title(), "glance": self.glance}
        context = {**frame(self.request, self.user), **own, **kwargs}
        return super().get_context_data(**context)

    def unanswered(self, trouble: str) -> HttpResponse:
        if self.is_json:
            return super().unanswered(trouble)
        title = _("Not available just now")
        context = {**frame(self.request, self.user), "section": self.section, "title": title, "trouble": trouble}
        return render(self.request, UNANSWERED, context, status=503)

    def get_title(self) -> str:
        return str(self.title)


class EitherPage(OpsPage):
    """A page that is JSON for those who accept that."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.is_json = wants_json(request)


def errors(message: str, *, field: str = "__all__", status: int) -> JsonResponse:
    """Return the JSON answer of a refusal: ``{"errors": {field: [message]}}``."""
    return JsonResponse({"errors": {field: [message]}}, status=status)
