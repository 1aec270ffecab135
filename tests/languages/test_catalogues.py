"""The catalogues: whole, compiled, and with every placeholder where it was."""

import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf.locale import LANG_INFO
from django.utils.translation import to_language

import celery_ops

CATALOGUES = sorted(Path(celery_ops.__file__).parent.glob("locale/*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sdrg]|%%|\{\w*\}|<[^>]+>|https?://\S+|--[a-z-]+")


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.parts[-3])
def path(request):
    return request.param


@pytest.fixture
def catalogue(path):
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def texts(message) -> list[str]:
    return list(message.string) if message.pluralizable else [message.string]


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def test_a_language_is_one_that_django_has(path):
    assert to_language(path.parts[-3]).lower() in LANG_INFO


def test_every_message_is_translated(catalogue):
    assert [message.id for message in catalogue if message.id and (message.fuzzy or not all(texts(message)))] == []


def test_every_language_has_the_same_messages(catalogue):
    with CATALOGUES[0].open("rb") as file:
        first = read_po(file)
    assert {message.id for message in catalogue} == {message.id for message in first}


def test_placeholders_stay_as_they_were(catalogue):
    """All but those of the number itself, which "one" may spell out."""
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        ids = message.id if message.pluralizable else (message.id,)
        allowed = [placeholders(text) for text in ids]
        allowed += [[name for name in names if name != "%(n)s"] for names in allowed if message.pluralizable]
        wrong += [text for text in texts(message) if placeholders(text) not in allowed]
    assert wrong == []


def test_sentences_end_as_they_did(catalogue):
    """A sentence's end tells what is a sentence from what is a label, in every language of ours."""
    ends = {".": (".", "。", "।"), ":": (":", "\uff1a"), "?": ("?", "\uff1f"), "…": ("…",)}
    wrong = []
    for message in catalogue:
        end = message.id[-1:] if isinstance(message.id, str) else message.id[-1][-1:]
        wrong += [text for text in texts(message) if end in ends and not text.rstrip().endswith(ends[end])]
    assert wrong == []


def test_a_compiled_catalogue_is_of_its_source(path, catalogue):
    with path.with_suffix(".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for message in catalogue:
        if not message.id:
            continue
        if message.pluralizable:
            one = {compiled.ngettext(*message.id, number) for number in range(200)}
            assert one <= set(message.string)
        elif message.context:
            assert compiled.pgettext(message.context, message.id) == message.string
        else:
            assert compiled.gettext(message.id) == message.string


#: A number, and up to two words after it an English noun of many: "%(n)s failed tasks".
COUNTED = re.compile(r"(?:%\((?:n|number|count|total|all|most|found|other)\)[sd]|\{n\}) (?:[a-z]+ ){0,2}?([a-z]+s)\b")
#: Words that end like a noun of many and are none, and units, which stand as they are.
NOT_COUNTED = {"is", "was", "has", "as", "this", "s", "ms"}
#: Messages whose number never changes, since it is a limit of ours.
LIMITS = {
    "By the newest %(number)s results at most: they reach as far as this window.",
    "By the newest %(number)s results: they reach back to %(time)s only.",
    "Errors and the middles of ids were searched in the newest %(number)s of these tasks.",
    "Errors, arguments and the middles of ids were searched in the newest %(number)s of these tasks.",
    "Choose at most %(most)s tasks, or run again all that match a list's filters.",
    "Objects were searched by name among those of the newest %(number)s tasks.",
    "Of %(most)s runs it was asked what became of them. The next page goes on from there.",
    "Of the newest %(n)s failures that the task list has.",
    "Of the newest %(number)s failures that the task list has: failures are not counted, or cannot be read.",
}


def test_what_is_counted_has_a_plural():
    with CATALOGUES[0].open("rb") as file:
        messages = [message.id for message in read_po(file) if isinstance(message.id, str)]
    counted = {text for text in messages if set(COUNTED.findall(text)) - NOT_COUNTED}
    assert counted == LIMITS
