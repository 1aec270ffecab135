"""The bar of a workflow, polled by a site's own page."""

import hashlib

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response

from ...exceptions import BadToken
from ...formatting import reader
from ...panels.token import viewer
from ...panels.workflow_bar import bar_of, bar_options_of
from ..private import PrivateView


class WorkflowProgressView(PrivateView):
    """GET answers the bar; a token that is foreign, tampered with or too old, and what may not be seen, are 404."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            options = bar_options_of(token)
        except BadToken as error:
            raise Http404 from error
        if options.user != viewer(self.user):
            raise Http404
        bar = bar_of(options, self.user)
        if not bar.is_shown:
            raise Http404
        tag = f'"{hashlib.sha256(repr((bar, reader())).encode()).hexdigest()[:32]}"'
        response = get_conditional_response(request, etag=tag)
        response = response or render(request, "celery_ops/workflows/region.html", {"progress": bar.progress})
        response["ETag"] = tag
        return response
