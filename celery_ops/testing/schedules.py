"""What every source of schedules does."""

# ruff: noqa: S101 - asserting is what this module is for

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from celery.schedules import crontab, schedule

from ..exceptions import ScheduleRefused
from ..schedules.info import Entry
from ..schedules.sources.base import ACTIONS, PAUSE, RESUME, RUN, SKIP, ScheduleSource
from .base import HOSTILE


class ScheduleSourceContract:
    """The suite of sources of schedules: implement ``make_source``. It may have other entries beside the planted."""

    #: Names that the source can hold, none of them ordinary.
    odd_names: Sequence[str] = ("a/b", "é", "100%", "<b>x</b>", "a?b=c#d", "[1]", "*", "{0}", "a:b")

    def make_source(self, entries: Sequence[Entry]) -> ScheduleSource:
        """Return the source with these entries: name, task, schedule, args and kwargs of each are to be planted."""
        raise NotImplementedError

    def entries(self) -> list[Entry]:
        """Return what is planted."""
        return [
            self._entry("contract.nightly", crontab("30", "2"), args=(1,), kwargs={"who": "Ada"}),
            self._entry("contract.often", schedule(10)),
        ]

    def planted(self) -> ScheduleSource:
        return self.make_source(self.entries())

    def test_an_empty_source_has_none_of_the_planted_entries(self) -> None:
        assert not _planted(self.make_source(()))

    def test_it_says_what_it_is(self) -> None:
        source = self.planted()
        assert source.name
        assert str(source.label).strip()

    def test_every_entry_is_listed_once(self) -> None:
        names = [entry.name for entry in self.planted().entries()]
        assert len(names) == len(set(names))
        assert {"contract.nightly", "contract.often"} <= set(names)

    def test_an_entry_says_what_is_sent(self) -> None:
        nightly = _planted(self.planted())["contract.nightly"]
        assert (nightly.task, tuple(nightly.args), dict(nightly.kwargs)) == ("contract.task", (1,), {"who": "Ada"})
        assert (nightly.enabled, nightly.broken) == (True, "")

    def test_an_entry_has_celerys_schedule_to_ask(self) -> None:
        entries = _planted(self.planted())
        moment = datetime(2026, 5, 1, 1, tzinfo=timezone.utc)
        assert entries["contract.often"].schedule.is_due(moment)[0]
        assert sorted(entries["contract.nightly"].schedule.hour) == [2]
        assert entries["contract.nightly"].expression

    def test_each_action_can_be_done_or_says_why_not(self) -> None:
        for entry in self.planted().entries():
            assert RUN in entry.actions
            assert set(entry.actions) | set(entry.refused) == set(ACTIONS)
            assert not set(entry.actions) & set(entry.refused)
            assert all(str(reason).strip() for reason in entry.refused.values())

    def test_what_cannot_be_done_is_refused_with_a_reason(self) -> None:
        source = self.planted()
        entry = _planted(source)["contract.often"]
        for action, do in self._actions(source).items():
            if action in entry.refused and action != RESUME:
                refusal = _refusal(do, entry.name)
                assert refusal.strip(), action

    def test_an_entry_that_can_be_paused_is_disabled_until_it_is_resumed(self) -> None:
        source = self.planted()
        if PAUSE not in _planted(source)["contract.often"].actions:
            return
        source.pause("contract.often")
        paused = _planted(source)["contract.often"]
        assert not paused.enabled
        assert RESUME in paused.actions
        source.resume("contract.often")
        assert _planted(source)["contract.often"].enabled

    def test_a_skipped_occurrence_is_counted_as_run(self) -> None:
        source = self.planted()
        if SKIP not in _planted(source)["contract.nightly"].actions:
            return
        due = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
        source.skip("contract.nightly", due)
        assert _planted(source)["contract.nightly"].last_run_at == due

    def test_an_occurrence_that_was_sent_or_skipped_meanwhile_is_not_skipped(self) -> None:
        source = self.planted()
        if SKIP not in _planted(source)["contract.nightly"].actions:
            return
        due = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
        source.skip("contract.nightly", due)
        for earlier in (due, due - timedelta(minutes=1)):
            assert _refusal(lambda name, moment=earlier: source.skip(name, moment), "contract.nightly").strip()
        assert _planted(source)["contract.nightly"].last_run_at == due

    def test_an_entry_of_an_odd_name_is_found_and_no_other(self) -> None:
        source = self.make_source([self._entry(name, schedule(10)) for name in self.odd_names])
        for name in self.odd_names:
            entry = source.entry(name)
            assert entry is not None, name
            assert entry.name == name

    def test_an_unknown_entry_is_none(self) -> None:
        source = self.planted()
        for name in ("", "contract", "contract.nightly.x", *HOSTILE):
            assert source.entry(name) is None, name[:80]

    def _entry(self, name: str, entry_schedule: Any, **given: Any) -> Entry:
        return Entry(name, "contract.task", "", str(entry_schedule), schedule=entry_schedule, **given)

    @staticmethod
    def _actions(source: ScheduleSource) -> dict[str, Any]:
        due = datetime.now(timezone.utc) + timedelta(hours=1)
        return {PAUSE: source.pause, RESUME: source.resume, SKIP: lambda name: source.skip(name, due)}


def _refusal(do: Any, name: str) -> str:
    """Return why that is refused, nothing where it is done."""
    try:
        do(name)
    except ScheduleRefused as refusal:
        return str(refusal)
    return ""


def _planted(source: ScheduleSource) -> dict[str, Entry]:
    return {entry.name: entry for entry in source.entries() if entry.name.startswith("contract.")}
