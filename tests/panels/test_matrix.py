"""Every URL, every actor, every method. A URL without a row here fails: whoever adds one says who may what."""

from dataclasses import dataclass
from http.cookies import SimpleCookie
from uuid import uuid4

import pytest
from celery.utils import uuid
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver, reverse

from celery_ops.backends.memory import MemoryQueueBackend, MemoryWorkerBackend
from celery_ops.info import QueueDetail, QueueInfo, WorkerDetail, WorkerInfo
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.panels.token import viewer
from celery_ops.panels.workflow_bar import BarOptions
from tests.conftest import make_user
from tests.planting import panel_of, plant
from tests.planting_counts import FAILURE, fail, flush
from tests.planting_workflows import plant_workflow
from tests.schedule_source import entry, keep

from .conftest import browser

pytestmark = pytest.mark.django_db

ACTORS = (
    "anonymous",
    "no permission",
    "view",
    "view and payload",
    "run",
    "revoke",
    "control",
    "view and run",
    "view and revoke",
    "this object only",
    "inactive",
    "permission just removed",
    "superuser",
)
PERMISSIONS = {
    "view": ["celery_ops.view_ops"],
    "view and payload": ["celery_ops.view_ops", "celery_ops.view_payload"],
    "run": ["celery_ops.add_taskrunrecord"],
    "revoke": ["celery_ops.revoke_task"],
    "control": ["celery_ops.control_workers"],
    "view and run": ["celery_ops.view_ops", "celery_ops.add_taskrunrecord"],
    "view and revoke": ["celery_ops.view_ops", "celery_ops.revoke_task"],
    "inactive": ["celery_ops.view_ops", "celery_ops.add_taskrunrecord", "celery_ops.revoke_task"],
    "permission just removed": ["celery_ops.view_ops"],
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


#: Who asks by a method that a URL has for nobody.
OUTSIDE_AND_INSIDE = ("anonymous", "superuser")


@dataclass(frozen=True)
class Actor:
    """Somebody who has logged in, ``user`` None for who has not."""

    user: User | None
    cookies: SimpleCookie

    @classmethod
    def named(cls, name):
        user = None
        if name != "anonymous":
            user = make_user(name, *PERMISSIONS.get(name, ()), is_superuser=name == "superuser")
        actor = cls(user, browser(user).cookies)
        if name == "inactive":
            User.objects.filter(pk=user.pk).update(is_active=False)
        if name == "permission just removed":
            user.user_permissions.remove(Permission.objects.get(codename="view_ops"))
        return actor


class Scene:
    """One actor before one object with one task."""

    def __init__(self, actor, order):
        self.user, self.order, self.task_id = actor.user, order, plant(order, "tests.shop.tasks.long", "STARTED")
        self.client = Client()
        self.client.cookies.update(actor.cookies)


@pytest.fixture(scope="module")
def actors(django_db_setup, django_db_blocker):
    """All of them by name, made once for the tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield {name: Actor.named(name) for name in ACTORS}
        transaction.set_rollback(True)


@pytest.fixture
def ask(actors, order, grant_objects):
    """``ask(method, actor, address, sent)`` returns the status that one is answered, and undoes what came of it."""
    grant_objects(actors["this object only"].user, "shop.view_order", order)

    def status(method, name, address, sent):
        before = connection.savepoint()  # and no block: views begin durable ones
        scene = Scene(actors[name], order)
        data = {**sent}
        if sent.get("action") == "revoke":
            data.setdefault("task_id", scene.task_id)
        body = () if method == "TRACE" else (data,) if method in ("GET", "HEAD", "POST") else (b"{}",)
        code = getattr(scene.client, method.lower())(address(scene), *body).status_code
        connection.savepoint_rollback(before)
        return code

    return status


def all_but(status, **others):
    """``status`` for every actor but those named, with spaces as underscores."""
    return {actor: others.get(actor.replace(" ", "_"), status) for actor in ACTORS}


def who_see(status, **others):
    """``status`` for those who may view the object, 404 for the rest."""
    seeing = ("view", "view and payload", "view and run", "view and revoke", "this object only", "superuser")
    named = {name.replace(" ", "_"): status for name in seeing}
    return all_but(404, **{**named, **others})


def panel(scene):
    return panel_of(scene.order, scene.user)


def foreign_panel(scene):
    return panel_of(scene.order, make_user("somebody_else", is_superuser=True))


def public_panel(scene):
    return panel_of(scene.order, scene.user, public=True)


def tampered_panel(scene):
    return panel_of(scene.order, scene.user)[:-3] + "x/"


def who_operate(others, **named):
    """200 for those who may view the operations pages, ``others`` for the rest who are known."""
    seeing = ("view", "view and payload", "view and run", "view and revoke", "superuser")
    return all_but(others, **{**{name.replace(" ", "_"): 200 for name in seeing}, **named})


#: Who is not known is sent to the login, in JSON told so; an inactive user is not known.
PAGE = who_operate(403, anonymous=302, inactive=302)
JSON = who_operate(403, anonymous=401, inactive=401)
#: Lines of a task are for those who may see what it was given.
PAYLOAD_JSON = all_but(403, anonymous=401, inactive=401, view_and_payload=200, superuser=200)
#: The forms are for those who run tasks, and for nobody else.
RUNNERS = all_but(403, anonymous=302, inactive=302, run=200, view_and_run=200, superuser=200)
#: Those who run tasks have a journal, too.
JOURNAL = {**PAGE, "run": 200}
NO_RECORD = {actor: 404 if code == 200 else code for actor, code in JOURNAL.items()}
UNKNOWN = {actor: 404 if code == 200 else code for actor, code in PAGE.items()}
UNKNOWN_JSON = {actor: 404 if code == 200 else code for actor, code in JSON.items()}


def page(name, *args):
    return lambda scene: reverse(f"celery_ops:{name}", args=args)


def task_page(scene):
    return reverse("celery_ops:task-detail", args=[scene.task_id])


def task_log(scene):
    return reverse("celery_ops:api-logs", args=[scene.task_id])


def reading(codes):
    return {"GET": codes, "HEAD": codes}


def record_of(user):
    return TaskRunRecord.objects.create(task_name="tests.shop.tasks.long", task_id=uuid(), user=user)


def own_record(scene):
    return reverse("celery_ops:record-detail", args=[record_of(scene.user).pk])


def foreign_record(scene):
    return reverse("celery_ops:record-detail", args=[record_of(None).pk])


def own_run(scene):
    return reverse("celery_ops:api-run", args=[record_of(scene.user).task_id])


def any_run(scene):
    return reverse("celery_ops:api-run", args=[scene.task_id])


#: Who runs tasks follows the own runs, and who operates the site every one.
OWN_RUN = {**{actor: 404 if code == 403 else code for actor, code in JSON.items()}, "run": 200}


def answering(code):
    """``code`` for those who run tasks."""
    return {actor: code if status == 200 else status for actor, status in RUNNERS.items()}


def runners_in_json(code):
    """The same in JSON."""
    return {**answering(code), "anonymous": 401, "inactive": 401}


def retry(scene):
    """Where a task is run again; there is one that has ended."""
    args = f'{{"args": [{scene.order.pk}], "kwargs": {{}}}}'
    plant(scene.order, "tests.shop.tasks.noop", "FAILURE", task_id="ended", args=args)
    plant(scene.order, "tests.shop.tasks.internal_cleanup", "FAILURE", task_id="hidden", args=args)
    return reverse("celery_ops:retry")


def ended_panel(scene):
    retry(scene)
    return panel(scene)


def revoke(scene):
    """Where a task is revoked; there is one that waits."""
    plant(scene.order, "tests.shop.tasks.noop", "PENDING", task_id="waits")
    return reverse("celery_ops:revoke")


def own_bulk(scene):
    return bulk_of(scene.user)


def foreign_bulk(scene):
    return bulk_of(None)


def own_bulk_revoke(scene):
    return bulk_of(scene.user, "bulk_revoke", "bulk-revoke-detail")


def foreign_bulk_revoke(scene):
    return bulk_of(None, "bulk_revoke", "bulk-revoke-detail")


def bulk_of(user, action="retry", name="bulk-retry-detail"):
    known = {"filters": {}, "count": 0, "until": "2026-01-01T00:00:00+00:00", "key": str(uuid4())}
    row = ControlRecord.objects.create(action=action, target="filter", parameters=known, replies={}, user=user)
    return reverse(f"celery_ops:{name}", args=[row.pk])


#: Of those who run tasks, who may look at lists, too.
BULK = all_but(403, anonymous=302, inactive=302, view_and_run=200, superuser=200)


def bulk_answering(code):
    return {actor: code if status == 200 else status for actor, status in BULK.items()}


def revoking(code):
    """``code`` for those who revoke tasks."""
    return all_but(403, anonymous=302, inactive=302, revoke=code, view_and_revoke=code, superuser=code)


def bulk_revoking(code):
    """``code`` for those of them who may look at lists, too."""
    return all_but(403, anonymous=302, inactive=302, view_and_revoke=code, superuser=code)


def own_action(scene):
    return action_of(scene.user)


def foreign_action(scene):
    return action_of(None)


def action_of(user):
    row = ControlRecord.objects.create(action="ping", target="celery@web/1", user=user)
    return reverse("celery_ops:control-record-detail", args=[row.pk])


def controlling(code):
    """``code`` for those who control workers."""
    return all_but(403, anonymous=302, inactive=302, control=code, superuser=code)


def managing(code):
    """``code`` for those who manage queues."""
    return all_but(403, anonymous=302, inactive=302, superuser=code)


def resolving(code):
    """``code`` for those who resolve failures."""
    return all_but(403, anonymous=302, inactive=302, superuser=code)


def viewing_payload(code):
    """``code`` in JSON for those who see what tasks were given."""
    return all_but(403, anonymous=401, inactive=401, view_and_payload=code, superuser=code)


def ended_stack(scene):
    retry(scene)
    return reverse("celery_ops:task-stack", args=["ended"])


def scheduling(code):
    """``code`` for those who manage schedules."""
    return all_but(403, anonymous=302, inactive=302, superuser=code)


def failing(name, *args):
    """The address of ``name`` on a site where something failed."""

    def address(scene):
        fail()
        flush()
        return reverse(f"celery_ops:{name}", args=args)

    return address


def working(name):
    """The address of ``name`` for a workflow that is known."""

    def address(scene):
        plant_workflow(scene.task_id)
        return reverse(f"celery_ops:{name}", args=[scene.task_id])

    return address


def bar_for(user, scene, *, public=False):
    plant_workflow(scene.task_id)
    return BarOptions(scene.task_id, viewer(user), public).url


def bar(scene):
    """The address of a bar as its viewer's page had it."""
    return bar_for(scene.user, scene)


def foreign_bar(scene):
    return bar_for(make_user("somebody_else", is_superuser=True), scene, public=True)


#: Whoever may do anything to tasks, workers or queues has a journal of that.
CONTROL_JOURNAL = {**PAGE, "run": 200, "revoke": 200, "control": 200}
NO_ACTION = {actor: 404 if code == 200 else code for actor, code in CONTROL_JOURNAL.items()}
PING = {"action": "ping", "destination": "celery@web/1"}
PAUSE = {"action": "pause", "queue": "a/b c"}
RETRY = {"action": "retry", "task_id": "ended", "confirm": "1"}
PREVIEW = {"arg-order_id": "1", "preview": "1"}
LAUNCH = {"action": "launch", "task": "tests.shop.tasks.noop"}
HIDDEN = {"action": "launch", "task": "tests.shop.tasks.internal_cleanup"}
REVOKE = {"action": "revoke"}

#: URL name -> rows of (what, address, what is sent, {method: {actor: status}}). Methods that no row names are 405.
ROWS = {
    "overview": [("", page("overview"), {}, reading(PAGE))],
    "task-list": [
        ("", page("task-list"), {}, reading(PAGE)),
        ("as CSV", page("task-list"), {"format": "csv"}, reading(PAGE)),
    ],
    "task-detail": [
        ("known", task_page, {}, reading(PAGE)),
        ("unknown", page("task-detail", "no/such task"), {}, reading(UNKNOWN)),
        ("its log", task_page, {"log": "0"}, reading({**PAYLOAD_JSON, "anonymous": 302, "inactive": 302})),
    ],
    "task-stack": [
        ("of a task that has ended", ended_stack, {}, {"POST": viewing_payload(404)}),
        ("of a task that nobody knows", page("task-stack", "no/such task"), {}, {"POST": viewing_payload(404)}),
    ],
    "worker-list": [("", page("worker-list"), {}, reading(PAGE))],
    "worker-detail": [
        ("known", page("worker-detail", "celery@web/1"), {}, reading(PAGE)),
        ("unknown", page("worker-detail", "celery@nowhere"), {}, reading(UNKNOWN)),
    ],
    "queue-list": [("", page("queue-list"), {}, reading(PAGE))],
    "queue-detail": [
        ("known", page("queue-detail", "a/b c"), {}, reading(PAGE)),
        ("unknown", page("queue-detail", "nowhere"), {}, reading(UNKNOWN)),
    ],
    "insight": [("", page("insight"), {"window": "7d"}, reading(PAGE))],
    "task-type-list": [("", page("task-type-list"), {"window": "7d"}, reading(PAGE))],
    "workflow": [
        ("known", working("workflow"), {}, reading(PAGE)),
        ("unknown", page("workflow", "nothing"), {}, reading(UNKNOWN)),
    ],
    "workflow-retry": [
        ("known", working("workflow-retry"), {}, {**reading(BULK), "POST": bulk_answering(400)}),
        (
            "unknown",
            page("workflow-retry", "nothing"),
            {},
            {method: bulk_answering(404) for method in ("GET", "HEAD", "POST")},
        ),
    ],
    "failure-list": [("", page("failure-list"), {"window": "7d"}, reading(PAGE))],
    "failure-detail": [
        ("known", failing("failure-detail", FAILURE.key), {}, reading(PAGE)),
        ("unknown", page("failure-detail", "nothing"), {}, reading(UNKNOWN)),
    ],
    "failure-action": [
        ("resolve", failing("failure-action"), {"action": "resolve", "key": FAILURE.key}, {"POST": resolving(302)}),
        ("reopen", failing("failure-action"), {"action": "reopen", "key": FAILURE.key}, {"POST": resolving(302)}),
        ("rerun", failing("failure-action"), {"action": "rerun", "key": FAILURE.key}, {"POST": answering(302)}),
        (
            "a group that nobody knows",
            failing("failure-action"),
            {"action": "resolve", "key": "no"},
            {"POST": resolving(404)},
        ),
        (
            "no action, of a group that nobody knows",
            failing("failure-action"),
            {"action": "no", "key": "no"},
            {"POST": resolving(404)},
        ),
        ("nothing in particular", failing("failure-action"), {}, {"POST": resolving(400)}),
    ],
    "schedule-list": [("", page("schedule-list"), {}, reading(PAGE))],
    "schedule-detail": [
        ("known", page("schedule-detail", "nightly"), {}, reading(PAGE)),
        ("unknown", page("schedule-detail", "nothing"), {}, reading(UNKNOWN)),
    ],
    "schedule-action": [
        ("pause", page("schedule-action"), {"action": "pause", "name": "nightly"}, {"POST": scheduling(400)}),
        ("run", page("schedule-action"), {"action": "run", "name": "nightly"}, {"POST": answering(302)}),
        ("unknown", page("schedule-action"), {"action": "skip", "name": "no"}, {"POST": scheduling(404)}),
        ("no action", page("schedule-action"), {"action": "no", "name": "nightly"}, {"POST": scheduling(400)}),
        ("no action, of none", page("schedule-action"), {"action": "no", "name": "no"}, {"POST": scheduling(404)}),
        ("nothing in particular", page("schedule-action"), {}, {"POST": scheduling(400)}),
    ],
    "run-list": [("", page("run-list"), {}, reading(JOURNAL))],
    "run-task": [
        (
            "in the allowlist",
            page("run-task", "tests.shop.tasks.noop"),
            {"arg-order_id": "1"},
            {**reading(RUNNERS), "POST": answering(302)},
        ),
        ("previewed", page("run-task", "tests.shop.tasks.noop"), PREVIEW, {"POST": answering(200)}),
        ("bad input", page("run-task", "tests.shop.tasks.noop"), {}, {"POST": answering(400)}),
        (
            "not in the allowlist",
            page("run-task", "tests.shop.tasks.long"),
            {},
            {**reading(answering(404)), "POST": answering(404)},
        ),
    ],
    "retry": [
        ("a task that has ended", retry, {"task_id": "ended", "confirm": "1"}, {"POST": answering(302)}),
        ("hidden", retry, {"task_id": "hidden"}, {"POST": {**answering(400), "run": 404}}),
        ("unknown", retry, {"task_id": "no/such task"}, {"POST": answering(404)}),
        ("none", retry, {}, {"POST": answering(400)}),
    ],
    "bulk-retry": [("", page("bulk-retry"), {}, {**reading(BULK), "POST": bulk_answering(302)})],
    "bulk-retry-detail": [
        (
            "one's own",
            own_bulk,
            {},
            {**reading(BULK), "POST": bulk_answering(302)},
        ),
        (
            "somebody else's",
            foreign_bulk,
            {},
            {
                **reading({**bulk_answering(404), "superuser": 200}),
                "POST": {**bulk_answering(404), "superuser": 403},
            },
        ),
        (
            "unknown",
            page("bulk-retry-detail", 10**30),
            {},
            dict.fromkeys(("GET", "HEAD", "POST"), bulk_answering(404)),
        ),
    ],
    "revoke": [
        ("a task that waits", revoke, {"task_id": "waits"}, {"POST": revoking(302)}),
        ("unknown", revoke, {"task_id": "no/such task"}, {"POST": revoking(404)}),
        ("bad signal", revoke, {"task_id": "waits", "signal": "STOP"}, {"POST": revoking(400)}),
        ("none", revoke, {}, {"POST": revoking(400)}),
    ],
    "revoke-stamped": [
        ("", page("revoke-stamped"), {}, {**reading(revoking(200)), "POST": revoking(400)}),
        ("a stamp", page("revoke-stamped"), {"header": "customer", "stamps": "7"}, {"POST": revoking(302)}),
    ],
    "bulk-revoke": [("", page("bulk-revoke"), {}, {**reading(bulk_revoking(200)), "POST": bulk_revoking(302)})],
    "bulk-revoke-detail": [
        (
            "one's own",
            own_bulk_revoke,
            {},
            {**reading(bulk_revoking(200)), "POST": bulk_revoking(302)},
        ),
        (
            "somebody else's",
            foreign_bulk_revoke,
            {},
            {
                **reading({**bulk_revoking(404), "superuser": 200}),
                "POST": {**bulk_revoking(404), "superuser": 403},
            },
        ),
        (
            "unknown",
            page("bulk-revoke-detail", 10**30),
            {},
            dict.fromkeys(("GET", "HEAD", "POST"), bulk_revoking(404)),
        ),
    ],
    "worker-control": [
        ("a ping", page("worker-control"), PING, {"POST": controlling(302)}),
        ("one that nobody knows", page("worker-control"), {**PING, "destination": "no"}, {"POST": controlling(404)}),
        ("nobody named", page("worker-control"), {"action": "ping"}, {"POST": controlling(400)}),
    ],
    "queue-control": [
        ("a pause", page("queue-control"), PAUSE, {"POST": managing(302)}),
        ("one that nobody knows", page("queue-control"), {**PAUSE, "queue": "no"}, {"POST": managing(404)}),
        ("unconfirmed", page("queue-control"), {**PAUSE, "action": "purge"}, {"POST": managing(400)}),
    ],
    "control-record-list": [("", page("control-record-list"), {}, reading(CONTROL_JOURNAL))],
    "control-record-detail": [
        ("one's own", own_action, {}, reading(CONTROL_JOURNAL)),
        ("somebody else's", foreign_action, {}, reading({**NO_ACTION, "superuser": 200})),
        ("unknown", page("control-record-detail", 10**30), {}, reading(NO_ACTION)),
    ],
    "record-list": [("", page("record-list"), {}, reading(JOURNAL))],
    "record-detail": [
        ("one's own", own_record, {}, reading(JOURNAL)),
        ("somebody else's", foreign_record, {}, reading({**NO_RECORD, "superuser": 200})),
        ("unknown", page("record-detail", 10**30), {}, reading(NO_RECORD)),
    ],
    "api-run": [
        ("one's own", own_run, {}, reading(OWN_RUN)),
        ("another task", any_run, {}, reading({a: 404 if c == 403 else c for a, c in JSON.items()})),
        ("unknown", page("api-run", "no/such task"), {}, reading(all_but(404, anonymous=401, inactive=401))),
    ],
    "api-logs": [
        ("a task", task_log, {}, reading(PAYLOAD_JSON)),
        ("of a task that nobody knows", page("api-logs", "no/such task"), {}, reading(viewing_payload(404))),
        (
            "a number that is none",
            page("api-logs", "a"),
            {"after": "x"},
            reading(viewing_payload(400)),
        ),
    ],
    "api-tasks": [("", page("api-tasks"), {}, reading({**JSON, "run": 200}))],
    "api-schema": [("", page("api-schema"), {}, reading({**JSON, "run": 200}))],
    "api-runs": [
        (
            "a form's data",
            page("api-runs"),
            {"task": "tests.shop.tasks.noop"},
            {"POST": runners_in_json(400)},
        ),
    ],
    "api-history": [("", page("api-history"), {}, reading(JSON))],
    "api-workers": [("", page("api-workers"), {}, reading(JSON))],
    "api-insight": [("", page("api-insight"), {"window": "7d"}, reading(JSON))],
    "api-task-types": [("", page("api-task-types"), {"window": "7d"}, reading(JSON))],
    "api-workflow": [
        ("known", working("api-workflow"), {}, reading(JSON)),
        (
            "unknown",
            page("api-workflow", "nothing"),
            {},
            reading(UNKNOWN_JSON),
        ),
    ],
    "api-failures": [("", page("api-failures"), {"window": "7d"}, reading(JSON))],
    "api-schedules": [("", page("api-schedules"), {}, reading(JSON))],
    "api-queues": [("", page("api-queues"), {}, reading(JSON))],
    "metrics": [("", page("metrics"), {}, reading(PAGE))],
    "workflow-progress": [
        ("", bar, {}, reading(who_see(200))),
        ("somebody else's", foreign_bar, {}, reading(all_but(404))),
    ],
    "panel": [
        ("one's own", panel, {}, {"GET": who_see(200), "HEAD": who_see(200), "POST": who_see(400)}),
        ("somebody else's", foreign_panel, {}, dict.fromkeys(("GET", "HEAD", "POST"), all_but(404))),
        ("tampered with", tampered_panel, {}, dict.fromkeys(("GET", "HEAD", "POST"), all_but(404))),
        (
            "public",
            public_panel,
            {},
            {"GET": all_but(200, inactive=404), "HEAD": all_but(200, inactive=404), "POST": all_but(404)},
        ),
        ("launching", panel, LAUNCH, {"POST": who_see(403, view_and_run=200, superuser=200)}),
        ("launching what is hidden", panel, HIDDEN, {"POST": who_see(403, view_and_run=404, superuser=404)}),
        ("running again", ended_panel, RETRY, {"POST": who_see(403, view_and_run=200, superuser=200)}),
        (
            "running again what is hidden",
            ended_panel,
            {**RETRY, "task_id": "hidden"},
            {"POST": who_see(403, view_and_run=404, superuser=404)},
        ),
        (
            "running another's again",
            panel,
            {**RETRY, "task_id": "another"},
            {"POST": who_see(403, view_and_run=404, superuser=404)},
        ),
        ("running again on a public one", public_panel, RETRY, {"POST": all_but(404)}),
        ("revoking", panel, REVOKE, {"POST": who_see(403, view_and_revoke=200, superuser=200)}),
        (
            "revoking another's",
            panel,
            {**REVOKE, "task_id": "another"},
            {"POST": who_see(403, view_and_revoke=404, superuser=404)},
        ),
        ("launching on a public one", public_panel, LAUNCH, {"POST": all_but(404)}),
        ("revoking on a public one", public_panel, REVOKE, {"POST": all_but(404)}),
    ],
}
NOBODY = all_but(405)


def questions(expected, *, first):
    """Every actor by each method that the row has for somebody; a URL's first row asks by all other methods, too."""
    for method in METHODS:
        codes = expected.get(method, NOBODY)
        some = codes == NOBODY
        if method in expected or first:
            yield from ((method, actor, codes[actor]) for actor in (OUTSIDE_AND_INSIDE if some else ACTORS))


#: Of a row that only says what a POST does, GET and HEAD are another row's.
CASES = [
    pytest.param(address, sent, list(questions(expected, first=not place)), id=f"{name}-{what}")
    for name, rows in ROWS.items()
    for place, (what, address, sent, expected) in enumerate(rows)
]


def names(patterns, prefix=""):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from names(pattern.url_patterns, f"{prefix}{pattern.namespace or ''}:")
        else:
            yield f"{prefix}{pattern.name}"


@pytest.fixture(autouse=True)
def _known(settings, monkeypatch):
    """One worker, one queue and one schedule, without a broker."""
    keep(monkeypatch, entry("nightly", "tests.shop.tasks.noop", args=(1,), cannot={"pause": "It is kept elsewhere."}))
    memory = "celery_ops.backends.memory.Memory{}Backend"
    backends = {"WORKER_BACKEND": memory.format("Worker"), "QUEUE_BACKEND": memory.format("Queue")}
    settings.CELERY_OPS = {**settings.CELERY_OPS, **backends, "RUNNABLE_TASKS": ["tests.shop.tasks.noop"]}
    worker = WorkerDetail(WorkerInfo("celery@web/1"))
    with MemoryWorkerBackend.holding(worker), MemoryQueueBackend.holding(QueueDetail(QueueInfo("a/b c"))):
        yield


def test_every_url_has_a_row():
    assert set(names(get_resolver("celery_ops.urls").url_patterns)) == set(ROWS)


@pytest.mark.parametrize(("address", "sent", "questions"), CASES)
def test_every_actor_is_answered_as_the_row_says(address, sent, questions, ask):
    answers = [(method, actor, ask(method, actor, address, sent)) for method, actor, _ in questions]
    assert answers == questions


WITHOUT_CSRF = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@pytest.mark.parametrize("protected", [True, False], ids=["site with CsrfViewMiddleware", "site without"])
@pytest.mark.parametrize("sent", [LAUNCH, REVOKE], ids=["launch", "revoke"])
def test_a_post_without_the_csrf_token_is_refused(sent, protected, order, staff, settings):
    if not protected:
        settings.MIDDLEWARE = WITHOUT_CSRF
    client = browser(staff, enforce_csrf_checks=True)
    task_id = plant(order, "tests.shop.tasks.long", "STARTED")
    assert client.post(panel_of(order, staff), {"task_id": task_id, **sent}).status_code == 403


@pytest.mark.parametrize("name", ["api-runs", "retry", "worker-control", "bulk-revoke"])
def test_a_refusal_for_want_of_the_csrf_token_is_one_viewers_own(name, staff, settings):
    settings.MIDDLEWARE = WITHOUT_CSRF
    response = browser(staff, enforce_csrf_checks=True).post(reverse(f"celery_ops:{name}"))
    assert (response.status_code, response["Cache-Control"]) == (403, "private, no-store")


@pytest.mark.parametrize("protected", [True, False], ids=["site with CsrfViewMiddleware", "site without"])
def test_a_post_without_the_csrf_token_does_nothing(protected, order, staff, settings, published):
    if not protected:
        settings.MIDDLEWARE = WITHOUT_CSRF
    browser(staff, enforce_csrf_checks=True).post(panel_of(order, staff), LAUNCH)
    assert published == []


@pytest.mark.parametrize("protected", [True, False], ids=["site with CsrfViewMiddleware", "site without"])
def test_a_post_with_the_csrf_token_works(protected, order, staff, settings, published, contexts):
    if not protected:
        settings.MIDDLEWARE = WITHOUT_CSRF
    client = browser(staff, enforce_csrf_checks=True)
    url = panel_of(order, staff)
    token = client.get(url).context["csrf_token"]
    client.post(url, {**LAUNCH, "csrfmiddlewaretoken": str(token)})
    assert [name for name, _, _ in published] == [LAUNCH["task"]]


def test_a_site_without_authentication_shows_nothing_of_an_object(order, settings):
    settings.MIDDLEWARE = []
    assert Client().get(panel_of(order)).status_code == 404


def test_a_site_without_authentication_has_public_panels(order, settings):
    settings.MIDDLEWARE = []
    assert Client().get(panel_of(order, public=True)).status_code == 200


#: Who is not known, by GET: the same as without that middleware.
OPEN_OR_NOT = {
    f"{name} {what}": (address, sent, expected.get("GET", NOBODY)["anonymous"])
    for name, rows in ROWS.items()
    for place, (what, address, sent, expected) in enumerate(rows)
    if "GET" in expected or not place
}


def test_a_site_where_every_page_needs_a_login_refuses_as_the_row_says(ask, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    answers = {row: ask("GET", "anonymous", address, sent) for row, (address, sent, _) in OPEN_OR_NOT.items()}
    assert answers == {row: code for row, (_, _, code) in OPEN_OR_NOT.items()}
