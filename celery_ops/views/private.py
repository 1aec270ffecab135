"""What every page of ours says to caches, refusals included."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.handlers.exception import response_for_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers


def private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make every answer of ``view`` one viewer's own: ``private, no-store`` and ``Vary: Cookie``.

    404 and 403 are turned into the site's own pages here: beyond this point they would leave without the headers.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except (Http404, PermissionDenied) as error:
            response = response_for_exception(request, error)
        response["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, ["Cookie", "Accept", "Accept-Language"])
        return response

    return wrapped
