"""Sentences that are kept and shown later, to people of other languages: each knows of what it was made."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext

#: Characters of a value within a sentence that are kept.
LONGEST: Final = 300

#: A sentence in JSON types: its message in the catalogue, and the values in it.
Said = list[Any]


class Sentence(str):
    """A translated text, as ``gettext`` returns it, that ``said`` can be kept of and ``heard`` again.

    It is a ``str``, so that whoever raises, compares or shows it need not know; ``%`` fills it in as with any other.
    """

    __slots__ = ("_message", "_values")

    _message: str
    _values: Mapping[str, Any]

    def __new__(cls, message: str, values: Mapping[str, Any] | None = None) -> "Sentence":
        text = gettext(message)
        self = super().__new__(cls, text % values if values else text)
        self._message, self._values = message, values or {}
        return self

    def __mod__(self, values: Any) -> str:
        return Sentence(self._message, values)

    def __str__(self) -> str:
        """Return itself, so that an exception's text is the sentence that it was raised with."""
        return self

    @property
    def untranslated(self) -> str:
        """The sentence as it is in the code, which logs are written in."""
        return self._message % self._values if self._values else self._message

    @property
    def said(self) -> Said:
        """What ``heard`` makes the sentence of in another language."""
        return [self._message, {name: _plain(value) for name, value in self._values.items()}]


def said_of(text: str) -> Said | None:
    """Return what is to be kept beside a text that may be a sentence."""
    return text.said if isinstance(text, Sentence) else None


def heard(text: str, said: Any) -> str:
    """Return a text that was kept, in the language of now where it is known of what it was made."""
    try:
        message, values = said
        return Sentence(message, values) if isinstance(message, str) and message else text
    except (TypeError, ValueError, KeyError):
        return text


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)[:LONGEST]
