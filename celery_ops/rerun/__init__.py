"""Run a task again: who may, with what, one or a whole list of them."""

from ..exceptions import RerunRefused
from .candidates import RerunCandidate, RerunOutcome, candidate, candidates_of
from .policy import rerunnable
from .sending import rerun, rerun_all, rerun_candidate, rerun_candidates
from .workflow import WholeCandidate, whole_candidate
from .workflow_sending import rerun_whole, rerun_whole_candidate

__all__ = [
    "RerunCandidate",
    "RerunOutcome",
    "RerunRefused",
    "WholeCandidate",
    "candidate",
    "candidates_of",
    "rerun",
    "rerun_all",
    "rerun_candidate",
    "rerun_candidates",
    "rerun_whole",
    "rerun_whole_candidate",
    "rerunnable",
    "whole_candidate",
]
