"""Run a task again: who may, with what, one or a whole list of them."""

from .policy import Refused, repeatable
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
