"""A value or None."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from .any_json import JsonKind
from .base import Kind


@dataclass(frozen=True, slots=True)
class OptionalKind(Kind):
    """``inner`` or None, which is a blank field and JSON's null."""

    inner: Kind = field(default_factory=JsonKind)

    accepts_none = True

    @classmethod
    def of(cls, inner: Kind) -> "Kind":
        return inner if inner.accepts_none else cls(f"{inner.label} | None", inner)

    @property
    def words(self) -> str:
        return _("%(value)s, or nothing") % {"value": self.inner.words}

    @property
    def rows(self) -> int:  # type: ignore[override]  # the inner kind says it
        return self.inner.rows

    @property
    def input_type(self) -> str:  # type: ignore[override]  # the inner kind says it
        return self.inner.input_type

    @property
    def input_mode(self) -> str:  # type: ignore[override]  # the inner kind says it
        return self.inner.input_mode

    @property
    def is_blank_meant(self) -> bool:  # type: ignore[override]  # the inner kind says it
        return self.inner.is_blank_meant

    @property
    def joined_by(self) -> str:  # type: ignore[override]  # the inner kind says it
        return self.inner.joined_by

    def parse(self, text: str) -> Any:
        is_none = text == "" if self.is_blank_meant else isinstance(text, str) and not text.strip()
        return None if is_none else self.inner.parse(text)

    def read(self, value: Any) -> Any:
        return None if value is None else self.inner.read(value)

    def plain(self, value: Any) -> Any:
        return None if value is None else self.inner.plain(value)

    def text(self, value: Any) -> str:
        if value is None:
            return ""
        text = self.inner.text(value)
        if not text:
            raise ValueError(_("An empty text cannot be told from none here."))
        return text

    def choices(self) -> list[tuple[str, str]] | None:
        return self.inner.choices()
