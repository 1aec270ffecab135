"""What a panel's poll and a page of badges cost."""

import re
import statistics
import time
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from celery_ops.tracking.store import TASKS_KEPT
from tests import urls as site_urls
from tests.shop import tasks
from tests.shop.models import Order

from .figures import Figure, at_most, exactly
from .registry import PANEL, benchmark
from .setup import client, default_store
from .storage import count_round_trips, lifecycle
from .timing import in_turn, sized


@benchmark("panel", PANEL)
def poll() -> Iterator[Figure]:
    """One panel's poll: what it asks, sends and costs the processor."""
    default_store()
    user = User.objects.create_superuser("bench", "bench@example.com", "secret")
    order = Order.objects.create()
    for _ in range(10):
        finish_with_a_megabyte(order)
    url, browser = url_of(order, user), Client()
    browser.force_login(user)
    browser.get(url)
    responses = []
    trips = count_round_trips(lambda: responses.append(browser.get(url)))
    again = browser.get(url, headers={"If-None-Match": responses[0].headers["ETag"]})
    size = len(responses[0].content)
    yield Figure.of("a poll, round trips to the store", trips, target=at_most(2))
    yield Figure.of("a poll with ten results of 1 MB", size, "B", target=at_most(10_240))
    yield Figure.of("a poll when nothing changed, status", again.status_code, target=exactly(304))
    yield Figure.of("… its content", len(again.content), "B")
    trips = count_round_trips(lambda: browser.get(url, headers={"If-None-Match": again.headers["ETag"]}))
    yield Figure.of("… round trips to the store", trips, target=exactly(1))
    full = Order.objects.create()
    with override_settings(ROOT_URLCONF=__name__, CELERY_OPS={**settings.CELERY_OPS, "STORE_TIMEOUT": 5}):
        for _ in range(TASKS_KEPT):
            lifecycle(tasks.noop, (full.pk,))
        polls = [(each, browser.get(each).headers["ETag"]) for each in (url, url_of(full, user))]
        poll, full_poll, empty, user_only = _cpu(browser, *polls, (EMPTY, ""), (USER_ONLY, ""))
    yield Figure.of("… CPU, the test client and the middleware included", poll, "ms")
    yield Figure.of("… an empty view through the same", empty, "ms")
    yield Figure.of("… one that loads session and user", user_only, "ms")
    nothing = statistics.median(empty)
    over, session = statistics.median(poll) - nothing, statistics.median(user_only) - nothing
    yield Figure.of("a poll when nothing changed, CPU over an empty view", over, "ms", target=at_most(3))
    yield Figure.of("… times what session and user cost", over / session, "x")
    yield Figure.of(f"… of {TASKS_KEPT} tasks", statistics.median(full_poll) - nothing, "ms", target=at_most(3))


def url_of(order: Order, user: User) -> str:
    """Return the address that ``user``'s panel of ``order`` polls."""
    request = RequestFactory().get("/")
    request.user = user
    page = Template("{% load celery_ops %}{% instance_tasks o %}").render(RequestContext(request, {"o": order}))
    return re.search('data-url="([^"]+)"', page).group(1)


def _cpu(browser: Client, *requests: tuple[str, str]) -> list[list[float]]:
    """Return the milliseconds of CPU that each request takes, ``(address, entity tag)``, the test client included."""

    def get(address: str, tag: str) -> None:
        response = browser.get(address, headers={"If-None-Match": tag})
        assert response.status_code == (304 if tag else 204), response

    calls = [lambda address=address, tag=tag: get(address, tag) for address, tag in requests]
    return in_turn(*calls, rounds=ROUNDS, clock=time.process_time)


def _user_only(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    return HttpResponse(status=204)


EMPTY, USER_ONLY = "/empty/", "/user/"
ROUNDS = sized(200, quick=2)
urlpatterns = [
    path("empty/", lambda request: HttpResponse(status=204)),
    path("user/", _user_only),
    *site_urls.urlpatterns,
]


def finish_with_a_megabyte(order: Order) -> None:
    from celery.utils import uuid

    from celery_ops.tracking import executing, publishing

    task_id, args = uuid(), (order.pk, "x")
    headers = {"id": task_id, "task": tasks.returns.name, "parent_id": None}
    publishing.before_task_publish(sender=tasks.returns.name, headers=headers, body=(args, {}, {}))
    publishing.after_task_publish(sender=tasks.returns.name, headers=headers, body=(args, {}, {}))
    tasks.returns.request_stack.push(type(tasks.returns.request)({**headers, "args": args, "kwargs": {}}))
    executing.task_prerun(sender=tasks.returns, task_id=task_id, args=args, kwargs={})
    executing.task_success(sender=tasks.returns, result="x" * 1_000_000)
    tasks.returns.request_stack.pop()


@benchmark("badges", PANEL)
def badges() -> Iterator[Figure]:
    """A list page with a hundred badges."""
    default_store()
    user = User.objects.get(username="bench") if User.objects.filter(username="bench") else User(is_superuser=True)
    orders = [Order.objects.create() for _ in range(100)]
    for order in orders:
        for _ in range(3):
            lifecycle(tasks.noop, (order.pk,))
    request = RequestFactory().get("/")
    request.user = user
    template = Template(
        "{% load celery_ops %}{% prefetch_instance_tasks orders %}"
        "{% for order in orders %}{% instance_tasks_badge order %}{% endfor %}"
    )
    trips = count_round_trips(lambda: template.render(RequestContext(request, {"orders": orders})))
    yield Figure.of("a page of 100 badges, round trips to the store", trips, target=at_most(2))
    client().flushdb()
