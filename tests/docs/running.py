"""``python -m tests.docs.running``: every Python block of the documentation runs in a site; prints what went wrong.

In a process of its own, since the blocks bind tasks to models. Their ``shop`` is that of the tests.
"""

import contextlib
import itertools
import os
import sys
import tempfile
import traceback
import types
from datetime import datetime, timedelta, timezone
from inspect import signature
from pathlib import Path
from unittest import mock

os.environ.update(
    DJANGO_SETTINGS_MODULE="tests.settings", CELERY_OPS_METRICS_TOKEN="scrape", TEST_DATABASE_NAME=":memory:"
)

import django

from .blocks import Block, blocks

#: What is shown and not run, by the words that it begins with, and why.
UNRUN = {
    "from celery_ops.tags import panel\nfrom jinja2": "tests/panels/test_jinja2.py runs it, where Jinja2 is installed",
    "policy.allows(user, action": "the form of the question",
    "from celery_ops.models import TaskRunRecord\nfrom vcelerytaskrunner": "the other tool is not installed",
    "from celery_ops.testing import TaskBackendContract": "a scheme: tests/docs/test_examples.py runs a whole one",
    "from celery_ops.rerun import rerun_whole": "tests/rerun/test_workflow.py runs it against a workflow that failed",
    "from celery_ops.bulk.rerun import RerunAction": "tests/rerun/test_bulk.py runs it against a filled list",
}


#: Models that the pages have and the tests' shop has not.
MODELS = {"inventory.Item": "shop.Item", "shop.Product": "shop.Page"}
#: What the blocks of a page have made and set so far.
of_pages: dict[str, dict[str, object]] = {}
numbers = itertools.count(1)


def reason_of(block: Block) -> str:
    return next((reason for words, reason in UNRUN.items() if block.code.startswith(words)), "")


def site() -> dict[str, object]:
    """Start a site, and return what the pages' snippets take for granted."""
    from django.conf import settings

    templates = Path(tempfile.mkdtemp(prefix="celery-ops-docs-"))
    (templates / "site").mkdir()
    (templates / "site" / "base.html").write_text("{% block content %}{% endblock %}")
    settings.TEMPLATES[0]["DIRS"] = [templates]
    settings.TASKS["default"] = settings.TASKS["anything"]
    django.setup()
    with contextlib.suppress(ImportError):  # as the page says, of Django 5.2
        import django_tasks

        sys.modules.setdefault("django.tasks", django_tasks)
    from celery import shared_task
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.urls import include, path

    import tests.shop.models
    import tests.urls
    from celery_ops import set_progress, track
    from tests.shop.models import Order

    call_command("migrate", run_syncdb=True, verbosity=0)
    tests.urls.urlpatterns.append(path("ops/", include("celery_ops.urls")))
    for name in ("shop", "inventory", "billing", "site"):
        package = sys.modules.setdefault(name, types.ModuleType(name))
        package.__dict__.setdefault("__path__", [])
    sys.modules["shop.models"] = tests.shop.models
    admin_client = Client()
    admin_client.force_login(User.objects.create_superuser("admin"))
    connection.schema_name = "tenant"
    order = Order.objects.create(account_id=7, reference="HT-1003")
    tasks = sys.modules["shop.tasks"] = types.ModuleType("shop.tasks")

    @track(Order)
    @shared_task(name="shop.tasks.export_invoice")
    def export_invoice(order_id):
        set_progress(1, 1)

    tasks.export_invoice = export_invoice
    nothing = types.SimpleNamespace(delay=lambda *args: None)
    return {
        "INSTALLED_APPS": [],
        "MIDDLEWARE": [],
        "urlpatterns": [],
        "os": os,
        "Order": Order,
        "track": track,
        "shared_task": shared_task,
        "order": order,
        "orders": [order],
        "tomorrow": datetime.now(timezone.utc) + timedelta(days=1),
        "send_newsletter": nothing,
        "third_party_task": nothing,
        "add": mock.MagicMock(),
        "find_order": mock.MagicMock(),
        "admin_client": admin_client,
    }


def module_of(block: Block) -> types.ModuleType:
    """Return the module that a block's first line names, a new one; the shop's tasks are those of the first page."""
    header = block.code.partition("\n")[0]
    name = header.removeprefix("# ").removesuffix(".py").replace("/", ".")
    if not header.startswith("# shop/") or (name == "shop.tasks" and block.page != "README.md"):
        name = f"shop.block_{next(numbers)}"
    module = sys.modules[name] = sys.modules["shop.tasks"] if name == "shop.tasks" else types.ModuleType(name)
    return module


def run(block: Block, known: dict[str, object]) -> None:
    """Execute a block as a module of the shop's, and hold what it sets or tests to what a site would do with it."""
    from django.test import override_settings

    module = module_of(block)
    module.__package__ = "shop"
    module.__dict__.update({**known, **of_pages.get(block.page, {})})
    before = dict(module.__dict__)
    code = block.code
    for theirs, ours in MODELS.items():
        code = code.replace(theirs, ours)
    exec(compile(code, str(block), "exec"), module.__dict__)
    made = {key: value for key, value in module.__dict__.items() if before.get(key) is not value}
    of_page = of_pages.setdefault(block.page, {})
    of_page.update(made)
    ours = {key: value for key, value in of_page.items() if key.isupper()}
    for key, value in made.items():
        if key.startswith("test_"):
            with eager(), override_settings(**ours):
                scene = {**known, "order": type(known["order"]).objects.create()}
                value(**{parameter: scene[parameter] for parameter in signature(value).parameters})
    settings = {key: value for key, value in made.items() if key.isupper()}
    if settings:
        check(settings)


@contextlib.contextmanager
def eager():
    from tests.celery import app

    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def check(given: dict[str, object]) -> None:
    """Have Django's checks and ours look at settings; apps and middleware have to be importable."""
    from django.core import checks
    from django.test import override_settings
    from django.utils.module_loading import import_string

    from tests.celery import app

    for path in given.pop("MIDDLEWARE", ()):
        assert path is ... or import_string(path)
    with override_settings(**given):
        wrong = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    assert not wrong, wrong
    app.loader.import_default_modules()
    for entry in given.get("CELERY_BEAT_SCHEDULE", {}).values():
        assert entry["task"] in app.tasks, entry


def main() -> None:
    known = site()
    for block in blocks("python"):
        if reason_of(block):
            continue
        try:
            run(block, known)
        except Exception:
            print(f"{block}: {traceback.format_exc()}")


if __name__ == "__main__":
    main()
