"""The whole of a workflow run again, by a worker: a chord of which one header failed, a chain, and who may not."""

import pytest
from celery import chain, chord, group
from django.test import Client
from django.urls import reverse

from celery_ops.exceptions import RerunRefused
from celery_ops.models import TaskRunRecord
from celery_ops.rerun import rerun_whole, whole_candidate
from tests.pages import words
from tests.servers import PATIENCE
from tests.shop import tasks

from .conftest import seen, shape

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.django_db]


@pytest.fixture
def flag(tmp_path):
    """A file of which a task makes sure that it is there: it fails when it has to make it."""
    return tmp_path / "flag"


@pytest.fixture
def client(staff):
    client = Client()
    client.force_login(staff)
    return client


def a_chord(order, flag):
    header = [tasks.noop.si(order.pk) for _ in range(19)] + [tasks.fails_once.si(order.pk, str(flag))]
    return chord(header, tasks.returns.si(order.pk, 7))


def test_a_chord_of_twenty_whose_header_failed_is_run_again_whole_and_its_body_runs_once(order, flag, client):
    first = a_chord(order, flag).delay()
    workflow = seen(first.id, done=19, failed=1, to_come=1)
    page = reverse("celery_ops:workflow", args=[workflow.key])
    again = reverse("celery_ops:workflow-retry", args=[workflow.key])
    assert again in client.get(page).content.decode()
    preview = words(client.get(again).content.decode())
    assert "\N{MULTIPLICATION SIGN} 19" in preview
    assert "19 tasks of it succeeded" in preview
    answer = client.post(again, {"confirm": "1"})
    assert answer.status_code == 302
    records = list(TaskRunRecord.objects.order_by("pk"))
    assert len(records) == 20
    new = seen(records[0].task_id, done=21, total=21)
    assert shape(new) == shape(seen(first.id))
    assert [task.name.rpartition(".")[2] for task in new.tasks].count("returns") == 1
    assert reverse("celery_ops:workflow", args=[records[0].task_id]) in client.get(page).content.decode()
    there = client.get(answer["Location"]).content.decode()
    assert reverse("celery_ops:workflow", args=[records[0].retry_of]) in there


def test_before_and_during_it_is_not_offered(order, client, tmp_path):
    pace = tmp_path / "pace"
    pace.touch()
    result = chain(tasks.paced.si(order.pk, str(pace), 1), tasks.noop.si(order.pk)).delay()
    workflow = seen(result.id, total=2)
    again = reverse("celery_ops:workflow-retry", args=[workflow.key])
    assert again not in client.get(reverse("celery_ops:workflow", args=[workflow.key])).content.decode()
    assert "not over yet" in words(client.get(again).content.decode())
    assert client.post(again, {"confirm": "1"}).status_code == 400
    pace.write_text(".")
    seen(result.id, done=2)
    assert TaskRunRecord.objects.count() == 0


def test_a_chain_with_a_chord_in_it_is_run_again_whole(order, flag, staff):
    steps = chain(
        tasks.returns.si(order.pk, 1),
        group(tasks.noop.si(order.pk), tasks.fails_once.si(order.pk, str(flag))),
        tasks.named.s(order_id=order.pk),
        tasks.noop.si(order.pk),
    )
    first = steps.delay()
    workflow = seen(first.id, done=2, failed=1, to_come=2)
    (record,) = rerun_whole(first.id, staff)
    new = seen(record.task_id, done=5, total=5)
    assert record.retry_of == workflow.key
    assert shape(new) == shape(workflow)


def test_groups_one_after_the_other_are_run_again_in_that_order(order, staff):
    """Celery names the tasks of the middle one ahead where groups are put together as their sender does it."""
    groups = [group(step.si(order.pk), step.si(order.pk)) for step in (tasks.noop, tasks.process_payment)]
    first = chain(*groups, group(tasks.returns.si(order.pk, 1), tasks.returns.si(order.pk, 2))).delay()
    workflow = seen(first.id, done=6, total=6)
    records = rerun_whole(first.id, staff)
    new = seen(records[0].task_id, done=6, total=6)
    assert shape(new) == shape(workflow)
    assert shape(new) == [("noop", "process_payment")] * 4 + [("process_payment", "returns")] * 4


def test_what_went_well_as_a_whole_is_run_again_too(order, staff):
    result = group(tasks.noop.si(order.pk), tasks.returns.si(order.pk, 2)).delay()
    seen(result.id, done=2)
    records = rerun_whole(result.id, staff)
    assert seen(records[0].task_id, done=2, total=2).key != result.id


def test_a_task_that_publishes_others_is_run_again_and_they_come(order, staff, client):
    result = tasks.parent.delay(order.pk)
    seen(result.id, done=2, total=2)
    preview = words(client.get(reverse("celery_ops:workflow-retry", args=[result.id])).content.decode())
    assert "When these ran, they published 1 more task." in preview
    assert "Run 1 task again, and what it publishes" in preview
    (record,) = rerun_whole(result.id, staff)
    assert seen(record.task_id, done=2, total=2).key == record.task_id


@pytest.mark.parametrize(
    ("begun", "done"),
    [
        (lambda pk: chain(tasks.replaces.si(pk), tasks.noop.si(pk)), 2),
        (lambda pk: chain(tasks.replaces_by_chain.si(pk, "noop"), tasks.noop.si(pk)), 3),
        (lambda pk: chain(tasks.replaces_by_group.si(pk), tasks.noop.si(pk)), 5),
        (lambda pk: group(tasks.noop.si(pk), tasks.replaces_by_chain.si(pk, "noop")), 3),
    ],
)
def test_a_first_task_that_put_others_into_its_place_is_not_known(order, staff, begun, done):
    result = begun(order.pk).delay()
    seen(result.id, done=done, total=done)
    with pytest.raises(RerunRefused, match="put another one into its place"):
        whole_candidate(result.id, staff)


def test_a_later_task_that_put_others_into_its_place_is_run_again_as_it_was_sent(order, staff):
    result = chain(tasks.returns.si(order.pk, 1), tasks.replaces_by_chain.si(order.pk, "noop")).delay()
    workflow = seen(result.id, done=3, total=3)
    (record,) = rerun_whole(result.id, staff)
    assert shape(seen(record.task_id, done=3, total=3)) == shape(workflow)


def test_a_chain_that_begins_with_an_untracked_task_is_refused_with_the_reason(order, staff):
    result = chain(tasks.untracked.si(), tasks.noop.si(order.pk)).delay()
    result.get(PATIENCE)
    seen(result.id, total=2)
    with pytest.raises(RerunRefused):
        whole_candidate(result.id, staff)
