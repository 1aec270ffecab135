"""Which state a stored row means: Celery's versions write one end in several ways, and ends that are none.

From 5.6 on a worker stores REVOKED when it is told to revoke, before any has met the message. Such a row is of no
request: it has no worker, and ``null`` for its children. The task goes on as it was, and what it was is gone from the
row. From 5.7 on a task that rejects its message is stored as FAILURE by the worker's main process, which has no
traceback. And a worker that is stopped before its tasks have ended stores RETRY for them, with an error that no retry
of their own has.
"""

from itertools import chain
from typing import Final

import celery
from django.db.models import Case, CharField, F, Q, Value, When

from ... import states

# Conditions are asked in this order, and large columns last.
#: A revoke that no worker has applied yet.
REQUESTED: Final = Q(status=states.REVOKED) & Q(worker__isnull=True) & Q(meta__startswith='{"children": null')
#: What a task rejected.
REFUSED: Final = (
    Q(status=states.FAILURE) & Q(traceback__isnull=True) & Q(result__startswith=f'{{"exc_type": "{states.REJECT}"')
)
#: What a worker's shutdown cut short.
CUT_SHORT: Final = Q(status=states.RETRY) & Q(result__startswith=f'{{"exc_type": "{states.CUT_SHORT}"')
#: What a task had begun that was asked to be revoked: 5.7 stores nothing over the row of one that runs.
BEGUN: Final = states.RETRY if celery.VERSION[:2] >= (5, 7) else states.STARTED

#: The statuses of rows that may mean another state: which, and when. Of one row one condition holds at most.
OTHERS: Final = {
    states.FAILURE: {states.REJECTED: REFUSED},
    states.RETRY: {states.LOST: CUT_SHORT},
    states.REVOKED: {
        states.PENDING: REQUESTED & Q(date_started__isnull=True),
        BEGUN: REQUESTED & Q(date_started__isnull=False),
    },
}
#: The state that a row means.
STATE: Final = Case(
    *(When(meant, then=Value(state)) for state, meant in chain.from_iterable(map(dict.items, OTHERS.values()))),
    default=F("status"),
    output_field=CharField(),
)
