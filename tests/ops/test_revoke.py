"""What pages offer for revoking and show of it; with a real worker, what comes of it."""

import pytest
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.control import revoke as acting
from celery_ops.models import ControlRecord
from tests.conftest import broker, browser_of, make_user
from tests.ops.task_backends import LIST, Held, a_task, use
from tests.pages import attribute, elements, text_of, words
from tests.planting import panel_of, plant
from tests.servers import wait_for
from tests.shop import tasks

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def operator(db):
    return make_user("operator", "celery_ops.revoke_task", "celery_ops.view_payload", is_staff=True)


@pytest.fixture
def client(operator):
    return browser_of(operator)


@pytest.fixture
def quiet(memory_store, settings, no_live_task):
    """A list, and no worker to ask."""
    with broker("memory://"):
        use(settings, Held, CONTROL_TIMEOUT=0.01)
        yield lambda *given: use(settings, Held, *given)
    Held.hold()


def page(client, task_id):
    return client.get(reverse("celery_ops:task-detail", args=[task_id])).text


def outcome_shown(client, task_id):
    return next(iter(attribute(page(client, task_id), "data-revoke")), None)


def chosen(html):
    """The tasks of a list that can be chosen."""
    return [box.attributes["value"] for box in elements(html, "input", name="task_id")]


# -- what is offered --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("PENDING", (1, 0)),
        ("RETRY", (1, 0)),
        ("STARTED", (1, 1)),
        ("PROGRESS", (1, 1)),
        ("SUCCESS", (0, 0)),
        ("REVOKED", (0, 0)),
    ],
)
def test_a_tasks_page_offers_it_while_the_task_goes_on(state, offered, client, quiet):
    quiet(a_task(1, state, id="a/b c"))
    html = page(client, "a/b c")
    buttons = [text_of(button.html) for button in elements(html, "button")]
    assert (buttons.count("Revoke"), buttons.count("Stop this task")) == offered
    signals = [
        text_of(option.html) for select in elements(html, name="signal") for option in elements(select.html, "option")
    ]
    assert signals == (["TERM", "INT", "KILL"] if offered[1] else [])


def test_those_whom_the_policy_refuses_are_offered_nothing(quiet):
    quiet(a_task(1, "STARTED", id="one"))
    viewer = browser_of(make_user("viewer", is_staff=True))
    for html in (page(viewer, "one"), viewer.get(LIST).text):
        assert ["revoke" in html.lower(), 'type="checkbox"' in html, "Stop this task" in html] == [False] * 3


def test_a_list_lets_choose_what_has_not_ended(client, quiet):
    quiet(*(a_task(n, state, id=state) for n, state in enumerate(("PENDING", "LOST", "MINE", "SUCCESS", "REVOKED"))))
    html = client.get(LIST).text
    assert chosen(html) == ["PENDING", "LOST", "MINE"]
    assert f'formaction="{reverse("celery_ops:revoke")}"' in html
    assert reverse("celery_ops:retry") not in html
    assert reverse("celery_ops:revoke-stamped") in html


def test_who_may_both_chooses_any_task(superuser, quiet):
    quiet(*(a_task(n, state, id=state) for n, state in enumerate(("PENDING", "SUCCESS"))))
    html = browser_of(superuser).get(LIST).text
    assert chosen(html) == ["PENDING", "SUCCESS"]


def test_a_preview_counts_what_would_be_revoked(client, quiet):
    quiet(*(a_task(n, state) for n, state in enumerate(("PENDING", "PENDING", "SUCCESS"))))
    text = words(client.get(reverse("celery_ops:bulk-revoke")).text)
    for said in ("3 tasks match.", "Pending 2 Success 1", "Revoke 2 tasks", "1 of them has ended already."):
        assert said in text
    assert ControlRecord.objects.count() == 0


# -- what is shown ----------------------------------------------------------------------------------------------------

SHOWN = {"PENDING": "requested", "STARTED": "requested", "REVOKED": "confirmed", "SUCCESS": "too late"}


@pytest.mark.parametrize("together", [False, True], ids=["alone", "with others"])
@pytest.mark.parametrize(("state", "outcome"), SHOWN.items())
def test_a_request_is_shown_for_a_task_of_no_object(state, outcome, together, client, quiet):
    quiet(a_task(1, "PENDING", id="one"), a_task(2, "PENDING", id="two"))
    client.post(reverse("celery_ops:revoke"), {"task_id": ["one", "two"] if together else "one"})
    quiet(a_task(1, state, id="one"))
    assert outcome_shown(client, "one") == outcome
    item = client.get(reverse("celery_ops:api-run", args=["one"])).json()
    assert (item["revoke"], item["revoke_requested_at"] is None) == (outcome, False)


SAID = {
    "PENDING": "revoke requested",
    "REVOKED": "revoked as requested",
    "FAILURE": "revoke came too late",
}


@pytest.mark.parametrize(("state", "said"), SAID.items())
def test_a_request_is_shown_in_the_panel_of_its_object(state, said, client, operator, order, quiet):
    task_id = plant(order, "tests.shop.tasks.long", "PENDING")
    client.post(reverse("celery_ops:revoke"), {"task_id": task_id})
    plant(order, "tests.shop.tasks.long", state, task_id=task_id)
    assert said in words(client.get(panel_of(order, operator)).text)


def test_what_nobody_asked_for_is_not_shown_as_asked(client, quiet):
    quiet(a_task(1, "REVOKED", id="one"))
    assert outcome_shown(client, "one") is None
    assert client.get(reverse("celery_ops:api-run", args=["one"])).json()["revoke"] is None


# -- with a worker ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_worker_drops_what_waits_stops_what_runs_and_is_too_late_for_the_rest(real_worker, settings, order, pace):
    client = browser_of(make_user("operator", "celery_ops.revoke_task", is_staff=True))
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 5}
    known_workers().note((), (), {real_worker.hostname: {}}, looked_around=True)
    runs = tasks.paced.delay(order.pk, pace.file).id
    waits = tasks.noop.delay(order.pk).id
    stamped = tasks.noop.s(order.pk)
    stamped.stamp(customer="7")
    stamped = stamped.apply_async().id
    state(order, runs, "STARTED")

    acting.revoke_stamped("customer", ["7"], None)
    answer = client.post(
        reverse("celery_ops:revoke"), {"task_id": waits}, headers={"accept": "application/json"}
    ).json()
    assert (answer["asked"], answer["silent"], list(answer["answered"])) == (
        [real_worker.hostname],
        [],
        [real_worker.hostname],
    )
    client.post(reverse("celery_ops:revoke"), {"task_id": runs, "terminate": "1", "signal": "KILL"})
    for task_id in (runs, waits, stamped):
        state(order, task_id, "REVOKED")
    assert [outcome_shown(client, task_id) for task_id in (waits, runs)] == ["confirmed", "confirmed"]

    late = tasks.paced.delay(order.pk, pace.file, 1).id
    state(order, late, "STARTED")
    client.post(reverse("celery_ops:revoke"), {"task_id": late})
    pace.to(1)
    state(order, late, "SUCCESS")
    assert outcome_shown(client, late) == "too late"


def state(order, task_id, wanted):
    wait_for(lambda: any(t.id == task_id and t.state == wanted for t in tasks_for(order)), f"{wanted} of {task_id}")
