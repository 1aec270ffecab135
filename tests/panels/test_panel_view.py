"""A panel's address: what a poll, a form and a detail answer, and to whom."""

import re
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError
from django.utils import timezone

from celery_ops.backends.control import Replies
from celery_ops.backends.remote.gather import Answers
from celery_ops.exceptions import BrokerUnavailable
from celery_ops.models import ControlRecord
from celery_ops.tracking import facts
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import make_user
from tests.pages import states, words
from tests.planting import WORKER, panel_of, plant

from .conftest import away, browser

pytestmark = pytest.mark.django_db

LONG = "tests.shop.tasks.long"
FAILS = "tests.shop.tasks.fails"
JSON = {"Accept": "application/json"}

ASK = "celery_ops.backends.remote.gather.ask"


def shown(obj, user=None, query="", **options) -> str:
    return browser(user).get(panel_of(obj, user, **options) + query).text


# -- the list


def test_a_poll_answers_a_fragment_and_no_page(order, reader):
    plant(order)
    assert "<html" not in shown(order, reader)


def test_a_row_says_what_the_task_is_called(order, reader):
    plant(order, "tests.shop.tasks.process_payment")
    assert "Charge the card" in words(shown(order, reader))


def test_a_row_without_a_label_says_the_name_in_words(order, reader):
    plant(order, "tests.shop.tasks.fulfill_order")
    assert "Fulfill order" in words(shown(order, reader))


def test_a_row_names_the_worker(order, reader):
    plant(order)
    assert WORKER in words(shown(order, reader))


def test_a_row_has_the_whole_id_to_copy(order, reader):
    assert f'<code title="{plant(order)}">' in shown(order, reader)


def test_a_row_shows_the_id_cut_to_eight_characters(order, reader):
    task_id = plant(order)
    assert f">{task_id[:8]}</code>" in shown(order, reader)


def test_a_second_attempt_is_said(order, reader):
    plant(order, attempt=1)
    assert "attempt 2" in words(shown(order, reader))


def test_a_duration_is_said(order, reader):
    plant(order)
    assert "2.0 s" in words(shown(order, reader))


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("PENDING", "Pending"),
        ("STARTED", "Started"),
        ("RETRY", "Retry"),
        ("SUCCESS", "Success"),
        ("FAILURE", "Failure"),
        ("REVOKED", "Revoked"),
        ("REJECTED", "Rejected"),
        ("IGNORED", "Ignored"),
    ],
)
def test_a_state_is_a_word_beside_its_colour(state, word, order, reader):
    plant(order, state=state, ago=10)
    assert re.search(rf'celery-ops-state--\w+">{word}', shown(order, reader))


def test_a_task_whose_worker_is_gone_is_lost(order, reader):
    plant(order, state="STARTED", ago=600)
    assert states(shown(order, reader)) == ["LOST"]


def test_a_running_tasks_progress_is_a_bar_with_a_name(order, reader):
    plant(order, state="STARTED", ago=10, progress="3 10 packing")
    assert '<progress value="30" max="100" aria-label="Progress">' in shown(order, reader)


def test_a_running_tasks_progress_is_said_in_words(order, reader):
    plant(order, state="STARTED", ago=10, progress="3 10 packing")
    assert "3 of 10 packing" in words(shown(order, reader))


def test_the_newest_task_comes_first(order, reader):
    plant(order, state="SUCCESS", ago=100)
    plant(order, state="FAILURE", ago=50)
    assert states(shown(order, reader)) == ["FAILURE", "SUCCESS"]


def test_another_objects_task_is_not_there(order, other_order, reader):
    assert plant(other_order) not in shown(order, reader)


def test_no_tasks_say_so(order, reader):
    assert "No tasks yet." in words(shown(order, reader))


def test_an_empty_panel_offers_to_run_one_to_those_who_may(order, staff):
    assert "Run one with the button above" in words(shown(order, staff))


def test_an_empty_panel_offers_nothing_to_those_who_may_not(order, reader):
    assert "Run one" not in words(shown(order, reader))


def test_something_that_waits_is_worth_polling(order, reader):
    plant(order, state="PENDING")
    assert 'data-active="1"' in shown(order, reader)


def test_nothing_that_waits_is_not_worth_polling(order, reader):
    plant(order)
    assert 'data-active="0"' in shown(order, reader)


# -- filters and pages


def test_a_state_filters(order, reader):
    plant(order, state="SUCCESS")
    plant(order, state="FAILURE")
    assert states(shown(order, reader, "?state=FAILURE")) == ["FAILURE"]


def test_a_name_filters(order, reader):
    plant(order, LONG, "SUCCESS")
    plant(order, FAILS, "FAILURE")
    assert states(shown(order, reader, f"?name={LONG}")) == ["SUCCESS"]


def test_a_filter_that_matches_nothing_offers_a_way_back(order, reader):
    plant(order, state="SUCCESS")
    assert "Show all tasks" in words(shown(order, reader, "?state=FAILURE"))


def test_a_filter_that_matches_nothing_stays_chosen(order, reader):
    plant(order, state="SUCCESS")
    assert '<option value="FAILURE" selected>' in shown(order, reader, "?state=FAILURE")


def test_a_page_has_as_many_rows_as_the_limit(order, reader):
    for _ in range(3):
        plant(order)
    assert len(states(shown(order, reader, limit=2))) == 2


def test_the_second_page_has_the_rest(order, reader):
    first = plant(order, ago=100)
    for _ in range(2):
        plant(order, ago=50)
    assert first in shown(order, reader, "?page=2", limit=2)


def test_the_pages_say_where_one_is(order, reader):
    for _ in range(5):
        plant(order)
    assert "3\u20134 of 5" in words(shown(order, reader, "?page=2", limit=2))


def test_the_way_on_is_a_link(order, reader):
    for _ in range(3):
        plant(order)
    assert 'rel="next"' in shown(order, reader, limit=2)


def test_the_last_page_has_no_way_on(order, reader):
    for _ in range(3):
        plant(order)
    assert 'rel="next"' not in shown(order, reader, "?page=2", limit=2)


@pytest.mark.parametrize(
    "query",
    [
        f"?page={10**20}",
        "?page=-1",
        "?page=x",
        "?page=%D9%A1",
        "?page=0",
        "?page=1e9",
        "?state=garbage",
        "?state=%00",
        "?state=" + "x" * 100_000,
        "?name=" + "x" * 100_000,
        "?name=%ff%fe",
        "?name=<script>",
        "?" + "&".join(f"a{n}=1" for n in range(900)),
        "?limit=1000000000",
        "?per_page=1000000000",
        "?next=" + "x" * 100_000,
    ],
    ids=lambda query: query[:16],
)
def test_bad_parameters_are_an_ordinary_page(query, order, reader):
    plant(order)
    assert browser(reader).get(panel_of(order, reader) + query).status_code == 200


def test_a_page_beyond_the_last_is_the_last(order, reader):
    plant(order)
    assert states(shown(order, reader, f"?page={10**8}")) == ["SUCCESS"]


def test_a_state_that_there_is_not_filters_nothing_out(order, reader):
    plant(order)
    assert states(shown(order, reader, "?state=garbage")) == ["SUCCESS"]


def test_a_long_name_does_not_come_back_whole(order, reader):
    plant(order)
    assert len(shown(order, reader, "?name=" + "x" * 100_000)) < 10_240


def test_a_poll_with_ten_results_of_a_megabyte_is_small(order, superuser):
    for _ in range(10):
        plant(order, result="x" * 1_000_000, args="y" * 1_000_000)
    assert len(shown(order, superuser)) <= 10_240


def test_a_poll_with_ten_errors_of_a_megabyte_is_small(order, superuser):
    for _ in range(10):
        plant(order, state="FAILURE", error="E: " + "x" * 1_000_000, traceback="y" * 1_000_000)
    assert len(shown(order, superuser)) <= 16_384


# -- caching


def test_a_panel_has_an_entity_tag(order, reader):
    assert browser(reader).get(panel_of(order, reader)).headers["ETag"]


def test_an_unchanged_panel_is_not_sent_again(order, reader):
    plant(order)
    client, url = browser(reader), panel_of(order, reader)
    tag = client.get(url).headers["ETag"]
    unchanged = client.get(url, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, tag)


def test_a_tag_that_a_proxy_made_weak_still_counts(order, reader):
    client, url = browser(reader), panel_of(order, reader)
    tag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": f"W/{tag}"}).status_code == 304


def test_a_changed_panel_is_sent(order, reader):
    client, url = browser(reader), panel_of(order, reader)
    tag = client.get(url).headers["ETag"]
    plant(order)
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_changed_panel_has_another_tag(order, reader):
    client, url = browser(reader), panel_of(order, reader)
    tag = client.get(url).headers["ETag"]
    plant(order)
    assert client.get(url).headers["ETag"] != tag


def test_a_new_permission_changes_the_tag(order, reader):
    plant(order)
    client, url = browser(reader), panel_of(order, reader)
    tag = client.get(url).headers["ETag"]
    reader.user_permissions.add(Permission.objects.get(codename="view_payload"))
    assert client.get(url).headers["ETag"] != tag


def test_another_page_has_another_tag(order, reader):
    for _ in range(3):
        plant(order)
    client, url = browser(reader), panel_of(order, reader, limit=2)
    assert client.get(url).headers["ETag"] != client.get(f"{url}?page=2").headers["ETag"]


def responses(order, staff):
    client, url = browser(staff), panel_of(order, staff)
    task_id = plant(order, LONG, "STARTED", ago=10)
    yield client.get(url)
    yield client.get(url, headers={"If-None-Match": client.get(url).headers["ETag"]})
    yield client.get(url, {"task": task_id})
    yield client.get(url, {"task": task_id}, headers={"X-Celery-Ops": "fragment"})
    yield client.post(url, {"action": "launch", "task": LONG})
    yield client.post(url, {"action": "launch", "task": LONG, "next": "/orders/"})
    yield client.post(url, {"action": "launch", "task": LONG}, headers=JSON)
    yield client.post(url, {"action": "launch", "task": "x"}, headers=JSON)
    yield client.post(url, {"action": "nonsense"})
    yield client.post(url, {"action": "launch", "task": "x"})  # 404, the site's own page
    yield client.get(f"{url[:-2]}x/")  # a tampered token


def test_no_answer_may_be_kept_by_a_cache(order, staff):
    kept = {response.headers.get("Cache-Control") for response in responses(order, staff)}
    assert kept == {"private, no-store"}


def test_every_answer_varies_with_the_cookie(order, staff):
    assert all("Cookie" in response.headers["Vary"] for response in responses(order, staff))


# -- permissions while the page is open


def test_a_permission_taken_away_ends_the_polls(order):
    user = make_user("clerk", "shop.view_order")
    client, url = browser(user), panel_of(order, user)
    assert client.get(url).status_code == 200
    user.user_permissions.clear()
    assert client.get(url).status_code == 404


def test_an_object_that_was_deleted_ends_the_polls(order, reader):
    client, url = browser(reader), panel_of(order, reader)
    order.delete()
    assert client.get(url).status_code == 404


# -- without view_payload


SECRET = "hunter2-is-no-secret"  # what no pattern recognises: only its place hides it


def failed(obj, **more):
    return plant(
        obj,
        FAILS,
        "FAILURE",
        args=f'{{"args": ["{SECRET}"], "kwargs": {{}}}}',
        error=f"ValueError: {SECRET}",
        traceback=f"Traceback\n  {SECRET}",
        **more,
    )


def test_an_error_is_its_class_alone(order, reader):
    failed(order)
    assert "ValueError" in shown(order, reader)


def test_arguments_messages_and_tracebacks_are_not_there(order, reader):
    failed(order)
    plant(order, result=f'"{SECRET}"')
    assert SECRET not in shown(order, reader)


def test_there_is_no_way_to_the_details(order, reader):
    failed(order)
    assert "data-detail" not in shown(order, reader)


def test_the_details_are_refused(order, reader):
    task_id = failed(order)
    assert browser(reader).get(panel_of(order, reader), {"task": task_id}).status_code == 403


def test_an_error_without_a_class_is_not_shown(order, reader):
    plant(order, FAILS, "FAILURE", error=SECRET)
    assert SECRET not in shown(order, reader)


# -- with view_payload


def detail(obj, user, task_id, **headers) -> str:
    return browser(user).get(panel_of(obj, user), {"task": task_id}, headers=headers).text


def test_an_error_comes_with_its_message(order, staff):
    failed(order)
    assert f"ValueError: {SECRET}" in words(shown(order, staff))


def test_the_details_have_the_traceback(order, staff):
    assert f"Traceback {SECRET}" in words(detail(order, staff, failed(order)))


def test_the_details_have_the_arguments(order, staff):
    assert f"[&quot;{SECRET}&quot;]" in detail(order, staff, failed(order))


def test_the_details_have_the_result(order, staff):
    task_id = plant(order, result='"a parcel"')
    assert "&quot;a parcel&quot;" in detail(order, staff, task_id)


def test_the_details_are_a_page_for_those_without_script(order, staff):
    assert "<html" in detail(order, staff, plant(order))


def test_the_details_are_a_fragment_for_the_script(order, staff):
    assert "<html" not in detail(order, staff, plant(order), **{"X-Celery-Ops": "fragment"})


def test_another_objects_details_are_not_found(order, other_order, staff):
    task_id = plant(other_order)
    assert browser(staff).get(panel_of(order, staff), {"task": task_id}).status_code == 404


@pytest.mark.parametrize(
    "task_id", ["", "x", "\x00", "x" * 100_000, "../..", "é"], ids=lambda task_id: repr(task_id[:8])
)
def test_details_of_nothing_are_not_found(task_id, order, staff):
    plant(order)
    assert browser(staff).get(panel_of(order, staff), {"task": task_id}).status_code == 404


def test_the_details_lead_back_to_the_page(order, staff):
    url = panel_of(order, staff)
    html = browser(staff).get(url, {"task": plant(order), "next": "/orders/"}).text
    assert '<a href="/orders/">' in html


def test_the_details_lead_nowhere_else(order, staff):
    url = panel_of(order, staff)
    html = browser(staff).get(url, {"task": plant(order), "next": "https://evil.example/"}).text
    assert "evil" not in html


#: What a worker with other rules, or a hostile one, has written as it is.
PLANTED = (
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "4111 1111 1111 1111",
    "AKIAIOSFODNN7EXAMPLE",
    "s3cr3t-p4ss",
)
LEAK = f'{{"args": [], "kwargs": {{"password": "{PLANTED[3]}", "note": "{" ".join(PLANTED[:3])}"}}}}'


def leaked(obj):
    text = f"password={PLANTED[3]} {' '.join(PLANTED[:3])}"
    return plant(obj, FAILS, "FAILURE", args=LEAK, error=f"E: {text}", result=f'"{text}"', traceback=text)


@pytest.mark.parametrize("secret", PLANTED, ids=["JWT", "card", "AWS id", "password"])
def test_what_was_stored_as_it_is_shows_redacted_in_the_list(secret, order, staff):
    leaked(order)
    assert secret not in shown(order, staff)


@pytest.mark.parametrize("secret", PLANTED, ids=["JWT", "card", "AWS id", "password"])
def test_what_was_stored_as_it_is_shows_redacted_in_the_details(secret, order, staff):
    assert secret not in detail(order, staff, leaked(order))


# -- public


@pytest.fixture
def public(order):
    failed(order)
    plant(order, "shop.secret_name", "STARTED", ago=10, progress="3 10 packing", attempt=1)
    return shown(order, public=True)


def test_a_public_panel_says_labels(order):
    plant(order, "tests.shop.tasks.process_payment")
    assert "Charge the card" in words(shown(order, public=True))


def test_a_public_panel_says_states_and_progress(public):
    assert states(public) == ["STARTED", "FAILURE"]
    assert "3 of 10" in words(public)


@pytest.mark.parametrize(
    "what", [SECRET, WORKER, "ValueError", FAILS, "shop.secret_name", "<code", "<button", "?task="]
)
def test_a_public_panel_keeps_silent_about(what, public):
    assert what not in public


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "with a task"])
def test_a_public_panel_names_no_key_of_an_object(empty, order):
    if not empty:
        plant(order, LONG)
    assert f"order {order.pk}" not in words(shown(order, public=True)).lower()


def child_of(order, name):
    """A task that a tracked one of ``order`` launched."""
    task_id = plant(order, name)
    parent = {facts.field(task_id, facts.PARENT): facts.short_id(plant(order, LONG))}
    recorder().record([(ObjectRef.of(order), parent)])


@pytest.mark.parametrize(
    ("name", "label"), [("shop.fraud.compare_with_blacklist", "Task"), ("tests.shop.tasks.noop", "Noop")]
)
def test_a_public_panel_names_no_child_that_nobody_tracks(name, label, order, superuser):
    child_of(order, name)
    html = shown(order, public=True)
    assert f"{label} " in words(html)
    assert "blacklist" not in html.lower()
    assert ("blacklist" in shown(order, superuser)) is (label == "Task")


def test_a_public_panel_has_no_form_that_posts(public):
    assert 'method="post"' not in public


def test_a_public_panel_has_no_task_id(order):
    task_id = failed(order)
    assert task_id[:8] not in shown(order, public=True)


def test_a_public_panel_is_as_silent_to_those_who_may_more(order, superuser):
    failed(order)
    assert SECRET not in shown(order, superuser, public=True)


def test_a_public_panel_has_no_details(order, superuser):
    task_id = failed(order)
    assert SECRET not in shown(order, superuser, f"?task={task_id}", public=True)


def test_a_public_panel_filters_by_a_key_that_tells_nothing(order):
    plant(order, FAILS, "FAILURE")
    plant(order, LONG, "SUCCESS")
    key = re.search(r'<option value="(\w+)">\s*Long', shown(order, public=True)).group(1)
    assert states(shown(order, None, f"?name={key}", public=True)) == ["SUCCESS"]


def test_a_public_panel_does_not_confirm_a_guessed_name(order):
    plant(order, FAILS, "FAILURE")
    assert states(shown(order, None, f"?name={FAILS}", public=True)) == []


@pytest.mark.parametrize("action", ["launch", "retry", "revoke", "", "nonsense"])
def test_a_public_panel_takes_no_action(action, order, superuser, published):
    task_id = plant(order, LONG, "FAILURE" if action == "retry" else "STARTED", args='{"args": [1], "kwargs": {}}')
    data = {"action": action, "task": LONG, "task_id": task_id, "confirm": "1"}
    assert browser(superuser).post(panel_of(order, superuser, public=True), data).status_code == 404
    assert published == []


def test_a_public_panel_says_nothing_of_what_asks_or_was_run_again(order, superuser, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {FAILS: {"confirm": True}}}
    first, second = plant(order, FAILS, "FAILURE"), plant(order, FAILS, "FAILURE")
    recorder().record([(ObjectRef.of(order), {facts.field(second, facts.RETRY_OF): first})])
    assert "again" in shown(order, superuser)
    for viewer in (None, superuser):
        html = shown(order, viewer, public=True)
        assert not [said for said in ("again", "asks first", "confirm", "acks_late") if said in html]


def test_a_customer_polls_a_public_panel_without_a_session(order):
    failed(order)
    client, url = browser(), panel_of(order, None, public=True)
    tag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    plant(order, LONG)
    response = client.get(url, headers={"If-None-Match": tag})
    assert (response.status_code, states(response.text)) == (200, ["SUCCESS", "FAILURE"])
    assert "sessionid" not in client.cookies


def test_a_public_panels_address_makes_no_other_panel(order, staff):
    """What a visitor was given is good for nothing else, whoever uses it."""
    url = panel_of(order, None, public=True)
    assert browser().get(url).status_code == 200
    assert browser(staff).get(url).status_code == 404
    assert browser().get(panel_of(order, None)).status_code == 404


# -- the store is away


def test_a_panel_says_calmly_that_the_store_is_away(order, staff, memory_store):
    with away(memory_store):
        assert "The list of tasks cannot be read just now." in words(shown(order, staff))


def test_a_panel_whose_store_is_away_is_no_error(order, staff, memory_store):
    with away(memory_store):
        assert browser(staff).get(panel_of(order, staff)).status_code == 200


def test_a_panel_whose_store_is_away_goes_on_asking(order, staff, memory_store):
    with away(memory_store):
        assert 'data-active="1"' in shown(order, staff)


def test_details_that_cannot_be_read_say_so(order, staff, memory_store):
    task_id = plant(order)
    with away(memory_store):
        assert browser(staff).get(panel_of(order, staff), {"task": task_id}).status_code == 503


def test_a_task_can_still_be_launched_while_the_store_is_away(order, staff, memory_store, published):
    with away(memory_store):
        browser(staff).post(panel_of(order, staff), {"action": "launch", "task": LONG})
    assert [name for name, _, _ in published] == [LONG]


def test_nothing_can_be_revoked_while_nobody_knows_whose_it_is(order, staff, memory_store):
    task_id = plant(order, LONG, "STARTED")
    with away(memory_store):
        response = browser(staff).post(panel_of(order, staff), {"action": "revoke", "task_id": task_id})
    assert (response.status_code, ControlRecord.objects.count()) == (503, 0)


# -- what a hostile worker may have written


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7|add:7 }}"
CONTROL = "a\x00b\x1b[31mc\u202ed\x85e\x7f\nf"
SURROGATE = "a\ud800b"
HOSTILE = pytest.mark.parametrize("text", [EVIL, CONTROL, SURROGATE], ids=["markup", "control", "surrogate"])


def hostile(obj, text):
    long = {"args": text, "error": f"{text}: {text}", "result": text, "traceback": text}
    return plant(obj, text, "FAILURE", task_id=text, worker=text, progress=f"1 2 {text}", **long)


@HOSTILE
@pytest.mark.parametrize("public", [False, True], ids=["panel", "public panel"])
def test_hostile_texts_leave_an_ordinary_page(text, public, order, superuser):
    hostile(order, text)
    assert browser(superuser).get(panel_of(order, superuser, public=public)).status_code == 200


@pytest.mark.parametrize("public", [False, True], ids=["panel", "public panel"])
def test_hostile_markup_is_text(public, order, superuser):
    hostile(order, EVIL)
    html = shown(order, superuser, public=public)
    assert ("<script" in html, "<img" in html) == (False, False)


def test_hostile_markup_is_text_in_the_details(order, superuser):
    html = detail(order, superuser, hostile(order, EVIL), **{"X-Celery-Ops": "fragment"})
    assert ("<script" in html, "<img" in html) == (False, False)


def test_hostile_control_characters_do_not_reach_the_page(order, superuser):
    hostile(order, CONTROL)
    assert not re.search("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]", shown(order, superuser))


def test_hostile_control_characters_do_not_reach_the_details(order, superuser):
    html = detail(order, superuser, hostile(order, CONTROL))
    assert not re.search("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]", html)


@HOSTILE
def test_hostile_ids_can_be_asked_to_be_revoked_without_harm(text, order, superuser):
    plant(order, LONG, "STARTED", task_id=text)
    data = {"action": "revoke", "task_id": text.encode("utf-8", "replace").decode()}
    assert browser(superuser).post(panel_of(order, superuser), data).status_code in (200, 400, 404)


@HOSTILE
def test_hostile_names_are_json_in_an_error(text, order, superuser):
    data = {"action": "launch", "task": text.encode("utf-8", "replace").decode()}
    response = browser(superuser).post(panel_of(order, superuser), data, headers=JSON)
    assert (response.status_code, list(response.json())) == (404, ["errors"])


@pytest.mark.parametrize(
    "progress", ["nan 1 x", "inf inf x", "1 0 x", "-5 10 x", "1e308 1e-308 x", "x", "", "9 3 x", "1e400 1 x"]
)
def test_hostile_numbers_leave_an_ordinary_page(progress, order, reader):
    plant(order, state="STARTED", ago=10, progress=progress)
    assert states(shown(order, reader)) == ["STARTED"]


def test_times_that_no_calendar_has_leave_an_ordinary_page(order, reader):
    plant(order, ago=-(10**10))
    plant(order, state="STARTED", ago=10)
    assert "STARTED" in states(shown(order, reader))


# -- revoking


def revoke(obj, user, task_id, headers=None, **data):
    return browser(user).post(
        panel_of(obj, user), {"action": "revoke", "task_id": task_id, **data}, headers=headers or {}
    )


@pytest.fixture
def running(order):
    return plant(order, LONG, "STARTED", ago=10)


def answers(**replies):
    """Workers, two of them known, of whom these answer a revoke."""
    answered = {f"{name}@host": {"revoke": reply} for name, reply in replies.items()}
    return Answers(("silent@host", "w1@host"), answered, timezone.now())


@pytest.fixture
def answering():
    """One worker says yes, and one that was heard before says nothing; what they were asked is recorded."""
    with mock.patch(ASK, return_value=answers(w1={"ok": "done"})) as asked:
        yield asked


def asked_for(asked):
    """What the workers were asked to revoke, and how."""
    questions, destination = asked.call_args.args
    assert destination is None
    return questions["revoke"]


def test_a_revoke_says_how_many_were_asked_and_answered(order, staff, running, answering):
    assert "Asked 2 workers, 1 answered, silent@host is silent." in words(revoke(order, staff, running).text)


def test_a_revoke_answers_json_with_who_said_what(order, staff, running, answering):
    answer = revoke(order, staff, running, JSON).json()
    del answer["message"]
    assert answer == {"asked": ["silent@host", "w1@host"], "answered": {"w1@host": "done"}, "silent": ["silent@host"]}


def test_a_revoke_of_a_task_that_waits_ends_no_process(order, staff, running, answering):
    revoke(order, staff, running)
    assert asked_for(answering) == {"task_id": running, "terminate": False, "signal": "TERM"}


def test_a_revoke_may_end_the_process(order, staff, running, answering):
    revoke(order, staff, running, terminate="1")
    assert asked_for(answering)["terminate"] is True


def test_a_revoke_takes_no_signal_from_the_form(order, staff, running, answering):
    revoke(order, staff, running, terminate="1", signal="SIGSTOP")
    assert asked_for(answering)["signal"] == "TERM"


def test_a_revoke_takes_no_destination_from_the_form(order, staff, running, answering):
    revoke(order, staff, running, destination="w1@host")
    assert "destination" not in asked_for(answering)


def test_a_revoke_is_journalled_with_who_and_what(order, staff, running, answering):
    revoke(order, staff, running)
    record = ControlRecord.objects.get()
    assert (record.action, record.target, record.user, record.username) == ("revoke", running, staff, "staff")


def test_a_revoke_is_journalled_with_the_replies(order, staff, running, answering):
    revoke(order, staff, running)
    assert ControlRecord.objects.get().replies["silent"] == ["silent@host"]


def journalled():
    """Stand in for the question to the workers."""
    assert ControlRecord.objects.count() == 1
    return Replies()


def test_a_revoke_is_journalled_before_anyone_is_asked(order, staff, running):
    with mock.patch("celery_ops.backends.control.revoke", side_effect=lambda *_, **__: journalled()):
        revoke(order, staff, running)


def test_a_revoke_with_no_worker_up_says_so(order, staff, running):
    assert "no worker is up" in words(revoke(order, staff, running).text)


def test_a_revoke_with_no_worker_up_answers_json_with_nobody(order, staff, running):
    answer = revoke(order, staff, running, JSON).json()
    assert (answer["asked"], answer["answered"], answer["silent"]) == ([], {}, [])


def test_a_revoke_that_was_asked_for_shows_in_the_list(order, staff, running):
    revoke(order, staff, running)
    assert "revoke requested" in words(shown(order, staff))


@pytest.mark.parametrize(
    "reply",
    [None, [], "text", 7, {"error": "no"}, {"ok": None}, {"ok": ["x"]}, "x" * 10**6],
    ids=lambda reply: repr(reply)[:20],
)
def test_rubbish_from_a_worker_is_no_error(reply, order, staff, running):
    with mock.patch(ASK, return_value=answers(w1=reply)):
        assert revoke(order, staff, running, JSON).status_code == 200


def test_a_long_reply_does_not_come_back_whole(order, staff, running):
    with mock.patch(ASK, return_value=answers(w1={"ok": "x" * 10**6})):
        assert len(revoke(order, staff, running, JSON).content) < 1000


def test_a_task_that_has_ended_is_not_revoked(order, staff, answering):
    revoke(order, staff, plant(order))
    assert not answering.called


def test_a_task_that_has_ended_says_so(order, staff):
    assert "already ended" in words(revoke(order, staff, plant(order)).text)


def test_another_objects_task_is_not_found(order, other_order, staff):
    assert revoke(order, staff, plant(other_order, LONG, "STARTED")).status_code == 404


def test_another_objects_task_is_not_revoked(order, other_order, staff, answering):
    revoke(order, staff, plant(other_order, LONG, "STARTED"))
    assert not answering.called


def test_a_revoke_without_the_permission_is_refused(order, reader, running):
    assert revoke(order, reader, running).status_code == 403


def test_a_refused_revoke_says_so_in_json(order, reader, running):
    assert revoke(order, reader, running, JSON).json() == {"errors": {"__all__": ["You may not do this."]}}


def test_a_token_that_is_none_is_refused_in_json_to_who_asks_for_that(order, staff):
    response = browser(staff).post(f"{panel_of(order, staff)[:-2]}x/", {"action": "launch"}, headers=JSON)
    assert (response.status_code, response.json()) == (404, {"errors": {"__all__": ["Not found."]}})


def test_a_refused_revoke_asks_nobody_and_leaves_no_record(order, reader, running, answering):
    revoke(order, reader, running)
    assert (answering.called, ControlRecord.objects.count()) == (False, 0)


def test_a_row_offers_no_revoke_to_those_who_may_not(order, reader, running):
    assert "Revoke" not in words(shown(order, reader))


def test_a_row_that_has_ended_offers_no_revoke(order, staff):
    plant(order)
    assert "Revoke" not in words(shown(order, staff, launch=False)).replace("Revoked", "")


def test_a_revoke_while_the_broker_is_away_is_said(order, staff, running):
    with mock.patch(ASK, side_effect=BrokerUnavailable("ConnectionRefusedError: no")):
        assert revoke(order, staff, running).status_code == 503


def test_a_revoke_while_the_broker_is_away_is_kept_in_the_journal(order, staff, running):
    with mock.patch(ASK, side_effect=BrokerUnavailable("ConnectionRefusedError: no")):
        revoke(order, staff, running)
    assert "ConnectionRefusedError" in ControlRecord.objects.get().replies["error"]


def test_a_revoke_that_cannot_be_journalled_asks_nobody(order, staff, running, answering):
    with mock.patch.object(ControlRecord, "save", side_effect=DatabaseError):
        status = revoke(order, staff, running).status_code
    assert (status, answering.called) == (503, False)


# -- where a form leads


def test_a_form_leads_back_to_its_page(order, staff, running, answering):
    assert (
        revoke(order, staff, running, next=f"/orders/{order.pk}/?a=1").headers["Location"] == f"/orders/{order.pk}/?a=1"
    )


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example/",
        "https://evil.example/",
        "http:///evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        "///evil.example",
        "data:text/html,x",
        " https://evil.example/",
        "\x00//evil.example/",
    ],
)
def test_a_form_leads_to_no_other_site(url, order, staff, running, answering):
    response = revoke(order, staff, running, next=url)
    assert (response.status_code, "evil" in response.text) == (200, False)


@pytest.mark.parametrize("url", ["/ok\r\nSet-Cookie: a=b", "/ok?" + "x" * 100_000], ids=["newline", "very long"])
def test_an_odd_address_to_return_to_is_no_error(url, order, staff, running, answering):
    response = revoke(order, staff, running, next=url)
    assert response.status_code in (200, 302)


def test_the_page_that_a_form_leads_to_says_what_came_of_it(order, staff, running, answering):
    client = browser(staff)
    data = {"action": "revoke", "task_id": running, "next": "/orders/"}
    assert "Asked 2 workers, 1 answered, silent@host is silent." in words(
        client.post(panel_of(order, staff), data, follow=True).text
    )


def test_an_action_that_there_is_not_is_bad(order, staff):
    assert browser(staff).post(panel_of(order, staff), {"action": "drop"}).status_code == 400


def test_no_action_at_all_is_bad(order, staff):
    response = browser(staff).post(panel_of(order, staff), {}, headers=JSON)
    assert (response.status_code, list(response.json())) == (400, ["errors"])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=y"),
        (b"", "text/plain"),
        (b"&".join(b"a=1" for _ in range(2000)), "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 3_000_000, "application/x-www-form-urlencoded"),
    ],
    ids=["rubbish", "json", "no boundary", "no part", "text", "many fields", "huge"],
)
def test_a_body_that_is_no_form_is_bad(body, kind, order, staff):
    response = browser(staff).generic("POST", panel_of(order, staff), body, kind)
    assert response.status_code in (400, 413)


def test_the_object_is_called_as_the_site_calls_it(order, staff, monkeypatch):
    monkeypatch.setattr(type(order), "__str__", lambda self: "HT-1003")
    plant(order)
    html = shown(order, staff)
    assert "Tasks of HT-1003, newest first" in words(html)
    assert "Run for HT-1003 now:" in words(html)


def test_details_lead_to_the_operations_pages_those_who_may_see_them(order, staff):
    task_id = plant(order)
    page = f"/behind/a/prefix/tasks/{task_id}/"
    assert f'<a href="{page}">All that is known of this task</a>' in shown(order, staff, f"?task={task_id}")
    viewer = make_user("viewer", is_staff=True)
    assert f'<a href="{page}">Details</a>' in shown(order, viewer)
    customer = make_user("customer", "shop.view_order", "celery_ops.view_payload")
    assert page not in shown(order, customer)
    assert page not in shown(order, customer, f"?task={task_id}")
    assert page not in shown(order, None, public=True)


def test_details_of_a_running_task_ask_where_it_is_for_those_who_may(order, staff):
    task_id, ended = plant(order, state="STARTED"), plant(order)
    asks = f'action="/behind/a/prefix/tasks/{task_id}/stack/#stack"'
    assert asks in shown(order, staff, f"?task={task_id}")
    assert "/stack/" not in shown(order, staff, f"?task={ended}")
    customer = make_user("customer", "shop.view_order", "celery_ops.view_payload")
    assert "/stack/" not in shown(order, customer, f"?task={task_id}")
