"""What tasks log that is not easy to keep. Nothing of it harms whoever reads it."""

import logging
import os
import threading
import time
from unittest import mock

from billiard.util import Finalize

logger = logging.getLogger("site.saying")
#: Its lines are nobody's but ours: to write so many would be what takes the time.
unwritten = logging.getLogger("site.unwritten")
unwritten.propagate = False
unwritten.setLevel("INFO")


def many(number, card):
    """Return the seconds that it took."""
    begin = time.perf_counter()
    for n in range(1, number + 1):
        unwritten.info("line %d of %d", n, number)
    return time.perf_counter() - begin


def in_time(number, card):
    """Say in each line when it was logged, at other moments of a second each time."""
    for n in range(number):
        time.sleep(0.3 + n * 0.37 % 1.1)
        unwritten.info("line %d, at %.3f", n, time.time())


def long(number, card):
    unwritten.info("begins %s", "x" * number)


def odd(number, card):
    logger.info(b"caf\xc3\xa9")
    with mock.patch.object(logging, "raiseExceptions", False):  # else the worker's own handler logs two tracebacks
        logger.info("%d of %s", "one")  # noqa: PLE1206 - as many people write
        logger.info("%s of %s of %s", 1)  # noqa: PLE1206 - as many people write
    logger.info("\x1b[31mred\x1b[0m\x07 and \x1b]0;a title\x07plain")
    logger.info("the card was %s, password=hunter2hunter2", card)
    logger.info("asking https://user:hunter2hunter2@bank.example/")


def in_threads(number, card):
    def others():
        for n in range(number):
            unwritten.info("a thread's line %d", n)

    threads = [threading.Thread(target=others) for _ in range(4)]
    for thread in threads:
        thread.start()
    many(number, card)
    for thread in threads:
        thread.join()


def while_forking(number, card):
    """Another thread logs all the while."""
    is_over = threading.Event()

    def busy():
        while not is_over.wait(0.001):
            unwritten.info("a thread's line")

    thread = threading.Thread(target=busy)
    thread.start()
    for n in range(1, number + 1):
        if (child := os.fork()) == 0:
            unwritten.info("a child's line")
            os._exit(0)
        os.waitpid(child, 0)
        unwritten.info("line %d of %d", n, number)
    is_over.set()
    thread.join()


def at_exit(number, card):
    """Have the process end, which logs something as well then."""
    many(number, card)
    Finalize(None, unwritten.info, args=("the process ends",), exitpriority=100)
    raise SystemExit


WAYS = {way.__name__: way for way in (many, in_time, long, odd, in_threads, while_forking, at_exit)}
