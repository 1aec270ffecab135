"""Many secrets of every kind go in by every way there is: what is kept, shown, logged, printed or scraped has none."""

import contextlib
import json
import logging
import zlib
from io import StringIO

import pytest
import redis
from celery import chain, group
from celery.schedules import crontab
from django.apps import apps
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.urls import get_resolver, resolve, reverse

from celery_ops import tasks_for
from celery_ops.backends.remote.packing import TOKEN
from celery_ops.management.subcommands import SUBCOMMANDS
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.panels.token import viewer
from celery_ops.panels.workflow_bar import BarOptions
from celery_ops.tracking.recorder import recorder
from tests.celery import app
from tests.conftest import broker, browser_of, configure, make_user, store_settings
from tests.planting import panel_of
from tests.servers import wait_for
from tests.shop import tasks

from . import planted
from .planted import found

SPILLS, UNTRACKED = tasks.spills.name, tasks.untracked_spills.name
HURRY = {"celery_ops.metrics.flushing.FLUSH_EVERY": 0.2}


@pytest.fixture
def url(own_redis):
    """A Redis that asks for a login, another for its database of messages than for that of the store."""
    for user, password in (("shop", planted.BROKER), ("ops", planted.STORE)):
        own_redis.tell("ACL", "SETUSER", user, "on", f">{password}", "~*", "&*", "+@all")
    return f"redis://{{}}@127.0.0.1:{own_redis.port}/{{}}"


@pytest.fixture
def place(url, settings, order, loaded_tasks):
    """A site whose every setting that may hold a secret holds one."""
    settings.CELERY_OPS = {
        **store_settings(url.format(f"ops:{planted.STORE}", 1), "celery_ops"),
        "RUNNABLE_TASKS": {SPILLS: {}, UNTRACKED: {}},
        "CONTROL_TIMEOUT": 5.0,
        "LOGS": "all",
        "METRICS_TOKEN": planted.METRICS,
        "ALERT_WEBHOOK": f"https://chat.example.com/hook?token={planted.WEBHOOK}",
    }
    before = app.conf.beat_schedule
    entry = {"task": SPILLS, "args": (1, planted.said()[0]), "kwargs": {**planted.NAMED, "card": planted.SCHEDULED}}
    configure(beat_schedule={"nightly": {**entry, "schedule": crontab(hour=3)}})
    with broker(url.format(f"shop:{planted.BROKER}", 0)):
        yield
    configure(beat_schedule=before)
    recorder().store.close()


@pytest.fixture
def worker(place, make_worker, settings):
    ours = {key: value for key, value in settings.CELERY_OPS.items() if not key.startswith("STORE")}
    environment = {
        "TEST_CELERY_OPS": json.dumps(ours),
        "TEST_HURRY": json.dumps(HURRY),
    }
    return make_worker(None, "-c", "4", app="tests.quick_app", **environment)


class People:
    """Whoever may see anything, each with a browser."""

    def __init__(self, superuser):
        ours = "celery_ops."
        view, payload, run = f"{ours}view_ops", f"{ours}view_payload", f"{ours}add_taskrunrecord"
        self.users = {
            "superuser": superuser,
            "viewer": make_user("viewer", view),
            "viewer of payload": make_user("payload", view, payload),
            "runner": make_user("runner", view, run),
            "revoker": make_user("revoker", view, f"{ours}revoke_task", f"{ours}control_workers"),
            "viewer of the order": make_user("orders", "shop.view_order"),
            "nobody known": None,
        }
        self.browsers = {name: browser_of(user) for name, user in self.users.items()}


def publish(order, pace):
    """Let tasks of every kind be given every secret, and return their ids by how they end."""
    ids = {}
    named = {**planted.NAMED, "card": planted.CARD}
    for number, said in enumerate(planted.said()):
        for fate in ("returns", "fails", "retries"):
            headers = {"authorization": planted.HEADER, "x-api-key": planted.HEADER}
            ids[f"{fate} {number}"] = tasks.spills.apply_async(
                (order.pk, said), {**named, "fate": fate}, headers=headers
            )
            ids[f"untracked {fate} {number}"] = tasks.untracked_spills.apply_async((said,), {**named, "fate": fate})
    said = planted.said()[-1]
    late = tasks.spills.signature((order.pk, said), named, immutable=True)
    stamped = late.clone()
    stamped.stamp(api_token=planted.STAMPED)
    ids["waits"] = stamped.apply_async(countdown=600)
    ids["untracked waits"] = tasks.untracked_spills.apply_async((said,), named, countdown=600)
    first = tasks.spills.signature((order.pk, said), {**named, "pace": pace}, immutable=True)
    ids["runs"] = chain(first, late.clone(), group(late.clone(), late.clone())).apply_async()
    while ids["runs"].parent:
        ids["runs"] = ids["runs"].parent
    return {kind: result.id for kind, result in ids.items()}


def failures(browser):
    """Return the keys of the groups of failures that are known, also of what was resolved meanwhile."""
    groups = browser.get(reverse("celery_ops:api-failures"), {"window": "7d", "resolved": "all"}).json()["results"]
    return [group["key"] for group in groups]


def has_ended(order, ids):
    states = {task.id: task.state for task in tasks_for(order, limit=200)}
    tracked = [task_id for kind, task_id in ids.items() if kind.startswith(("returns", "fails", "retries"))]
    others = [task_id for kind, task_id in ids.items() if kind.startswith(("untracked returns", "untracked fails"))]
    done = all(states.get(task_id) in ("SUCCESS", "FAILURE") for task_id in tracked)
    return done and states[ids["runs"]] == "STARTED" and all(app.AsyncResult(task_id).ready() for task_id in others)


def run_by_hand(people, order):
    """Run tasks from the form, from its preview and as JSON."""
    browser, page = people.browsers["superuser"], reverse("celery_ops:run-task", args=[SPILLS])
    typed = {"arg-order_id": order.pk, "arg-said": f"password={planted.TYPED}", "arg-card": planted.TYPED}
    given = {"json-kwargs": json.dumps({"order_id": order.pk, "said": "Ada", "api_key": planted.TYPED})}
    answers = [browser.post(page, sent, follow=True) for sent in (typed, given, {**given, "preview": "1"})]
    kwargs = {"order_id": order.pk, "said": f"password={planted.POSTED}", "card": planted.POSTED, "api": planted.POSTED}
    body = {"task": SPILLS, "args": [], "kwargs": kwargs}
    answers += [
        browser.post(reverse("celery_ops:api-runs"), sent, content_type="application/json")
        for sent in (body, {**body, "task": UNTRACKED}, {**body, "queue": "no such queue"})
    ]
    return answers


def act(people):
    """Have the journal know of actions on many tasks, on groups of failures and on workers."""
    browser = people.browsers["superuser"]
    (key, *_) = wait_for(lambda: failures(browser), "the failures to be counted")
    return [
        browser.post(f"{reverse('celery_ops:bulk-retry')}?state=FAILURE", {"count": "1"}, follow=True),
        browser.post(f"{reverse('celery_ops:bulk-revoke')}?state=FAILURE", {"count": "0"}, follow=True),
        browser.post(reverse("celery_ops:failure-action"), {"action": "resolve", "key": key}, follow=True),
    ]


def addresses(people, who, ids, order, hostname):
    """Return every address that there is for somebody, of all that is known."""
    user = people.users[who]
    known = {
        "task_id": [*ids.values()],
        "hostname": [hostname],
        "key": failures(people.browsers["superuser"]),
        "run-task": [SPILLS, UNTRACKED],
        "queue-detail": ["celery"],
        "schedule-detail": ["nightly"],
        "record-detail": TaskRunRecord.objects.values_list("pk", flat=True),
        "pk": ControlRecord.objects.values_list("pk", flat=True),
    }
    yield panel_of(order, user, limit=100)
    yield panel_of(order, user, limit=100, public=True)
    yield from (BarOptions(ids["runs"], viewer(user), public).url for public in (False, True))
    for pattern in get_resolver("celery_ops.urls").url_patterns:
        name, parameters = f"celery_ops:{pattern.name}", [*pattern.pattern.converters]
        if not parameters:
            yield reverse(name)
        elif parameters != ["token"]:  # those of panels and bars, above
            values = known.get(pattern.name) or known[parameters[0]]
            assert values, pattern.name
            yield from (reverse(name, args=[value]) for value in values)


#: What is asked of an address besides the address itself.
FORMS = {
    "task-list": ({"format": "csv"}, {"q": "Ada"}, {"sort": "name"}),
    "task-detail": ({"log": "0"},),
    "record-list": ({"format": "csv"},),
    "control-record-list": ({"format": "csv"},),
    "failure-list": ({"window": "7d"},),
    "insight": ({"window": "7d"},),
    "metrics": ({"hostname": "1"},),
}


def text_of(response):
    content = b"".join(response.streaming_content) if response.streaming else response.content
    headers = [*response.headers.items(), *((name, each.OutputString()) for name, each in response.cookies.items())]
    return f"{content.decode()} {headers}"


#: Tasks whose pages others see than the one who may see everything.
SOME = ("fails 0", "untracked fails 0", "runs", "waits")


def pages(people, ids, order, hostname):
    """Yield whose page which one is, and everything that a browser is sent of it."""
    for who, browser in people.browsers.items():
        shown = ids if who == "superuser" else {kind: ids[kind] for kind in SOME}
        for address in addresses(people, who, shown, order, hostname):
            asked = [{}, *FORMS.get(resolve(address).url_name, ())]
            for data in asked:
                response = browser.get(address, data)
                assert response.status_code < 500, address
                yield f"{address} {data} of {who}", text_of(response)


def commands(ids, hostname):
    """Yield the words of each subcommand that looks, and what it prints."""
    lines = {
        "doctor": [[]],
        "failures": [["--window", "7d"]],
        "inspect": [["all"]],
        "logs": [[task_id] for task_id in ids.values()],
        "metrics": [["--hostname"]],
        "prune": [["--dry-run", "--results"]],
        "queues": [[]],
        "retry": [["--filter", "state=FAILURE", "--dry-run"], [ids["fails 0"]], [ids["untracked fails 0"]]],
        "revoke": [["--filter", "state=FAILURE", "--dry-run"]],
        "run": [[SPILLS, "--kwargs", json.dumps({"order_id": 1, "said": f"password={planted.TYPED}"})]],
        "schedules": [[]],
        "workers": [[]],
        "control": [["ping", hostname]],
    }
    assert set(SUBCOMMANDS) - set(lines) == {"pause", "resume", "purge", "shutdown"}  # which say what they are told
    for name, calls in lines.items():
        for words, form in ((words, form) for words in calls for form in ("text", "json")):
            out = StringIO()
            with contextlib.suppress(SystemExit), contextlib.redirect_stderr(out):
                try:
                    call_command("celery_ops", name, *words, "--format", form, stdout=out, stderr=out)
                except CommandError as error:
                    out.write(str(error))
            yield f"{name} {words} as {form}", out.getvalue()


def dumped(own_redis):
    """Yield every key of the store with all that it holds, and once more as it was before it was packed."""
    with contextlib.closing(redis.Redis(port=own_redis.port, db=1, protocol=2)) as client:
        for key in client.keys("*"):
            value = {
                b"string": lambda key: [client.get(key)],
                b"hash": lambda key: [item for pair in client.hgetall(key).items() for item in pair],
                b"list": lambda key: client.lrange(key, 0, -1),
                b"set": lambda key: [*client.smembers(key)],
                b"zset": lambda key: client.zrange(key, 0, -1),
                b"stream": lambda key: [item for _, entry in client.xrange(key) for item in entry.values()],
            }[client.type(key)](key)
            for item in [key, *value]:
                with contextlib.suppress(zlib.error):
                    yield f"the store at {key}, unpacked", zlib.decompress(item[TOKEN:]).decode()
                yield f"the store at {key}", item.decode(errors="replace")


#: Celery's own of django-celery-results: what tasks were given and returned, as the site itself has it stored.
RAW = ("task_args", "task_kwargs", "result", "traceback", "sub_tasks")


def rows():
    """Yield every field of every row of every table."""
    for model in apps.get_models(include_auto_created=True):
        of_results = model._meta.app_label == "django_celery_results"
        fields = [field.attname for field in model._meta.concrete_fields if not (of_results and field.name in RAW)]
        for row in model._base_manager.values(*fields):
            yield f"{model._meta.db_table}", " ".join(map(str, row.values()))


def test_no_secret_is_anywhere(worker, order, superuser, own_redis, pace, caplog, settings):
    caplog.set_level(logging.DEBUG, "celery_ops")
    people = People(superuser)
    ids = publish(order, pace.file)
    answers = run_by_hand(people, order)
    wait_for(lambda: has_ended(order, ids), "the tasks to have ended")
    answers += act(people)

    places = [
        *((f"an answer to {answer.wsgi_request.path}", text_of(answer)) for answer in answers),
        *pages(people, ids, order, worker.hostname),
        *commands(ids, worker.hostname),
        *dumped(own_redis),
        *rows(),
        *((f"the log {record.name}", caplog.handler.format(record)) for record in caplog.records),
        *(("the cache", str(value)) for value in cache._cache.values()),
    ]
    leaks = {where: found(text) for where, text in places if found(text)}
    assert leaks == {}
