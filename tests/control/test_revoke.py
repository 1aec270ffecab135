"""Revoking tasks: what is refused before anybody hears of it, who may, what is answered, and one of several."""

import json
from base64 import b64decode
from uuid import uuid4

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from celery_ops.backends.control import Replies
from celery_ops.bulk import revoke as bulk_revoke
from celery_ops.bulk.base import progress_of
from celery_ops.control import revoke
from celery_ops.control.standing import standing_requests
from celery_ops.exceptions import StoreUnavailable
from celery_ops.models import ControlRecord
from celery_ops.permissions import Policy
from celery_ops.tracking.reading import tasks_for
from celery_ops.tracking.revoke_requests import revoke_noted_at
from tests.conftest import broker, browser_of, make_user
from tests.ops.task_backends import HOSTILE, Away, Held, a_task, on_databases, use
from tests.pages import value
from tests.planting import plant

from .conftest import Spy, forget

pytestmark = [pytest.mark.django_db]

JSON = {"accept": "application/json"}
URL, STAMPED, BULK = "celery_ops:revoke", "celery_ops:revoke-stamped", "celery_ops:bulk-revoke"
WAITS, RUNS, OVER = (a_task(n, state, id=state) for n, state in enumerate(("PENDING", "STARTED", "SUCCESS")))


@pytest.fixture
def spy(redis_server, memory_store, settings):
    """A broker to listen to, and three tasks in the list."""
    with broker(f"{redis_server.url}/14"):
        forget()
        use(settings, Held, WAITS, RUNS, OVER, CONTROL_TIMEOUT=0.05)
        found = Spy(redis_server.port)
        yield found
        found.pubsub.close()
        found.client.close()
        Held.hold()
        forget()


@pytest.fixture
def operator(db):
    return make_user("operator", "celery_ops.view_ops", "celery_ops.revoke_task")


@pytest.fixture
def client(operator):
    return browser_of(operator)


def ask(client, given, headers=JSON, url=URL):
    return client.post(reverse(url), given, headers=headers)


def told(spy):
    """Return the commands that were heard; whoever is asked for a task that nobody else knows is told nothing."""
    bodies = [json.loads(b64decode(json.loads(raw)["body"])) for raw in spy.heard()]
    return [body["method"] for body in bodies if body["method"].startswith("revoke")]


def ids(*task_ids, **given):
    return {"task_id": task_ids, **given}


BAD = {
    "nothing": (URL, {}, 400, "task_id"),
    "an empty id": (URL, ids(""), 400, "task_id"),
    "an unknown id": (URL, ids("no/such task"), 404, "__all__"),
    "a long id": (URL, ids("x" * 256), 400, "task_id"),
    "an id with a NUL": (URL, ids("a\x00b"), 400, "task_id"),
    "one of two with a line's end": (URL, ids("PENDING", "a\nb"), 400, "task_id"),
    "STOP": (URL, ids("STARTED", terminate="1", signal="STOP"), 400, "signal"),
    "signal 0": (URL, ids("STARTED", terminate="1", signal="0"), 400, "signal"),
    "signal 9": (URL, ids("STARTED", terminate="1", signal="9"), 400, "signal"),
    "SIGTERM": (URL, ids("STARTED", terminate="1", signal="SIGTERM"), 400, "signal"),
    "a signal of text": (URL, ids("STARTED", signal="stop it"), 400, "signal"),
    "terminate of text": (URL, ids("STARTED", terminate="yes"), 400, "terminate"),
    "no header": (STAMPED, {"stamps": "7"}, 400, "header"),
    "a header of 256 letters": (STAMPED, {"header": "x" * 256, "stamps": "7"}, 400, "header"),
    "no stamp": (STAMPED, {"header": "customer", "stamps": "\n \n"}, 400, "stamps"),
    "a thousand and one stamps": (STAMPED, {"header": "a", "stamps": "\n".join(map(str, range(1001)))}, 400, "stamps"),
    "stamped, STOP": (STAMPED, {"header": "a", "stamps": "7", "terminate": "1", "signal": "STOP"}, 400, "signal"),
}


@pytest.mark.parametrize(("url", "given", "status", "field"), BAD.values(), ids=BAD)
def test_what_will_not_do_is_refused_and_nobody_hears_of_it(url, given, status, field, client, spy, caplog):
    response = ask(client, given, url=url)
    assert (response.status_code, list(response.json()["errors"])) == (status, [field])
    assert ask(client, given, {}, url).status_code == status
    assert (told(spy), ControlRecord.objects.count()) == ([], 0)
    assert caplog.text.count("Refused (") == 2


@pytest.mark.parametrize("text", on_databases(HOSTILE))
def test_hostile_texts_are_only_texts(text, client, spy):
    for url, given in (
        (URL, ids(text)),
        (URL, ids("PENDING", signal=text)),
        (STAMPED, {"header": text, "stamps": text}),
        (BULK, {"signal": text, "terminate": text}),
    ):
        assert ask(client, given, {}, url).status_code in (302, 400, 404), (url, given)


@pytest.mark.parametrize("url", [URL, STAMPED, BULK])
@pytest.mark.parametrize("protected", [True, False], ids=["site with CsrfViewMiddleware", "site without"])
def test_without_the_csrf_token_nobody_hears_of_it(url, protected, operator, spy, settings):
    if not protected:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert (ask(client, ids("PENDING"), {}, url).status_code, spy.heard()) == (403, [])


def test_a_pages_form_works_on_a_site_without_the_csrf_middleware(operator, spy, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    page = client.get(reverse("celery_ops:task-detail", args=["PENDING"])).text
    token = value(page, "csrfmiddlewaretoken")
    assert ask(client, ids("PENDING", csrfmiddlewaretoken=token)).status_code == 200


def test_workers_are_asked_anew_before_a_task_is_called_unknown(client, spy, monkeypatch):
    asked_anew = []
    monkeypatch.setattr("celery_ops.views.bulk.revoke.snapshot.expire", lambda: asked_anew.append(1))
    assert (ask(client, ids("fetched a moment ago")).status_code, asked_anew) == (404, [1])


def test_it_is_a_post(client, spy):
    assert (client.get(reverse(URL), ids("PENDING")).status_code, spy.heard()) == (405, [])


@pytest.mark.parametrize("url", [URL, STAMPED, BULK])
def test_who_may_revoke_nothing_is_refused_whatever_is_asked(url, spy, caplog):
    client = browser_of(make_user("viewer", "celery_ops.view_ops"))
    for given in ({}, ids("no such task"), ids("PENDING", signal="STOP")):
        assert ask(client, given, url=url).status_code == 403
    assert (spy.heard(), ControlRecord.objects.count()) == ([], 0)


def test_who_is_not_logged_in_is_told_so(spy):
    assert [ask(Client(), ids("PENDING"), headers).status_code for headers in (JSON, {})] == [401, 302]
    assert spy.heard() == []


class OnlyWhatWaits(Policy):
    def may_revoke_task(self, user, task_id=None):
        return task_id in (None, "PENDING", "odd")


def test_a_policy_that_refuses_one_of_the_tasks_refuses_all(client, spy, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.OnlyWhatWaits"}
    assert ask(client, ids("PENDING", "STARTED")).status_code == 403
    assert (spy.heard(), ask(client, ids("PENDING")).status_code) == ([], 200)


def test_the_answer_says_who_was_asked_and_who_is_silent(client, spy, monkeypatch):
    replies = Replies(("w1@test", "w2@test"), {"w1@test": {"ok": "task PENDING flagged as revoked"}})
    monkeypatch.setattr(revoke.control, "revoke", lambda *_, **__: replies)
    assert ask(client, ids("PENDING")).json() == {
        "asked": ["w1@test", "w2@test"],
        "answered": {"w1@test": "task PENDING flagged as revoked"},
        "silent": ["w2@test"],
        "message": "Asked 2 workers, 1 answered, w2@test is silent.",
    }


def test_it_is_written_down_with_the_signal_and_kept_for_workers_that_start(client, spy, operator):
    assert ask(client, ids("STARTED", terminate="1", signal="KILL")).status_code == 200
    record = ControlRecord.objects.get()
    assert (record.action, record.target, record.user) == ("revoke", "STARTED", operator)
    assert (record.parameters["terminate"], record.parameters["signal"]) == (True, "KILL")
    assert (len(spy.heard()), standing_requests().task_ids) == (1, ("STARTED",))


def test_several_are_one_message_and_what_has_ended_is_left_out(client, spy):
    answer = ask(client, ids("PENDING", "STARTED", "SUCCESS", "PENDING", "unknown")).json()
    assert "1 task had ended already." in answer["message"]
    assert ControlRecord.objects.get().parameters["task_ids"] == ["PENDING", "STARTED", "unknown"]
    assert len(spy.heard()) == 1


@pytest.mark.parametrize("given", [("SUCCESS",), ("SUCCESS", "FAILURE")])
def test_of_what_has_ended_nobody_is_asked(given, client, spy, settings):
    use(settings, Held, OVER, a_task(5, "FAILURE", id="FAILURE"))
    answer = ask(client, ids(*given))
    assert (answer.status_code, answer.json()["asked"], spy.heard()) == (200, [], [])
    assert ControlRecord.objects.count() == 0


def test_the_same_form_sent_twice_asks_once(client, spy):
    given = ids("PENDING", submission=str(uuid4()))
    assert [ask(client, given).status_code for _ in range(2)] == [200, 200]
    assert (len(spy.heard()), ControlRecord.objects.count()) == (1, 1)


def test_it_goes_on_to_a_safe_next_alone(client, spy):
    assert ask(client, ids("PENDING", next="/ops/?a=1"), {}).url == "/ops/?a=1"
    home = reverse("celery_ops:task-detail", args=["PENDING"])
    assert ask(client, ids("PENDING", next="https://example.com/"), {}).url == home


def test_a_broker_that_is_away_is_said_and_the_request_is_kept(client, spy):
    with broker("redis://127.0.0.1:1/0"):
        assert ask(client, ids("PENDING")).status_code == 503
    assert standing_requests().task_ids == ("PENDING",)


def test_a_journal_that_is_away_is_said_and_nobody_hears_of_it(client, spy, monkeypatch):
    def refuse(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(ControlRecord, "save", refuse)
    assert (ask(client, ids("PENDING")).status_code, spy.heard()) == (503, [])


def test_a_list_that_is_away_hinders_nobody(client, spy, settings):
    use(settings, Away)
    assert [ask(client, ids(*given)).status_code for given in (("a",), ("a", "b"))] == [200, 200]


def test_a_thousand_ids_go_into_a_message(spy):
    acted = revoke.revoke([f"id-{n}" for n in range(2500)], None, timeout=0.01)
    assert [len(record.parameters["task_ids"]) for record in ControlRecord.objects.order_by("pk")] == [1000, 1000, 500]
    assert (len(acted), len(spy.heard())) == (3, 3)


def test_of_several_messages_whoever_left_one_unanswered_is_silent():
    both = Replies(("a", "b"), {"a": {"ok": "yes"}, "b": {"ok": "yes"}})
    one = Replies(("a", "b"), {"a": {"ok": "yes"}})
    found = revoke.combined([revoke.Acted(ControlRecord(), replies) for replies in (both, one)])
    assert (found.data["asked"], found.data["silent"]) == (["a", "b"], ["b"])


def test_stamped_headers_are_broadcast_written_down_and_kept(client, spy):
    assert ask(client, {"header": "customer", "stamps": " 7 \n8\n7\n"}, url=STAMPED).status_code == 200
    record = ControlRecord.objects.get()
    assert (record.action, record.target) == ("revoke_by_stamped_headers", "customer")
    assert (record.parameters["headers"], standing_requests().stamps) == (
        {"customer": ["7", "8"]},
        {"customer": ("7", "8")},
    )
    assert len(spy.heard()) == 1


def test_a_form_of_stamps_that_will_not_do_comes_back_as_it_was(client, spy):
    response = ask(client, {"header": "", "stamps": "<7>\n8", "terminate": "1", "signal": "INT"}, {}, STAMPED)
    html = response.text
    for part in ("&lt;7&gt;\n8</textarea>", "checked", "<option selected>INT</option>", "Enter the name of a header."):
        assert part in html


# -- where it is noted ------------------------------------------------------------------------------------------------


def test_a_tracked_task_is_noted_with_its_object(client, spy, order):
    task_id = plant(order, "tests.shop.tasks.long", "PENDING")
    ask(client, ids(task_id))
    assert tasks_for(order)[0].revoke_requested_at is not None
    assert revoke_noted_at(task_id) is None


def test_tracked_and_untracked_ones_together_are_noted_each_in_its_place(client, spy, order):
    task_id = plant(order, "tests.shop.tasks.long", "PENDING")
    ask(client, ids(task_id, "PENDING"))
    assert tasks_for(order)[0].revoke_requested_at is not None
    assert revoke_noted_at("PENDING") is not None


def test_while_the_index_does_not_answer_it_is_noted_in_each_tasks_own_place(client, spy, order, monkeypatch):
    def fail(*args, **kwargs):
        raise StoreUnavailable

    monkeypatch.setattr(bulk_revoke.index, "objects_wherever", fail)
    ask(client, ids("PENDING", "STARTED"))
    assert None not in map(revoke_noted_at, ("PENDING", "STARTED"))


# -- all of a list ----------------------------------------------------------------------------------------------------


def begin(client, query="", **given):
    response = client.post(reverse(BULK) + query, {"count": "3", **given})
    assert response.status_code == 302, response.content
    return ControlRecord.objects.get(action=bulk_revoke.RevokeAction.name)


def tally(record):
    progress = progress_of(record)
    return progress.state, progress.tally.done, {reason: each.count for reason, each in progress.tally.skipped.items()}


@pytest.mark.database
def test_all_that_match_are_revoked_but_those_that_have_ended(client, spy, settings):
    use(settings, Held, *Held.contents, a_task(7, "PENDING", id="odd\n"))
    record = begin(client)
    assert tally(record) == ("done", 2, {"It has ended already.": 1, "This is no task id.": 1})
    row = ControlRecord.objects.get(action="revoke")
    assert (sorted(row.parameters["task_ids"]), row.parameters["bulk"]) == (["PENDING", "STARTED"], record.pk)
    assert (len(spy.heard()), sorted(standing_requests().task_ids)) == (1, ["PENDING", "STARTED"])


def test_a_bulk_keeps_to_its_filters_and_its_signal(client, spy):
    record = begin(client, "?state=STARTED", terminate="1", signal="INT")
    row = ControlRecord.objects.get(action="revoke")
    assert (tally(record)[:2], row.target) == (("done", 1), "STARTED")
    assert (row.parameters["terminate"], row.parameters["signal"]) == (True, "INT")


@pytest.mark.parametrize("given", [{"terminate": "1", "signal": "STOP"}, {"terminate": "maybe"}])
def test_a_bulk_with_a_bad_ending_begins_nothing(given, client, spy):
    assert client.post(reverse(BULK), given).status_code == 400
    assert (spy.heard(), ControlRecord.objects.count()) == ([], 0)


def test_a_bulk_asks_the_policy_of_each_task(client, spy, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.OnlyWhatWaits"}
    reasons = {"It has ended already.": 1, "You may not revoke this task.": 1}
    assert tally(begin(client)) == ("done", 1, reasons)


def test_a_bulk_has_a_message_for_a_thousand_and_waits_once_for_the_silent(client, spy, settings):
    use(settings, Held, *(a_task(n, "PENDING", id=f"id-{n}") for n in range(2100)))
    assert tally(begin(client)) == ("done", 2100, {})
    assert len(spy.heard()) == 3


def test_a_broker_that_is_away_stops_a_bulk_and_later_it_goes_on(client, spy):
    with broker("redis://127.0.0.1:1/0"):
        record = begin(client)
    assert tally(record)[:2] == ("stopped", 0)
    client.post(reverse("celery_ops:bulk-revoke-detail", args=[record.pk]))
    record.refresh_from_db()
    assert (tally(record)[:2], len(spy.heard())) == (("done", 2), 1)


def test_the_page_of_a_bulk_says_what_each_worker_answered(client, spy, monkeypatch):
    replies = Replies(("w1@test", "w2@test"), {"w1@test": {"ok": "flagged"}})
    monkeypatch.setattr(revoke.control, "revoke", lambda *_, **__: replies)
    record = begin(client)
    assert bulk_revoke.answers_of(record) == {"w1@test": (1, 1), "w2@test": (1, 0)}
    html = client.get(reverse("celery_ops:bulk-revoke-detail", args=[record.pk])).text
    assert "What workers answered" in html
    assert "w2@test" in html
