"""Sentences that are kept: said again in another language, whatever was kept of them."""

import json
import logging

import pytest
from django.utils import translation

from celery_ops.backends.tracked import TrackedTaskBackend
from celery_ops.exceptions import BackendUnavailable, BadInput, RerunRefused, StoreUnavailable
from celery_ops.logs import get_logger
from celery_ops.sentences import Sentence, heard, said_of
from celery_ops.task_query import TaskQuery
from celery_ops.views.ops import part

MESSAGE = "Its arguments no longer fit the task: %(why)s."


@pytest.mark.parametrize("raised", [RerunRefused, BadInput])
def test_a_sentence_that_was_raised_is_said_again_in_another_language(raised):
    with translation.override("de"):
        text = str(raised(Sentence(MESSAGE) % {"why": "it is <new>"}))
        said = json.loads(json.dumps(said_of(text)))
        assert text == translation.gettext(MESSAGE) % {"why": "it is <new>"}
    assert heard(text, said) == "Its arguments no longer fit the task: it is <new>."


@pytest.mark.parametrize("text", [MESSAGE, "The tracking store does not answer."])
def test_why_something_failed_is_logged_as_it_is_in_the_code_whoever_reads_the_page(text, caplog):
    values = {"why": "it is <new>"} if text == MESSAGE else {}
    with translation.override("de"), caplog.at_level(logging.WARNING):
        error = BackendUnavailable(Sentence(text) % values if values else Sentence(text))
        get_logger("celery_ops.views").warning("A part is missing: %s (%s)", error, error.args[0])
        assert str(error) != text % values
    assert caplog.messages == [f"A part is missing: {text % values} ({text % values})"]


@pytest.mark.django_db
@pytest.mark.usefixtures("away")
def test_a_page_in_another_language_logs_what_is_missing_in_english(caplog):
    with translation.override("de"):
        trouble = part(lambda: TrackedTaskBackend().page(TaskQuery())).trouble
        assert trouble == translation.gettext("The tracking store does not answer.")
    assert "missing: The tracking store does not answer." in caplog.text


@pytest.fixture
def away(monkeypatch):
    """Have the store not answer."""

    def read(*asked):
        raise StoreUnavailable("away")

    monkeypatch.setattr("celery_ops.backends.tracked.NewestTasks.first", read)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        5,
        [],
        ["x"],
        [MESSAGE, {}],
        [MESSAGE, None],
        [MESSAGE, {"other": 1}],
        [5, {}],
        ["", {}],
        ["%(", {"a": 1}],
    ],
)
def test_where_it_is_not_known_what_it_was_made_of_it_is_said_as_it_was_kept(said):
    assert heard("as it was", said) in ("as it was", MESSAGE)


def test_of_any_other_text_nothing_more_is_kept():
    assert said_of("as it was") is None
