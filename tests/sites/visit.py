"""A whole site of another kind in a process of its own: ``python -m tests.sites.visit USER DATABASE`` prints JSON.

USER is the model of its users, DATABASE where everything lies; the other databases are there and empty.
"""

import json
import sys
from pathlib import Path
from tempfile import mkdtemp

import django
from celery import Celery
from django.conf import settings

import tests.settings

PAGES = ("", "tasks/", "workers/", "queues/", "run/", "journal/", "journal/control/", "revoke/all/", "api/tasks/")
SEND = "tests.sites.people.tasks.send"


def configure(user: str, database: str) -> None:
    """Make this process that site's."""
    ours = {name: value for name, value in vars(tests.settings).items() if name.isupper()}
    place = Path(mkdtemp()) / "site.sqlite3"
    options = {"init_command": "PRAGMA synchronous = OFF"}
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": place, "OPTIONS": options, "ATOMIC_REQUESTS": True}
    others = [app for app in ours["INSTALLED_APPS"] if app not in ("celery_ops", "tests.shop")]
    theirs = {
        "ROOT_URLCONF": "tests.sites.people.urls",
        "AUTH_USER_MODEL": f"people.{user}",
        "DATABASES": {"default": {}, database: sqlite},
        "DATABASE_ROUTERS": ["tests.sites.people.routers.Main"] if database == "main" else [],
        "INSTALLED_APPS": [*others, "tests.sites.people", "celery_ops"],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        "CELERY_OPS": {**ours["CELERY_OPS"], "RUNNABLE_TASKS": [SEND], "CONTROL_TIMEOUT": 0.1},
    }
    settings.configure(**{**ours, **theirs})
    app = Celery("site", broker="memory://", backend="django-db")
    app.set_default()
    django.setup()
    app.autodiscover_tasks(force=True)


def visit(database: str) -> dict[str, object]:
    """Return what a person without any rights, and one with all that this site's users can have, are answered."""
    from django.contrib.auth import get_user_model
    from django.core import checks
    from django.core.management import call_command

    from tests.sites.people.models import Parcel

    call_command("migrate", database=database, run_syncdb=True, verbosity=0)
    Parcel.objects.create()
    people = get_user_model()
    nobody = people.objects.create(email="nobody@example.com")
    root = people.objects.create(email="r" * 200 + "@example.com", **_all_rights(people))
    return {
        "nobody": _answers(nobody),
        "root": _answers(root),
        "checks": [message.id for message in checks.run_checks()],
        "journal": _journal(root),
        "command": _command(root),
    }


def _all_rights(people):
    return {"is_superuser": True} if hasattr(people, "is_superuser") else {}


def _client(user):
    from django.test import Client

    client = Client(raise_request_exception=False)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def _answers(user):
    client = _client(user)
    page = client.get("/parcels/1/")
    return {
        "pages": sorted({client.get(f"/ops/{path}").status_code for path in PAGES}),
        "own page": page.status_code,
        "panel": "celery-ops-panel" in page.text,
        "sends": client.post(f"/ops/run/{SEND}/", {"arg-parcel_id": "1"}).status_code,
        "pauses": client.post("/ops/control/queues/", {"action": "pause", "queue": "celery"}).status_code,
        "revokes": client.post("/ops/revoke/", {"task_id": "x"}).status_code,
    }


def _journal(user):
    from celery_ops.models import ControlRecord, TaskRunRecord

    rows = [*TaskRunRecord.objects.all(), *ControlRecord.objects.all()]
    return [[row.user_id == user.pk, row.username == user.email] for row in rows]


def _command(user):
    from io import StringIO

    from django.core.management import CommandError, call_command

    try:
        call_command("celery_ops", "run", SEND, "--args", "[1]", "--user", user.email, stdout=StringIO())
    except CommandError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    configure(*sys.argv[1:])
    print(json.dumps(visit(sys.argv[2])))
