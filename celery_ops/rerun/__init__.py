"""Run a task again: who may, with what, one or a whole list of them."""

from ..exceptions import RerunRefused
from .policy import repeatable
from .rerun import Candidate, RerunOutcome, candidate, candidates_of, repeat, repeat_all, rerun, rerun_all

__all__ = [
    "Candidate",
    "RerunOutcome",
    "RerunRefused",
    "candidate",
    "candidates_of",
    "repeat",
    "repeat_all",
    "repeatable",
    "rerun",
    "rerun_all",
]
