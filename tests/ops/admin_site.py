"""A site with the admin, and what it answers about the journal: one line of JSON for the tests."""

import json

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-here",
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django_celery_results",
        "crispy_forms",
        "crispy_bootstrap5",
        "celery_ops",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    STATIC_URL="/static/",
    ROOT_URLCONF=__name__,
    CELERY_OPS={"STORE": "celery_ops.tracking.memory.MemoryStore"},
)
django.setup()

from django.contrib import admin  # noqa: E402 - Django first
from django.contrib.auth.models import Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import include, path  # noqa: E402

from celery_ops.models import ControlRecord, TaskRunRecord  # noqa: E402

urlpatterns = [path("admin/", admin.site.urls), path("ops/", include("celery_ops.urls"))]
RUNS, CONTROLS = "/admin/celery_ops/taskrunrecord/", "/admin/celery_ops/controlrecord/"


def of(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
run = TaskRunRecord.objects.create(
    task_name="shop.tasks.<b>charge</b>",
    task_id="5e7a1c02",
    username="ada",
    args=["A-1"],
    kwargs={"password": "hunter2"},
    send_state="FAILED",
    error="ValueError: at 10.0.0.7",
)
control = ControlRecord.objects.create(
    action="pool_grow", target="celery@web-1", username="ada", parameters={"password": "hunter2", "n": 2}
)
every = ("view_taskrunrecord", "view_controlrecord", "view_payload")
changes = [f"{verb}_{model}record" for verb in ("add", "change", "delete") for model in ("taskrun", "control")]
clients = {
    "nobody": of("nobody"),
    "poor": of("poor", "view_taskrunrecord"),
    "reader": of("reader", *every),
    "mighty": of("mighty", *every, *changes),
}
pages = {
    "list": RUNS,
    "found": f"{RUNS}?q=5e7a1c02",
    "run": f"{RUNS}{run.pk}/change/",
    "add": f"{RUNS}add/",
    "delete": f"{RUNS}{run.pk}/delete/",
    "controls": CONTROLS,
    "control": f"{CONTROLS}{control.pk}/change/",
    "add control": f"{CONTROLS}add/",
}
answers = {}
for who, client in clients.items():
    for name, url in pages.items():
        response = client.get(url)
        answers[f"{who}: {name}"] = [response.status_code, response.text]
changed = clients["mighty"].post(pages["run"], {"username": "eve"})
answers["change"] = [changed.status_code, TaskRunRecord.objects.get().username]
removed = clients["mighty"].post(RUNS, {"action": "delete_selected", "_selected_action": run.pk, "post": "yes"})
answers["delete selected"] = [removed.status_code, TaskRunRecord.objects.count()]
with CaptureQueriesContext(connection) as captured:
    clients["reader"].get(pages["found"])
answers["counts"] = [len(captured), sum("COUNT(" in each["sql"] for each in captured.captured_queries)]
print(json.dumps(answers))
