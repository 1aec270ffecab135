"""Run a task again: who may, with what, one or a whole list of them."""

from .allowed import Refused, repeatable
from .repeat import Outcome, asking, repeat, repeat_all

__all__ = ["Outcome", "Refused", "asking", "repeat", "repeat_all", "repeatable"]
