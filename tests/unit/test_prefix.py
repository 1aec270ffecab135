"""Whose a fact is, where that depends on who asks."""

from types import SimpleNamespace

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from celery_ops import tasks_for
from celery_ops.exceptions import BadToken, StoreUnavailable
from celery_ops.panels.token import PanelOptions, options_of
from celery_ops.tracking import counters, facts, prefix
from celery_ops.tracking.messages import run_of_message
from celery_ops.tracking.recorder import Recorder, recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import HEADER, WHOSE
from celery_ops.views.pending_parts import pending_parts
from tests.planting import plant
from tests.shop import tasks
from tests.shop.models import Order

from .test_recorder import Away, event

ORDER = Order(pk=1)
REF = ObjectRef.of(ORDER)
OPTIONS = PanelOptions("shop.order", "1", "2", 10, True, True)


class Tenant:
    """Whose site this process serves; ``error`` is raised when that is asked for."""

    name = "acme"
    error = None

    def __call__(self):
        if self.error is not None:
            raise self.error
        return self.name


@pytest.fixture
def tenant(memory_store, settings):
    tenant = Tenant()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": tenant}
    return tenant


def test_a_tenant_sees_nothing_of_anothers_object_with_the_same_key(tenant):
    plant(ORDER)
    tenant.name = "beta"
    assert tasks_for(ORDER) == []
    tenant.name = "acme"
    assert len(tasks_for(ORDER)) == 1


def test_what_waits_for_the_store_is_written_as_whose_it_was(tenant):
    store = Away()
    kept = Recorder(store)
    for tenant.name in ("acme", "beta", "acme"):
        kept.record(event(f"of {tenant.name}"))
    tenant.name, store.error = "gamma", None
    kept.try_again()
    for name in ("acme", "beta", "gamma"):
        with prefix.using(name):
            assert list(store.read([REF])[0]) == ([] if name == "gamma" else [f"of {name}"])


def test_what_could_be_written_before_the_store_went_away_again_is_written_once(tenant, monkeypatch):
    store = Away()
    kept = Recorder(store)
    for tenant.name in ("acme", "beta"):
        kept.record(event(tenant.name))
    store.error, write = None, store.write

    def fails_for_beta(batch):
        if prefix.current() == "beta" and store.given == ["acme"]:
            store.given.append("-")
            raise StoreUnavailable("gone")
        return write(batch)

    monkeypatch.setattr(store, "write", fails_for_beta)
    kept.try_again()
    assert (kept.kept, counters.counts()["written"]) == (1, 1)
    kept.try_again()
    assert (store.given, counters.counts()["written"]) == (["acme", "-", "beta"], 2)


@pytest.mark.parametrize("name", [None, "", "  ", 3])
def test_nothing_is_read_while_it_is_not_known_whose(name, tenant):
    tenant.name = name
    with pytest.raises(StoreUnavailable):
        recorder().ask(lambda store: store.read([REF]))


def test_a_site_that_cannot_tell_loses_the_fact_and_not_the_task_and_hinders_no_other(tenant, eager):
    tenant.error = LookupError("no tenant")
    assert tasks.process_payment.delay(1).get() == {"order": 1}
    assert tasks_for(ORDER) == []
    tenant.error = None
    assert tasks.process_payment.delay(1).get() == {"order": 1}
    assert [task.state for task in tasks_for(ORDER)] == ["SUCCESS"]


def test_one_tenants_panel_is_nothing_on_anothers_site(tenant):
    token = OPTIONS.token()
    assert options_of(token) == OPTIONS
    tenant.name = "beta"
    with pytest.raises(BadToken):
        options_of(token)


def test_a_part_that_is_asked_for_in_a_thread_is_the_viewers_tenants(tenant, monkeypatch):
    (asked,) = pending_parts(prefix.current)
    tenant.name = "beta"
    assert asked.answer().value == "acme"


def test_workers_are_everybodys(tenant):
    recorder().ask(lambda store: store.beat("w1", 7))
    tenant.name = "beta"
    assert recorder().ask(lambda store: store.look_up([], ["w1"])) == ([], {"w1": 7})


def test_a_message_may_name_any_prefix_and_number_of_attempts(redis_store, settings):
    """What cannot be written at all would wait for ever, and be taken for an outage."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": Tenant()}
    refs = '[1,[["shop.order","1"]],[]]'
    headers = {"id": "x", "task": "y", HEADER: refs, WHOSE: "\ud800", "retries": "\ud800"}
    run = run_of_message(SimpleNamespace(headers=headers))
    run.note_now(facts.RETURNED)
    with prefix.using(run.whose):
        assert redis_store.write(run.batch()) == 0
        assert len(redis_store.read([REF])[0]) == 2


def test_a_soft_time_limit_that_strikes_while_it_is_asked_whose_a_fact_is_is_the_tasks(tenant):
    tenant.error = SoftTimeLimitExceeded()
    with pytest.raises(SoftTimeLimitExceeded):
        prefix.current()
