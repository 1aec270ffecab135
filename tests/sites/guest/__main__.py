"""``python -m tests.sites.guest [CODE]``: load the site and its tasks, run CODE, print what is loaded as JSON."""

import json
import sys
from pathlib import Path

import django

from . import celery_app


def load() -> None:
    """What a worker and a shell of the site do before anything else."""
    django.setup()
    celery_app.loader.import_default_modules()
    celery_app.finalize()


def memory() -> dict[str, int]:
    """KiB of this process: all that is resident, and its share of it, where the system says."""
    sizes = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    kept = {words[0].rstrip(":").lower(): int(words[1]) for words in sizes}
    return {name: kept[name] for name in ("rss", "pss")}


if __name__ == "__main__":
    load()
    exec("".join(sys.argv[1:]))
    print(json.dumps({"modules": sorted(sys.modules), **memory()}))
