"""What reads texts of others takes no longer than their length: doubled, they take no more than about double.

Redaction has tests of its own, in ``test_redaction_work``.
"""

import contextlib
import time

import pytest

from celery_ops import formatting, logs
from celery_ops.backends.results.rows import error_of
from celery_ops.exceptions import BadInput
from celery_ops.failures.frames import innermost_in
from celery_ops.failures.normalising import compared, normalised
from celery_ops.info import TaskInfo
from celery_ops.payload import payload, url
from celery_ops.redaction import LineRedactor
from celery_ops.running.kinds.limits import load
from celery_ops.tracking.stamp import decoded
from tests.worst_texts import text_of


def arguments(text):
    return payload.shown(TaskInfo("1", "shop.nap", args=text, kwargs=f"{{'a': '{text}'}}", result=text, error=text))


def json_of(text):
    with contextlib.suppress(BadInput):
        load(text)


READERS = {
    "arguments of a row": arguments,
    "error of a row": error_of,
    "the same with its traceback": lambda text: error_of(f'{{"exc_type": "E", "exc_message": {text}', text),
    "JSON of a form": json_of,
    "message of a failure": normalised,
    "message that is compared": compared,
    "traceback": innermost_in,
    "line of a log": lambda text: LineRedactor(("hunter2",)).lines([text]),
    "line that is logged": logs.one_line,
    "name": formatting.clean,
    "name that may break": formatting.breakable,
    "text that a page carries": formatting.presentable,
    "address": url.address,
    "addresses": lambda text: url.address(f"redis://{text}"),
    "stamp": decoded,
}
UNITS = (
    *("a", "a ", "A1", "0", "1,", "1.", "[", "(]", "{", '{"a":', "'", '"', "\\", "\\n", "\n", "%41", "é", "\ud800"),
    *(
        "://a@",
        "a.",
        "a-1f ",
        "key=",
        'File "x", line 1, in f\n',
        "Traceback (most recent call last)\n",
        "E: ",
        ";",
        "<",
    ),
)
SHORT, LONG = 4_000, 32_000
#: Eight times the text: 8 where each place is looked at once, and 64 where it is looked through to the end.
MOST = 27
#: What takes less of a second than this is too little to be compared.
LEAST = 0.002


def seconds(read, text):
    """Return the seconds of this thread, which no busy machine makes more, as of the quickest of three."""
    taken = []
    for _ in range(3):
        begin = time.thread_time()
        read(text)
        taken.append(time.thread_time() - begin)
    return min(taken)


def is_slow(read, unit):
    long = seconds(read, text_of(unit, LONG))
    return long > LEAST and long > MOST * seconds(read, text_of(unit, SHORT))


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_twice_the_text_is_twice_the_work(read):
    assert [unit for unit in UNITS if all(is_slow(read, unit) for _ in range(2))] == []
