"""``python -m tests.benchmarks [name …]``: each figure beside the one to reach.

Ratios and counts, on a Redis of the run's own: absolute times say little on a shared machine.
"""

import sys

from . import setup

setup.django_with_redis()

from . import (  # noqa: E402 - Django first
    again,
    commands,
    control,
    detail,
    drain,
    lists,
    overview,
    pages,
    panel,
    patterns,
    prune,
    publish,
    queues,
    revoke,
    runs,
    storage,
    workers,
)

BENCHMARKS = {
    "round_trips": storage.round_trips,
    "memory": storage.memory,
    "publish": publish.ratio,
    "hung": publish.hung,
    "outage": publish.outage,
    "panel": panel.poll,
    "badges": panel.badges,
    "hostile": patterns.hostile,
    "drain": drain.ratios,
    "workers": workers.gathers,
    "overview": overview.crowded,
    "control": control.actions,
    "queues": queues.page,
    "pages": pages.beside_the_peer,
    "lists": lists.pages,
    "detail": detail.large,
    "runs": runs.launching,
    "prune": prune.pruning,
    "inspect": commands.inspecting,
    "again": again.in_bulk,
    "revoke": revoke.in_bulk,
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := sorted(set(wanted) - set(BENCHMARKS)):
        sys.exit(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    print(f"{'figure':<58} {'measured':>14} {'to reach':>12}")
    for name in wanted:
        for figure in BENCHMARKS[name]():
            print(f"{figure.what:<58} {figure.measured:>14} {figure.reach:>12}", flush=True)


try:
    main()
finally:
    setup.stop()
