"""Each source of schedules, held to what all do, and what is its own."""

import json
import sys
import uuid
from datetime import datetime, timedelta, timezone
from types import ModuleType

import pytest
from celery.schedules import crontab, schedule

from celery_ops.exceptions import BackendUnavailable, ScheduleRefused
from celery_ops.schedules import board
from celery_ops.schedules.board import Sending
from celery_ops.schedules.judging import looked_at
from celery_ops.schedules.problems import queue_of
from celery_ops.schedules.sources.redbeat import RedbeatSource
from celery_ops.schedules.sources.settings import SettingsSource
from celery_ops.schedules.sources.site_sources import sources
from celery_ops.schedules.surroundings import Surroundings
from celery_ops.testing import ScheduleSourceContract
from tests.celery import app

NOW = datetime.now(timezone.utc)


@pytest.fixture
def configured():
    """Set what the settings say of the schedule, for one test."""
    before = {name: app.conf.get(name) for name in ("beat_schedule", "redbeat_redis_url", "redbeat_key_prefix")}
    yield lambda **values: app.conf.update(values)
    app.conf.update(before)


class TestSettings(ScheduleSourceContract):
    @pytest.fixture(autouse=True)
    def _configured(self, configured):
        self.configure = configured

    def make_source(self, entries):
        self.configure(
            beat_schedule={
                entry.name: {"task": entry.task, "schedule": entry.schedule, "args": entry.args, "kwargs": entry.kwargs}
                for entry in entries
            }
        )
        return SettingsSource()

    def test_an_entry_that_beat_cannot_make_says_so(self):
        self.configure(beat_schedule={"odd": {"task": "x", "schedule": 10, "nonsense": 1}, "none": None})
        assert all(entry.broken for entry in SettingsSource().entries() if entry.name in ("odd", "none"))

    def test_celerys_own_entry_is_there_where_beat_adds_it(self):
        self.configure(beat_schedule={"odd": {"task": "x", "schedule": 10}})
        names = {entry.name for entry in SettingsSource().entries()}
        assert ("celery.backend_cleanup" in names) is (not app.backend.supports_autoexpire)

    @pytest.mark.parametrize("given", [{"args": "text"}, {"kwargs": ["x"]}, {"nonsense": 1}])
    def test_what_is_given_in_no_way_that_beat_can_send_is_not_run_by_hand_without_it(self, given):
        self.configure(
            beat_schedule={"odd": {"task": "x", "schedule": 10, **given}, "good": {"task": "x", "schedule": 10}}
        )
        odd, good = (SettingsSource().entry(name) for name in ("odd", "good"))
        assert odd.broken == odd.unreadable != ""
        assert (good.broken, good.unreadable) == ("", "")

    def test_a_site_without_entries_has_none(self):
        self.configure(beat_schedule={})
        assert list(SettingsSource().entries()) == []


@pytest.mark.database
class TestDatabase(ScheduleSourceContract):
    pytestmark = pytest.mark.django_db

    @pytest.fixture(autouse=True)
    def _models(self, db):
        self.models = pytest.importorskip("django_celery_beat.models")

    def plant(self, name, **fields):
        if not {"interval", "crontab", "clocked", "solar"} & set(fields):
            fields["interval"] = self.models.IntervalSchedule.objects.get_or_create(every=10, period="seconds")[0]
        return self.models.PeriodicTask.objects.create(name=name, task=fields.pop("task", "contract.task"), **fields)

    def make_source(self, entries):
        from celery_ops.schedules.sources.database import DatabaseSource

        for entry in entries:
            if isinstance(entry.schedule, crontab):
                parts = {"minute": entry.schedule._orig_minute, "hour": entry.schedule._orig_hour}
                fields = {"crontab": self.models.CrontabSchedule.objects.get_or_create(**parts, timezone="UTC")[0]}
            else:
                fields = {}
            self.plant(entry.name, args=json.dumps(entry.args), kwargs=json.dumps(entry.kwargs), **fields)
        return DatabaseSource()

    def test_a_thousand_entries_are_one_query(self, django_assert_num_queries):
        cron = self.models.CrontabSchedule.objects.create(minute="0", hour="4", timezone="Europe/Berlin")
        self.models.PeriodicTask.objects.bulk_create(
            self.models.PeriodicTask(name=f"e{number}", task="x", crontab=cron) for number in range(1000)
        )
        source = self.make_source(())
        with django_assert_num_queries(1):
            assert len(source.entries()) == 1000

    def test_arguments_that_are_no_json_are_named(self):
        self.plant("contract.odd", args="[1,")
        assert "no JSON" in self.make_source(()).entry("contract.odd").broken

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ("[1,", "no JSON"),
            ("[" + "9" * 5000 + "]", "no JSON"),
            ('{"a": 1}', "no list and no mapping"),
            ('[{"__type__": "bytes", "__value__": 5}]', "cannot make an entry"),
            ('[{"__type__": "decimal", "__value__": "x"}]', "cannot make an entry"),
            ('[{"__type__": [], "__value__": 5}]', "cannot make an entry"),
        ],
    )
    def test_arguments_that_cannot_be_read_hide_no_other_entry_and_are_not_run_without(self, args, said):
        self.plant("contract.odd", args=args)
        self.plant("contract.good", args="[1]")
        odd, good = self.make_source(()).entries()
        assert said in odd.broken
        assert (odd.unreadable, odd.args) == (odd.broken, ())
        assert (good.unreadable, good.args) == ("", (1,))

    def test_arguments_that_are_too_long_to_be_read_are_nothing_wrong(self):
        self.plant("contract.long", args=json.dumps(["x" * 70_000]))
        long = self.make_source(()).entry("contract.long")
        assert long.broken == ""
        assert "too large" in long.unreadable

    @pytest.mark.parametrize("route", [{"routing_key": "mail.eu"}, {"exchange": "mail"}])
    def test_what_beat_sends_by_a_routing_key_is_not_sent_by_hand_to_a_queue_of_that_name(self, route):
        self.plant("contract.routed", **route)
        routed = self.make_source(()).entry("contract.routed")
        assert (routed.queue, "run" in routed.actions) == (None, False)
        assert "routing key" in routed.refused["run"]
        assert queue_of(routed, app) is None

    def test_an_entry_with_a_queue_keeps_it(self):
        self.plant("contract.queued", queue="mail", routing_key="mail.eu")
        queued = self.make_source(()).entry("contract.queued")
        assert (queued.queue, "run" in queued.actions) == ("mail", True)

    def test_a_crontab_that_celery_refuses_is_named(self):
        cron = self.models.CrontabSchedule.objects.create(minute="0", hour="4", day_of_month="x", timezone="UTC")
        self.plant("contract.odd", crontab=cron)
        assert self.make_source(()).entry("contract.odd").broken

    def test_a_pause_that_ends_begins_when_it_ends(self):
        source = self.make_source(self.entries())
        source.pause("contract.often", NOW + timedelta(hours=1))
        paused = source.entry("contract.often")
        assert paused.enabled
        assert paused.start == NOW + timedelta(hours=1)
        source.resume("contract.often")
        assert source.entry("contract.often").start is None

    def _due_at(self, name, moment):
        """Return whether beat would send an entry at that moment, which it reads just then."""
        from django_celery_beat.schedulers import ModelEntry

        entry = ModelEntry(self.models.PeriodicTask.objects.get(name=name), app=app)
        entry.schedule.nowfun = entry._default_now = lambda: moment
        return entry.is_due().is_due

    def test_a_pause_that_ends_sends_nothing_that_is_not_due(self):
        """An entry that has a start and never ran is sent at its start, whatever its schedule says."""
        start = NOW.replace(hour=10, minute=0)
        source = self.make_source(self.entries())
        end = start + timedelta(days=1)
        self.models.PeriodicTask.objects.update(date_changed=end - timedelta(hours=2))
        source.pause("contract.nightly", end)
        assert source.entry("contract.nightly").paused_until == end
        assert not self._due_at("contract.nightly", end + timedelta(seconds=1))

    def test_what_is_resumed_is_not_sent_at_once_for_a_pause_that_ended_before(self):
        source = self.make_source(self.entries())
        self.models.PeriodicTask.objects.filter(name="contract.nightly").update(last_run_at=NOW - timedelta(hours=30))
        source.pause("contract.nightly", NOW - timedelta(hours=1))  # its end has passed since
        source.pause("contract.nightly")
        source.resume("contract.nightly")
        assert not self._due_at("contract.nightly", datetime.now(timezone.utc))

    def test_a_run_that_beat_has_not_written_yet_is_not_written_over(self, memory_store):
        """django-celery-beat would write its own last run over what skips the next occurrence."""
        source = self.make_source(self.entries())
        sent = int(NOW.timestamp() * 1000)
        board.add({}, {"contract.often": {1: Sending(sent, sent, "id")}}, 0, NOW.timestamp())
        with pytest.raises(ScheduleRefused, match="try again"):
            source.skip("contract.often", NOW + timedelta(seconds=10))
        self.models.PeriodicTask.objects.filter(name="contract.often").update(last_run_at=NOW)
        source.skip("contract.often", NOW + timedelta(seconds=10))

    def test_long_arguments_are_not_kept_once_for_each_run(self):
        from celery_ops.schedules.sources import database

        source = self.make_source(self.entries())
        long = self.plant("contract.long", kwargs=json.dumps({"ids": "x" * 15_000}))
        kept = database._entry.cache_info().currsize if list(source.entries()) else 0
        for run in range(1, 4):
            self.models.PeriodicTask.objects.filter(pk=long.pk).update(total_run_count=run, last_run_at=NOW)
            assert (_of(source, long.name).run_count, _of(source, long.name).kwargs["ids"][:2]) == (run, "xx")
        assert database._entry.cache_info().currsize == kept

    def test_beat_is_told_of_what_is_changed(self):
        source = self.make_source(self.entries())
        before = self.models.PeriodicTasks.last_change()
        source.pause("contract.often")
        assert self.models.PeriodicTasks.last_change() > before


def test_a_scheduler_of_the_sites_own_is_known_once_its_module_is_loaded(monkeypatch):
    """A page may ask before anything has loaded it."""
    kind = type("Scheduler", (), {"__module__": "redbeat.schedulers"})
    source = RedbeatSource()
    assert not source.is_read_by("loaded_later.OwnScheduler")
    module = ModuleType("loaded_later")
    module.OwnScheduler = type("OwnScheduler", (kind,), {"__module__": "loaded_later"})
    monkeypatch.setitem(sys.modules, "loaded_later", module)
    assert source.is_read_by("loaded_later.OwnScheduler")


class TestRedbeat(ScheduleSourceContract):
    @pytest.fixture(autouse=True)
    def _redis(self, redis_server, configured):
        self.schedulers = pytest.importorskip("redbeat.schedulers")
        configured(
            redbeat_redis_url=f"{redis_server.url}/9",
            redbeat_key_prefix=f"rb-{uuid.uuid4().hex[:6]}:",
            redbeat_redis_options={"decode_responses": True},
            beat_schedule={},
        )
        for name in ("redbeat_conf", "redbeat_redis"):
            app.__dict__.pop(name, None)
        yield
        for name in ("redbeat_conf", "redbeat_redis"):
            if (kept := app.__dict__.pop(name, None)) is not None and hasattr(kept, "close"):
                kept.close()

    def make_source(self, entries):
        for entry in entries:
            self.schedulers.RedBeatSchedulerEntry(
                entry.name, entry.task, entry.schedule, entry.args, entry.kwargs, app=app
            ).save()
        return RedbeatSource()

    def test_it_is_used_where_the_settings_name_its_redis(self):
        assert "redbeat" in [source.name for source in sources()]

    def test_an_entry_comes_when_redbeat_means_to_send_it(self):
        source = self.make_source(self.entries())
        entry = self.schedulers.RedBeatSchedulerEntry.from_key(source._key("contract.nightly"), app=app)
        entry.reschedule()
        nightly = looked_at(source.entry("contract.nightly"), None, NOW, Surroundings(), app)
        assert abs((nightly.next_due - entry.due_at).total_seconds()) <= 1

    def test_an_entry_that_has_run_is_due_when_its_schedule_says_and_not_by_its_score(self):
        """redbeat saves the entries of beat_schedule when it starts, with half of the time that is left."""
        source = self.make_source(())
        entry = self.schedulers.RedBeatSchedulerEntry("contract.hourly", "contract.task", schedule(3600), app=app)
        entry.save()
        entry.reschedule(last_run_at=NOW - timedelta(minutes=40))
        entry.save()
        hourly = looked_at(source.entry("contract.hourly"), None, NOW, Surroundings(), app)
        assert hourly.next_due == NOW + timedelta(minutes=20)

    def test_a_long_definition_is_not_kept_once_for_each_run(self):
        from celery_ops.schedules.sources import redbeat

        source = self.make_source(())
        entry = self.schedulers.RedBeatSchedulerEntry(
            "contract.long", "contract.task", schedule(3600), (), {"ids": "x" * 15_000}, app=app
        )
        entry.save()
        kept = redbeat._entry.cache_info().currsize if list(source.entries()) else 0
        for run in range(1, 4):
            entry.reschedule(last_run_at=NOW - timedelta(minutes=run))
            assert _of(source, entry.name).last_run_at == NOW - timedelta(minutes=run)
            assert _of(source, entry.name).kwargs["ids"][:2] == "xx"
        assert redbeat._entry.cache_info().currsize == kept

    def test_what_lies_there_and_is_no_entry_is_named(self, redis_server):
        source = self.make_source(self.entries())
        with source._client() as client:
            client.hset(source._key("contract.often"), "definition", '{"task": "x", "schedule": {"__type__": "crontab"')
        broken = _of(source, "contract.often")
        assert broken.broken == broken.unreadable != ""

    @pytest.mark.parametrize("given", [{"args": "text"}, {"args": {"a": 1}}, {"kwargs": ["x"]}])
    def test_what_is_given_in_no_way_that_beat_can_send_is_not_run_by_hand_without_it(self, given):
        source = self.make_source(self.entries())
        key = source._key("contract.often")
        with source._client() as client:
            client.hset(key, "definition", json.dumps({**json.loads(client.hget(key, "definition")), **given}))
        odd = _of(source, "contract.often")
        assert "beat cannot send it" in odd.broken
        assert (odd.unreadable, odd.args, odd.kwargs) == (odd.broken, (), {})

    def test_an_entry_that_is_deleted_at_the_same_moment_leaves_nothing_behind(self, monkeypatch):
        source = self.make_source(self.entries())
        read = source.entry

        def read_and_delete(name):
            entry = read(name)
            with source._client() as client:
                client.delete(source._key(name))
            return entry

        monkeypatch.setattr(source, "entry", read_and_delete)
        with pytest.raises(ScheduleRefused, match="no such entry"):
            source.skip("contract.nightly", NOW + timedelta(hours=1))
        assert read("contract.nightly") is None

    def test_an_entry_that_beat_sends_at_the_same_moment_is_not_skipped(self, monkeypatch):
        source = self.make_source(self.entries())
        read = source.entry

        def read_and_send(name):
            entry = read(name)
            self.schedulers.RedBeatSchedulerEntry.from_key(source._key(name), app=app).reschedule(
                last_run_at=NOW + timedelta(hours=1)
            )
            return entry

        monkeypatch.setattr(source, "entry", read_and_send)
        with pytest.raises(ScheduleRefused, match="not the next occurrence"):
            source.skip("contract.nightly", NOW + timedelta(hours=1))

    def test_what_somebody_changes_at_the_same_moment_stays_changed_by_a_pause(self, monkeypatch):
        source = self.make_source(self.entries())
        put = source._put

        def change_and_put(client, key, *values):
            monkeypatch.setattr(source, "_put", put)
            definition = json.loads(client.hget(key, "definition"))
            client.hset(key, "definition", json.dumps({**definition, "task": "another.task"}))
            return put(client, key, *values)

        monkeypatch.setattr(source, "_put", change_and_put)
        source.pause("contract.often")
        paused = source.entry("contract.often")
        assert (paused.task, paused.enabled) == ("another.task", False)

    def test_a_redis_that_is_away_is_said_so(self, configured):
        configured(redbeat_redis_url="redis://127.0.0.1:1/0")
        with pytest.raises(BackendUnavailable):
            RedbeatSource().entries()


def _of(source, name):
    return next(entry for entry in source.entries() if entry.name == name)
