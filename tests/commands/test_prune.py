"""What ``celery_ops prune`` deletes, counts and keeps, and how."""

import json
from datetime import datetime, timedelta
from datetime import timezone as zones
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import GroupResult, TaskResult

from celery_ops import tasks
from celery_ops.control.standing import standing_requests
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.pruning import batches
from celery_ops.pruning import prune as pruning
from tests.commands import planted
from tests.commands.planted import YOUNG

pytestmark = pytest.mark.django_db


def prune(*options: str) -> dict:
    """Prune, and return how many rows of each kind went."""
    out = StringIO()
    call_command("celery_ops", "prune", *options, "--format", "json", stdout=out)
    data = json.loads(out.getvalue())
    return {kind: data[kind]["deleted"] for kind in ("records", "control", "results", "groups") if data[kind]["cutoff"]}


def old_results() -> pruning.Old:
    return pruning.old_results(pruning.cutoff_of())


def test_alone_it_deletes_old_runs_and_control_actions():
    planted.runs(3), planted.controls(2), planted.results(4)
    assert prune() == {"records": 3, "control": 2}


def test_revokes_that_workers_which_start_are_told_of_stay():
    planted.controls(2), planted.controls(3, timedelta(days=20)), planted.controls(1, YOUNG, "ping")
    assert prune("--older-than", "1d") == {"records": 0, "control": 3}
    assert set(standing_requests().task_ids) == set(ControlRecord.objects.values_list("target", flat=True))


def test_young_rows_of_every_kind_stay():
    planted.runs(3, YOUNG), planted.controls(2, YOUNG), planted.results(4, YOUNG), planted.groups(1, YOUNG)
    prune("--records", "--results")
    kept = [model.objects.count() for model in (TaskRunRecord, ControlRecord, TaskResult, GroupResult)]
    assert kept == [3, 2, 4, 1]


def test_with_results_it_leaves_the_journal_alone():
    planted.runs(3), planted.results(4), planted.groups(2)
    assert prune("--results") == {"results": 4, "groups": 2}


def test_with_both_flags_it_deletes_both():
    planted.runs(3), planted.results(4)
    assert prune("--records", "--results") == {"records": 3, "control": 0, "results": 4, "groups": 0}


@pytest.mark.database
def test_none_that_old_is_left_whatever_the_size_of_a_batch():
    planted.results(50), planted.results(2, YOUNG)
    prune("--results", "--batch-size", "7")
    assert TaskResult.objects.count() == 2


@pytest.mark.database
def test_rows_of_one_moment_all_go_in_batches_that_are_smaller():
    planted.results(30)
    TaskResult.objects.update(date_done=timezone.now() - planted.OLD)
    assert prune("--results", "--batch-size", "4")["results"] == 30


def test_results_go_by_when_they_were_last_written():
    planted.results(1)
    TaskResult.objects.update(date_created=timezone.now(), date_started=timezone.now())
    assert prune("--results")["results"] == 1


@pytest.mark.database
def test_results_of_the_asked_states_go_and_groups_stay():
    for state in ("SUCCESS", "FAILURE", "REVOKED"):
        planted.results(2, state=state)
    planted.groups(1)
    assert prune("--results", "--states", "failure,REVOKED") == {"results": 4}


def test_failures_are_kept_when_that_is_asked():
    planted.results(2), planted.results(3, state="FAILURE")
    prune("--results", "--keep-failures")
    assert set(TaskResult.objects.values_list("status", flat=True)) == {"FAILURE"}


def test_tasks_that_have_not_ended_are_kept():
    planted.results(2, state="STARTED"), planted.results(2, state="PENDING")
    assert prune("--results")["results"] == 0


@pytest.mark.parametrize(("age", "gone"), [("39d", 1), ("6w", 0), ("900h", 1), ("57000m", 1), ("3000000s", 1)])
def test_the_age_may_be_said_in_any_unit(age, gone):
    planted.results(1)
    assert prune("--results", "--older-than", age)["results"] == gone


@pytest.mark.database
def test_a_dry_run_counts_what_then_goes_and_deletes_nothing():
    planted.runs(3), planted.controls(1), planted.results(4), planted.results(2, state="FAILURE"), planted.groups(2)
    options = ("--records", "--results", "--keep-failures")
    assert prune(*options, "--dry-run") == prune(*options)


def test_without_a_retention_nothing_goes(settings):
    settings.CELERY_OPS = {"RECORD_RETENTION": None}
    planted.runs(1)
    prune()
    assert TaskRunRecord.objects.exists()


@pytest.mark.parametrize("wrong", [5, timedelta(days=-1)])
def test_a_wrong_retention_is_refused(settings, wrong):
    settings.CELERY_OPS = {"RECORD_RETENTION": wrong}
    with pytest.raises(CommandError, match="RECORD_RETENTION of CELERY_OPS is"):
        prune()


def test_json_says_the_cutoff_with_its_zone(settings):
    out = StringIO()
    call_command("celery_ops", "prune", "--older-than", "1d", "--format", "json", stdout=out)
    age = datetime.now(zones.utc) - datetime.fromisoformat(json.loads(out.getvalue())["records"]["cutoff"])
    assert timedelta(days=1) <= age < timedelta(days=1, minutes=5)


@pytest.mark.database
def test_a_batch_is_one_delete_where_nobody_listens():
    planted.results(40)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        prune("--results")
    assert sum(query["sql"].startswith("DELETE") for query in asked) == 1


@pytest.fixture
def heard():
    """The task ids that the site's receivers were told of, by signal."""
    heard = {"pre": [], "post": []}

    def before(instance, **_kwargs):
        heard["pre"].append(instance.task_id)

    def after(instance, **_kwargs):
        heard["post"].append(instance.task_id)

    pre_delete.connect(before, sender=TaskResult)
    post_delete.connect(after, sender=TaskResult)
    yield heard
    pre_delete.disconnect(before, sender=TaskResult)
    post_delete.disconnect(after, sender=TaskResult)


def test_receivers_of_the_site_are_told_of_each_row(heard):
    planted.results(5)
    prune("--results")
    assert [sorted(heard["pre"]), sorted(heard["post"])] == [["0", "1", "2", "3", "4"]] * 2


@pytest.mark.database
def test_few_rows_are_loaded_at_once_where_receivers_need_them(heard):
    planted.results(batches.LOADED + 1)
    with CaptureQueriesContext(connection) as asked:
        prune("--results")
    loads = [query["sql"] for query in asked if connection.ops.quote_name("meta") in query["sql"]]
    assert len(loads) == 2


@pytest.mark.database
def test_a_result_written_anew_since_it_was_found_stays(monkeypatch):
    planted.results(3)
    delete = batches.Batches._delete

    def late(self, keys):
        TaskResult.objects.filter(task_id="1").update(date_done=timezone.now())
        return delete(self, keys)

    monkeypatch.setattr(batches.Batches, "_delete", late)
    assert prune("--results")["results"] == 2


@pytest.fixture
def needed():
    """Two results that rows of another table need."""
    if connection.vendor == "mysql":
        pytest.skip("CREATE TABLE ends the transaction there, and all that a test writes would stay for the others")
    planted.results(9)
    with connection.cursor() as cursor:
        table = TaskResult._meta.db_table
        cursor.execute(f"CREATE TABLE invoices (result bigint NOT NULL REFERENCES {table} (id))")
        cursor.execute(f"INSERT INTO invoices SELECT id FROM {table} WHERE task_id IN ('2', '7')")


@pytest.mark.database
def test_rows_that_others_need_stay_and_all_others_go(needed):
    with pytest.raises(CommandError):
        prune("--results", "--batch-size", "4")
    assert set(TaskResult.objects.values_list("task_id", flat=True)) == {"2", "7"}


@pytest.mark.database
def test_rows_that_others_need_are_an_error_in_one_line(needed):
    with pytest.raises(CommandError, match=r"^2 old rows of django_celery_results_taskresult stay: .*$") as refused:
        prune("--results")
    assert refused.value.returncode == 1


@pytest.mark.database
def test_when_the_time_runs_out_a_batch_is_done_and_the_rest_is_for_the_next_run():
    planted.results(9)
    pruned = pruning.prune(old_results(), batch_size=4, until=0)
    assert (pruned.deleted, pruned.complete, TaskResult.objects.count()) == (4, False, 5)


def test_time_that_runs_out_after_the_last_row_is_no_matter():
    planted.results(4)
    assert pruning.prune(old_results(), until=0).complete


def test_rows_are_looked_for_where_they_are_written(settings):
    class Router:
        def db_for_read(self, model, **hints):
            return "copy"

        def db_for_write(self, model, **hints):
            return "results"

    settings.DATABASE_ROUTERS = [Router()]
    assert old_results().rows.db == "results"


@pytest.mark.database
def test_naive_times_are_compared_with_naive_times(settings):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's connection has its zone already")
    settings.USE_TZ = False
    planted.results(3), planted.results(1, YOUNG)
    assert prune("--results")["results"] == 3


def test_the_task_for_beat_deletes_what_the_command_does():
    planted.runs(2), planted.results(3), planted.results(1, state="FAILURE")
    gone = tasks.prune(timedelta(days=30).total_seconds(), records=True, results=True, keep_failures=True)
    assert gone == {"records": 2, "control": 0, "results": 3, "groups": 0}


def test_the_task_refuses_a_state_that_no_ended_task_has():
    with pytest.raises(ValueError, match="unknown states STARTED"):
        tasks.prune(results=True, states=["STARTED"])
