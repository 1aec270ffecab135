"""The journal of control actions: the list, its filters, and the page of one."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from celery_ops.backends.control import Replies
from celery_ops.control.journal import ask_workers, write_record
from celery_ops.control.standing import standing_requests
from celery_ops.control.worker_limits import CARRIED, TIME_LIMIT
from celery_ops.models import ControlRecord
from tests.conftest import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("contexts")]

LIST = "/behind/a/prefix/journal/control/"


@pytest.fixture
def reader(memory_store):
    client = Client()
    user = make_user("reader", "celery_ops.view_ops", "celery_ops.view_taskrunrecord")
    client.force_login(user)
    return client


def record(action="ping", target="celery@one", **fields):
    replies = {"asked": [target], "answered": {target: "pong"}, "silent": [], "failed": []}
    return ControlRecord.objects.create(action=action, target=target, **{"replies": replies, **fields})


def shown(client, query=""):
    return [row.pk for row in client.get(LIST + query).context["table"].data]


def test_the_newest_action_comes_first(reader):
    rows = [record().pk for _ in range(3)]
    assert shown(reader) == rows[::-1]


ODD = [5, "x", ["x"], {"asked": 5}, {"asked": ["w"], "answered": 3, "silent": 4, "failed": 5}, {"purged": "x"}]


@pytest.mark.parametrize("written", ODD, ids=str)
@pytest.mark.parametrize("field", ["parameters", "replies"])
def test_a_row_that_somebody_else_has_written_otherwise_has_a_page_and_hides_nothing(field, written, reader):
    actions = ("pause", "revoke", "revoke_by_stamped_headers", "resolve_failures", "ping")
    odd = [record(action, "", **{field: written}).pk for action in actions]
    paused = record("pause", "mail").pk
    assert set(shown(reader)) == {paused, *odd}
    assert [reader.get(f"{LIST}{pk}/").status_code for pk in odd] == [200] * len(odd)
    assert "mail" in standing_requests().paused


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("NotImplementedError('x')", "its pool cannot do that"),
        (f"KeyError('{TIME_LIMIT}')", "it runs without celery_ops, or an older one: restart it"),
        (CARRIED, CARRIED),
    ],
)
def test_what_was_done_in_one_language_is_read_in_another(said, reason, reader):
    replies = Replies(("a@x", "b@x", "c@x"), {"a@x": {"error": said}, "b@x": 1, "c@x": {"ok": "pong"}})
    with translation.override("de"):
        done = write_record("revoke", "2 Tasks", {"task_ids": ["1", "2"]}, None)
        ask_workers(done, lambda: replies)
        german = [gettext("error: %(reason)s") % {"reason": gettext(reason)}, gettext("answered")]
        assert said_in(reader, done) == ("2 Tasks", [*german, "pong"])
    assert said_in(reader, done) == ("2 tasks", [f"error: {reason}", "answered", "pong"])
    assert german[1] != "answered"
    assert reason not in german[0]


def said_in(client, row):
    action = client.get(reverse("celery_ops:control-record-detail", args=[row.pk])).context["action"]
    (listed,) = client.get(LIST).context["table"].data
    assert listed.target == action.target.name
    return listed.target, [reply.text for reply in action.replies]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?action=purge", ["purge"]),
        ("?target=ONE", ["ping"]),
        ("?user=ada", ["purge"]),
        ("?until=2000-01-01", []),
        ("?since=2000-01-01", ["purge", "ping"]),
        ("?action=drop", ["purge", "ping"]),
        ("?unknown=1", ["purge", "ping"]),
    ],
)
def test_the_list_is_filtered(query, found, reader):
    record(username="bob")
    record("purge", "mail", username="ada", replies={"purged": 3})
    actions = [ControlRecord.objects.get(pk=pk).action for pk in shown(reader, query)]
    assert actions == found


@pytest.mark.parametrize(
    ("action", "replies", "said"),
    [
        ("ping", {"asked": ["a", "b"], "answered": {"a": "pong"}, "silent": ["b"]}, "2 asked, 1 answered, 1 silent"),
        ("ping", {"asked": ["a"], "answered": {"a": "no"}, "failed": ["a"]}, "1 asked, 1 answered, 1 with an error"),
        ("ping", {"asked": [], "answered": {}, "silent": []}, "No worker was up."),
        ("ping", {}, "It is not known what came of it."),
        ("shutdown", {"asked": ["a"], "answered": {}, "silent": ["a"]}, "1 asked"),
        ("purge", {"purged": 1200}, "1,200 messages deleted"),
        ("move", {"moved": ["x"]}, "1 message moved"),
        ("pause", {"error": "amqp://user:hunter2@host is away"}, "Not done: "),
    ],
)
def test_what_came_of_it_is_said(action, replies, said, reader):
    row = record(action, replies=replies)
    for url in (LIST, f"{LIST}{row.pk}/"):
        html = reader.get(url).text
        assert said in html
        assert "hunter2" not in html


def test_the_page_of_one_has_its_parameters_and_each_workers_reply(reader):
    replies = {"asked": ["a@one", "b@two"], "answered": {"a@one": "pool will grow"}, "silent": ["b@two"]}
    row = record("pool_grow", "a@one, b@two", parameters={"n": 3, "password": "hunter2"}, replies=replies)
    html = reader.get(f"{LIST}{row.pk}/").text
    for said in ("pool will grow", "silent", reverse("celery_ops:worker-detail", args=["b@two"]), "<dt>n</dt>"):
        assert said in html
    assert "hunter2" not in html


def test_one_sees_the_own_actions_without_the_permission_to_see_all(memory_store):
    client, user = Client(), make_user("operator", "celery_ops.control_workers")
    client.force_login(user)
    own = record(user=user)
    other = record()
    assert (shown(client), client.get(f"{LIST}{other.pk}/").status_code) == ([own.pk], 404)


def test_what_others_wrote_does_no_harm(reader):
    hostile = "<script>alert(1)</script>\x1b[31m"
    row = record(hostile[:60], hostile, parameters={hostile: [hostile]}, replies={"asked": [hostile], "answered": []})
    for url in (LIST, f"{LIST}{row.pk}/"):
        response = reader.get(url)
        assert (response.status_code, b"<script>alert" in response.content) == (200, False)
