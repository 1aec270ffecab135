"""Run a task again: who may, with what, one or a whole list of them."""

from ..exceptions import Refused
from .policy import repeatable
from .rerun import Candidate, Outcome, candidate, candidates_of, repeat, repeat_all, rerun, rerun_all

__all__ = [
    "Candidate",
    "Outcome",
    "Refused",
    "candidate",
    "candidates_of",
    "repeat",
    "repeat_all",
    "repeatable",
    "rerun",
    "rerun_all",
]
