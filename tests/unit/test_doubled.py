"""What reads texts of others takes no longer than their length: doubled, they take no more than about double.

Redaction has tests of its own, in ``test_redaction_work``.
"""

import contextlib
import json
import time
from datetime import timedelta
from functools import cache

import pytest
from celery.schedules import crontab, schedule
from django.http import QueryDict

from celery_ops import formatting, logs
from celery_ops.backends.broker.transports.messages import message_info
from celery_ops.backends.broker.transports.unacked import Unacked
from celery_ops.backends.memory import MemoryTaskBackend
from celery_ops.backends.remote import packing
from celery_ops.backends.results.rows import error_of
from celery_ops.converters import AnyText
from celery_ops.exceptions import BadCursor, BadInput
from celery_ops.failures.frames import innermost_in
from celery_ops.failures.normalising import compared, normalised
from celery_ops.filters import failures, insight, queues, records, runs, schedules, task_types, tasks, workers
from celery_ops.info import TaskInfo
from celery_ops.models import TaskRunRecord
from celery_ops.payload import mapping, payload, url
from celery_ops.prometheus.exposition import _ESCAPING
from celery_ops.redaction import LineRedactor
from celery_ops.running.kinds import any_json, containers, simple, times
from celery_ops.running.kinds.limits import load
from celery_ops.schedules import words
from celery_ops.task_logs import stored_lines, texts
from celery_ops.task_query import Cursor, TaskQuery, matching
from celery_ops.tracking import due, facts, folding, index, row_times, signs, started_by
from celery_ops.tracking.stamp import decoded
from celery_ops.tracking.workflows import canvas, steps
from celery_ops.views.tasks.csv import inert
from tests.worst_texts import text_of


def arguments(text):
    return payload.shown(TaskInfo("1", "shop.nap", args=text, kwargs=f"{{'a': '{text}'}}", result=text, error=text))


def json_of(text):
    with contextlib.suppress(BadInput):
        load(text)


def error_with_words(text):
    """Both the class and the traceback are whatever somebody wrote."""
    error_of(json.dumps({"exc_type": text, "exc_message": []}), f"Traceback (most recent call last)\n{text}: no")


class Repeated(schedule):
    """A schedule of the site's own."""

    def __repr__(self):
        return self.said


def crontab_of(text):
    """One of which Celery has made something."""
    entry = crontab("0", "0")
    entry._orig_minute = entry._orig_day_of_week = text
    entry.minute = set(range(0, 60, 7))
    words.words(entry)
    words.expression(entry)


def schedule_of(text):
    entry = Repeated(timedelta(days=1))
    entry.said = text
    words.expression(entry)


#: How the filters of each list are made of a query.
FILTERS = {
    "tasks": lambda data: tasks.TaskFilterSet(data, backend=MemoryTaskBackend()),
    "runs in the journal": lambda data: records.RecordFilterSet(data, TaskRunRecord.objects.none(), sees_all=True),
    "charts": insight.InsightFilterSet,
    "failures": lambda data: failures.FailureFilterSet(data, ()),
    "schedules": lambda data: schedules.ScheduleFilterSet(data, ()),
    "task types": lambda data: task_types.TaskTypeFilterSet(data, ()),
    "queues": lambda data: queues.QueueFilterSet(data, ()),
    "workers": lambda data: workers.WorkerFilterSet(data, ()),
    "tasks to run": lambda data: runs.RunFilterSet(data, ()),
}


def filters_of(make):
    """Each parameter is the text, and the page shows what was wrong with it."""
    names = list(make(QueryDict()).filters)

    def read(text):
        data = QueryDict(mutable=True)
        for name in names:
            data[name] = text
        filters = make(data)
        filters.link(**filters.cleaned_data)
        str(filters.form.errors)

    return read


def search(text):
    """A text as what is looked for, and what is looked through."""
    task = TaskInfo("1", text, "FAILURE", args=text, error=text)
    arguments = payload.Searched().text
    for wanted in (text, f"{text[:-1]}\0", text[: len(text) // 2] + "\0"):
        matching([task], TaskQuery(text=wanted, name=wanted, searches_arguments=True), arguments=arguments)


def cursor(text):
    for written in (text, Cursor((text, 1)).encoded()):
        with contextlib.suppress(BadCursor):
            Cursor.decoded(written)


def part_of_an_address(text):
    AnyText().to_url(text)
    AnyText().to_python(text)


def stored_facts(text):
    facts.FIELD.fullmatch(text)
    facts.long_id(facts.short_id(text))
    facts.start_in(text, 1)
    facts.publish_in(text, facts.UNTIMED)
    facts.progress_of(text)
    facts.progress_of(f"1 2 {text}")
    due.due_of(text)
    list(folding.unfold(folding.PUBLISH, text))
    row_times.noted(text)
    row_times.noted_schedule(text)
    index.objects_in(text)
    index.time_in(text, 0)
    started_by.started_by_of(text)
    signs.decoded([text])


def stored_workflow(text):
    steps.plan_in(text, "a")
    with contextlib.suppress(ValueError, canvas.NotKept):
        canvas.canvas_in(text)


def stored_log(text):
    value = json.dumps([5, [[number, 1, "INFO", "shop", text] for number in range(3)]])
    list(stored_lines.executions_in({"0.1.0a0b.a": text, "0.1.0a0b.z": value, text: text}))


def message(text):
    said = dict.fromkeys(("id", "task", "argsrepr", "kwargsrepr", "eta", "celery_ops"), text)
    for raw in (text.encode(errors="replace"), json.dumps({"headers": said}).encode()):
        message_info(raw, 1)


def unacked(text):
    Unacked([text.encode(errors="replace"), f'}}, "{text}", "{text}"]'.encode(errors="replace")], {})


def look(text):
    packing.unpacked(text.encode(errors="replace"), b"", lambda moment: moment)
    packing.unpacked_lists(packing._bytes({"hosts": [text], "lines": {text: [0]}}))


def worker_says(text):
    mapping.entries({text: text, "broker_url": f"redis://{text}"})
    url.broker_address({"transport": text, "hostname": text})
    url.broker_address({"transport": "redis", "hostname": f"redis://{text}"})


KINDS = {
    "a text": simple.StrKind(),
    "a number": simple.IntKind(),
    "a float": simple.FloatKind(),
    "a decimal": simple.DecimalKind(),
    "yes or no": simple.BoolKind(),
    "a UUID": simple.UUIDKind(),
    "a date": times.DateKind(),
    "a moment": times.DatetimeKind(),
    "a time": times.TimeKind(),
    "a duration": times.TimedeltaKind(),
    "anything": any_json.JsonKind(),
    "a list": containers.ManyKind(label="list"),
    "a set of numbers": containers.ManyKind(label="set", item=simple.IntKind(), make=set),
    "a pair": containers.TupleKind(label="tuple", items=(simple.IntKind(), simple.StrKind())),
    "an object": containers.DictKind(label="dict"),
}


def typed(kind):
    def read(text):
        for written in (text, f"[{text}]", f"1{text}", json.dumps(text)):
            with contextlib.suppress(ValueError):
                kind.parse(written[:65_000])

    return read


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
    "error and its words": error_with_words,
    "crontab": crontab_of,
    "schedule of the site's own": schedule_of,
    "what a search looks at": lambda text: payload.Searched().text(TaskInfo("1", "shop.nap", args=text, error=text)),
    "search": search,
    "cursor": cursor,
    "part of an address": part_of_an_address,
    "facts of the store": stored_facts,
    "workflow of the store": stored_workflow,
    "log of the store": stored_log,
    "line for a terminal": texts.plain,
    "cell of a file": inert,
    "message of the broker": message,
    "message that is worked on": unacked,
    "look of another process": look,
    "what a worker says": worker_says,
    "what a scraper accepts": lambda text: _ESCAPING.sub("", text),
    **{f"filters of {name}": filters_of(make) for name, make in FILTERS.items()},
    **{f"form: {name}": typed(kind) for name, kind in KINDS.items()},
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
#: Texts that say something else all the time, by their length.
GROWING = {
    "keys, the last one twice": lambda size: "{" + "".join(f'"{n:x}":0,' for n in range(size // 10)) + '"z":0,"z":0}',
    "numbers": lambda size: ",".join(map(str, range(size // 6))),
    "lines": lambda size: "\n".join(map(str, range(size // 6))),
    "lists": lambda size: f"[{','.join(f'[{n}]' for n in range(size // 8))}]",
    "times": lambda size: " ".join(f"{n % 24:02}:{n % 60:02}:00.5" for n in range(size // 11)),
}
SHORT, LONG = 4_000, 32_000
#: Eight times the text: 8 where each place is looked at once, and 64 where it is looked through to the end.
MOST = 27
#: What takes less of a second than this is too little to be compared.
LEAST = 0.002


@cache
def text_like(unit, size):
    return GROWING[unit](size) if unit in GROWING else text_of(unit, size)


def seconds(read, text, tries=3):
    """Return the seconds of this thread, which no busy machine makes more, as of the quickest of the tries."""
    taken = []
    for _ in range(tries):
        begin = time.thread_time()
        read(text)
        taken.append(time.thread_time() - begin)
    return min(taken)


def is_slow(read, unit):
    long = text_like(unit, LONG)
    once = seconds(read, long, tries=1)
    if once <= LEAST:
        return False
    most = max(LEAST, MOST * seconds(read, text_like(unit, SHORT)))
    return once > most and seconds(read, long) > most  # the long text is read again only where that may matter


@pytest.mark.measures
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_twice_the_text_is_twice_the_work(read):
    assert [unit for unit in (*UNITS, *GROWING) if all(is_slow(read, unit) for _ in range(2))] == []
