"""The names that a site imports, and what they are."""

import inspect
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

import celery_ops
from celery_ops import Progress, TrackedTask, exceptions, listing, task_query
from celery_ops.backends import base
from celery_ops.tracking import store

CONTRACT = ("FromModel", "set_progress", "tasks_for", "tasks_for_many", "track", "tracking")


def run(code):
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", sorted({*CONTRACT, *celery_ops.__all__}))
def test_a_public_name_can_be_imported(name):
    assert callable(getattr(celery_ops, name))


def test_all_lists_the_contracts_names():
    assert set(CONTRACT) <= set(celery_ops.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = celery_ops.nothing


def test_the_package_is_imported_before_django_is_configured():
    run("import celery_ops; assert celery_ops.__version__")


def test_track_is_imported_in_a_module_that_django_loads_before_its_apps_are_ready():
    run("from django.conf import settings; settings.configure()\nfrom celery_ops import FromModel, track")


#: One start of Python, and a child for each order of imports: none has what another one imported.
ORDERS = """
import itertools, os
import celery, django, redis
django.setup()
orders = itertools.product(
    ["import celery_ops.tracking.redis", "from celery_ops import tracking"],
    ["import celery_ops.tracking.redis", "from celery_ops import tracking", "pass"],
)
failed = []
for first, then in orders:
    child = os.fork()
    if not child:
        exec(first), exec(then)
        from celery_ops import tracking
        from tests.shop.models import Order
        with tracking(Order(pk=1)):
            from celery_ops.tracking.context import bound_objects
            os._exit([ref.pk for ref in bound_objects()] != ["1"])
    if os.waitpid(child, 0)[1]:
        failed.append((first, then))
assert not failed, failed
"""


def test_tracking_is_the_context_manager_whatever_was_imported_before():
    run(f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n{ORDERS}")


def test_a_tracked_task_has_the_contracts_fields_in_their_order():
    assert " ".join(field.name for field in fields(TrackedTask)).startswith(
        "id name label state attempts published_at received_at started_at finished_at worker progress error retry_of"
    )


def test_a_tracked_task_says_when_its_revocation_was_asked_for():
    assert "revoke_requested_at" in {field.name for field in fields(TrackedTask)}


def test_progress_is_current_total_and_message():
    assert Progress(1, 2, "half") == Progress(current=1, total=2, message="half")


def test_a_tracked_task_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        TrackedTask("1", "a.b", "B", "PENDING", 1).state = "SUCCESS"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("set_progress", "(current, total, message='')"),
        ("tasks_for", "(obj, limit=50)"),
        ("tasks_for_many", "(objs, limit=50)"),
        ("tracking", "(*objects)"),
    ],
)
def test_a_public_function_takes_what_the_contract_says(name, parameters):
    signature = inspect.signature(getattr(celery_ops, name))
    bare = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == parameters


@pytest.mark.parametrize(
    ("current", "total", "percent"),
    [
        *[(0, 10, 0), (5, 10, 50), (10, 10, 100), (20, 10, 100), (-1, 10, 0), (1, 0, None), (1, -1, None)],
        *[(1e308, 1.0, 100), (1e308, 1.5e308, 100), (-1e308, 1.0, 0), (1.0, 5e-324, 100)],  # beyond what a float holds
    ],
)
def test_progress_as_a_percentage_stays_between_0_and_100(current, total, percent):
    assert Progress(current, total).percent == percent


def test_backends_that_were_written_against_a_former_name_get_the_same_classes():
    assert listing.TaskQuery is task_query.TaskQuery
    assert listing.TaskPage is task_query.TaskPage
    assert listing.NEWEST_FIRST == task_query.NEWEST_FIRST
    assert base.BackendUnavailable is exceptions.BackendUnavailable
    assert store.StoreUnavailable is exceptions.StoreUnavailable
