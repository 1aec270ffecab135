"""What may be put on Celery beat."""

import time
from collections.abc import Collection
from datetime import timedelta

from celery import shared_task


@shared_task(name="celery_ops.prune", ignore_result=False)
def prune(
    older_than: float | None = None,
    *,
    records: bool = False,
    results: bool = False,
    states: Collection[str] = (),
    keep_failures: bool = False,
    max_time: float | None = None,
) -> dict[str, int]:
    """Delete old rows of the journal and of the results, as the prune command does; return how many of each kind.

    ``older_than`` and ``max_time`` are in seconds; None takes ``RECORD_RETENTION``, and as long as it takes. Raises
    ValueError for a state that no ended task has, and what ``pruning.prune`` raises.
    """
    from .pruning import prune as pruning  # every worker imports this module, and few run this task

    if unknown := sorted(set(states) - set(pruning.FINAL)):
        raise ValueError(f"unknown states {', '.join(unknown)}: they are {', '.join(pruning.FINAL)}")
    cutoff = pruning.cutoff_of(None if older_than is None else timedelta(seconds=older_than))
    if cutoff is None:
        return {}
    until = None if max_time is None else time.monotonic() + max_time
    olds = pruning.old_rows(cutoff, records=records, results=results, wanted=states, keep_failures=keep_failures)
    return {kind: pruning.prune(old, until=until).deleted for kind, old in olds.items()}


@shared_task(name="celery_ops.evaluate", ignore_result=False)
def evaluate() -> dict[str, int]:
    """Evaluate the objectives, and tell what is new; return how many are breached, and how many alerts were told.

    That is nothing where another process does so at this moment. Raises StoreUnavailable: nothing was evaluated.
    """
    from .alerts.evaluating import evaluate as evaluating  # every worker imports this module

    evaluation = evaluating()
    if evaluation is None:
        return {}
    return {"breached": len(evaluation.breaches), "alerts": len(evaluation.alerts)}
