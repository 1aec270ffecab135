"""Run with the installed wheel and nothing else: a site starts, its page renders, its files are there."""

from pathlib import Path

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-here",
    INSTALLED_APPS=[
        "celery_ops",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.staticfiles",
        "django_celery_results",
        "crispy_forms",
        "crispy_bootstrap5",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    STATIC_URL="/static/",
    ROOT_URLCONF=__name__,
    CELERY_OPS={"STORE": "celery_ops.tracking.memory.MemoryStore"},
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django first
from django.contrib.staticfiles.finders import find  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template import RequestContext, Template  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.urls import include, path  # noqa: E402

import celery_ops  # noqa: E402
from celery_ops.views.tasks.list import TaskListView  # noqa: E402

urlpatterns = [path("ops/", include("celery_ops.urls"))]
call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
user = User.objects.create_superuser("root")
request = RequestFactory().get("/")
request.user = user
page = Template("{% load celery_ops %}{% instance_tasks user %}").render(RequestContext(request, {"user": user}))
assert "/ops/panel/" in page, page
listed = TaskListView.as_view()(request).render()
assert "No task" in listed.text, listed.content
for name in ("panel.css", "pages.css", "live.js", "panel.js", "pages.js", "actions.js"):
    assert find(f"celery_ops/{name}"), name
assert (Path(celery_ops.__file__).parent / "py.typed").exists()
print(f"django-celery-ops {celery_ops.__version__}: installed, checked, migrated and rendered")
