"""What a site names in its ``MIDDLEWARE``."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from .tracking.context import answering
from .tracking.started_by import Requester


class StartedByMiddleware:
    """Lets tasks say who started them: what is published while a request is answered carries its user and URL name.

    It also belongs to that user, as under ``tracking(request.user)``. Anonymous visitors start nothing, and nobody's
    user is read before something is published. Its place in ``MIDDLEWARE`` does not matter to the views.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self.is_async:
            return self._awaited(request)
        with answering(Requester(request)):
            return self.get_response(request)

    async def _awaited(self, request: HttpRequest) -> HttpResponse:
        with answering(Requester(request)):
            return await self.get_response(request)
