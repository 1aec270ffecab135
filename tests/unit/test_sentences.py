"""Sentences that are kept: said again in another language, whatever was kept of them."""

import json

import pytest
from django.utils import translation

from celery_ops.exceptions import BadInput, RerunRefused
from celery_ops.sentences import Sentence, heard, said_of

MESSAGE = "Its arguments no longer fit the task: %(why)s."


@pytest.mark.parametrize("raised", [RerunRefused, BadInput])
def test_a_sentence_that_was_raised_is_said_again_in_another_language(raised):
    with translation.override("de"):
        text = str(raised(Sentence(MESSAGE) % {"why": "it is <new>"}))
        said = json.loads(json.dumps(said_of(text)))
        assert text == translation.gettext(MESSAGE) % {"why": "it is <new>"}
    assert heard(text, said) == "Its arguments no longer fit the task: it is <new>."


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
