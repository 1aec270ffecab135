"""Each fault that a site has to bear, what is to be so then, and the tests that show it."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``tests`` are ``folder/file.py::name``, below ``tests``."""

    fault: str
    required: str
    tests: tuple[str, ...]


STORE = "faults/test_store_faults.py::"
GATHER = "backends/test_gather.py::"
LAUNCHING = "panels/test_launching.py::"
API_RUNS = "running/test_api_runs.py::"
LIFECYCLE = "worker/test_lifecycle.py::"
DEATHS = "worker/test_deaths.py::"
TWICE = "worker/test_delivered_twice.py::"
PRUNE = "commands/test_prune_faults.py::"
FACTS = "unit/test_facts.py::"

TABLE = (
    Row(
        "the store is down, frozen, full, read-only, or wants another password",
        "the task is sent and runs; nobody waits; what happened is told when it is over",
        (
            STORE + "test_a_task_is_sent_and_runs",
            STORE + "test_sending_never_waits_for_the_store",
            STORE + "test_an_outage_and_its_events_are_counted",
            STORE + "test_reading_raises_nothing",
            STORE + "test_what_happened_meanwhile_is_told_when_it_is_over",
            STORE + "test_no_event_of_a_short_outage_is_lost",
            STORE + "test_of_a_long_outage_a_thousand_events_are_kept_and_the_others_counted_as_lost",
        ),
    ),
    Row(
        "a key of the store holds something else",
        "the task runs, and other objects are not touched",
        (
            STORE + "test_a_task_runs_though_its_objects_key_is_taken",
            STORE + "test_a_taken_key_does_not_touch_other_objects",
        ),
    ),
    Row(
        "the store is flushed or restarted while a task runs",
        "the task is told whole again, and every key has an end",
        (
            STORE + "test_a_running_task_is_told_whole_after_the_store_was_flushed",
            STORE + "test_a_running_task_is_told_whole_after_the_store_was_restarted",
            STORE + "test_no_key_stays_for_ever_after_a_restart",
        ),
    ),
    Row(
        "the store raises anything",
        "nothing of it reaches who publishes, runs or reads",
        tuple(
            f"faults/test_injected.py::test_{what}"
            for what in (
                "faults_do_not_reach_who_sends",
                "faults_do_not_reach_a_task",
                "faults_do_not_change_how_a_task_fails",
                "faults_do_not_reach_who_reads_one_object",
                "faults_do_not_reach_who_reads_many_objects",
                "every_event_is_written_kept_or_lost_though_the_store_raises_anything",
            )
        ),
    ),
    Row(
        "the broker is down or frozen when somebody opens a page",
        "the page is there in time, with what was known last and its age",
        (
            GATHER + "test_a_frozen_redis_is_given_up_in_time",
            GATHER + "test_a_redis_that_freezes_between_question_and_answer_is_given_up_in_time",
            "backends/test_snapshot.py::test_the_last_good_copy_is_shown_with_the_trouble",
            "backends/test_snapshot.py::test_the_trouble_is_over_when_the_broker_answers_again",
            LAUNCHING + "test_a_frozen_broker_is_said_in_time",
            LAUNCHING + "test_a_broker_that_comes_back_takes_the_next_one",
        ),
    ),
    Row(
        "the database is away, or a table is locked",
        "pages are 200 and say so; a run whose row cannot be written is not sent",
        (
            "ops/test_locked.py::test_a_locked_table_keeps_no_page",
            "backends/test_results_faults.py::test_whatever_a_database_raises_is_a_source_that_does_not_answer",
            API_RUNS + "test_a_journal_that_cannot_be_written_is_503_and_nothing_is_sent",
            LAUNCHING + "test_a_journal_that_cannot_be_written_sends_nothing",
        ),
    ),
    Row(
        "a worker is silent, late, or sends rubbish",
        "it is named as silent; late replies are ignored; what cannot be read is left out",
        (
            GATHER + "test_a_stopped_worker_is_silent_and_stays_listed",
            GATHER + "test_a_worker_that_goes_on_is_heard_again",
            GATHER + "test_a_late_reply_to_an_earlier_question_is_ignored",
            GATHER + "test_a_reply_of_five_megabytes_counts_and_is_not_kept",
            GATHER + "test_a_heap_of_rubbish_spoils_nothing",
            "backends/test_control.py::test_a_worker_that_says_only_rubbish_is_online_and_everything_is_missing",
        ),
    ),
    Row(
        "a child of the pool is killed, or runs into its hard limit",
        "its task has failed, once; what it logged is kept",
        (
            DEATHS + "test_a_task_whose_pool_child_is_killed_fails",
            DEATHS + "test_a_task_beyond_its_hard_limit_fails_once",
            "worker/test_logs.py::test_what_a_killed_child_logged_is_kept",
        ),
    ),
    Row(
        "a whole worker is killed, or frozen",
        "its task is lost, and no longer where the worker goes on",
        (
            DEATHS + "test_a_task_whose_worker_was_killed_is_lost_also_when_a_new_worker_takes_its_name",
            DEATHS + "test_a_task_is_lost_while_its_worker_is_frozen_and_ends_when_it_goes_on",
            DEATHS + "test_a_long_task_of_a_living_worker_is_not_lost",
            TWICE + "test_one_whose_worker_was_killed_runs_after_it",
        ),
    ),
    Row(
        "beat is killed, frozen, or runs twice",
        "it is silent and its entries are overdue; two are named",
        (
            "schedules/test_beat.py::test_beat_that_is_killed_is_silent_and_its_entries_overdue",
            "schedules/test_beat.py::test_beat_that_is_frozen_is_silent_until_it_goes_on",
            "schedules/test_beat.py::test_two_beats_at_once_are_named",
        ),
    ),
    Row(
        "events come out of order, twice, or once more; the hard limit is told twice",
        "every order ends in the same task",
        (
            FACTS + "test_every_order_of_a_lifecycles_events_ends_in_the_same_task",
            FACTS + "test_events_that_are_told_again_at_any_time_change_nothing",
            FACTS + "test_a_hard_limit_told_twice_at_different_moments_is_a_failure_in_either_order",
            TWICE + "test_one_that_runs_past_the_visibility_timeout_runs_beside_itself",
        ),
    ),
    Row(
        "a retry, a transaction that is rolled back, arguments that cannot be sent, a broker that refuses",
        "one row with its attempts; no phantom; the journal says that it was not sent",
        (
            LIFECYCLE + "test_a_retried_task_is_one_row_with_its_attempts",
            "unit/test_receivers.py::test_retries_are_attempts_of_one_task",
            LIFECYCLE + "test_delay_on_commit_leaves_nothing_when_the_transaction_is_rolled_back",
            LIFECYCLE + "test_arguments_that_cannot_be_sent_leave_no_row",
            LAUNCHING + "test_arguments_that_cannot_be_sent_are_a_failed_row",
            LAUNCHING + "test_a_dead_broker_leaves_no_phantom_in_the_list",
            LAUNCHING + "test_a_dead_broker_leaves_a_failed_row",
        ),
    ),
    Row(
        "a revoke while no worker is up",
        "it is shown as asked for, and holds for a worker that starts",
        (
            "control/test_standing.py::test_what_was_asked_while_a_worker_was_away_holds_when_it_starts",
            "panels/test_panel_view.py::test_a_revoke_with_no_worker_up_says_so",
        ),
    ),
    Row(
        "prune is killed at random, or runs twice at once",
        "what is young stays, a rerun takes the rest, and the sums match",
        (
            PRUNE + "test_killed_at_random_it_keeps_what_is_young_and_a_rerun_takes_the_rest",
            PRUNE + "test_two_at_once_both_end_well_and_their_sums_match",
            PRUNE + "test_it_waits_for_a_lock_that_goes_away",
        ),
    ),
    Row(
        "results of many megabytes; NUL and lone surrogates; values that raise when they are printed",
        "what is kept and shown is bounded, and says what it can",
        (
            "panels/test_panel_view.py::test_a_poll_with_ten_results_of_a_megabyte_is_small",
            "ops/test_task_detail.py::test_two_megabytes_are_bounded",
            "redis/test_store_contract.py::test_a_lone_surrogate_in_a_value_does_no_harm",
            "unit/test_receivers.py::test_a_result_that_cannot_be_printed_does_not_keep_the_task_from_success",
            "unit/test_receivers.py::test_an_exception_that_cannot_be_printed_is_a_failure_with_its_class",
        ),
    ),
    Row(
        "the object is deleted; keys of every kind",
        "its panel is gone, and every key has one canonical text",
        (
            "panels/test_panel_view.py::test_an_object_that_was_deleted_ends_the_polls",
            "unit/test_refs.py::test_every_form_of_a_key_has_one_text",
            "unit/test_binding.py::test_a_key_of_any_type_has_its_canonical_text",
        ),
    ),
    Row(
        "a process ends, or is told to, with events in its hands",
        "it loses none of them, and ends in time though the store stays away",
        tuple(
            f"faults/test_exit.py::test_{what}"
            for what in (
                "a_publisher_that_ends_normally_loses_no_event",
                "a_worker_that_is_told_to_end_loses_no_event",
                "pool_children_that_are_replaced_meanwhile_lose_no_event",
                "a_worker_ends_in_time_though_the_store_stays_away",
            )
        ),
    ),
)


def named() -> Iterator[str]:
    """Yield every test of the table, each once."""
    yield from dict.fromkeys(test for row in TABLE for test in row.tests)
