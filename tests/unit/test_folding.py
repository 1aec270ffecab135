"""Facts in one field come to what they come to apart, whoever told them, in whatever order, or told them earlier."""

import itertools
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from celery_ops.tracking import facts, folding, lives
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp
from celery_ops.tracking.store import SHORT, IfAbsent

from .test_facts import ID, LIFECYCLES, NOW, REF, told

LIFE = facts.life_tag(NOW)
FIELD = re.compile(rf"(.{{22}})([{folding.PUBLISH}{folding.COURSE}])(.*)")
SHORT_RESULT, LONG_RESULT = '{"charged": "49.90"}', json.dumps("long " * 20)
HOSTS = ["celery@here", "celery@" + "h" * 60, "celery@a host", "celery@" + "é" * 29]
HOST_IDS = ["short", "long", "space", "letters of two bytes"]


def run():
    return Execution(ID, "shop.tasks.charge", 0, Stamp((REF,), (), NOW), delivery="aa")


def published(args):
    event = Execution(ID, "shop.tasks.charge", 0, Stamp((REF,), (), NOW))
    event.keep_arguments(args, {})
    return event.first_batch()


def started(event, host="celery@here"):
    for kind, value in facts.started(NOW + 15, NOW + 12, host, NOW).items():
        event.note(kind, value)
    return event.first_batch()


def succeeded(event, result):
    event.note(facts.RESULT, result)
    event.note(folding.SUCCESS, "452")
    return event.batch()


def whole(args=(1,), result=SHORT_RESULT, host="celery@here"):
    event = run()
    return [published(args), started(event, host), succeeded(event, result)]


def fields_of(events):
    store = MemoryStore()
    for event in events:
        store.write(event)
    return store.read([REF])[0]


def as_before(event):
    """An event as it was written when each fact had a field of its own."""
    return [(ref, dict(pair for field in fields.items() for pair in _apart(*field))) for ref, fields in event]


def _apart(name, value):
    match = FIELD.fullmatch(name)
    if match is None:
        return [(name, str(value))]
    short, kind, place = match.groups()
    if kind == folding.PUBLISH:
        at, task, *more = value.split(" ", 2)
        return zip((f"{short}p{place}", f"{short}a{place}"), (f"{at} {task}", *more), strict=False)
    at, received, host, *more = value.split(" ", 4)
    names = (f"{short}{letter}{place}" for letter in "sSo")
    return zip(names, (f"{at} {received} {host}", *more), strict=False)


# -- what is stored ---------------------------------------------------------------------------------------------------


def test_a_task_that_succeeded_is_two_fields():
    publish, course = fields_of(whole()).items()
    assert publish[0] == facts.field(ID, folding.PUBLISH, 0, LIFE)
    assert publish[1].endswith(" shop.tasks.charge =[1]")
    assert course == (facts.field(ID, folding.COURSE, 0, f"{LIFE}aa"), f"15 12 @here 452 {SHORT_RESULT}")


@pytest.mark.parametrize("args", [[1], ["long"] * 20], ids=["short", "long"])
@pytest.mark.parametrize("result", [SHORT_RESULT, LONG_RESULT], ids=["short", "long"])
@pytest.mark.parametrize("host", HOSTS, ids=HOST_IDS)
def test_what_is_asked_for_in_any_list_is_short(args, result, host):
    kinds = {folding.PUBLISH, folding.COURSE, facts.PUBLISHED, facts.STARTED, folding.SUCCESS}
    values = [value for name, value in fields_of(whole(args, result, host)).items() if name[22] in kinds]
    assert len(values) >= 2
    assert all(len(value.encode()) <= SHORT for value in values)


@pytest.mark.parametrize("name", ["shop.tasks." + "é" * 40, "a name", "shop.tasks." + "x" * 40])
def test_a_name_that_is_no_short_word_is_told_all_the_same(memory_store, name):
    event = Execution(ID, name, 0, Stamp((REF,), (), NOW))
    event.keep_arguments([1], {})
    (task,) = told([event.batch()])
    assert (task.name, task.published_at) == (name, facts.moment(NOW))
    assert all(len(value.encode()) <= SHORT for field, value in fields_of([event.batch()]).items() if field[22] in "Pp")


def test_times_that_somebody_made_up_lengthen_no_short_field():
    event = Execution(ID, "shop.tasks.charge", 0, Stamp((REF,), (), 10**60), delivery="aa")
    for kind, value in facts.started(NOW, NOW, "celery@here", 10**60).items():
        event.note(kind, value)
    assert {name[22] for name in fields_of([succeeded(event, SHORT_RESULT)])} == {"p", "s", "S", "o"}


# -- any order --------------------------------------------------------------------------------------------------------


def all_told(events):
    return told(events), read_payload(REF, ID)


@pytest.mark.parametrize("args", [[1], ["long"] * 20], ids=["short", "long"])
@pytest.mark.parametrize("result", [SHORT_RESULT, LONG_RESULT], ids=["short", "long"])
@pytest.mark.parametrize("host", HOSTS, ids=HOST_IDS)
def test_arguments_and_result_are_the_same_in_any_order(memory_store, args, result, host):
    events = whole(args, result, host)
    (tasks, payload) = all_told(events)
    assert (tasks[0].state, tasks[0].worker) == ("SUCCESS", host)
    assert (json.loads(payload.args)["args"], json.loads(payload.result)) == (args, json.loads(result))
    for order in itertools.permutations([*events, *events[:2]]):
        assert all_told(order) == (tasks, payload)


def test_what_is_told_late_again_leaves_the_fields_as_they_are():
    events = whole()
    assert fields_of([*events, *events]) == fields_of(events)


# -- what earlier snapshots wrote, or still write beside ---------------------------------------------------------------


def test_each_fact_once_had_a_field_of_its_own():
    assert [name[22] for event in whole() for name in as_before(event)[0][1]] == [
        "p",
        "a",
        "p",
        "s",
        "p",
        "s",
        "S",
        "o",
    ]


@given(st.data(), st.sampled_from(sorted(LIFECYCLES)))
def test_writers_of_either_kind_tell_the_same_task_in_any_order(data, name):
    events = LIFECYCLES[name][0]
    now = [event if data.draw(st.booleans()) else as_before(event) for event in events]
    again = data.draw(st.lists(st.sampled_from([*events, *map(as_before, events)]), max_size=4))
    assert told(data.draw(st.permutations([*now, *again]))) == told(events)


def test_arguments_and_result_outlive_a_writer_of_either_kind(memory_store):
    events = whole()
    expected = all_told(events)
    for choice in itertools.product((False, True), repeat=len(events)):
        mixed = [as_before(event) if before else event for event, before in zip(events, choice, strict=True)]
        for order in itertools.permutations([*mixed, as_before(events[1])]):
            assert all_told(order) == expected


# -- one field and several ---------------------------------------------------------------------------------------------

texts = st.text(alphabet=' ab\n=~"é0', max_size=30)
words = texts.map(lambda text: text.replace(" ", ""))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            facts.PUBLISHED: words.map("5 {}".format) | texts,
            facts.ARGUMENTS: texts,
            facts.STARTED: words.map("5 - {}".format) | texts,
            folding.SUCCESS: st.integers(-5, 10**13).map(str),
            facts.RESULT: texts,
            facts.ERROR: texts,
        },
    )
)
@example({facts.STARTED: "5 - here", facts.RESULT: "7"})
@example({facts.STARTED: "5 - here", folding.SUCCESS: "9" * 60, facts.RESULT: "7"})
@example({facts.PUBLISHED: "5 a.b", facts.ARGUMENTS: "é" * 30})
def test_whatever_was_known_is_told_by_the_fields(known):
    apart = {facts.field(ID, kind, 0, LIFE): value for kind, value in known.items()}
    folded = folding.fold(apart, facts.short_id(ID), LIFE, LIFE)
    kept = {name: str(value) for name, value in folded.items()}
    assert {short: life.facts for short, life in lives.by_task(kept.items()).items()} == {
        short: life.facts for short, life in lives.by_task(apart.items()).items()
    }


def test_of_two_fields_that_tell_one_fact_the_same_counts_whichever_was_first():
    fields = [(facts.field(ID, kind, 0, LIFE), f"5 {kind}.task") for kind in (facts.PUBLISHED, folding.PUBLISH)]
    ((first,), (second,)) = (lives.by_task(order).values() for order in (fields, fields[::-1]))
    assert first.facts == second.facts


@pytest.mark.parametrize("value", ["", " ", "     ", "x", "1 2 3 4 5 6", "9" * 400, "\ud800", None])
@pytest.mark.parametrize("kind", [folding.PUBLISH, folding.COURSE])
def test_a_field_that_nobody_of_ours_wrote_is_read_as_something(kind, value):
    ((first, _text), *_others) = folding.unfold(kind, value)
    assert first in (facts.PUBLISHED, facts.STARTED)


def test_only_what_others_may_know_more_of_waits_for_an_empty_field():
    publish, start, end = (dict(event)[REF] for event in whole())
    is_weaker = [[isinstance(value, IfAbsent) for value in fields.values()] for fields in (publish, start, end)]
    assert is_weaker == [[False], [True, True], [True, False]]


@given(
    st.sampled_from([NOW, None]),
    st.sampled_from(["a.b", "a name", "", "é" * 24, "é" * 25, "x" * 48, "x" * 49, "shop.tasks.charge"]),
    st.sampled_from(["=[]", '=["é"]', "=[7]", "~[1]", "=" + "x" * 30, "=" + "x" * 40, "=" + "x" * 70]),
)
def test_a_publish_that_is_one_field_is_the_field_that_folding_makes_of_it(at, name, arguments):
    life, short = facts.life_tag(at), facts.short_id(ID)
    event = Execution(ID, name, 0, Stamp((REF,), (), at))
    event.note_arguments(arguments)
    ((_ref, whole),) = event.batch()
    fields = folding.folded_publish(short, life, facts.publish_text(at, name, life), arguments)
    assert fields in (None, whole)
    if fields:
        assert [type(value) for value in fields.values()] == [type(value) for value in whole.values()]


def test_most_publishes_are_one_field():
    publish = facts.publish_text(NOW, "shop.tasks.charge", LIFE)
    assert folding.folded_publish(facts.short_id(ID), LIFE, publish, "=[7]")


@pytest.mark.parametrize("hostname", ["celery@here", "w1@here", "@here", "@@here", "@", "celery", "celery@", "", "web"])
def test_a_workers_name_comes_back_as_it_was(hostname):
    fact = facts.started(1500, 1400, hostname, 1000)[facts.STARTED]
    assert facts.start_in(fact, 1000)[3] == hostname
