"""A text finds what is meant: ids, names, and arguments where the page shows them."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_results.models import TaskResult

from celery_ops.backends.results import lists, names, search, texts
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.info import TaskInfo
from celery_ops.task_query import TaskQuery
from tests.backends.result_rows import NOON, many, plant, row, walk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_kept():
    texts.texts.forget()
    yield
    names.forget()
    texts.texts.forget()


@pytest.fixture
def two_newest(monkeypatch):
    """Only the newest two tasks are looked at one by one."""
    monkeypatch.setattr(search, "NEWEST", 2)


def ids_with(text, *, arguments=False, size=10, **query):
    return walk(TaskQuery(text=text, searches_arguments=arguments, **query), size=size)


def page(text, **query):
    return ResultsTaskBackend().page(TaskQuery(text=text, **query))


def called(*customers, **fields):
    plant(*(TaskInfo(str(n), kwargs={"customer": customer, **fields}) for n, customer in enumerate(customers)))


# -- ids and names -----------------------------------------------------------------------------------------------------


@pytest.mark.database
def test_an_id_is_found_by_its_beginning_however_old_it_is(two_newest):
    for id in ("4f1c-old", "1", "2", "3"):
        row(id)
    assert ids_with("4f1c") == ids_with("4F1C") == ["4f1c-old"]


@pytest.mark.database
@pytest.mark.mariadb
@pytest.mark.parametrize("text", ["é", "É", "pé", "épé"])
def test_an_id_has_the_letters_of_a_text_and_not_others_like_them(text):
    row("epe-1")
    row("épé-2")
    assert ids_with(text) == ["épé-2"]


@pytest.mark.database
def test_the_middle_of_an_id_is_found_among_the_newest(two_newest):
    for id in ("a-4f1c-old", "1", "b-4f1c-new"):
        row(id)
    assert ids_with("4f1c") == ["b-4f1c-new"]


@pytest.mark.database
def test_the_newest_are_those_that_the_other_filters_leave(two_newest):
    row("a-4f1c-old", worker="w1@host")
    for id in ("1", "2", "3"):
        row(id, worker="w2@host")
    assert ids_with("4f1c", worker="w1@host") == ["a-4f1c-old"]


def test_a_note_says_what_was_not_looked_at(two_newest):
    many(4)
    assert page("x").notes == ("Errors and the middles of ids were searched in the newest 2 of these tasks.",)
    (note,) = page("x", searches_arguments=True).notes
    assert note.startswith("Errors, arguments and the middles of ids were searched in the newest 2 ")


def test_there_is_no_note_when_all_were_looked_at():
    many(4)
    assert page("x", searches_arguments=True).notes == ()


@pytest.mark.database
def test_a_name_is_found_by_its_part_however_old_the_task_is(two_newest):
    for number, name in enumerate(["shop.tasks.charge", "other", "other", "other"]):
        row(str(number), task_name=name)
    assert ids_with("TASKS.ch") == ["0"]


@pytest.mark.database
@pytest.mark.parametrize("text", ["%", "_", "4_1c", "4%c", "'", '"', "\\", "4f1c' OR '1'='1", "{0}", "%s", "*", "."])
def test_a_sign_is_only_a_letter(text):
    row("4f1c", task_name="shop")
    assert ids_with(text, arguments=True) == []


@pytest.mark.database
@pytest.mark.parametrize("text", ["\0", "4f\0", "\ud800", "x" * 100_000, "9" * 5_000, "x" * 300])
def test_a_text_that_nothing_can_hold_finds_nothing(text):
    row("4f1c")
    assert ids_with(text) == ids_with(text, arguments=True) == []


def test_a_text_and_filters_narrow_each_other():
    row("4f1c-1", status="FAILURE")
    row("4f1c-2")
    assert ids_with("4f1c", states=("FAILURE",)) == ["4f1c-1"]


@pytest.mark.database
@pytest.mark.parametrize("sort", ResultsTaskBackend.sorts)
def test_pages_of_a_search_follow_each_other(monkeypatch, sort):
    monkeypatch.setattr(lists, "STRETCH", 1)
    monkeypatch.setattr(lists, "FEW", 1)
    tasks = [
        TaskInfo(
            f"{'abc'[n % 3]}{n:02}",
            kwargs={"customer": "Ada" if n % 2 else "Bob"},
            created_at=NOON + timedelta(minutes=n),
            finished_at=NOON + timedelta(hours=1, minutes=n),
        )
        for n in range(20)
    ]
    plant(*tasks)
    wanted = [task.id for task in tasks if "ada" in str(task.kwargs).lower() or task.id.startswith("a")]
    in_order = wanted[::-1] if sort.startswith("-") else wanted
    assert ids_with("a", arguments=True, size=3, sort=sort, name="") == in_order


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.database
@pytest.mark.mariadb
@pytest.mark.parametrize("text", ["Lovelace", "lovelace", "a Love", "é", "it's", "quote", "customer", "ada lovelace é"])
def test_arguments_are_found_as_they_are_shown(text):
    called('Ada Lovelace é it\'s a "quote"')
    plant(TaskInfo("none"))
    assert ids_with(text, arguments=True) == ["0"]


def test_positional_arguments_are_found():
    plant(TaskInfo("0", args=["Ada"]), TaskInfo("1", args=["Bob"]))
    assert ids_with("Ada", arguments=True) == ["0"]


def test_arguments_are_not_searched_for_whom_they_are_not_shown():
    called("Ada")
    assert ids_with("Ada") == []


def test_arguments_are_found_among_the_newest(two_newest):
    called("Ada", "Bob", "Bob", "Ada")
    assert ids_with("Ada", arguments=True) == ["3"]


@pytest.mark.parametrize("text", ["hunter2", "hunter", "unter2"])
def test_a_hidden_value_is_not_found(text):
    called("Ada", password="hunter2")
    assert ids_with(text, arguments=True) == []


def test_a_task_is_found_beyond_those_that_hide_the_text():
    called("hunter2")
    plant(*(TaskInfo(f"h{n}", kwargs={"password": "hunter2"}) for n in range(30)))
    assert ids_with("hunter2", arguments=True, size=2) == ["0"]


def test_pages_and_their_neighbours_say_nothing_of_hidden_values():
    called("letmein")  # no id has no digit, so that no broker is asked for it
    plant(*(TaskInfo(f"h{n}", kwargs={"password": "letmein"}) for n in range(30)))
    results = page("letmein", searches_arguments=True)
    assert ([task.id for task in results.tasks], results.next, results.previous) == (["0"], None, None)
    results = page("etmein", searches_arguments=True, states=("FAILURE",))
    assert (results.tasks, results.next, results.previous, results.notes) == ((), None, None, ())


def test_the_database_is_asked_the_same_whether_or_not_a_hidden_value_has_the_text():
    called("Ada", "Bob", password="xyzzy-secret")
    page("warm up", searches_arguments=True)

    def queries(text):
        with CaptureQueriesContext(connection) as captured:
            page(text, searches_arguments=True)
        return [query["sql"].replace(text, "") for query in captured]

    assert queries("xyzzy-secret") == queries("nowhere-else")
    assert not any("task_args" in sql or "task_kwargs" in sql for sql in queries("xyzzy-secret"))


def test_what_was_shown_before_the_rules_changed_is_not_found(settings):
    called("Ada", nickname="countess")
    assert ids_with("countess", arguments=True) == ["0"]
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REDACT_KEYS": ["nickname"]}
    assert ids_with("countess", arguments=True) == []


@pytest.mark.database
def test_a_row_that_was_written_anew_is_read_anew():
    task = row("0", task_kwargs=json.dumps("{'customer': 'Ada'}"))
    assert ids_with("Ada", arguments=True) == ["0"]
    task.task_kwargs = json.dumps("{'customer': 'Bob'}")
    task.save()
    assert (ids_with("Ada", arguments=True), ids_with("Bob", arguments=True)) == ([], ["0"])


def test_a_search_that_has_read_for_long_enough_says_how_far_it_came(monkeypatch):
    monkeypatch.setattr(texts, "CHUNK", 2)
    called(*"ABCDEF")
    monkeypatch.setattr(search, "SECONDS", 1e-9)
    first = page("customer", searches_arguments=True)
    assert [task.id for task in first.tasks] == ["5", "4"]
    assert first.notes[0].startswith("Errors and arguments of 2 tasks were searched so far.")
    assert [task.id for task in page("customer", searches_arguments=True).tasks] == ["5", "4", "3", "2"]


@pytest.mark.parametrize("kept", [0, 60])
def test_few_texts_are_kept_and_all_are_found(monkeypatch, kept):
    monkeypatch.setattr(texts, "MOST_KEPT", kept)
    called(*"ABCDEF")
    for _ in range(2):
        assert len(ids_with("customer", arguments=True, size=2)) == 6


# -- errors ------------------------------------------------------------------------------------------------------------


def failed(*errors, **fields):
    plant(*(TaskInfo(str(n), state="FAILURE", error=message, **fields) for n, message in enumerate(errors)))


@pytest.mark.parametrize("text", ["CardDeclined", "carddecl", "HT-1003", "refused ht"])
def test_errors_are_found_by_their_class_and_message(text):
    failed("CardDeclined: the bank refused HT-1003", "ValueError: no")
    assert ids_with(text, arguments=True) == ["0"]


def test_an_errors_class_is_found_for_everybody_and_its_message_for_whom_it_is_shown():
    failed("CardDeclined: the bank refused HT-1003")
    assert ids_with("CardDeclined") == ["0"]
    assert ids_with("HT-1003") == []


def test_a_secret_in_a_message_is_not_found():
    failed("CardDeclined: password=hunter2secret", "ValueError: hunter2secret", kwargs={"password": "hunter2secret"})
    assert ids_with("hunter2secret", arguments=True) == []
    assert ids_with("CardDeclined", arguments=True) == ["0"]


def test_errors_are_searched_among_the_newest(two_newest):
    failed("CardDeclined: no", "ValueError: no", "ValueError: no")
    assert ids_with("CardDeclined") == []
    assert page("CardDeclined").notes


@pytest.mark.database
@pytest.mark.parametrize("sort", ResultsTaskBackend.sorts)
def test_errors_and_arguments_are_found_in_every_order_and_on_every_page(sort):
    tasks = [
        TaskInfo(
            str(n),
            state="FAILURE" if n % 3 else "SUCCESS",
            error="CardDeclined: no" if n % 3 else None,
            kwargs={"customer": "CardDeclined" if n % 2 else "Bob"},
            created_at=NOON + timedelta(minutes=n),
            finished_at=NOON + timedelta(minutes=n),
        )
        for n in range(20)
    ]
    plant(*tasks)
    wanted = [str(n) for n in range(20) if n % 3 or n % 2]
    in_order = wanted[::-1] if sort.startswith("-") else wanted
    assert ids_with("declined", arguments=True, size=3, sort=sort) == in_order


# -- payload granted task by task --------------------------------------------------------------------------------------


def test_only_tasks_whose_payload_is_shown_are_searched_in_it():
    plant(
        TaskInfo("0", name="shop.open", kwargs={"customer": "Ada"}),
        TaskInfo("1", name="shop.secret", kwargs={"customer": "Ada"}),
        TaskInfo("2", name="shop.secret", state="FAILURE", error="CardDeclined: of Ada"),
    )
    granted = {"searches_arguments": True, "shows_payload": lambda name: name == "shop.open"}
    assert [task.id for task in page("Ada", **granted).tasks] == ["0"]
    assert [task.id for task in page("CardDeclined", **granted).tasks] == ["2"]


# -- labels and objects ------------------------------------------------------------------------------------------------


@pytest.mark.database
def test_names_and_ids_that_the_text_means_are_found_however_old_they_are(two_newest):
    for number, name in enumerate(["shop.charge", "shop.refund", "other", "other", "other"]):
        row(str(number), task_name=name)
    query = TaskQuery(text="Charge the card", names=("shop.charge", "\ud800"), ids=("1", "\0", "nobody's"))
    assert walk(query, size=1) == ["1", "0"]


@pytest.mark.database
def test_what_arguments_say_beyond_what_is_read_is_not_found():
    called("x" * 10_000 + "Ada")
    assert ids_with("Ada", arguments=True) == []


# -- how names are known -----------------------------------------------------------------------------------------------


def names_read(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    return len([query for query in captured if "RECURSIVE" in query["sql"] or "DISTINCT" in query["sql"]])


def test_a_name_that_is_new_is_found_at_once():
    row("0", task_name="shop.charge")
    assert ids_with("charge") == ["0"]
    row("1", task_name="shop.charge_again")
    assert ids_with("charge") == ["1", "0"]


def test_names_are_read_once_for_a_page_and_its_counts():
    row("0", task_name="shop.charge")
    backend, query = ResultsTaskBackend(), TaskQuery(name="charge")
    assert names_read(lambda: (backend.page(query), backend.counts(query))) == 1


@pytest.mark.database
def test_many_names_are_kept_for_some_seconds(monkeypatch):
    monkeypatch.setattr(names, "MANY", 2)
    for number in range(3):
        row(str(number), task_name=f"shop.charge{number}")
    walk(TaskQuery(name="charge"))
    assert names_read(lambda: walk(TaskQuery(name="charge"))) == 0


def test_names_that_are_kept_are_those_of_one_tenant(monkeypatch, tenants):
    monkeypatch.setattr(names, "MANY", 1)
    row("0", task_name="shop.charge")
    with tenants("first"):
        assert walk(TaskQuery(name="charge")) == ["0"]
    TaskResult.objects.update(task_name="books.lend")  # as the schema of another tenant has it
    with tenants("second"):
        assert walk(TaskQuery(name="lend")) == ["0"]


def test_a_row_of_another_tenant_is_not_taken_for_the_one_with_the_same_key(tenants):
    called("Ada")
    with tenants("first"):
        assert ids_with("Ada", arguments=True) == ["0"]
    TaskResult.objects.update(task_kwargs=json.dumps(repr({"customer": "Bob"})))
    with tenants("second"):
        assert (ids_with("Ada", arguments=True), ids_with("Bob", arguments=True)) == ([], ["0"])


def test_kept_names_are_read_again_later(monkeypatch):
    monkeypatch.setattr(names, "MANY", 1)
    row("0", task_name="shop.charge")
    walk(TaskQuery(name="charge"))
    monkeypatch.setattr(names, "SECONDS", 0.0)
    assert names_read(lambda: walk(TaskQuery(name="charge"))) == 1


@pytest.mark.database
@pytest.mark.parametrize(("setting", "value"), [("MOST_NAMES", 2), ("VENDORS", ())])
def test_where_names_are_not_known_the_database_looks_for_the_part(monkeypatch, setting, value):
    monkeypatch.setattr(names, setting, value)
    for number, name in enumerate(["shop.charge", "shop.refund", "shop.send"]):
        row(str(number), task_name=name)
    assert ids_with("", name="CHARGE") == ids_with("CHARGE") == ["0"]
    assert ResultsTaskBackend().counts(TaskQuery(name="CHARGE")).all.number == 1


@pytest.mark.database
@pytest.mark.parametrize("name", ["\0", "\ud800", "x" * 100_000])
def test_a_name_that_nothing_can_hold_finds_nothing(monkeypatch, name):
    row(task_name="shop.charge")
    assert ids_with("", name=name) == []
    monkeypatch.setattr(names, "VENDORS", ())
    assert ids_with("", name=name) == []
