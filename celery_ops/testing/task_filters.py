"""What every task backend finds, counts and iterates over."""

# ruff: noqa: S101 - asserting is what this module is for

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from .. import states
from ..task_query import TaskPage
from .base import HOSTILE
from .task_suite import TaskSuite, created, everything, ids, ids_of, walk


class FilterSuite(TaskSuite):
    """A filter finds what it says, by itself and beside others; whatever a visitor may send is only a filter."""

    def test_a_state_finds_its_tasks(self) -> None:
        backend, tasks = self.planted()
        for state in self.states:
            assert ids_of(backend, states=(state,)) == ids(task for task in tasks if task.state == state)

    def test_two_states_find_the_tasks_of_both(self) -> None:
        self._finds(lambda task: task.state in self.states[:2], states=tuple(self.states[:2]))

    def test_a_state_that_no_task_has_finds_nothing(self) -> None:
        self._finds(lambda task: False, states=("NO SUCH STATE",))

    def test_a_part_of_a_name_finds_its_tasks(self) -> None:
        self._finds(lambda task: "tasks.charge" in task.name, name="tasks.charge")

    def test_a_name_is_found_without_regard_to_case(self) -> None:
        self._finds(lambda task: "tasks.charge" in task.name, name="TASKS.CHARGE")

    def test_a_sign_in_a_name_is_a_letter_like_any_other(self) -> None:
        backend, tasks = self.planted()
        assert ids_of(backend, name="charge_card") == ids(task for task in tasks if "charge_card" in task.name)
        for name in ("shop_tasks", "charge%card", "%", ".*", "charge?card"):
            assert ids_of(backend, name=name) == set(), name

    def test_a_worker_is_found_by_its_whole_name(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_worker:
            assert ids_of(backend, worker="w1@host") == ids(task for task in tasks if task.worker == "w1@host")
            assert ids_of(backend, worker="w1") == set()

    def test_a_queue_is_found_by_its_whole_name(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_queue:
            assert ids_of(backend, queue="mail") == ids(task for task in tasks if task.queue == "mail")
            assert ids_of(backend, queue="mai") == set()

    def test_only_the_tasks_among_which_it_asks_are_found(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_started_by:
            assert ids_of(backend, among=(tasks[0].id, tasks[3].id, "nobody")) == {tasks[0].id, tasks[3].id}
            assert ids_of(backend, among=()) == set()

    def test_since_includes_its_moment(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_created:
            moment = created(tasks[9])
            assert ids_of(backend, since=moment) == ids(task for task in tasks if created(task) >= moment)

    def test_until_includes_its_moment(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_created:
            moment = created(tasks[9])
            assert ids_of(backend, until=moment) == ids(task for task in tasks if created(task) <= moment)

    def test_filters_narrow_each_other(self) -> None:
        state = self.states[0]
        self._finds(lambda task: task.state == state and "charge" in task.name, states=(state,), name="charge")

    def test_a_whole_id_finds_that_task_alone(self) -> None:
        backend, tasks = self.planted()
        for task in tasks:
            assert walk(backend, replace(everything(backend), text=task.id)) == [task.id]

    def test_a_whole_id_finds_its_task_whatever_the_other_filters_say(self) -> None:
        backend, tasks = self.planted()
        query = replace(everything(backend), text=tasks[0].id, name="nowhere at all", states=(states.IGNORED,))
        assert walk(backend, query) == [tasks[0].id]

    def test_a_whole_id_is_found_although_it_is_a_part_of_another(self) -> None:
        older, newer = self.tasks()[:2]
        newer = replace(newer, id=older.id + "-1")
        backend = self.make_backend([older, newer])
        assert walk(backend, replace(everything(backend), text=older.id)) == [older.id]

    def test_a_part_of_an_id_finds_its_task(self) -> None:
        backend, tasks = self.planted()
        for part in (slice(8), slice(9, 23), slice(24, None)):
            wanted = tasks[3].id[part]
            assert ids_of(backend, text=wanted) == ids(task for task in tasks if wanted in task.id), wanted

    def test_a_part_of_a_name_is_found_as_text(self) -> None:
        self._finds(lambda task: "charge" in task.name, text="Charge")

    def test_text_that_is_nowhere_finds_nothing(self) -> None:
        self._finds(lambda task: False, text="nowhere at all")

    def test_arguments_are_searched_when_asked(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_arguments:
            wanted = ids(task for task in tasks if "Lovelace" in str(task.kwargs))
            assert ids_of(backend, text="lovelace", searches_arguments=True) == wanted

    def test_arguments_are_not_searched_unless_asked(self) -> None:
        self._finds(lambda task: False, text="lovelace")

    def test_what_the_page_hides_of_arguments_is_not_found_either(self) -> None:
        self._finds(lambda task: False, text="xyzzy-secret", searches_arguments=True)

    def test_only_the_payload_that_is_shown_is_searched(self) -> None:
        backend, tasks = self.planted()
        if not (backend.supports_arguments and backend.asks_for_each_name):
            return
        shown = tasks[0].name
        wanted = ids(task for task in tasks if task.name == shown and "Lovelace" in str(task.kwargs))
        filters = {"searches_arguments": True, "shows_payload": lambda name: name == shown}
        assert ids_of(backend, text="lovelace", **filters) == wanted

    def test_what_the_text_means_beside_is_found(self) -> None:
        backend, tasks = self.planted()
        if not backend.asks_for_each_name:
            return
        names, chosen = (tasks[0].name,), (tasks[1].id, tasks[5].id)
        wanted = ids(task for task in tasks if task.name in names or task.id in chosen)
        assert ids_of(backend, text="nowhere at all", names=names, ids=chosen) == wanted

    def test_hostile_filters_are_only_filters(self) -> None:
        backend, _tasks = self.planted()
        for text in HOSTILE:
            for field in ("text", "name", "worker", "queue"):
                filters: dict[str, Any] = {field: text}
                query = replace(everything(backend), **filters, searches_arguments=True)
                assert isinstance(backend.page(query), TaskPage), (field, text[:80])
                backend.counts(query)
            assert backend.page(replace(everything(backend), states=(text,))).tasks == (), text[:80]

    def test_any_dates_are_only_dates(self) -> None:
        backend, _tasks = self.planted()
        for moment in (datetime.min, datetime.max):
            aware = moment.replace(tzinfo=timezone.utc)
            assert isinstance(backend.page(replace(everything(backend), since=aware, until=aware)), TaskPage)

    def test_counts_are_of_each_state_and_of_all(self) -> None:
        self._counts(lambda task: True)

    def test_counts_respect_the_other_filters(self) -> None:
        self._counts(lambda task: "charge" in task.name, name="charge")

    def test_counts_leave_the_states_asked_for_aside(self) -> None:
        self._counts(lambda task: True, states=(self.states[0],))

    def test_iterating_yields_every_task_in_the_order_of_the_pages(self) -> None:
        backend, _tasks = self.planted()
        query = everything(backend)
        assert [task.id for task in backend.iterate(query)] == walk(backend, query)

    def test_iterating_keeps_the_filters(self) -> None:
        backend, tasks = self.planted()
        iterated = backend.iterate(replace(everything(backend), name="charge"))
        assert {task.id for task in iterated} == {task.id for task in tasks if "charge" in task.name}
