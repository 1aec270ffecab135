"""Kinds of values that a person may give a task's parameter, told by its annotation."""

from .annotations import kind_of
from .any_json import JsonKind
from .base import Kind
from .optional import OptionalKind

__all__ = ["JsonKind", "Kind", "OptionalKind", "kind_of"]
