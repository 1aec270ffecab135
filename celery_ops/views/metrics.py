"""What Prometheus scrapes: for who brings the token of the settings, and for viewers."""

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from ..conf import conf
from ..exceptions import ExtraMissing
from ..prometheus import sources
from ..prometheus.exposition import exposition
from .ops import OpsView

PLAIN = "text/plain; charset=utf-8"


class MetricsView(OpsView):
    """It is a machine's page: who is refused and no browser is told so, and not sent to the login."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        patch_vary_headers(response, ["Authorization"])
        return response

    def answered(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if (request.method or "").lower() in self.http_method_names and has_token(request):
            return self.get(request)
        return super().answered(request, *args, **kwargs)

    def refuse_anonymous(self) -> HttpResponse:
        if not is_scraper(self.request):
            return super().refuse_anonymous()
        response = HttpResponse(_("The token is missing or wrong.") + "\n", status=401, content_type=PLAIN)
        response["WWW-Authenticate"] = "Bearer"
        return response

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            answers = sources.ask(by_host=request.GET.get("hostname") == "1")
            body, content_type = exposition(answers, request.headers.get("Accept", ""))
        except ExtraMissing as error:
            return HttpResponse(f"{error}\n", status=501, content_type=PLAIN)
        return HttpResponse(body, content_type=content_type)


def has_token(request: HttpRequest) -> bool:
    """Return whether the request brings the token of the settings. How long that takes says nothing about it."""
    token = conf.METRICS_TOKEN
    scheme, _space, brought = request.headers.get("Authorization", "").partition(" ")
    if not isinstance(token, str) or not token.strip() or scheme.lower() != "bearer":
        return False
    wanted = token.strip()  # a file that it was read from ends with a new line, and no header brings that
    return secrets.compare_digest(brought.strip().encode("latin-1", "replace"), wanted.encode())


def is_scraper(request: HttpRequest) -> bool:
    """Return whether nobody sits before it who could log in; what names nothing that it takes is no browser."""
    accept = request.headers.get("Accept", "")
    if "Authorization" in request.headers:
        return True
    return "text/html" not in accept if accept else conf.METRICS_TOKEN is not None
