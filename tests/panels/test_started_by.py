"""``StartedByMiddleware``: who started what a request publishes, and where that shows."""

import asyncio
import json
import logging

import pytest
from celery import signals
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError
from django.template import RequestContext, Template
from django.test import AsyncClient, RequestFactory
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django_celery_results.models import TaskResult

from celery_ops import tasks_for, tracking
from celery_ops.backends.results import ResultsTaskBackend
from celery_ops.backends.tracked import TrackedTaskBackend
from celery_ops.info import StartedBy
from celery_ops.middleware import StartedByMiddleware
from celery_ops.models import TaskRunRecord
from celery_ops.panels.token import PanelOptions, viewer
from celery_ops.tracking.context import answering, bound_objects
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import STARTED_BY
from celery_ops.tracking.started_by import LONGEST_NAME, Requester, checked, started_by_of, text_of
from tests.conftest import make_user
from tests.ops.task_backends import Away, Held, a_task, use
from tests.pages import words
from tests.shop import tasks
from tests.shop.models import Order

from .conftest import away, browser

pytestmark = pytest.mark.django_db

MIDDLEWARE = "celery_ops.middleware.StartedByMiddleware"


@pytest.fixture(autouse=True)
def _installed(settings):
    settings.ROOT_URLCONF = "tests.panels.started_urls"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]


@pytest.fixture
def ada(db):
    return make_user("ada")


@pytest.fixture
def sent():
    """The headers of what is published."""
    headers = []

    def note(**published):
        headers.append(published["headers"])

    signals.after_task_publish.connect(note)
    yield headers
    signals.after_task_publish.disconnect(note)


def started(user):
    recorder().flush()
    return [(task.name.rpartition(".")[2], task.started_by) for task in reversed(tasks_for(user))]


def by(user, url_name):
    return StartedBy(str(user.pk), user.username, url_name)


def who(headers):
    return [json.loads(header[STARTED_BY])[1] if STARTED_BY in header else None for header in headers]


# -- what is published


def test_what_a_request_publishes_says_who_from_where_and_belongs_to_them(ada, order):
    browser(ada).get(f"/orders/{order.pk}/send/")
    assert started(ada) == started(order) == [("noop", by(ada, "order-detail"))]


def test_tasks_that_nobody_tracks_belong_to_them_too(ada):
    browser(ada).get("/three/")
    assert sorted(name for name, _by in started(ada)) == ["parent", "untracked", "untracked"]


def test_it_is_one_header_with_who_and_where(ada, sent):
    browser(ada).get("/three/")
    assert {header[STARTED_BY] for header in sent} == {f'["{ada.pk}","ada","three"]'}


@pytest.mark.parametrize(("address", "name"), [("/things/publish/", "things:publish"), ("/nameless/", "")])
def test_a_url_is_called_as_reverse_calls_it(address, name, ada):
    browser(ada).get(address)
    assert {started_by for _name, started_by in started(ada)} == {by(ada, name)}


def test_an_anonymous_visitor_starts_nothing(order, sent):
    browser().get(f"/orders/{order.pk}/send/")
    assert started(order) == [("noop", None)]
    assert STARTED_BY not in sent[0]


def test_who_logs_in_or_out_on_the_way_starts_what_comes_then(ada, sent):
    browser().get("/changes-who/")
    assert who(sent) == ["ada", None]


def test_nobody_is_bound_after_a_request_that_failed(ada):
    with pytest.raises(RuntimeError):
        browser(ada).get("/fails/")
    assert bound_objects() == ()
    assert len(started(ada)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_thread_with_the_views_context_has_its_user_and_another_has_not(ada, sent):
    browser(ada).get("/threads/")
    assert who(sent) == ["ada", None]


def test_the_account_is_bound_beside_other_objects_and_once(ada, rf_requester):
    order = Order(pk=1)
    with answering(rf_requester(ada)), tracking(ada, order):
        assert bound_objects() == (ObjectRef.of(ada), ObjectRef.of(order))


@pytest.fixture
def rf_requester():
    def requester(user):
        request = RequestFactory().get("/")
        request.user = user
        return Requester(request)

    return requester


def test_a_lazy_user_is_an_object_like_any(ada):
    with tracking(SimpleLazyObject(lambda: ada)):
        assert bound_objects() == (ObjectRef.of(ada),)


# -- what it costs


def test_a_request_that_publishes_nothing_reads_no_user(ada, django_assert_num_queries):
    client = browser(ada)
    with django_assert_num_queries(0):
        response = client.get("/nothing/")
    assert "Cookie" not in response.headers.get("Vary", "")


def test_an_anonymous_request_asks_the_database_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        browser().get("/three/")


def test_several_publishes_read_the_user_once_and_change_no_header(ada, django_assert_num_queries):
    client = browser(ada)
    with django_assert_num_queries(2):  # the session and the user
        response = client.get("/three/")
    assert "Cookie" not in response.headers.get("Vary", "")


# -- what goes wrong


class Unreadable:
    @property
    def is_authenticated(self):
        raise DatabaseError("no such table of ada@example.com")


class Keyed:
    """An API key, as sites put where the user is."""

    is_authenticated, is_active, pk = True, True, 1

    def get_username(self):
        return "key"


@pytest.mark.parametrize("user", [None, "ada", 7, AnonymousUser(), Keyed(), Order(pk=1), Unreadable()])
def test_what_is_no_account_starts_nothing_and_hurts_nobody(user, rf_requester):
    with answering(rf_requester(user)):
        assert bound_objects() == ()


def test_an_error_is_logged_without_its_words(rf_requester, caplog, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.started_by.is_new", lambda *_: True)
    with caplog.at_level(logging.DEBUG), answering(rf_requester(Unreadable())):
        tasks.untracked.delay()
    assert "DatabaseError" in caplog.text
    assert "ada" not in caplog.text


def test_a_request_without_a_user_starts_nothing():
    with answering(Requester(RequestFactory().get("/"))):
        assert bound_objects() == ()


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        b"[]",
        "",
        "x",
        "null",
        "[]",
        '["1","ada"]',
        '["1","ada","x","y"]',
        '[1,"ada","x"]',
        '{"1":1,"2":2,"3":3}',
        '"abc"',
        "[" * 100_000,
        json.dumps(["1", "a" * (LONGEST_NAME + 1), "x"]),
        json.dumps(["1" * 6000, "a", "x"]),
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_a_header_that_is_not_ours_says_nobody(text):
    assert started_by_of(text) is None
    assert checked(text) == ""


@pytest.mark.parametrize("name", ["ada", "Größe 🚲", '"],[', "\x1b[31m", "x" * LONGEST_NAME, "", "\ud800"])
def test_a_name_comes_back_as_it_was(name):
    whole = StartedBy("1", name, name)
    assert started_by_of(text_of(whole)) == whole


def test_a_long_name_is_cut(rf_requester, django_user_model):
    user = django_user_model(pk=1, username="x" * 1000)
    with answering(rf_requester(user)):
        tasks.untracked.delay()
    assert started(user)[0][1].username == "x" * LONGEST_NAME


# -- async


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["/asynchronous/", "/asked-before/", "/orders/1/send/"])
def test_async_sites_and_views_say_it_too(address, ada, sent):
    async def visit():
        client = AsyncClient()
        await client.aforce_login(ada)
        return await client.get(address)

    assert asyncio.run(visit()).status_code == 200
    assert set(who(sent)) == {"ada"}


@pytest.mark.django_db(transaction=True)
def test_requests_of_one_loop_keep_their_users_apart(ada, sent):
    users = [ada, make_user("eve"), make_user("bob")]

    async def visit(user):
        client = AsyncClient()
        await client.aforce_login(user)
        await client.get("/waits/")

    async def visits():
        await asyncio.gather(*map(visit, users))

    asyncio.run(visits())
    assert sorted(who(sent)) == ["ada", "bob", "eve"]


def test_where_a_user_cannot_be_read_in_a_loop_a_thread_reads_it(ada, rf_requester):
    asked = []

    def read():
        asked.append(1)
        if len(asked) == 1:
            raise SynchronousOnlyOperation
        return ada

    with answering(rf_requester(SimpleLazyObject(read))):
        assert bound_objects() == (ObjectRef.of(ada),)


def test_the_middleware_is_what_its_next_one_is():
    async def answers(request):
        return None

    assert asyncio.iscoroutinefunction(StartedByMiddleware(lambda request: None)) is False
    assert StartedByMiddleware(answers).is_async


# -- where it shows


def page(viewing, account, source="{% user_tasks account %}"):
    request = RequestFactory().get("/mine/")
    request.user = viewing
    template = Template("{% load celery_ops %}" + source)
    return words(template.render(RequestContext(request, {"account": account})))


def test_a_user_sees_what_they_started_and_no_more(ada, order):
    browser(ada).get("/three/")
    with tracking(ada):
        tasks.by_number.delay(number=1)  # it is about Ada, and somebody else's
    shown = page(ada, ada)
    assert shown.count("started by ada from three") == 3
    assert "By number" not in shown


def test_those_who_may_see_all_tasks_see_it_and_others_see_nothing(ada, reader):
    browser(ada).get("/three/")
    assert page(reader, ada).count("started by ada from three") == 3
    for nobody in (make_user("eve"), make_user("gone", is_active=False, is_staff=True), AnonymousUser()):
        assert page(nobody, ada) == ""
    assert page(ada, reader) == ""


@pytest.mark.parametrize("account", [None, "ada", 7, Order(pk=1), AnonymousUser()])
def test_what_is_no_account_shows_nothing(account, reader):
    assert page(reader, account) == ""


def test_an_inactive_user_sees_not_even_their_own(ada):
    ada.is_active = False
    assert page(ada, ada) == ""


def test_the_panel_of_an_account_polls_and_acts_within_what_it_started(ada, superuser):
    browser(ada).get("/three/")
    with tracking(ada):
        foreign = tasks.untracked.delay().id
    recorder().flush()
    ref = ObjectRef.of(ada)
    own = PanelOptions(ref.label, ref.pk, viewer(ada), 10, True, False, 1, True).url
    assert browser(ada).get(own).text.count("started by ada from three") == 3
    assert browser(make_user("eve")).get(own).status_code == 404
    for user in (superuser,):
        url = PanelOptions(ref.label, ref.pk, viewer(user), 10, True, False, 1, True).url
        assert browser(user).get(url, {"task": foreign}).status_code == 404
        for action in ("revoke", "retry"):
            assert browser(user).post(url, {"action": action, "task_id": foreign}).status_code == 404


def test_a_panel_of_an_object_is_no_panel_of_an_account(ada):
    ref = ObjectRef.of(ada)
    plain = PanelOptions(ref.label, ref.pk, viewer(ada), 10, True, False).url
    assert browser(ada).get(plain).status_code == 404


def test_a_store_that_is_away_is_said(ada, memory_store):
    with away(memory_store):
        assert "cannot be" in page(ada, ada) or "not" in page(ada, ada)


def test_on_an_objects_panel_customers_see_no_other_name(ada, order, grant_objects):
    browser(ada).get(f"/orders/{order.pk}/send/")
    eve = make_user("eve", "shop.view_order")
    assert "ada" not in page(eve, order, "{% instance_tasks account %}")
    ada = make_user("staff", is_staff=True)
    assert "started by ada from order-detail" in page(ada, order, "{% instance_tasks account %}")


def test_a_public_panel_names_nobody(ada, order):
    browser(ada).get(f"/orders/{order.pk}/send/")
    shown = page(AnonymousUser(), order, "{% instance_tasks account public=True %}")
    assert "Noop" in shown
    assert "ada" not in shown


def test_the_tasks_page_says_it(ada, order, reader, no_live_task):
    browser(ada).get(f"/orders/{order.pk}/send/")
    recorder().flush()
    (task,) = tasks_for(order)
    shown = words(browser(reader).get(reverse("celery_ops:task-detail", args=[task.id])).text)
    assert "Started by ada from order-detail" in shown


HOSTILE = '<script>alert(1)</script>"]'


def test_a_hostile_name_is_but_text(order, reader, django_user_model):
    user = django_user_model.objects.create(username=HOSTILE)
    browser(user).get("/three/")
    request = RequestFactory().get("/")
    request.user = reader
    html = Template("{% load celery_ops %}{% user_tasks account %}").render(RequestContext(request, {"account": user}))
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


# -- in the lists


@pytest.fixture
def both(ada, settings):
    """What Ada and Eve started, in a list of tasks; and a task about Ada that nobody started."""
    use(settings, TrackedTaskBackend)
    eve = make_user("eve")
    browser(ada).get("/three/")
    browser(eve).get("/three/")
    with tracking(ada):
        tasks.untracked.delay()
    recorder().flush()
    return ada, eve


def listed(user, **parameters):
    answer = browser(user).get(reverse("celery_ops:api-history"), parameters)
    return {item["task_id"] for item in answer.json()["results"]}


def test_a_list_is_filtered_by_who_started_its_tasks(both, superuser):
    for user in both:
        assert listed(superuser, started_by=user.username) == {t.id for t in tasks_for(user) if t.started_by}
    assert len(listed(superuser, started_by="ada", name="untracked")) == 2


@pytest.mark.parametrize("name", ["nobody", "Ada%", "a" * 300, "' OR 1=1"])
def test_a_name_that_nobody_has_finds_nothing(name, both, superuser):
    assert listed(superuser, started_by=name) == set()


@pytest.mark.parametrize("field", ["id", "date_joined"])
def test_a_name_that_no_user_can_have_finds_nothing(field, both, superuser, monkeypatch):
    monkeypatch.setattr(User, "USERNAME_FIELD", field)  # names are numbers, or times
    assert listed(superuser, started_by="ada") == set()


def test_while_the_store_is_away_the_filter_finds_nothing_rather_than_all(both, superuser, memory_store, settings):
    use(settings, Held, a_task(1))
    assert len(listed(superuser)) == 1
    with away(memory_store):
        assert listed(superuser, started_by="ada") == set()
    Held.hold()


def test_stored_results_are_filtered_by_it_too(both, superuser, settings):
    use(settings, ResultsTaskBackend)
    own = [task.id for task in tasks_for(both[0]) if task.started_by]
    for task_id in (*own, "another"):
        TaskResult.objects.create(task_id=task_id, task_name="shop.mail", status="SUCCESS")
    assert listed(superuser, started_by="ada", state="SUCCESS") == set(own)


def test_a_backend_that_cannot_has_no_such_filter(both, superuser, settings):
    use(settings, Away)
    page = browser(superuser).get(reverse("celery_ops:task-list"), {"started_by": "ada"}).text
    assert 'name="started_by"' not in page


def test_the_filter_shows_where_the_middleware_is_installed(both, superuser, settings):
    address = reverse("celery_ops:task-list")
    assert 'type="text" name="started_by"' in browser(superuser).get(address).text
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if path != MIDDLEWARE]
    assert 'type="text" name="started_by"' not in browser(superuser).get(address).text


# -- as JSON


HISTORY = "/behind/a/prefix/api/history/"


def starters(items):
    return [item["started_by"] for item in items]


def as_json(user, url_name):
    return {"pk": str(user.pk), "username": user.username, "url_name": url_name}


def test_items_of_a_list_say_who_started_them(both, superuser):
    items = browser(superuser).get(HISTORY, {"started_by": "ada"}).json()["results"]
    assert starters(items) == [as_json(both[0], "three")] * len(items) != []


def test_so_do_those_of_stored_results(both, superuser, settings):
    use(settings, ResultsTaskBackend)
    own = next(task for task in tasks_for(both[0]) if task.started_by)
    for task_id in (own.id, "another"):
        TaskResult.objects.update_or_create(task_id=task_id, defaults={"task_name": "shop.mail", "status": "SUCCESS"})
    items = {item["task_id"]: item for item in browser(superuser).get(HISTORY).json()["results"]}
    assert starters([items[own.id], items["another"]]) == [as_json(both[0], "three"), None]


def test_a_site_that_notes_nobody_has_items_without_it(both, superuser, settings):
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if path != MIDDLEWARE]
    use(settings, Held, a_task(1))
    (item,) = browser(superuser).get(HISTORY).json()["results"]
    assert "started_by" not in item
    Held.hold()


@pytest.fixture
def run_of_ada(both):
    """A task that Ada started, and that is Eve's in the journal."""
    ada, _eve = both
    task = next(task for task in tasks_for(ada) if task.started_by)
    eve = make_user("another eve", "celery_ops.add_taskrunrecord")
    TaskRunRecord.objects.create(user=eve, username="eve", task_id=task.id, task_name=task.name)
    return reverse("celery_ops:api-run", args=[task.id]), ada, eve


def test_one_run_says_it_to_staff_and_to_whom_it_names(run_of_ada, superuser, no_live_task):
    address, ada, eve = run_of_ada
    assert browser(superuser).get(address).json()["started_by"] == as_json(ada, "three")
    assert browser(eve).get(address).json()["started_by"] is None
