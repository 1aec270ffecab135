"""Views that publish, of every kind."""

import asyncio
import contextvars
import threading

from asgiref.sync import sync_to_async
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import include, path
from django.views.generic import TemplateView

from tests.shop import tasks


def publishes(request, pk):
    tasks.noop.delay(pk)
    return HttpResponse("sent")


def publishes_three(request):
    for _ in range(2):
        tasks.untracked.delay()
    tasks.parent.delay(1)
    return HttpResponse("sent")


def publishes_nothing(request):
    return HttpResponse("nothing")


def fails(request):
    tasks.untracked.delay()
    raise RuntimeError("the view is broken")


def changes_who(request):
    login(request, User.objects.get(username="ada"), backend="django.contrib.auth.backends.ModelBackend")
    tasks.untracked.delay(1)
    logout(request)
    tasks.untracked.delay(2)
    return HttpResponse("sent")


def in_threads(request):
    """A thread with the view's context, and one without."""
    context = contextvars.copy_context()
    for target in (lambda: context.run(tasks.untracked.delay, 1), lambda: tasks.untracked.delay(2)):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    return HttpResponse("sent")


async def asynchronous(request):
    tasks.untracked.delay()
    await sync_to_async(tasks.untracked.delay)(2)
    return HttpResponse("sent")


async def asked_before(request):
    await request.auser()
    tasks.untracked.delay()
    return HttpResponse("sent")


async def waits(request):
    """Several at once in one loop, each with its own user."""
    await asyncio.sleep(0)
    tasks.untracked.delay()
    return HttpResponse("sent")


namespaced = [path("publish/", publishes_three, name="publish")], "things"

urlpatterns = [
    path("orders/<int:pk>/send/", publishes, name="order-detail"),
    path("three/", publishes_three, name="three"),
    path("nameless/", publishes_three),
    path("nothing/", publishes_nothing, name="nothing"),
    path("fails/", fails, name="fails"),
    path("changes-who/", changes_who, name="changes-who"),
    path("threads/", in_threads, name="threads"),
    path("asynchronous/", asynchronous, name="asynchronous"),
    path("asked-before/", asked_before, name="asked-before"),
    path("waits/", waits, name="waits"),
    path("things/", include(namespaced)),
    path("mine/", TemplateView.as_view(template_name="shop/mine.html"), name="mine"),
    path("behind/a/prefix/", include("celery_ops.urls")),
]
