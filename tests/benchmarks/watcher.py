"""``python -m tests.benchmarks.watcher SECONDS``: a web process in which somebody looks at the workers all the time."""

import sys
import time


def main(seconds: float) -> None:
    import django

    django.setup()
    from celery_ops.backends.remote.snapshot import snapshot

    snapshot()
    print("looking", flush=True)
    sys.stdin.readline()
    until, looks = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        snapshot()
        looks += 1
        time.sleep(0.1)
    print(looks)


if __name__ == "__main__":
    main(float(sys.argv[1]))
