"""The bar of a workflow on a site's own page: what it says, to whom, and that it is polled."""

import pytest
from celery.utils import uuid
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template
from django.test import RequestFactory

from celery_ops.tracking import index, workflows
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.workflows import reading
from tests.conftest import make_user
from tests.pages import attribute, words
from tests.planting_workflows import plant_member

from .conftest import away, browser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_it_is_now():
    reading.forget()


def plant(order, *states):
    """Let there be a group of an order's tasks in these states, and return its id and theirs."""
    group, ids = uuid(), [uuid() for _state in states]
    ref = ObjectRef.of(order)
    batch = [(workflows.place(group), {workflows.object_field(ref): "1"})]
    for place, (task_id, state) in enumerate(zip(ids, states, strict=True)):
        batch += [
            plant_member(group, state=state, task_id=task_id, group=group, index=place),
            index.entry(task_id, [ref], now_ms(), group),
        ]
    recorder().record(batch)
    recorder().flush()
    reading.forget()
    return group, ids


def shown(task_id, user=None, source="{% workflow_progress task_id %}"):
    request = RequestFactory().get("/orders/")
    request.user = user or AnonymousUser()
    return Template("{% load celery_ops %}" + source).render(RequestContext(request, {"task_id": task_id}))


def url_in(html):
    return attribute(html, "data-url")[0]


def test_it_says_how_many_are_done_and_how_many_failed(order, staff):
    group, _ids = plant(order, "SUCCESS", "FAILURE", "PENDING")
    html = shown(group, staff)
    assert "1 of 3 done" in words(html)
    assert "1 failed" in html


def test_any_id_finds_it(order, staff):
    _group, ids = plant(order, "SUCCESS", "SUCCESS")
    assert "2 of 2 done" in words(shown(ids[1], staff))


def test_a_customer_sees_it_who_may_see_the_order(order, grant_objects):
    _group, ids = plant(order, "SUCCESS")
    customer = make_user("ada")
    assert shown(ids[0], customer).strip() == ""
    grant_objects(customer, "shop.view_order", order)
    assert "1 of 1 done" in words(shown(ids[0], customer))


def test_by_the_groups_id_it_is_for_who_may_see_all_its_objects(order, other_order, grant_objects):
    group, _ids = plant(order, "SUCCESS")
    recorder().record([(workflows.place(group), {workflows.object_field(ObjectRef.of(other_order)): "1"})])
    reading.forget()
    customer = make_user("ada")
    grant_objects(customer, "shop.view_order", order)
    assert shown(group, customer).strip() == ""
    grant_objects(customer, "shop.view_order", other_order)
    assert "done" in shown(group, customer)


def test_what_somebody_started_is_theirs():
    customer = make_user("ada")
    _group, ids = plant(customer, "SUCCESS")
    assert "done" in shown(ids[0], customer)
    assert shown(ids[0], make_user("bob")).strip() == ""


def test_an_anonymous_visitor_sees_nothing_unless_the_author_vouches(order):
    _group, ids = plant(order, "SUCCESS")
    assert shown(ids[0]).strip() == ""
    html = shown(ids[0], source="{% workflow_progress task_id public=True %}")
    assert "1 of 1 done" in words(html)
    assert browser().get(url_in(html)).status_code == 200


@pytest.mark.parametrize("task_id", ["", None, 5, "nothing", "x" * 5000, "\0"])
def test_of_no_workflow_it_shows_nothing(task_id, staff):
    assert shown(task_id, staff).strip() == ""


def test_while_the_store_is_away_it_says_so(order, staff):
    _group, ids = plant(order, "SUCCESS")
    with away(recorder().store):
        assert "cannot be said just now" in shown(ids[0], staff)


def test_its_address_answers_the_bar_and_then_304(order, staff):
    _group, ids = plant(order, "SUCCESS", "STARTED")
    client, url = browser(staff), url_in(shown(ids[0], staff))
    answer = client.get(url)
    assert "1 of 2 done" in words(answer.text)
    assert client.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_its_address_is_good_for_its_viewer_alone(order, staff, reader):
    _group, ids = plant(order, "SUCCESS")
    url = url_in(shown(ids[0], staff))
    assert browser(reader).get(url).status_code == 404
    assert browser(staff).get(url[:-4] + "abc/").status_code == 404


def test_two_bars_bring_their_files_once(order, staff):
    _group, ids = plant(order, "SUCCESS")
    html = shown(ids[0], staff, "{% workflow_progress task_id %}{% workflow_progress task_id %}")
    assert [html.count(name) for name in ("panel.css", "workflow.css", "live.js", "progress.js")] == [1, 1, 1, 1]


def test_when_all_is_over_it_says_that_no_more_is_to_be_asked(order, staff):
    _group, ids = plant(order, "SUCCESS", "FAILURE")
    assert "data-final" in shown(ids[0], staff)
    _group, ids = plant(order, "SUCCESS", "STARTED")
    assert "data-final" not in shown(ids[0], staff)
