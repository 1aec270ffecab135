"""Paths whose views are imported when a request first reaches them.

Every process that runs Django's checks reads the site's URLs: commands, deploy hooks and workers, too, which show no
page.
"""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch, URLPattern
from django.urls.resolvers import RoutePattern
from django.utils.module_loading import import_string

from .decorators import ViewFunction, sees_to_login_and_transactions


class LazyPath(URLPattern):
    """``path(route, View.as_view(), name=name)`` for the view of this dotted path. A resolved address has that view.

    Until then something stands in for it that has its names, and whatever Django and a site's decorators ask of it.
    """

    def __init__(self, route: str, view: str, name: str) -> None:
        self._view, self._stand_in = view, _stand_in(view)
        super().__init__(RoutePattern(route, name=name, is_endpoint=True), self._stand_in, name=name)

    def resolve(self, path: str) -> ResolverMatch | None:
        match = super().resolve(path)
        if match is None or self.callback is not self._stand_in:
            return match
        self.callback = _view(self._view)
        return super().resolve(path)


def _stand_in(path: str) -> ViewFunction:
    @sees_to_login_and_transactions
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _view(path)(request, *args, **kwargs)

    view.__module__, _, view.__qualname__ = path.rpartition(".")
    view.__name__ = view.__qualname__
    return view


@cache
def _view(path: str) -> ViewFunction:
    return import_string(path).as_view()
