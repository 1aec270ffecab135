"""What the soak holds the site to: the truth that notes come to."""

from .model import FACTS, Truth, possible_states
from .truth import Note

CHILD, OTHER, MAIN = 11, 12, 10


def notes(*told):
    return [Note(at, pid, what, "one", "a.task", attempt, text) for at, pid, what, attempt, text in told]


def failures(*told):
    return [note.pid for note in Truth.of(notes(*told)).counted() if note.what == "failed"]


def test_what_a_main_process_says_again_is_no_failure_of_the_attempt_that_has_begun_since():
    told = [
        (1, CHILD, "started", 1, ""),
        (2, OTHER, "started", 2, ""),
        (3, CHILD, "internal error", 1, "OperationalError"),
        (4, MAIN, "failed", 0, "OperationalError"),
        (5, OTHER, "succeeded", 2, ""),
    ]
    assert failures(*told) == [CHILD]


def test_a_process_that_runs_a_task_twice_may_fail_twice():
    told = [
        (1, CHILD, "started", 1, ""),
        (2, CHILD, "failed", 1, "ValueError"),
        (3, CHILD, "started", 1, ""),
        (4, CHILD, "failed", 1, "ValueError"),
    ]
    assert failures(*told) == [CHILD, CHILD]


def test_a_lost_process_is_one_failure_of_what_it_ran_though_its_main_process_says_so_twice():
    told = [
        (1, CHILD, "started", 1, ""),
        (2, MAIN, "failed", 0, "TimeLimitExceeded"),
        (3, MAIN, "failed", 0, "WorkerLostError"),
    ]
    assert failures(*told) == [MAIN]


def test_of_what_a_store_had_when_it_lost_everything_nothing_need_be_shown_and_of_what_came_after_all():
    told = [
        (1, CHILD, "started", 1, ""),
        (2, MAIN, "emptied", 0, ""),
        (3, CHILD, "succeeded", 1, ""),
    ]
    truth = Truth.of(notes(*told))
    mine = truth.of_tasks["one"]
    assert [truth.may_be_lost(note, FACTS) for note in mine if note.what != "emptied"] == [True, False]
    assert possible_states(mine, [truth.may_be_lost(note, FACTS) for note in mine]) == {"SUCCESS"}


def test_a_child_whose_main_process_is_killed_ends_as_abruptly():
    told = [
        Note(1, CHILD, "forked", text=str(MAIN)),
        Note(2, CHILD, "started", "one", "a.task", 1),
        Note(2.1, MAIN, "killed", text=str(MAIN)),
        Note(2.2, MAIN, "ended", text=str(CHILD), until=2.1),
    ]
    truth = Truth.of(told)
    assert truth.may_be_lost(truth.of_tasks["one"][0], 1.0)


def test_a_worker_lives_though_the_child_that_ran_a_task_was_killed():
    told = [
        Note(1, CHILD, "forked", text=str(MAIN)),
        Note(2, CHILD, "started", "one", "a.task", 1),
        Note(3, MAIN, "killed", text=str(CHILD)),
    ]
    truth = Truth.of(told)
    (started,) = truth.of_tasks["one"]
    assert truth.has_living_worker(started)
    assert not Truth.of([*told, Note(4, MAIN, "ended", text=str(MAIN))]).has_living_worker(started)


def test_a_mismatch_is_told_with_what_happened_to_its_task_and_how_its_processes_ended():
    told = [
        Note(1, CHILD, "started", "one", "a.task", 1),
        Note(2, MAIN, "killed", text=str(CHILD)),
        Note(4, MAIN, "fault", name="store", text="frozen", until=3),
    ]
    lines = "\n".join(Truth.of(told).about("state of a.task one: shown 'LOST', true 'STARTED'"))
    assert f"1.000 one started of attempt 1 by process {CHILD}, which was killed at 2.000" in lines
    assert "the store was away from 3.000 to" in lines
    assert not list(Truth.of(told).about("numbers of a.task, FAILURE: shown 1, true 2"))
    told += [Note(5, OTHER, "failed", "one", "a.task", 1, "OperationalError")]
    told += [Note(6, MAIN, "failed", "one", "a.task", 0, "TimeLimitExceeded")]
    assert "6.000 one failed TimeLimitExceeded" in "\n".join(
        Truth.of(told).about("numbers of a.task, FAILURE: shown 2, true 1")
    )


def test_an_end_that_was_lost_with_its_process_leaves_a_start_which_nobody_can_tell_is_over_while_its_worker_lives():
    told = [
        Note(1, CHILD, "forked", text=str(MAIN)),
        Note(2, CHILD, "started", "one", "a.task", 1),
        Note(3, CHILD, "succeeded", "one", "a.task", 1),
        Note(3.001, MAIN, "killed", text=str(CHILD)),
    ]
    truth, died = Truth.of(told), Truth.of([*told, Note(4, MAIN, "ended", text=str(MAIN))])
    assert truth.possible_states(truth.of_tasks["one"], FACTS) == {"LOST", "STARTED"}
    assert died.possible_states(died.of_tasks["one"], FACTS) == {"LOST"}
