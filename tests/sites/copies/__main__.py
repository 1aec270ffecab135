"""A site with stale copies that nobody can write to: ``python -m tests.sites.copies`` prints as JSON what it says.

What is there "before" is in the copies, too. All else only the writers have.
"""

import json
import re
import shutil
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import django
from celery import Celery
from django.conf import settings

import tests.settings
from tests.sites.visit import PAGES

SEND, WEIGH = "tests.sites.copies.tasks.send", "tests.sites.copies.tasks.weigh"
PLACE = Path(mkdtemp())
OURS = re.compile(r'"(celery_ops_\w+|django_celery_results_\w+)"')


def configure():
    ours = {name: value for name, value in vars(tests.settings).items() if name.isupper()}
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"init_command": "PRAGMA synchronous = OFF"}}
    databases = {name: {**sqlite, "NAME": PLACE / name, "ATOMIC_REQUESTS": True} for name in ("default", "results")}
    copies = {f"{name}_copy": {**sqlite, "NAME": f"file:{PLACE / name}_copy?mode=ro"} for name in databases}
    copies["archive"] = {**sqlite, "NAME": PLACE / "archive"}
    theirs = {
        "ROOT_URLCONF": "tests.sites.copies.urls",
        "DATABASES": {**databases, **copies},
        "DATABASE_ROUTERS": ["tests.sites.copies.routers.Copies"],
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "INSTALLED_APPS": [app for app in ours["INSTALLED_APPS"] if app != "tests.shop"] + ["tests.sites.copies"],
        "CELERY_OPS": {**ours["CELERY_OPS"], "RUNNABLE_TASKS": [SEND, WEIGH], "CONTROL_TIMEOUT": 0.1},
    }
    settings.configure(**{**ours, **theirs})
    app = Celery("site", broker="memory://", backend="django-db")
    app.set_default()
    django.setup()
    app.autodiscover_tasks(force=True)


class Asked:
    """Which database is asked for which of our tables."""

    def __init__(self):
        self.aliases = {}

    def note(self, execute, sql, params, many, context):
        for table in OURS.findall(sql):
            self.aliases.setdefault(table, set()).add(context["connection"].alias)
        return execute(sql, params, many, context)

    @contextmanager
    def noting(self):
        from django.db import connections

        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(self.note))
            yield

    @property
    def plain(self):
        return {table: sorted(aliases) for table, aliases in self.aliases.items()}


def begin():
    """Return a user, and a task that failed before the copies were made."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    from tests.sites.copies.models import Parcel

    for name in ("default", "results"):
        call_command("migrate", database=name, run_syncdb=True, verbosity=0)
    user = User.objects.create_superuser("root")
    parcel = Parcel.objects.create(label="before", depot_id=1)
    failed("before", parcel, user)
    connections.close_all()
    for name in ("default", "results"):
        shutil.copy(PLACE / name, PLACE / f"{name}_copy")
    return user


def failed(task_id, parcel, user):
    """Plant a task that somebody has run by hand and that failed, as its worker has stored it."""
    from celery_ops.models import TaskRunRecord
    from tests.backends.result_rows import row

    TaskRunRecord.objects.create(
        task_name=SEND, task_id=task_id, args=[parcel.pk], is_exact=True, send_state="SENT", user=user, username="root",
        object_type="copies.Parcel", object_id=str(parcel.pk),
    )  # fmt: skip
    row(task_id, task_name=SEND, status="FAILURE", task_args="", result="{}")


def client_of(user):
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client


def looking(user):
    """What the pages say to somebody who has done nothing, and whom they asked."""
    client, asked = client_of(user), Asked()
    with asked.noting():
        pages = {page: client.get(f"/ops/{page}") for page in PAGES}
    return {
        "pages": sorted({page.status_code for page in pages.values()}),
        "tasks": "before" in pages["tasks/"].text,
        "parcel": pages["journal/"].text.count("parcel before"),
        "asked": asked.plain,
    }


def acting(user):
    from tests.sites.copies.models import Depot, Parcel

    parcel = Parcel.objects.create(label="after", depot_id=Depot.objects.create().pk)
    failed("after", parcel, user)
    client, other, asked = client_of(user), client_of(user), Asked()
    with asked.noting():
        key = str(uuid4())
        run = client.post(f"/ops/run/{SEND}/", {"arg-parcel": parcel.pk, "submission": key})
        twice = client.post(f"/ops/run/{SEND}/", {"arg-parcel": parcel.pk, "submission": key})
        again = client.post("/ops/retry/", {"task_id": "after"})
        bulk = client.post("/ops/retry/all/?state=FAILURE", {"submission": str(uuid4())})
        client.post("/ops/revoke/", {"task_id": "after"})
        paused = client.post("/ops/control/queues/", {"action": "pause", "queue": "celery"})
    journal = client.get("/ops/journal/").text
    return {
        "asked": asked.plain,
        "statuses": [answer.status_code for answer in (run, twice, again, bulk, paused)],
        "runs once": run.headers["Location"] == twice.headers["Location"],
        "shown after it": client.get(run.headers["Location"]).status_code,
        "listed after it": journal.count("after") > 0,
        "to others": other.get(run.headers["Location"]).status_code,
        "listed to others": "after" in other.get("/ops/journal/").text,
        "bulk": _bulk(bulk.headers["Location"]),
        "shown bulk": other.get(bulk.headers["Location"]).status_code,
        "api": other.get(f"/ops/api/runs/{_task_id(run)}/").status_code,
    }


def _task_id(answer):
    from celery_ops.models import TaskRunRecord

    return TaskRunRecord.objects.using("default").get(pk=answer.headers["Location"].split("/")[-2]).task_id


def _bulk(location):
    from celery_ops.bulk.base import progress_of
    from celery_ops.models import ControlRecord

    progress = progress_of(ControlRecord.objects.using("default").get(pk=location.split("/")[-2]))
    return [progress.state, progress.handled]


def publishing():
    """The tasks of an object that is found by a field, and that the copy does not have."""
    from celery_ops import tasks_for
    from tests.sites.copies.models import Parcel
    from tests.sites.copies.tasks import weigh

    parcel = Parcel.objects.create(label="weighed")
    weigh.delay("weighed")
    return len(tasks_for(parcel))


def elsewhere(user):
    """Panels of objects that were read from a database that no router names; one key of them is there alone."""
    from django.db import connections
    from django.template import Context, Template
    from django.test import RequestFactory

    from celery_ops.views.panel import _instance, options_of
    from tests.sites.copies.models import Parcel

    with connections["archive"].schema_editor() as schema:
        schema.create_model(Parcel)
    answers = {}
    for pk in (1, 1000):
        Parcel(pk=pk, label=f"archived {pk}").save(using="archive", force_insert=True)
        request = RequestFactory().get("/")
        request.user = user
        parcel = Parcel.objects.using("archive").get(pk=pk)
        html = Template("{% load celery_ops %}{% instance_tasks parcel %}").render(
            Context({"request": request, "parcel": parcel})
        )
        url = re.search(r"/ops/panel/([^/\"]+)/", html)
        answers[pk] = client_of(user).get(url[0]).status_code, _instance(options_of(url[1])).label
    return answers


def commands(user):
    from django.core.management import call_command
    from django.utils import timezone
    from django_celery_results.models import TaskResult

    from celery_ops.doctor import database
    from celery_ops.models import TaskRunRecord
    from tests.sites.copies.models import Parcel

    findings = {finding.level for finding in database.check_journal()}
    rows = TaskResult.objects.using("results")
    rows.update(date_done=timezone.now() - timedelta(days=100))
    TaskRunRecord.objects.using("default").update(created_at=timezone.now() - timedelta(days=100))
    failed("command", Parcel.objects.using("default").get(label="after"), user)
    call_command("celery_ops", "retry", "command", "--user", "root", stdout=StringIO())
    again = TaskRunRecord.objects.using("default").filter(retry_of="command").count()
    rows.filter(task_id="command").delete()
    TaskRunRecord.objects.using("default").filter(task_id="command").delete()
    call_command("celery_ops", "prune", "--results", "--records", "--older-than", "90d", stdout=StringIO())
    return {
        "doctor": sorted(findings),
        "again": again,
        "results": rows.count(),
        "records": TaskRunRecord.objects.using("default").count(),
    }


if __name__ == "__main__":
    configure()
    root = begin()
    said = {"looking": looking(root), "acting": acting(root), "publishing": publishing(), "elsewhere": elsewhere(root)}
    print(json.dumps({**said, "commands": commands(root)}))
