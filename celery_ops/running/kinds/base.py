"""What every kind of value can do."""

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from .limits import check_text

#: Characters of a label: a Literal may have many values.
LONGEST_LABEL: Final = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value. ``label`` is what people and the JSON API call it: ``int``, ``list[date]``, ``Order | None``.

    ``rows`` are the lines that a field for it should have, ``input_type`` is HTML's. ``accepts_none`` says that a blank
    field may mean None.
    """

    label: str = "json"

    rows = 0
    input_type = "text"
    input_mode = ""
    accepts_none = False
    is_blank_meant = False  # whether spaces alone are a value
    joined_by = ""  # what stands between several of its choices, where one value may be several

    @property
    def words(self) -> Any:
        """What a person reads beside a field: the label, where there are no better words for it."""
        return self.label

    def parse(self, text: str) -> Any:
        """Return the value that a person's text means. Raises ValueError with a message for that person."""
        raise NotImplementedError

    def read(self, value: Any) -> Any:
        """Return the value that a JSON value means: the one that its text does. Raises ValueError as ``parse`` does."""
        return self.parse(given_text(value))

    def plain(self, value: Any) -> Any:
        """Return a JSON value that ``read`` reads again. Raises ValueError for what is not of this kind."""
        return self.text(value)

    def text(self, value: Any) -> str:
        """Return the text that a field is filled with beforehand; ``parse`` reads it again. Raises ValueError."""
        raise NotImplementedError

    def choices(self) -> list[tuple[str, str]] | None:
        """Return the texts that there are, each with what a person reads; None when there are too many to list."""
        return None


def short(label: str) -> str:
    """Return a label cut to what fits beside a field."""
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def typed_text(text: Any) -> str:
    """Return text without the spaces around it. Raises ValueError when it is no text or cannot be sent."""
    return check_text(_text(text)).strip()


def given_text(value: Any) -> str:
    """Return a JSON string as it is. Raises ValueError when it is none or cannot be sent."""
    return check_text(_text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(_("Enter text."))
    return value


def of_type(value: Any, *types: type) -> Any:
    """Return a value of one of these types. Raises ValueError for any other: it cannot be shown."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(_("This value cannot be shown here."))
    return value
