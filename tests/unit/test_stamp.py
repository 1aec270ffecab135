"""What travels with a message comes back as it was sent, and what others put there does no harm."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.tracking import store
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import MAX_OBJECTS, Stamp, decoded

refs = st.lists(
    st.builds(ObjectRef, st.text().filter(lambda label: not label.startswith("~")), st.text()), max_size=MAX_OBJECTS
).map(tuple)


@given(refs, refs, st.none() | st.integers(0, 10**14))
def test_a_stamp_comes_back_as_it_was(own, inherited, published):
    stamp = Stamp(own, inherited, published)
    assert decoded(stamp.encoded()) == stamp


@pytest.mark.parametrize("undecided", [None, 0, 2])
def test_so_does_that_of_a_task_which_its_workflow_alone_knows(undecided):
    stamp = Stamp((), (), 1, undecided, is_step=True)
    assert decoded(stamp.encoded()) == stamp
    assert stamp.is_kept


@given(st.text(alphabet='ab."\\é', max_size=6), st.text(alphabet='1a-"é٣', max_size=4), st.integers(0, 10**14))
def test_a_stamp_of_one_object_is_the_json_of_any_other(label, pk, published):
    assert json.loads(Stamp((ObjectRef(label, pk),), (), published).encoded()) == [published, [[label, pk]], []]


def test_a_key_with_a_lone_surrogate_comes_back():
    stamp = Stamp((ObjectRef("shop.page", "\ud800"),), (), 1)
    assert decoded(stamp.encoded().encode().decode()) == stamp


def test_own_objects_come_before_inherited_ones():
    own, inherited = ObjectRef("a.b", "1"), ObjectRef("a.b", "2")
    assert Stamp((own,), (inherited,)).refs == (own, inherited)


@pytest.mark.parametrize(
    "header",
    [
        None,
        5,
        b"[1,[],[]]",
        "",
        "x",
        "null",
        "5",
        '"abc"',
        "[]",
        "[1]",
        "[1,[],[],[]]",
        "[1,[],[],1e999]",
        "[1,5,[]]",
        "[1,[5],[]]",
        '[1,[["a"]],[]]',
        '[1,[["a",1]],[]]',
        '[1,[[null,"1"]],[]]',
        '{"a":1,"b":2,"c":3}',
        json.dumps([1, [["a", "b"]] * (MAX_OBJECTS + 1), []]),
        "[" * 100_000,
        "[" + "9" * 5000 + ",[],[]]",
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_a_header_that_is_not_ours_is_no_stamp(header):
    assert decoded(header) is None


@pytest.mark.parametrize("label", [store.INDEX, store.TASK, store.REVOKE, store.LOG, store.WORKFLOW])
def test_a_header_that_names_what_the_store_keeps_for_itself_is_no_stamp(label):
    assert decoded(json.dumps([1, [[label, "1"]], []])) is None
    assert decoded(json.dumps([1, [], [[label, "1"]]])) is None


def test_a_time_that_is_no_number_is_left_out():
    assert decoded('["yesterday",[["a","b"]],[]]') == Stamp((ObjectRef("a", "b"),))
