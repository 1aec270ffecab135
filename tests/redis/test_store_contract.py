"""What every store does: one suite for the one in memory, the one in Redis and the one in a Redis Cluster."""

import threading
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from celery_ops.tracking import facts, prefix
from celery_ops.tracking.memory import TRIM_ABOVE, MemoryStore
from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.tracking.store import TASKS_KEPT, IfAbsent, add_fields

ONE, OTHER = ObjectRef("shop.order", "1"), ObjectRef("shop.order", "2")
ODD_KEYS = [
    "1",
    "01",
    "1/2",
    "1:2",
    "*",
    "?",
    "[1]",
    "{1}",
    "}{",
    "\n",
    " ",
    "%",
    "%25",
    "é",
    "\ud800",
    "\x00",
    "x" * 999,
]


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request):
    return request.getfixturevalue(f"{request.param}_store")


def stored(store, ref=ONE):
    """Every field of an object, the long values too."""
    (fields,) = store.read([ref])
    long = [name for name, value in fields.items() if value is None]
    values, _ = store.look_up([(ref, name) for name in long])
    return {**fields, **dict(zip(long, values, strict=True))}


def test_what_was_written_is_read(store):
    store.write([(ONE, {"a": "1", "b": "2"})])
    assert stored(store) == {"a": "1", "b": "2"}


def test_nothing_was_refused(store):
    assert store.write([(ONE, {"a": "1"}), (OTHER, {"a": "1"})]) == 0


def test_an_object_that_was_never_written_is_empty(store):
    assert store.read([ONE]) == [{}]


def test_no_objects_read_as_nothing(store):
    assert store.read([]) == []


def test_a_later_write_adds_fields(store):
    store.write([(ONE, {"a": "1"})])
    store.write([(ONE, {"b": "2"})])
    assert stored(store) == {"a": "1", "b": "2"}


def test_a_later_write_of_the_same_field_counts(store):
    store.write([(ONE, {"a": "1"})])
    store.write([(ONE, {"a": "2"})])
    assert stored(store) == {"a": "2"}


def test_a_write_that_is_repeated_changes_nothing(store):
    for _ in range(3):
        store.write([(ONE, {"a": "1", "long": "x" * 200})])
    assert stored(store) == {"a": "1", "long": "x" * 200}


@pytest.mark.parametrize("first", ["1", "x" * 150, "x" * 200, "~"], ids=["short", "pieces", "long", "mark"])
@pytest.mark.parametrize("then", ["2", "y" * 65, "y" * 200, "~~"], ids=["short", "pieces", "long", "mark"])
def test_a_value_for_where_there_is_none_replaces_nothing(store, first, then):
    store.write([(ONE, {"a": first})])
    store.write([(ONE, {"a": IfAbsent(then), "b": IfAbsent(then)}), (OTHER, {"a": IfAbsent(then), "b": "3"})])
    assert (stored(store), stored(store, OTHER)) == ({"a": first, "b": then}, {"a": then, "b": "3"})


@pytest.mark.parametrize("first", ["1", "x" * 150, "x" * 200], ids=["short", "pieces", "long"])
@pytest.mark.parametrize("then", ["2", "y" * 65, "y" * 200], ids=["short", "pieces", "long"])
def test_a_value_for_where_there_was_none_is_replaced(store, first, then):
    store.write([(ONE, {"a": IfAbsent(first)})])
    store.write([(ONE, {"a": then})])
    assert stored(store) == {"a": then}


def test_objects_are_kept_apart(store):
    store.write([(ONE, {"a": "1"}), (OTHER, {"a": "2"})])
    assert store.read([OTHER, ONE]) == [{"a": "2"}, {"a": "1"}]


def test_named_fields_are_read_alone_and_whole_objects_beside_them(store):
    store.write([(ONE, {"a": "1", "b": "x" * 150, "c": "x" * 200, "d": "4"}), (OTHER, {"a": "5", "b": "6"})])
    assert store.read_fields([(ONE, ["a", "b", "c", "e"]), (OTHER, ()), (OTHER, ["c"])]) in (
        [{"a": "1", "b": "x" * 150, "c": None}, {"a": "5", "b": "6"}, {}],
        [{"a": "1", "b": "x" * 150, "c": "x" * 200}, {"a": "5", "b": "6"}, {}],
    )


def test_of_an_object_those_fields_are_read_that_begin_so_and_more_only_where_that_costs_less(store):
    fields = {"ab1": "1", "ab2": "x" * 150, "ab3": "x" * 200, "b": "2", "=a%2Ab:1": "3", "=a%2Abc:1": "4"}
    store.write([(ONE, fields), (OTHER, {"c": "5"})])
    begun = store.read_begun([(ONE, ["ab", "=a%2Ab:"]), (OTHER, ["c"]), (ONE, ["d"]), (OTHER, list("abcdefg"))])
    wanted = {"ab1": "1", "ab2": "x" * 150, "=a%2Ab:1": "3"}
    assert wanted.items() <= begun[0].items()
    assert "ab3" in begun[0]
    assert begun[1] == begun[3] == {"c": "5"}
    if not isinstance(store, MemoryStore):
        assert (begun[0].keys(), begun[2]) == ({*wanted, "ab3"}, {})


def test_more_fields_of_an_object_than_lie_compactly_are_read_by_how_they_begin(store):
    store.write([(ONE, {f"{number:04}{letter}": letter for number in range(700) for letter in "ab"})])
    (begun,) = store.read_begun([(ONE, ["0042", "0699"])])
    assert {"0042a": "a", "0042b": "b", "0699a": "a", "0699b": "b"}.items() <= begun.items()


#: Ends of values that a store may leave out when from -0x10 to 0x100 is asked for, and such that it must not.
OTHERS = ("x 1,101", "x 1,-11", "y 2,x 1,7fffffff", "x 1,-7fffffff", "x 1%2C2,ffffff", "x" * 100 + ",ffff")
CUT = "a.b 1," * 9 + "a 12,fff.a 1,f"  # the first piece ends as if in a number
WANTED = (
    CUT,
    "x 1,0",
    "x 1,100",
    "x 1,-10",
    "x 1,-1",
    "y 2,x 1,f",
    "a 1,b 2,c 3",
    "",
    ",",
    "x 1",
    "~x,f",
    "x" * 100 + ",f",
)
UNTOLD = ("x" * 59 + ",ffff", "x" * 300 + ",ffff", "~,fff")  # across two pieces, elsewhere, or after what marks pieces


def test_of_an_object_those_fields_are_read_that_end_in_a_number_between_or_in_none(store):
    fields = {str(number): text for number, text in enumerate((*WANTED, *UNTOLD, *OTHERS))}
    store.write([(ONE, fields), (OTHER, {"a": "x 1,ff"})])
    between, none, all_of_it = store.read_between([(ONE, -0x10, 0x100), (OTHER, 0, 1), (OTHER, 0, 0xFF)])
    assert {text: between.get(name) or text for name, text in fields.items() if text in WANTED} == {
        text: text for text in WANTED
    }
    assert all_of_it == {"a": "x 1,ff"}
    if not isinstance(store, MemoryStore):
        assert not {name for name, text in fields.items() if text in OTHERS} & between.keys()
        assert none == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text("abc=:", min_size=1, max_size=3),
        st.tuples(st.text("xé,~2 ", max_size=180), st.integers(-(2**33), 2**33)),
        max_size=8,
    ),
    st.integers(-(2**33), 2**33),
    st.integers(-(2**33), 2**33),
)
def test_no_field_that_ends_in_a_number_between_is_left_out(store, numbered, least, most):
    place = ObjectRef("shop.order", uuid.uuid4().hex)
    fields = {name: f"{text},{number:x}" for name, (text, number) in numbered.items()}
    store.write([(place, fields)])
    (between,) = store.read_between([(place, least, most)])
    wanted = {name for name, (_text, number) in numbered.items() if least <= number <= most}
    assert wanted <= between.keys()
    assert all(value in (fields[name], None) for name, value in between.items())


def test_an_objects_size_is_about_its_number_of_fields(store):
    store.write([(ONE, {"a": "1", "b": "2"})])
    assert store.sizes([OTHER, ONE]) == [0, 2]


def test_an_object_that_a_batch_names_twice_gets_both(store):
    store.write([(ONE, {"a": "1"}), (ONE, {"b": "2"})])
    assert stored(store) == {"a": "1", "b": "2"}


def test_objects_are_read_in_the_order_asked_and_as_often(store):
    store.write([(ONE, {"a": "1"})])
    assert store.read([OTHER, ONE, OTHER, ONE]) == [{}, {"a": "1"}, {}, {"a": "1"}]


def test_objects_of_two_models_with_one_key_are_kept_apart(store):
    store.write([(ONE, {"a": "1"})])
    assert store.read([ObjectRef("shop.warehouse", "1")]) == [{}]


@pytest.mark.parametrize("pk", ODD_KEYS, ids=lambda pk: f"{pk!a:.10}")
def test_a_key_of_any_characters_is_a_key_of_its_own(store, pk):
    for key in ODD_KEYS:
        store.write([(ObjectRef("shop.page", key), {"key": str(ODD_KEYS.index(key))})])
    assert store.read([ObjectRef("shop.page", pk)]) == [{"key": str(ODD_KEYS.index(pk))}]


def test_a_label_and_a_key_are_not_mixed_up(store):
    store.write([(ObjectRef("a", "b:c"), {"a": "1"})])
    assert store.read([ObjectRef("a:b", "c")]) == [{}]


@pytest.mark.parametrize(
    "value",
    ["", "x" * 64, "x" * 65, "é" * 33, "x" * 2048, "x" * 100_000, "~", "~x", "~~", "\n", "\x00", "a\r\nb", "😀" * 40],
    ids=lambda value: f"{value!a:.10}-{len(value)}",
)
def test_a_value_comes_back_whatever_its_length_and_characters(store, value):
    store.write([(ONE, {"a": value})])
    assert stored(store) == {"a": value}


@pytest.mark.parametrize(("first", "then"), [("x" * 200, "short"), ("short", "x" * 200), ("x" * 200, "y" * 200)])
def test_a_value_may_change_its_length(store, first, then):
    store.write([(ONE, {"a": first})])
    store.write([(ONE, {"a": then})])
    assert stored(store) == {"a": then}


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50)
@given(st.text(), st.dictionaries(text.filter(bool), text, min_size=1))
def test_anything_that_is_written_comes_back(store, pk, fields):
    ref = ObjectRef("shop.page", pk)
    before = stored(store, ref)
    store.write([(ref, fields)])
    assert stored(store, ref) == {**before, **fields}


values = st.builds(
    lambda mark, unit, count: mark + unit * count,
    st.sampled_from(["", "~", "~2"]),
    st.sampled_from("xé~"),
    st.sampled_from([0, 1, 31, 62, 63, 64, 65, 95, 124, 126, 127, 188, 190, 191, 300]),
)
writes = st.dictionaries(st.sampled_from(["a", "a2"]), values | values.map(IfAbsent), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.uuids(), st.lists(writes, max_size=6))
def test_values_of_any_length_after_one_another_leave_the_last(store, pk, events):
    ref = ObjectRef("shop.item", str(pk))
    expected = stored(store, ref)
    for fields in events:
        store.write([(ref, fields)])
        add_fields(expected, fields)
    assert stored(store, ref) == expected


def test_a_lone_surrogate_in_a_value_does_no_harm(store):
    store.write([(ONE, {"a": "x\ud800y", "b": "2"})])
    assert stored(store)["b"] == "2"


def test_what_is_still_of_the_version_that_was_read_is_not_read_again(store):
    store.write([(ONE, {"a": "1", "b": "x" * 200})])
    version, fields = store.read_unless(ONE, "")
    assert fields == store.read([ONE])[0]
    assert store.read_unless(ONE, version) == (version, None)


@pytest.mark.parametrize("written", [{"a": "2"}, {"c": "1"}, {"b": "1"}, {"a": "x" * 200}], ids=str)
def test_what_changed_since_is_read_with_a_version_of_its_own(store, written):
    store.write([(ONE, {"a": "1", "b": "x" * 200})])
    before, _ = store.read_unless(ONE, "")
    store.write([(ONE, written)])
    version, fields = store.read_unless(ONE, before)
    assert (version != before, fields) == (True, store.read([ONE])[0])


def test_the_version_of_nothing_holds_until_something_is_written(store):
    nothing, fields = store.read_unless(ONE, "")
    assert (fields, store.read_unless(ONE, nothing)) == ({}, (nothing, None))
    store.write([(ONE, {"a": "1"})])
    assert store.read_unless(ONE, nothing)[1] == {"a": "1"}


def test_two_hundred_objects_are_written_and_read_in_one_call(store):
    refs = [ObjectRef("shop.order", str(pk)) for pk in range(200)]
    store.write([(ref, {"pk": ref.pk}) for ref in refs])
    assert store.read(refs) == [{"pk": ref.pk} for ref in refs]


def test_a_batch_of_many_events_of_one_object_is_written(store):
    fields = {str(number): "x" * 200 for number in range(TRIM_ABOVE // 2)}
    store.write([(ONE, fields)])
    assert len(stored(store)) == len(fields)


def test_threads_lose_nothing(store):
    failed = []

    def write(thread):
        try:
            for number in range(20):
                store.write([(ONE, {f"{thread}-{number}": "1", f"{thread}-{number}-long": "x" * 200})])
                store.read([ONE])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (failed, len(stored(store))) == ([], 240)


# -- look_up ----------------------------------------------------------------------------------------------------------


def test_long_values_are_looked_up_in_the_order_asked(store):
    store.write([(ONE, {"a": "x" * 200, "b": "y" * 200}), (OTHER, {"a": "z" * 200})])
    values, _ = store.look_up([(OTHER, "a"), (ONE, "b"), (ONE, "a")])
    assert [value[0] for value in values] == ["z", "y", "x"]


def test_a_value_that_is_not_there_is_none(store):
    assert store.look_up([(ONE, "a")]) == ([None], {})


def test_nothing_to_look_up_is_nothing(store):
    assert store.look_up([]) == ([], {})


# -- signs of life ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostname", ["celery@here", "a/b:c*{d}\n", "é", "x" * 500, ""], ids=lambda name: f"{name:.8}")
def test_a_worker_that_beats_is_there_with_its_start(store, hostname):
    store.beat(hostname, 123)
    assert store.look_up([], [hostname]) == ([], {hostname: 123})


def test_a_worker_that_never_beat_is_missing(store):
    store.beat("celery@here", 123)
    assert store.look_up([], ["celery@there"]) == ([], {})


def test_a_worker_that_began_again_has_its_new_start(store):
    store.beat("celery@here", 123)
    store.beat("celery@here", 456)
    assert store.look_up([], ["celery@here"])[1] == {"celery@here": 456}


def test_values_and_workers_are_looked_up_in_one_call(store):
    store.write([(ONE, {"a": "x" * 200})])
    store.beat("celery@here", 123)
    assert store.look_up([(ONE, "a")], ["celery@here", "gone"]) == (["x" * 200], {"celery@here": 123})


def test_a_workers_name_is_no_objects(store):
    store.beat("1", 123)
    assert store.read([ObjectRef("worker", "1")]) == [{}]


# -- the cap ----------------------------------------------------------------------------------------------------------


def fill(store, tasks, name="a.b", attempts=4, **more):
    """Store this many tasks of ``ONE``, the oldest first."""
    begin = now_ms() - tasks
    for number in range(tasks):
        fields = {facts.field(str(number), facts.PUBLISHED): f"{begin + number} {name}"}
        for attempt in range(attempts):
            fields[facts.field(str(number), facts.STARTED, attempt)] = f"{begin + number} - here"
        store.write([(ONE, {**fields, **{facts.field(str(number), kind): value for kind, value in more.items()}})])


def test_the_tasks_of_one_object_are_capped(store):
    fill(store, TASKS_KEPT * 3)
    assert len(stored(store)) <= TRIM_ABOVE


def test_the_newest_tasks_are_kept(store):
    fill(store, TASKS_KEPT * 3)
    ids = [task.id for task in read_tasks([ONE], TASKS_KEPT)[0]]
    assert ids == [str(number) for number in range(TASKS_KEPT * 3 - 1, TASKS_KEPT * 2 - 1, -1)]


def test_long_values_of_tasks_that_were_dropped_are_gone(store):
    fill(store, TASKS_KEPT * 3, attempts=3, o="x" * 200)  # with one more each write would trim
    assert store.look_up([(ONE, facts.field("0", facts.RESULT))])[0] == [None]


def test_the_cap_is_each_objects_own(store):
    store.write([(OTHER, {facts.field("1", facts.PUBLISHED): "1 a.b"})])
    fill(store, TASKS_KEPT * 3)
    assert len(stored(store, OTHER)) == 1


def test_a_waiting_task_with_a_long_name_is_not_dropped_before_older_ones(store):
    fill(store, TASKS_KEPT * 2 - 90)
    store.write([(ONE, facts.published("waiting", now_ms() + 10**6, "long." * 20))])
    fill(store, TASKS_KEPT * 2)
    assert facts.field("waiting", facts.PUBLISHED) in stored(store)


# -- the end ----------------------------------------------------------------------------------------------------------


def test_a_store_that_is_there_answers_a_ping(store):
    assert store.ping() is None


def test_a_store_that_was_closed_opens_again(store):
    store.write([(ONE, {"a": "1"})])
    store.close()
    assert store.read([ONE]) == [{"a": "1"}]


def test_a_store_may_be_closed_twice(store):
    store.close()
    store.close()


# -- notes, which a store of a site's own need not keep


@pytest.fixture(params=["memory", "redis", "cluster"])
def noting(request):
    return request.getfixturevalue(f"{request.param}_store")


def values(store, *names):
    return [note and note.value for note in store.read_notes(names)]


def test_notes_are_read_in_the_order_asked(noting):
    assert noting.write_notes({"a": (b"\x00\xff", 60), "b b/é": (b"", 60)})
    assert values(noting, "b b/é", "nothing", "a") == [b"", None, b"\x00\xff"]


def test_a_note_says_for_how_long_it_is_kept(noting):
    noting.write_notes({"a": (b"1", 60), "b": (b"2", 1.5)})
    long, short = noting.read_notes(["a", "b"])
    assert 50 < long.left <= 60
    assert 0 < short.left <= 1.5


def test_a_note_of_no_time_is_forgotten(noting):
    noting.write_notes({"a": (b"1", 60)})
    noting.write_notes({"a": (b"", 0)})
    assert values(noting, "a") == [None]


def test_of_two_that_add_a_note_one_is_the_first(noting):
    assert [noting.add_note("a", value, 60) for value in (b"1", b"2")] == [True, False]
    assert values(noting, "a") == [b"1"]


def test_a_note_is_every_tenants(noting):
    noting.write_notes({"a": (b"1", 60)})
    with prefix.using("another"):
        assert values(noting, "a") == [b"1"]
