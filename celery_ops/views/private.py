"""What every view of ours is to the site that has it, refusals included."""

from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.handlers.exception import response_for_exception
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_protect, requires_csrf_token
from django.views.generic.base import View

from .decorators import ViewFunction, sees_to_login_and_transactions


def private(view: ViewFunction) -> ViewFunction:
    """Make ``view`` its own master on any site, and every answer of it one viewer's own.

    No database's ``ATOMIC_REQUESTS`` holds it: a journal row is committed before a task is sent. It asks for the login
    itself, whatever ``LoginRequiredMiddleware`` says: JSON is told 401, and a public panel is open. Answers are
    ``private, no-store``, ``Vary: Cookie``, and framed by no other site, also where the site has no middleware for it.
    404 and 403 are turned into the site's own pages here: beyond this point they would leave without the headers.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except (Http404, PermissionDenied) as error:
            response = response_for_exception(request, error)
        response["Cache-Control"] = "private, no-store"
        response.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS.upper())
        patch_vary_headers(response, ["Cookie", "Accept", "Accept-Language"])
        return response

    return sees_to_login_and_transactions(wrapped)


class PrivateView(View):
    """A view that is ``private``. What is posted brings its token, on a site without CsrfViewMiddleware too."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> ViewFunction:
        """Return the view, wrapped once: ``method_decorator`` wraps anew at each request."""
        protect = csrf_protect if "post" in cls.http_method_names else requires_csrf_token
        return private(protect(super().as_view(**initkwargs)))

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.user = getattr(request, "user", None)  # a site may have no accounts
