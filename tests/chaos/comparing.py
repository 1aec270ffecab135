"""What is shown, beside what is true."""

from collections import Counter
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from celery_ops import tasks_for_many
from celery_ops.metrics import insight
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.windows import WINDOWS
from celery_ops.models import TaskRunRecord
from tests.shop.models import Order

from .model import BUSY, COUNTED, FACTS, LINES, NUMBERS, SENT, Truth, executions_of, lines_of, state_of
from .tasks import is_asked_for

#: What a row says of a run that the broker did not answer for.
ROWS = ("FAILED", "REQUESTED")
#: Seconds that a request may take from its row on.
ANSWERED_WITHIN = 60.0


@dataclass
class Findings:
    """What was compared, what was lost as documented, and what is not as it should be."""

    compared: Counter[str] = field(default_factory=Counter)
    documented: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)

    def same(self, what: str, shown: object, true: object, whose: str, *bounds: tuple[str, bool]) -> None:
        """Compare; ``bounds`` are the documented losses with whether they explain what is shown, the closest first."""
        self.compared[what] += 1
        if shown == true:
            return
        for name, explains in bounds:
            if explains:
                self.documented[f"{what}: {name}"] += 1
                return
        self.mismatches.append(f"{what} of {whose}: shown {shown!r}, true {true!r}")


class Comparison:
    def __init__(self, truth: Truth, orders: int) -> None:
        self.truth, self.findings = truth, Findings()
        self.orders = [Order(pk=pk) for pk in range(orders + 100)]
        self.browser = Client()
        self.browser.force_login(User.objects.get(username="root"))

    def all(self) -> Findings:
        self.panels()
        self.lists()
        self.logs()
        self.numbers()
        self.schedules()
        self.journal()
        self.pages()
        return self.findings

    def pages(self) -> None:
        """No page is an error of the server's."""
        for note in self.truth.notes:
            if note.what == "page":
                answered = note.text in ("200", "201", "503")
                self.findings.same("page", answered, True, f"{note.name}: {note.text}")

    def journal(self) -> None:
        """What a person had sent has its row, what a row says was sent was, and who was told so has both."""
        rows = {row.task_id: row for row in TaskRunRecord.objects.all()}
        told: dict[str, set[str]] = {task_id: set() for task_id in rows}
        for task_id, notes in self.truth.of_tasks.items():
            if self.truth.names.get(task_id) == is_asked_for.name:
                told[task_id] = {note.what for note in notes}
        for task_id, whats in told.items():
            state = rows[task_id].send_state if task_id in rows else "no row"
            begun = rows[task_id].created_at.timestamp() if task_id in rows else 0.0
            bounds = [("its process or its row was away", state == "REQUESTED" and self._journal_was_away(begun))]
            if "sent" in whats:
                self.findings.same("journal of what was sent", state, "SENT", task_id, *bounds)
            elif whats:  # the broker had it, and its answer was lost
                self.findings.same("journal of what the broker took in silence", state in ROWS, True, task_id)
            else:
                self.findings.same("journal of what was not sent", state, "FAILED", task_id, *bounds)

    def _journal_was_away(self, begun: float) -> bool:
        return any(since <= begun + ANSWERED_WITHIN and begun <= until for since, until in self.truth.unable_to_journal)

    def _bounds(self, task_id: str, shown: str) -> tuple[tuple[str, bool], ...]:
        notes = self.truth.of_tasks[task_id]

        def explains(bound: float) -> bool:
            return shown in self.truth.possible_states(notes, bound)

        return ("within its bound", explains(FACTS)), ("within a busy machine's second", explains(FACTS + BUSY))

    def panels(self) -> None:
        shown = {task.id: task for many in tasks_for_many(self.orders, None).values() for task in many}
        for task_id in self.truth.of_tasks:
            self._panel(task_id, shown.get(task_id))
        for task_id in set(shown) - set(self.truth.of_tasks):
            self.findings.mismatches.append(f"panel: {shown[task_id]} was never sent")

    def _panel(self, task_id, task) -> None:
        notes = self.truth.of_tasks[task_id]
        state, whose = state_of(notes), f"{self.truth.names.get(task_id)} {task_id}"
        seen = task.state if task else "nothing"
        if task is None:
            is_doubtful = all(self.truth.may_be_lost(note, FACTS) for note in notes if note.what in COUNTED)
            self.findings.same("state in the panel", seen, state, whose, ("within its bound", is_doubtful))
            return
        starts = [note for note in notes if note.what == "started"]
        bounds = *self._bounds(task_id, seen), self._untold(starts, seen, state)
        self.findings.same("state in the panel", seen, state, whose, *bounds)
        true, is_again = executions_of(notes), self._is_of_its_last_message(notes, task.executions)
        if is_again and task.executions != true:
            self.findings.same(
                "executions", task.executions, true, whose, ("published again, as by a chain's task", True)
            )
            return
        for name, bound in (("within its bound", FACTS), ("within a busy machine's second", FACTS + BUSY)):
            doubtful = sum(self.truth.may_be_lost(note, bound) for note in starts)
            if true != task.executions and true - doubtful <= task.executions <= true:
                self.findings.same("executions", task.executions, true, whose, (name, True))
                return
        self.findings.same("executions", task.executions, true, whose)

    def _untold(self, starts, seen: str, true: str) -> tuple[str, bool]:
        is_untold = (seen, true) == ("STARTED", "LOST") and self.truth.has_living_worker(starts[-1])
        return "Celery told nobody of its end, and its worker lives", is_untold

    def _is_of_its_last_message(self, notes, executions: int) -> bool:
        """Whether a task that was published again shows what has come of that: with it, it begins anew."""
        published = [note.message for note in notes if note.what == "sent" and note.attempt == 1]
        if len(published) < 2:
            return False
        of_the_last = [note for note in notes if note.what == "started" and note.message == published[-1]]
        return len(of_the_last) <= executions <= executions_of(notes)

    def lists(self) -> None:
        """Every task that has begun is in the list of all tasks, in the state that its panel shows."""
        shown, url = {}, reverse("celery_ops:api-history") + "?page_size=1000"
        while url:
            answer = self.browser.get(url)
            assert answer.status_code == 200, (url, answer.status_code, answer.content[:500])
            page = answer.json()
            shown |= {item["task_id"]: item["state"] for item in page["results"]}
            url = page["next"]
        for task_id, notes in self.truth.of_tasks.items():
            if task_id in shown:
                whose = f"{self.truth.names.get(task_id)} {task_id}"
                seen, true = shown[task_id], state_of(notes)
                # the result of one whose process died before it told anybody else
                if seen == "SUCCESS" and any(note.what == "returned" for note in notes):
                    true = seen
                starts = [note for note in notes if note.what == "started"]
                is_row = seen == "STARTED" and any(self.truth.may_be_lost(note, FACTS + BUSY) for note in starts)
                row = ("a row whose start tracking has lost", is_row)
                bounds = *self._bounds(task_id, seen), row, self._untold(starts, seen, true)
                self.findings.same("state in the list", seen, true, whose, *bounds)

    def logs(self) -> None:
        for task_id, notes in self.truth.of_tasks.items():
            true = lines_of(notes)
            if not true:
                continue
            answer = self.browser.get(reverse("celery_ops:api-logs", args=[task_id]))
            lines = answer.json()["lines"] if answer.status_code == 200 else []
            shown = {(line["attempt"], line["message"]) for line in lines}
            for key, note in true.items():
                bounds = [
                    ("within its bound", self.truth.may_be_lost(note, LINES)),
                    ("within a busy machine's second", self.truth.may_be_lost(note, LINES + BUSY)),
                ]
                self.findings.same("log line", key in shown, True, f"{note.name} {task_id} {key}", *bounds)
            for key in shown - set(true):
                self.findings.mismatches.append(f"log of {task_id}: {key} was never logged")

    def numbers(self) -> None:
        by_name: dict[str, Counter[str]] = {}
        at_risk: Counter[tuple[str, str]] = Counter()
        on_a_busy_machine: Counter[tuple[str, str]] = Counter()
        for note in self.truth.counted():
            if note.name:
                by_name.setdefault(note.name, Counter())[note.what] += 1
                at_risk[note.name, note.what] += self.truth.may_be_lost(note, NUMBERS)
                on_a_busy_machine[note.name, note.what] += self.truth.may_be_lost(note, NUMBERS + BUSY)
        for name, told in by_name.items():
            shown = insight.insight(WINDOWS["1h"], task=name)
            for what, cell in COUNTED.items():
                seen, risk = shown.count(Cell[cell]), at_risk[name, what]
                missing = told[what] - seen
                self.findings.compared["numbers, events"] += told[what]
                self.findings.documented["numbers, events: within their bound"] += max(0, missing)
                self.findings.documented["numbers, events at risk"] += risk
                bounds = [
                    ("within what was at risk", 0 < missing <= risk),
                    ("within a busy machine's second", 0 < missing <= on_a_busy_machine[name, what]),
                ]
                self.findings.same("numbers", seen, told[what], f"{name}, {cell}", *bounds)

    def schedules(self) -> None:
        from celery_ops.schedules.report import completed, report

        shown = {one.entry.name: one for one in completed(report(asks_around=False).schedules)}
        by_entry: dict[str, dict[str, object]] = {}
        for note in self.truth.notes:
            if note.what == "sent" and note.text and note.attempt == 1:
                by_entry.setdefault(note.text, {})[note.id] = note
        for name, sent in by_entry.items():
            occurrences = {one.task_id: one for one in shown[name].occurrences if one.task_id} if name in shown else {}
            for task_id, note in list(sent.items())[-60:]:
                bounds = [
                    ("within its bound", self.truth.may_be_lost(note, SENT)),
                    ("within a busy machine's second", self.truth.may_be_lost(note, SENT + BUSY)),
                ]
                self.findings.same("occurrence sent", task_id in occurrences, True, f"{name} {task_id}", *bounds)
                if task_id in occurrences:
                    state = occurrences[task_id].state
                    self.findings.same(
                        "occurrence's end",
                        state or "PENDING",
                        state_of(self.truth.of_tasks[task_id]),
                        f"{name} {task_id}",
                        *self._bounds(task_id, state or "PENDING"),
                    )
            for task_id in set(occurrences) - set(sent):
                self.findings.mismatches.append(f"schedule {name}: {task_id} was never sent")
