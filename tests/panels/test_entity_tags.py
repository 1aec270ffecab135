"""A poll of a panel on which nothing changed is answered before its list is worked out; whatever changes it is sent."""

import contextlib
import datetime
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.test.signals import template_rendered
from django.utils import timezone, translation
from django_celery_results.models import TaskResult

from celery_ops.exceptions import StoreUnavailable
from celery_ops.panels import building, entity_tags
from celery_ops.permissions import REVOKE_TASK, RUN_TASK, VIEW_PAYLOAD, Policy
from celery_ops.tracking import facts, histories, reading, revoke_requests
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.tracking.store import BEAT_COUNTS
from tests.conftest import make_user
from tests.planting import WORKER, panel_of, plant
from tests.shop import tasks

from .conftest import away, browser

pytestmark = pytest.mark.django_db

FAILS = "tests.shop.tasks.fails"
LONG = "tests.shop.tasks.long"
#: Too long for the hash of short values.
ERROR = "ValueError: " + "x" * 200


@contextlib.contextmanager
def work():
    """Note each list that is worked out, and each template that is rendered."""
    done = []

    def note_rendered(template, **_):
        done.append(template.name)

    def note_worked_out(*given):
        done.append("list")
        return reading.reading_of(*given)

    template_rendered.connect(note_rendered)
    with mock.patch.object(building, "reading_of", note_worked_out):
        yield done
    template_rendered.disconnect(note_rendered)


class Polling:
    """A page that stays open: it asks for what changed since its last answer."""

    def __init__(self, obj, user, **options) -> None:
        self.client, self.url = browser(user), panel_of(obj, user, **options)
        self.tag = self.client.get(self.url).headers["ETag"]

    def poll(self, query=""):
        return self.client.get(self.url + query, headers={"If-None-Match": self.tag})


@pytest.fixture
def failed(order):
    """A failed task, which staff may run again; its error is a long value."""
    return plant(order, FAILS, "FAILURE", error=ERROR)


@pytest.fixture
def polling(order, staff, failed):
    return Polling(order, staff)


def note(obj, task_id, kind, value):
    recorder().record([(ObjectRef.of(obj), {facts.field(task_id, kind): value})])


# -- nothing changed


def test_an_unchanged_panel_is_neither_worked_out_nor_rendered(polling):
    with work() as done:
        assert polling.poll().status_code == 304
    assert done == []


def test_an_unchanged_panel_without_tasks_is_not_worked_out(order, staff):
    polling = Polling(order, staff)
    with work() as done:
        assert polling.poll().status_code == 304
    assert done == []


def test_an_unchanged_public_panel_is_not_worked_out(order, failed):
    polling = Polling(order, None, public=True)
    with work() as done:
        assert polling.poll().status_code == 304
    assert done == []


def test_an_unchanged_panel_in_redis_is_not_worked_out(order, staff, redis_store, failed):
    polling = Polling(order, staff)
    with work() as done:
        assert polling.poll().status_code == 304
    assert done == []


def test_an_answer_that_was_not_worked_out_has_the_tag_and_the_headers_of_the_others(polling):
    whole, answer = polling.client.get(polling.url), polling.poll()
    kept = "ETag", "Cache-Control", "Vary", "X-Frame-Options"
    assert [answer.headers[name] for name in kept] == [whole.headers[name] for name in kept]


def test_who_asks_without_a_tag_is_sent_the_panel(polling):
    assert polling.client.get(polling.url).status_code == 200


def test_the_policy_is_asked_at_an_unchanged_poll_what_it_is_asked_at_others(order, staff, failed, settings):
    lost = plant(order, LONG, "PENDING")
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.{Asked.__name__}"}
    polling = Polling(order, staff)
    Asked.questions = set()
    polling.client.get(polling.url)
    told, Asked.questions = Asked.questions, set()
    with work() as done:
        assert polling.poll().status_code == 304
    assert (done, Asked.questions) == ([], told)
    assert {(VIEW_PAYLOAD, FAILS), (RUN_TASK, FAILS), (REVOKE_TASK, lost)} <= told


class Asked(Policy):
    questions: set = set()
    refused: set = set()

    def allows(self, user, action, obj=None):
        self.questions.add((action, obj))
        return action not in self.refused and super().allows(user, action, obj)


def test_the_panels_polled_longest_ago_are_forgotten(order, staff, failed, monkeypatch):
    monkeypatch.setattr(entity_tags, "REMEMBERED", 1)
    first, second = Polling(order, staff), Polling(order, staff, limit=5)
    with work() as done:
        assert (second.poll().status_code, done) == (304, [])
        assert (first.poll().status_code, done) == (304, ["list"])
    assert len(entity_tags._remembered) == 1


def round_trips(store, call):
    """Return what was answered, and in how many round trips to the store."""
    with mock.patch.object(store._servers, "_exchange", side_effect=store._servers._exchange) as exchange:
        return call(), exchange.call_count


def test_a_poll_asks_the_store_once_for_its_facts_and_once_for_long_values(order, staff, redis_store):
    plant(order)
    polling = Polling(order, staff)
    answer, trips = round_trips(redis_store, polling.poll)
    assert (answer.status_code, trips) == (304, 1)
    plant(order, FAILS, "FAILURE", error=ERROR)
    answer, trips = round_trips(redis_store, polling.poll)
    assert (answer.status_code, trips) == (200, 2)


def test_who_asks_without_a_tag_costs_the_store_no_more(order, staff, redis_store, failed):
    polling = Polling(order, staff)
    answer, trips = round_trips(redis_store, lambda: polling.client.get(polling.url))
    assert (answer.status_code, trips) == (200, 2)


# -- nothing changed but the viewer, or the object


def test_who_has_logged_out_is_told_nothing(polling):
    polling.client.logout()
    assert polling.poll().status_code == 404


def test_who_may_no_longer_log_in_is_told_nothing(polling, staff):
    staff.is_active = False
    staff.save()
    assert polling.poll().status_code == 404


def test_whose_other_sessions_were_ended_is_told_nothing(polling, staff):
    staff.set_password("another")
    staff.save()
    assert polling.poll().status_code == 404


def test_an_object_that_is_gone_tells_nothing(polling, order):
    order.delete()
    assert polling.poll().status_code == 404


def test_an_object_whose_owner_changed_is_seen_by_the_new_one_only(order, staff, failed, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.{Owners.__name__}"}
    polling = Polling(order, staff)
    assert polling.poll().status_code == 304
    type(order).objects.update(reference="somebody else's")
    assert polling.poll().status_code == 404


class Owners(Policy):
    """An order is its owner's: the one whose it says it is."""

    def may_view_instance(self, user, instance=None):
        return instance.reference == "A-1"


# -- something changed


@pytest.fixture(params=["memory", "redis"])
def stored(request):
    """Where the facts are: only Redis keeps long values apart."""
    if request.param == "redis":
        request.getfixturevalue("redis_store")


def publish(order, failed):
    plant(order)


def end_otherwise(order, failed):
    note(order, failed, facts.ENDED["SUCCESS"], str(now_ms()))


def ask_to_revoke(order, failed):
    revoke_requests.note_revokes_requested({failed: [ObjectRef.of(order)]})


def tell_another_error(order, failed):
    note(order, failed, facts.ERROR, f"{ERROR[:-1]}y")


@pytest.mark.parametrize("change", [publish, end_otherwise, ask_to_revoke, tell_another_error])
def test_a_change_of_the_object_or_its_tasks_is_sent(change, stored, order, polling, failed):
    change(order, failed)
    assert polling.poll().status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"TRACKED_TASKS": {FAILS: {"model": "shop.Order", "label": "Falls over"}}},
        {"RUNNABLE_TASKS": {FAILS: {"confirm": True}}},
        {"REDACT_KEYS": ("sauce",)},
        {"RETENTION": 30},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_change_of_a_setting_is_sent(changed, order, staff, settings):
    plant(order, FAILS, "FAILURE", error="ValueError: sauce=tomato")
    polling = Polling(order, staff, launch=False)
    settings.CELERY_OPS = {**settings.CELERY_OPS, **changed}
    assert polling.poll().status_code == 200


def test_a_label_that_changes_within_the_settings_is_sent(order, staff, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {FAILS: {"label": "Falls over"}}}
    plant(order, FAILS)
    polling = Polling(order, staff, launch=False)
    settings.CELERY_OPS["RUNNABLE_TASKS"][FAILS]["label"] = "Falls down"
    assert polling.poll().status_code == 200


def test_a_task_that_asks_from_now_on_is_sent(order, staff, failed, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {FAILS: {}}}
    polling = Polling(order, staff, launch=False)
    settings.CELERY_OPS["RUNNABLE_TASKS"][FAILS]["confirm"] = True
    assert polling.poll().status_code == 200


def test_a_task_that_may_run_twice_from_now_on_is_sent(order, staff, failed, monkeypatch):
    polling = Polling(order, staff, launch=False)
    monkeypatch.setattr(tasks.fails, "acks_late", True)
    assert polling.poll().status_code == 200


@pytest.mark.parametrize("codename", ["view_payload", "add_taskrunrecord", "revoke_task"])
def test_a_permission_that_is_taken_away_is_sent(codename, order, staff, failed):
    plant(order, LONG, "PENDING")
    polling = Polling(order, staff, launch=False)
    staff.user_permissions.remove(Permission.objects.get(codename=codename))
    assert polling.poll().status_code == 200


def test_what_may_no_longer_be_launched_is_gone(order, staff):
    plant(order)
    polling = Polling(order, staff)
    staff.user_permissions.remove(Permission.objects.get(codename="add_taskrunrecord"))
    assert polling.poll().status_code == 200


def test_a_retention_that_changes_within_the_settings_is_sent(order, staff, failed, settings):
    polling = Polling(order, staff)
    settings.CELERY_OPS["RETENTION"] = 30
    assert polling.poll().status_code == 200


def test_who_may_no_longer_see_the_operations_pages_is_sent_that(order, settings):
    plant(order)
    viewer = make_user("viewer", "celery_ops.view_ops", "shop.view_order")
    polling = Polling(order, viewer)
    viewer.user_permissions.remove(Permission.objects.get(codename="view_ops"))
    assert polling.poll().status_code == 200


def test_who_may_no_longer_see_the_object_is_told_nothing(order, failed):
    viewer = make_user("viewer", "shop.view_order")
    polling = Polling(order, viewer)
    viewer.user_permissions.clear()
    assert polling.poll().status_code == 404


def test_a_policy_that_changes_its_mind_is_heard(order, staff, failed, settings, monkeypatch):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.{Asked.__name__}"}
    polling = Polling(order, staff, launch=False)
    monkeypatch.setattr(Asked, "refused", {RUN_TASK})
    assert polling.poll().status_code == 200


def test_an_object_that_is_called_otherwise_is_sent(polling, order, monkeypatch):
    monkeypatch.setattr(type(order), "__str__", lambda self: "HT-1003")
    assert polling.poll().status_code == 200


def test_another_language_is_sent(polling):
    with translation.override("de"):
        assert polling.poll().status_code == 200


@pytest.mark.parametrize("zone", ["Asia/Tokyo", datetime.timezone(datetime.timedelta(hours=9), "America/Chicago")])
def test_another_time_zone_is_sent(zone, polling):
    with timezone.override(zone):
        assert polling.poll().status_code == 200


@pytest.mark.parametrize("query", ["?state=SUCCESS", f"?name={FAILS}", "?page=2", "?next=/orders/"])
def test_what_is_asked_for_otherwise_is_sent(query, order, staff, failed):
    plant(order)
    assert Polling(order, staff, limit=1).poll(query).status_code == 200


def test_what_one_viewer_was_told_answers_no_other(order, staff, failed, reader):
    polling, other = Polling(order, staff), Polling(order, reader)
    other.tag = polling.tag
    assert other.poll().status_code == 200


def test_one_tenants_panel_answers_no_other_tenant(order, staff, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: Tenant.name}
    polling = Polling(order, staff)
    with mock.patch.object(Tenant, "name", "south"):
        assert polling.poll().status_code == 404


class Tenant:
    name = "north"


@contextlib.contextmanager
def moved(seconds):
    """Let time have passed for whoever reads facts."""

    def later():
        return now_ms() + seconds * 1000

    with contextlib.ExitStack() as patches:
        for module in (histories, reading, entity_tags):
            patches.enter_context(mock.patch.object(module, "now_ms", later))
        yield


def test_a_task_that_grows_too_old_to_be_kept_is_gone(order, staff, failed):
    plant(order, ago=30)
    polling = Polling(order, staff)
    with moved(86_400 - 45):
        assert polling.poll().status_code == 200


def test_a_task_whose_worker_falls_silent_is_sent(order, staff):
    plant(order, LONG, "STARTED", ago=10)
    polling = Polling(order, staff)
    with moved(BEAT_COUNTS):
        assert polling.poll().status_code == 200


def test_a_lost_task_whose_worker_is_there_again_is_sent(order, staff, memory_store):
    plant(order, LONG, "STARTED", ago=600)
    polling = Polling(order, staff)
    memory_store.beat(WORKER, now_ms() - 3_600_000)
    assert polling.poll().status_code == 200


def test_a_state_that_a_task_gives_itself_is_sent(order, staff):
    task_id = plant(order, LONG, "STARTED", ago=10)
    polling = Polling(order, staff)
    TaskResult.objects.create(task_id=task_id, status="UPLOADING")
    assert polling.poll().status_code == 200


def test_a_store_that_is_away_is_said(polling, memory_store):
    with away(memory_store):
        assert polling.poll().status_code == 200


def test_a_store_that_is_away_while_long_values_are_read_is_said(stored, polling):
    with mock.patch.object(entity_tags, "read_long", side_effect=StoreUnavailable("away")), work() as done:
        assert polling.poll().status_code == 304
    assert done == ["list"]
