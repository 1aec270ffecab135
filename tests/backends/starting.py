"""Real workers without Django, several at once."""

import signal
import threading

from tests.servers import Worker


def start(*hostnames, url, options=("-c", "1"), **more):
    """Start several workers at once; ``more`` goes into their environment."""
    workers = []

    def run(hostname):
        environment = {"TEST_BROKER_URL": url, "DJANGO_SETTINGS_MODULE": "", **more}
        workers.append(Worker(hostname, environment, *options, app="tests.backends.plain"))

    threads = [threading.Thread(target=run, args=(hostname,)) for hostname in hostnames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workers) == len(hostnames)
    return sorted(workers, key=lambda worker: worker.hostname)


def end(worker):
    """Nothing of it is needed any more."""
    worker.signal_all(signal.SIGKILL)
    worker.stop()
