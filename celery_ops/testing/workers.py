"""What every worker backend does."""

# ruff: noqa: S101 - asserting is what this module is for

from collections.abc import Sequence
from dataclasses import replace

from .. import states
from ..backends.base import WorkerBackend
from ..info import NO_REPLY, WorkerDetail, WorkerInfo
from .base import BEGIN, HOSTILE, BackendContract, planted_task


class WorkerBackendContract(BackendContract):
    """The suite of worker backends: implement ``make_backend``."""

    #: Hostnames that the source can hold, none of them ordinary.
    odd_hostnames: Sequence[str] = ("w/1@host", "w 1@host", "é@host", "100%@host", "<b>@host", "..", "w@host?x=1#y")

    def make_backend(self, workers: Sequence[WorkerDetail]) -> WorkerBackend:
        """Return the backend over a source that knows exactly these workers; a ``no_reply`` one is silent now."""
        raise NotImplementedError

    def workers(self) -> list[WorkerDetail]:
        """Return what is planted: three workers out of order, one of them silent."""
        task = planted_task(0, states.STARTED)
        busy = WorkerInfo(
            "w2@host", concurrency=2, active=1, reserved=1, scheduled=0, processed=12, queues=("mail", "a")
        )
        idle = WorkerInfo("w1@host", concurrency=1, active=0, reserved=0, scheduled=0, processed=0, queues=("mail",))
        waiting = replace(planted_task(1, states.RECEIVED), worker="w2@host")
        return [
            WorkerDetail(busy, active=(replace(task, worker="w2@host"),), reserved=(waiting,), pid=12),
            WorkerDetail(WorkerInfo("w3@host", state=NO_REPLY, last_seen=BEGIN)),
            WorkerDetail(idle, pid=11),
        ]

    def planted(self) -> WorkerBackend:
        return self.make_backend(self.workers())

    def test_a_source_without_workers_lists_none(self) -> None:
        assert self.make_backend(()).workers().workers == ()

    def test_workers_are_listed_by_hostname(self) -> None:
        assert [worker.hostname for worker in self.planted().workers().workers] == ["w1@host", "w2@host", "w3@host"]

    def test_a_report_says_when_it_was_collected(self) -> None:
        assert self.planted().workers().collected_at.tzinfo is not None

    def test_a_report_of_now_has_no_trouble(self) -> None:
        assert not self.planted().workers().trouble

    def test_a_worker_that_answers_is_online(self) -> None:
        worker = _worker(self.planted(), "w1@host")
        assert worker.is_online

    def test_a_silent_worker_stays_listed_as_such(self) -> None:
        worker = _worker(self.planted(), "w3@host")
        assert (worker.state, worker.is_online) == (NO_REPLY, False)

    def test_a_silent_worker_says_when_it_was_seen_last(self) -> None:
        seen = _worker(self.planted(), "w3@host").last_seen
        assert seen is not None
        assert seen.tzinfo is not None

    def test_counts_and_queues_are_as_the_worker_said(self) -> None:
        worker = _worker(self.planted(), "w2@host")
        counts = (worker.concurrency, worker.active, worker.reserved, worker.scheduled, worker.processed)
        assert counts == (2, 1, 1, 0, 12)
        assert set(worker.queues or ()) == {"mail", "a"}

    def test_a_detail_agrees_with_the_list(self) -> None:
        backend = self.planted()
        detail, listed = _detail(backend, "w2@host").info, _worker(backend, "w2@host")
        assert replace(detail, last_seen=None) == replace(listed, last_seen=None)

    def test_a_detail_has_the_tasks(self) -> None:
        detail = _detail(self.planted(), "w2@host")
        running, waiting = planted_task(0, states.STARTED), planted_task(1, states.RECEIVED)
        active = [(task.id, task.name, task.worker) for task in detail.active]
        assert active == [(running.id, running.name, "w2@host")]
        assert [task.id for task in detail.reserved] == [waiting.id]

    def test_a_detail_of_a_silent_worker_says_that_it_is_silent(self) -> None:
        assert _detail(self.planted(), "w3@host").info.state == NO_REPLY

    def test_a_worker_of_an_odd_name_is_found_and_no_other(self) -> None:
        backend = self.make_backend([WorkerDetail(WorkerInfo(name, active=0)) for name in self.odd_hostnames])
        assert sorted(worker.hostname for worker in backend.workers().workers) == sorted(self.odd_hostnames)
        for name in self.odd_hostnames:
            assert _detail(backend, name).info.hostname == name

    def test_an_unknown_worker_is_none(self) -> None:
        backend = self.planted()
        for name in ("", "w1", "W1@HOST", "w1@host.example"):
            assert backend.worker(name) is None, name

    def test_a_hostile_name_is_only_unknown(self) -> None:
        backend = self.planted()
        for name in HOSTILE:
            assert backend.worker(name) is None, name[:80]


def _worker(backend: WorkerBackend, hostname: str) -> WorkerInfo:
    return next(worker for worker in backend.workers().workers if worker.hostname == hostname)


def _detail(backend: WorkerBackend, hostname: str) -> WorkerDetail:
    detail = backend.worker(hostname)
    assert detail is not None
    return detail
