"""A workflow once more as a whole: with the arguments and the options that it had, journalled, then sent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from celery.canvas import Signature, chain, chord, group

from ..conf import conf
from ..exceptions import BadInput, Claimed, RerunRefused
from ..models import TaskRunRecord
from ..running.allowlist import Runnable
from ..running.launcher import launch_together
from ..running.rows import ReadyRow, reprs_of, unused_key
from ..task_detail.original import Original
from ..tracking.workflows.canvas import CHAIN, Step
from .claims import NOT_SENT, submission_of_task
from .sending import chosen_options, options_for, run_of
from .workflow import WholeCandidate, arguments_of, whole_candidate


def rerun_whole(task_id: str, user: Any, *, submission: UUID | None = None) -> list[TaskRunRecord]:
    """Look at a workflow and run all of it again at once: whoever calls has asked.

    Raises what ``whole_candidate`` and ``rerun_whole_candidate`` raise.
    """
    return rerun_whole_candidate(whole_candidate(task_id, user, submission), user, submission=submission)


def rerun_whole_candidate(whole: WholeCandidate, user: Any, *, submission: UUID | None = None) -> list[TaskRunRecord]:
    """Run a workflow again for ``user``; return the rows of its first tasks, which go by themselves: SENT or FAILED.

    The same ``submission`` sends it once, however often it comes. Raises RerunRefused, also when somebody else has run
    one of the first tasks again since it was looked at, and NotSent when nothing was sent.
    """
    options = chosen_options(original.task_id for original in whole.firsts)
    steps = {step.arguments.task_id: step for step in whole.canvas.walk() if isinstance(step.arguments, Original)}
    runs = []
    for original in whole.firsts:
        reruns = whole.reruns[original.task_id]
        unsent = {row.submission for row in reruns.rows if row.send_state == NOT_SENT}
        own = submission and unused_key(submission_of_task(submission, original.task_id), unsent.__contains__)
        step = steps[original.task_id]
        chosen = {"queue": step.queue, "priority": step.priority, **options.get(original.task_id, {})}
        run = run_of(original, whole.runnables[original.name], own, chosen, reruns.claim)
        runs.append(replace(run, whole=whole.total))

    def canvas_of(rows: Sequence[ReadyRow]) -> Signature:
        firsts = {run.retry_of: (row, run.options.given()) for run, row in zip(runs, rows, strict=True)}
        return _SignatureMaker(whole.runnables, firsts).signature(whole.canvas)

    try:
        return launch_together(runs, user, canvas_of)
    except (BadInput, Claimed) as error:
        raise RerunRefused(str(error)) from error


class _SignatureMaker:
    """Makes Celery's signatures of steps, with no id but those of the first tasks: Celery gives the others new ones."""

    def __init__(
        self, runnables: Mapping[str, Runnable], firsts: Mapping[str, tuple[ReadyRow, Mapping[str, Any]]]
    ) -> None:
        self.runnables, self.firsts = runnables, firsts
        self.app = conf.celery_app

    def signature(self, step: Step) -> Signature:
        if step.kind:
            return self._canvas(step)
        args, kwargs = arguments_of(step)
        options = self._options(step)
        if isinstance(step.arguments, Original):
            row, chosen = self.firsts[step.arguments.task_id]
            options |= {**chosen, **row.reprs, "task_id": row.record.task_id}
        else:
            options |= options_for(self.runnables[step.name], step.queue, step.priority)
            options |= reprs_of(step.name, args, kwargs)
        return Signature(step.name, tuple(args), dict(kwargs), options, immutable=step.is_immutable, app=self.app)

    def _canvas(self, step: Step) -> Signature:
        parts = [self.signature(part) for part in step.parts]
        options = self._options(step)
        if step.kind == CHAIN and not options:
            made = chain(*parts)  # said of which app, groups in it are none that Celery names before they are sent
        elif step.kind == CHAIN:
            made = chain(*parts, app=self.app)
        elif step.body is not None:  # a chord
            made = chord(parts, self.signature(step.body), app=self.app)
        else:
            made = group(parts, app=self.app)
        made.options.update(options)
        if step.is_immutable:
            made.immutable = True
        return made

    def _options(self, step: Step) -> dict[str, Any]:
        called = {"link": step.links, "link_error": step.errbacks}
        return {name: [self.signature(part) for part in steps] for name, steps in called.items() if steps}
