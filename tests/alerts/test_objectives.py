"""What an objective may be: whatever else is written is told by its name, with a remedy, and does no harm."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import checks
from celery_ops.alerts.objectives import HIGHEST_LIMIT, MOST_OBJECTIVES, Objective, objective, objectives
from celery_ops.exceptions import WrongObjective

HERE = __name__


def listener(alert):
    pass


@pytest.fixture
def messages(settings, memory_store):
    def messages(**values):
        settings.CELERY_OPS = {"STORE": "celery_ops.tracking.memory.MemoryStore", **values}
        return [(message.id.removeprefix("celery_ops."), message.msg, message.hint) for message in _checked()]

    return messages


def _checked():
    return [message for message in checks.check_settings() if "OBJECTIVES" in message.msg or "ALERT" in message.msg]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"queue": "mail", "depth": 100}, Objective("x", "queue", "mail", "depth", 100)),
        ({"queue": "mail*", "oldest_age": 0}, Objective("x", "queue", "mail*", "oldest_age", 0)),
        ({"queue": "mail", "wait_p95": 0.5}, Objective("x", "queue", "mail", "wait_p95", 0.5, "15m", 900)),
        ({"task": "*", "run_p95": 60, "window": "1d"}, Objective("x", "task", "*", "run_p95", 60, "1d", 86400)),
        (
            {"task": "a.b", "failure_rate": 1, "window": "90s"},
            Objective("x", "task", "a.b", "failure_rate", 1, "90s", 90),
        ),
        (
            {"task": "a.b", "failure_rate": 0, "window": timedelta(hours=2)},
            Objective("x", "task", "a.b", "failure_rate", 0, "2h", 7200),
        ),
        ({"schedule": "nightly", "late": 300}, Objective("x", "schedule", "nightly", "late", 300)),
        ({"queue": "mail", "depth": 9, "window": "1h"}, Objective("x", "queue", "mail", "depth", 9, "1h")),
        ({"schedule": "nightly", "late": 9, "window": "5m"}, Objective("x", "schedule", "nightly", "late", 9, "5m")),
    ],
)
def test_an_objective_says_what_is_measured_of_what(entry, expected):
    assert objective("x", entry) == expected


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("mail", "mail", True),
        ("mail", "mails", False),
        ("mail*", "mail", True),
        ("mail*", "mail.slow\nly", True),
        ("*.pay", "shop.pay", True),
        ("*.pay", "shop.payed", False),
        ("sh?p.*", "shop.pay", True),
        ("sh?p.*", "shp.pay", False),
        ("a.b", "axb", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("**", "", True),
        ("***a", "bca", True),
    ],
)
def test_a_pattern_is_a_name_in_which_two_characters_stand_for_others(pattern, name, matches):
    assert objective("x", {"queue": pattern, "depth": 1}).matches(name) is matches


@pytest.mark.parametrize(
    ("entry", "text", "hint"),
    [
        (3, "is a int", "Use {'queue'"),
        ({}, "does not say what it is about", "'queue', 'task' or 'schedule'"),
        ({"queue": "a", "task": "b", "depth": 1}, "says more than once what it is about: queue, task", "just one"),
        ({"queue": "a"}, "does not say a measure", "'wait_p95', 'run_p95', 'failure_rate', 'oldest_age', 'depth'"),
        ({"queue": "a", "depth": 1, "oldest_age": 1}, "says more than once a measure", "just one"),
        ({"task": "a", "depth": 1}, "measures 'depth' of a task, which has none", "'failure_rate'"),
        ({"schedule": "a", "wait_p95": 1}, "measures 'wait_p95' of a schedule", "'late'"),
        ({"queue": "a", "late": 1}, "measures 'late' of a queue", "'wait_p95'"),
        ({"queue": "", "depth": 1}, "a queue that is no name: ''", "* and ? stand for others"),
        ({"queue": ["a"], "depth": 1}, "a queue that is no name: it is a list", "as in a shell"),
        ({"queue": "a" * 300, "depth": 1}, "a queue that is no name", "as in a shell"),
        ({"queue": "a", "depth": "many"}, "a limit of depth that will not do: 'many'", "a number"),
        ({"queue": "a", "depth": None}, "a limit of depth that will not do: None", "a number"),
        ({"queue": "a", "depth": True}, "a limit of depth that will not do: True", "a number"),
        ({"queue": "a", "depth": -1}, "will not do: -1", "0 or more"),
        ({"queue": "a", "depth": float("nan")}, "will not do: nan", "a number"),
        ({"queue": "a", "depth": float("inf")}, "will not do: inf", "a number"),
        ({"queue": "a", "depth": 10**5000}, "it is a very large number", "a number"),
        ({"task": "a", "failure_rate": 5}, "will not do: 5", "a part of 1, such as 0.05"),
        ({"task": "a", "failure_rate": 0.1, "window": "10 minutes"}, "a window that will not do", "'15m'"),
        (
            {"task": "a", "failure_rate": 0.1, "window": 900},
            "a window that will not do: 900",
            "60 s at least, 30d at most",
        ),
        ({"task": "a", "failure_rate": 0.1, "window": "10s"}, "shorter than a minute: 10s", "60 s at least"),
        ({"task": "a", "failure_rate": 0.1, "window": "31d"}, "longer than numbers are kept: 31d", "30d at most"),
        ({"task": "a", "failure_rate": 0.1, "window": "999999999d"}, "longer than numbers are kept", "30d at most"),
        ({"task": "a", "failure_rate": 0.1, "window": "1" * 50 + "d"}, "a window that will not do", "30d at most"),
        ({"task": "a", "failure_rate": 0.1, "window": timedelta.max}, "longer than numbers are kept", "30d at most"),
        ({"task": "a", "failure_rate": 0.1, "window": timedelta(-1)}, "shorter than a minute", "60 s at least"),
        ({"queue": "a", "depth": 1, "window": 15}, "a window that will not do: 15", "'15m'"),
        ({"queue": "a", "depth": 1, "windov": "15m"}, "has no option 'windov'", "window"),
        ({"queue": "a", "depth": 1, 3: "15m"}, "has no option 3", "window"),
    ],
)
def test_what_is_no_objective_is_e014_with_its_remedy(messages, entry, text, hint):
    ((number, said, remedy),) = messages(OBJECTIVES={"mine": entry, "right": {"queue": "a", "depth": 1}})
    assert number == "E014"
    assert said.startswith("CELERY_OPS['OBJECTIVES']['mine'] ")
    assert text in said
    assert hint in remedy
    assert [one.name for one in objectives()] == ["right"]


def test_no_window_is_longer_than_the_longest_that_is_counted(messages):
    entry = {"task": "a", "failure_rate": 0.1, "window": "60d"}
    ((number, _text, remedy),) = messages(OBJECTIVES={"mine": entry}, METRICS_RETENTION=timedelta(days=90))
    assert (number, "30d at most" in remedy) == ("E014", True)


@pytest.mark.parametrize("name", ["", " ", 3, None, "a\nb", "a" * 101, "worker_gone", "failure_group", "beat_silent"])
def test_an_objective_has_a_name_of_its_own(messages, name):
    ((number, _text, _hint),) = messages(OBJECTIVES={name: {"queue": "a", "depth": 1}})
    assert number == "E014"


def test_more_objectives_than_anybody_reads_are_told(messages):
    entries = {f"o{n}": {"queue": "a", "depth": 1} for n in range(MOST_OBJECTIVES + 10_000)}
    assert [number for number, _text, _hint in messages(OBJECTIVES=entries)] == ["E014"]
    assert len(objectives()) == MOST_OBJECTIVES


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["queue", "task", "depth", "wait_p95", "window", "schedule"]) | st.text(), anything)
)
def test_nothing_that_is_written_raises_anything_else(entry):
    with contextlib.suppress(WrongObjective):
        assert 0 <= objective("x", entry).limit <= HIGHEST_LIMIT


# -- who is told ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "number", "text"),
    [
        ({"ALERTS": "celery_ops.alerts.mail_admins"}, "E003", "ALERTS"),
        ({"ALERTS": [listener]}, "E003", "ALERTS"),
        ({"ALERTS": [f"{HERE}.nothing"]}, "E004", "cannot be imported"),
        ({"ALERTS": [f"{HERE}.HERE"]}, "E005", "is not callable"),
        ({"ALERTS": ["celery_ops.alerts.webhook"]}, "E015", "ALERT_WEBHOOK is not set"),
        ({"ALERT_WEBHOOK": 3}, "E003", "ALERT_WEBHOOK"),
        ({"ALERT_WEBHOOK": "hooks.example.com/hunter2"}, "E015", "begins with neither http:// nor https://"),
        ({"ALERT_WEBHOOK": "file:///hunter2"}, "E015", "begins with neither http:// nor https://"),
        ({"ALERT_WEBHOOK": "https:///hunter2"}, "E015", "is no URL"),
        ({"ALERT_WEBHOOK": "https://example.com/hunter2"}, "W007", "nothing is posted there"),
        ({"ALERTS": ["celery_ops.alerts.mail_admins"]}, "W007", "ADMINS is empty"),
        ({"METRICS": False, "OBJECTIVES": {"x": {"queue": "a", "wait_p95": 1}}}, "W007", "METRICS is False"),
        ({"ALERT_COOL_DOWN": -1}, "E003", "ALERT_COOL_DOWN"),
        ({"ALERT_COOL_DOWN": "15m"}, "E003", "ALERT_COOL_DOWN"),
        ({"OBJECTIVES": []}, "E003", "OBJECTIVES"),
    ],
)
def test_an_alert_that_would_reach_nobody_is_told(messages, settings, values, number, text):
    settings.ADMINS = []
    told = messages(**values)
    assert number in [id_ for id_, _text, _hint in told]
    assert any(text in said for _id, said, _hint in told)
    assert all(hint for _id, _said, hint in told)
    assert "hunter2" not in str(told)


def test_a_misspelt_path_of_ours_is_told_which_was_meant(messages):
    assert messages(ALERTS=["celery_ops.alerts.mail_admin"])[0][2] == "Did you mean 'celery_ops.alerts.mail_admins'?"


def test_good_settings_are_told_nothing(messages, settings):
    settings.ADMINS = [("Ada", "ada@example.com")]
    told = messages(
        OBJECTIVES={"x": {"queue": "a", "wait_p95": 1}},
        ALERTS=["celery_ops.alerts.mail_admins", "celery_ops.alerts.webhook", f"{HERE}.listener"],
        ALERT_WEBHOOK="https://user:pass@10.0.0.1:8443/hook?x=1",
        ALERT_COOL_DOWN=0,
    )
    assert told == []
