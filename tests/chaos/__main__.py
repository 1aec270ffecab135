"""``make chaos``: every fault of the table by its tests, 100,000 faults injected into the store, and the soak."""

import os
import subprocess
import sys
from pathlib import Path

from .table import named

HERE = Path(__file__).parents[1]


def run(what: str, command: list[str], **environment: str) -> int:
    print(f"\n== {what}", flush=True)
    return subprocess.run(command, check=False, env={**os.environ, **environment}).returncode


def main() -> int:
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    shown = [str(HERE / test) for test in named() if not test.startswith(("chaos/", "faults/test_injected.py"))]
    injected = str(HERE / "faults" / "test_injected.py")
    codes = [
        run("the table of faults", [*pytest, "-n", "2", "--dist", "loadgroup", *shown]),
        run("100,000 faults injected", [*pytest, "-s", injected], TEST_FAULTS="100000"),
        run("the soak", [sys.executable, "-m", "tests.chaos.soak"]),
    ]
    return max(codes)


sys.exit(main())
