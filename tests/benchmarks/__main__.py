"""``python -m tests.benchmarks [--quick] [--write] [name …]``: each figure beside a peer's and the one to reach.

Ratios and counts, on a Redis of the run's own: absolute times say little on a shared machine. ``--quick`` only shows
that each benchmark works. ``--write`` keeps what was measured in docs/benchmarks.json and writes docs/benchmarks.md and
docs/scaling.md. A name is a benchmark's, or a part's: ``scaling`` is all of that part.
"""

import argparse
import os
import signal
import sys
import time
import traceback
from datetime import datetime, timezone


def main() -> int:
    """Return how many benchmarks failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="all when none is given")
    parser.add_argument("--quick", action="store_true", help="few rows and rounds: its figures say nothing")
    parser.add_argument("--write", action="store_true", help="keep the figures, and write docs/benchmarks.md")
    parser.add_argument("--list", action="store_true", help="print the names, and what each measures")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("figures of --quick are not worth keeping")
    os.environ.update({"BENCHMARK_QUICK": "1"} if options.quick else {})
    from . import setup

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nobody's servers are left behind
    setup.django_with_redis()
    try:
        return run(parser, options)
    finally:
        setup.stop()


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    import pytest

    from . import registry, report, setup
    from .versions import commit, versions

    try:
        wanted = registry.named(options.names)
    except KeyError as error:
        parser.error(f"no benchmark {error}; there are {', '.join(registry.benchmarks())}")
    if options.list:
        print("\n".join(f"{each.name:<14} {each.about}" for each in wanted))
        return 0
    begun = time.monotonic()
    failures, today = 0, datetime.now(timezone.utc).date().isoformat()
    print(report.text_head())
    for each in wanted:
        print(f"-- {each.name}: {each.about}", flush=True)
        figures, load, since = [], round(os.getloadavg()[0], 1), time.monotonic()
        setup.fresh()
        try:
            for figure in each.run():
                figures.append(figure)
                print(report.text_line(figure), flush=True)
        except (Exception, pytest.fail.Exception):  # the others are measured all the same
            failures += 1
            traceback.print_exc()
            continue
        if options.write:
            found = report.Record(each.name, each.part, each.about, today, commit(), load, versions(), tuple(figures))
            report.keep([found])
        print(f"-- {each.name} took {time.monotonic() - since:.0f} s", flush=True)
    print(f"-- all of it took {(time.monotonic() - begun) / 60:.0f} min")
    return failures


sys.exit(main())
