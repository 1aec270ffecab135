"""``{% load celery_ops %}``: what the three tags put on a host's page, and when they put nothing there."""

import re
from unittest import mock

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Engine, RequestContext, Template
from django.test import RequestFactory
from django.urls import path
from django.utils import translation

from celery_ops.tracking.redis.server import Server
from tests.conftest import make_user
from tests.pages import attribute, link, states, words
from tests.planting import plant
from tests.shop.models import Express, Item, Order, Page, Seat

from .conftest import away, browser

pytestmark = pytest.mark.django_db

PANEL = "{% instance_tasks obj %}"
BADGE = "{% instance_tasks_badge obj %}"
urlpatterns = [path("elsewhere/", lambda request: None)]  # a site without celery_ops.urls


def page(source, user=None, query="", **values) -> str:
    request = RequestFactory().get(f"/orders/{query}")
    request.user = user or AnonymousUser()
    return Template("{% load celery_ops %}" + source).render(RequestContext(request, values))


# -- nothing


@pytest.mark.parametrize("tag", [PANEL, BADGE], ids=["panel", "badge"])
def test_an_anonymous_viewer_sees_nothing(tag, order):
    assert page(tag, obj=order) == ""


@pytest.mark.parametrize("tag", [PANEL, BADGE], ids=["panel", "badge"])
def test_a_viewer_whom_the_policy_refuses_sees_nothing(tag, order, django_user_model):
    assert page(tag, django_user_model.objects.create_user("nobody"), obj=order) == ""


@pytest.mark.parametrize(
    "tag", [PANEL, BADGE, "{% instance_tasks obj public=True %}"], ids=["panel", "badge", "public"]
)
@pytest.mark.parametrize(
    "make",
    [Order, Page, Seat, Item, lambda: None, lambda: "text", lambda: 7, lambda: Order, lambda: {}, AnonymousUser],
    ids=["unsaved", "text key", "composite", "key by default", "None", "text", "number", "class", "dict", "no model"],
)
def test_what_is_no_saved_object_shows_nothing(tag, make, superuser):
    assert page(tag, superuser, obj=make()) == ""


@pytest.mark.parametrize("tag", [PANEL, BADGE], ids=["panel", "badge"])
def test_a_name_that_the_page_does_not_have_shows_nothing(tag, superuser):
    assert page(tag, superuser) == ""


@pytest.mark.parametrize(
    "tag", [PANEL, BADGE, "{% prefetch_instance_tasks objs %}"], ids=["panel", "badge", "prefetch"]
)
def test_a_page_without_the_request_shows_nothing(tag, order):
    template = Template("{% load celery_ops %}" + tag)
    assert template.render(Context({"obj": order, "objs": [order]})) == ""


def test_a_request_without_a_user_shows_nothing(order):
    request = RequestFactory().get("/")
    assert Template("{% load celery_ops %}" + PANEL).render(Context({"obj": order, "request": request})) == ""


@pytest.mark.parametrize("tag", [PANEL, BADGE], ids=["panel", "badge"])
def test_a_request_is_known_without_its_context_processor(tag, order, superuser):
    request = RequestFactory().get("/")
    request.user = superuser
    engine = Engine(libraries={"celery_ops": "celery_ops.templatetags.celery_ops"})
    template = engine.from_string("{% load celery_ops %}" + tag)
    assert "celery-ops" in template.render(RequestContext(request, {"obj": order}))


def test_a_prefetch_shows_nothing(order, reader):
    assert page("{% prefetch_instance_tasks objs %}", reader, objs=[order]) == ""


@pytest.mark.parametrize(
    "objs", [None, "", [], [None, "x", 7], "text", {}, 7, Order.objects.none()], ids=lambda objs: repr(objs)[:16]
)
def test_a_prefetch_of_no_objects_shows_nothing(objs, reader):
    assert page("{% prefetch_instance_tasks objs %}", reader, objs=objs) == ""


# -- the panel


def test_a_panel_shows_the_objects_tasks(order, reader):
    task_id = plant(order)
    assert task_id in page(PANEL, reader, obj=order)


def test_a_panel_polls_where_the_site_has_put_us(order, reader):
    (url,) = attribute(page(PANEL, reader, obj=order), "data-url")
    assert url.startswith("/behind/a/prefix/panel/")


def test_a_panels_address_shows_the_same_tasks(order, reader):
    task_id = plant(order)
    (url,) = attribute(page(PANEL, reader, obj=order), "data-url")
    assert task_id in browser(reader).get(url).text


def test_who_may_see_a_proxy_alone_sees_its_panel_at_each_poll(order):
    courier, express = make_user("courier", "shop.view_express"), Express.objects.get(pk=order.pk)
    (url,) = attribute(page(PANEL, courier, obj=express), "data-url")
    assert f"What is started for Express {order.pk} appears here." in words(browser(courier).get(url).text)
    assert page(PANEL, courier, obj=order) == ""


def test_a_panel_has_a_title_of_its_own(order, reader):
    assert "<h2" in page(PANEL, reader, obj=order)


def test_a_title_is_the_authors(order, reader):
    assert "What we do &lt;now&gt;" in page(
        "{% instance_tasks obj title=said %}", reader, obj=order, said="What we do <now>"
    )


def test_a_prefetch_takes_one_object_too(order, reader):
    assert "no tasks" in page("{% prefetch_instance_tasks obj %}" + BADGE, reader, obj=order)


def test_two_panels_of_one_object_share_no_id(order, superuser):
    plant(order, state="FAILURE")
    ids = attribute(page(PANEL + PANEL, superuser, obj=order), "id")
    assert ids
    assert len(set(ids)) == len(ids)


def test_a_poll_has_the_ids_of_its_panel(order, superuser):
    plant(order, state="STARTED")
    html = page(PANEL + PANEL, superuser, obj=order)
    polled = browser(superuser).get(attribute(html, "data-url")[1]).text
    assert attribute(polled, "id")
    assert set(attribute(polled, "id")) < set(attribute(html, "id"))


def test_a_public_panel_has_no_button(order):
    plant(order)
    assert "<button" not in page("{% instance_tasks obj public=True %}", obj=order)


def test_an_anonymous_viewer_sees_a_public_panel(order):
    plant(order)
    assert states(page("{% instance_tasks obj public=True %}", obj=order)) == ["SUCCESS"]


@pytest.mark.parametrize(
    ("limit", "shown"), [("2", 2), ("0", 1), ("-5", 1), ("10000000000", 3), ("'x'", 3), ("None", 3)]
)
def test_a_limit_is_clamped(limit, shown, order, reader):
    for _ in range(3):
        plant(order)
    assert len(states(page(f"{{% instance_tasks obj limit={limit} %}}", reader, obj=order))) == shown


def test_a_limit_stays_below_the_sites(order, reader, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "MAX_PAGE_SIZE": 2}
    for _ in range(3):
        plant(order)
    assert len(states(page("{% instance_tasks obj limit=100 %}", reader, obj=order))) == 2


@pytest.mark.parametrize(
    ("refresh", "seconds"), [("3", "3"), ("0", "1"), ("-1", "1"), ("0.001", "1"), ("'x'", "5"), ("None", "5")]
)
def test_a_refresh_is_never_under_a_second(refresh, seconds, order, reader):
    html = page(f"{{% instance_tasks obj refresh={refresh} %}}", reader, obj=order)
    assert attribute(html, "data-refresh") == [seconds]


def test_a_menu_is_there_for_those_who_may_run(order, staff):
    assert "Run a task" in words(page(PANEL, staff, obj=order))


def test_a_menu_can_be_left_out(order, staff):
    assert "Run a task" not in words(page("{% instance_tasks obj launch=False %}", staff, obj=order))


def test_a_panel_says_that_the_store_is_away(order, reader, memory_store):
    with away(memory_store):
        assert "cannot be read just now" in words(page(PANEL, reader, obj=order))


def test_a_panel_comes_without_inline_script_or_style(order, staff):
    plant(order, "tests.shop.tasks.long", "STARTED", ago=10, progress="1 2 x")
    html = page(PANEL, staff, obj=order)
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|javascript:", html)


def test_a_page_that_escapes_nothing_has_a_panel_that_does(order, superuser):
    plant(order, "<script>", "FAILURE", error="E: <script>", worker="<script>")
    html = page("{% autoescape off %}" + PANEL + "{% endautoescape %}", superuser, obj=order)
    assert "<script>" not in html


def test_a_text_that_no_page_can_carry_does_not_break_the_hosts_page(order, superuser):
    plant(order, "a\ud800b", "FAILURE", task_id="\ud800", worker="\ud800", error="\ud800")
    assert page(PANEL + BADGE, superuser, obj=order).encode()


# -- more than one on a page


def test_style_and_script_come_once_a_page(order, other_order, reader):
    html = page(PANEL + "{% instance_tasks other %}" + BADGE, reader, obj=order, other=other_order)
    assert (html.count("panel.css"), html.count("panel.js")) == (1, 1)


def test_badges_bring_the_style_once_and_no_script(order, reader):
    html = page(BADGE * 3, reader, obj=order)
    assert (html.count("panel.css"), html.count("panel.js")) == (1, 0)


def test_a_panel_after_a_badge_still_brings_its_script(order, reader):
    assert page(BADGE + PANEL, reader, obj=order).count("panel.js") == 1


def test_another_page_brings_them_again(order, reader):
    page(PANEL, reader, obj=order)
    assert page(PANEL, reader, obj=order).count("panel.js") == 1


def test_two_panels_have_prefixes_of_their_own(order, other_order, reader):
    html = page(PANEL + "{% instance_tasks other %}", reader, obj=order, other=other_order)
    assert len(set(attribute(html, "data-prefix"))) == 2


def test_two_panels_have_no_id_in_common(order, other_order, staff):
    for obj in (order, other_order):
        plant(obj, "tests.shop.tasks.long", "STARTED", ago=10)
    ids = attribute(page(PANEL + "{% instance_tasks other %}", staff, obj=order, other=other_order), "id")
    assert len(ids) == len(set(ids)) > 2


def test_a_panels_prefix_is_the_same_at_each_visit(order, reader):
    visits = [attribute(page(PANEL, reader, obj=order), "data-prefix") for _ in range(2)]
    assert visits[0] == visits[1]


def prefix_of(obj, user) -> str:
    return attribute(page(PANEL, user, obj=obj), "data-prefix")[0]


def test_a_filter_is_its_own_panels(order, other_order, reader):
    for obj in (order, other_order):
        plant(obj, state="SUCCESS")
        plant(obj, state="FAILURE", ago=10)
    query = f"?{prefix_of(order, reader)}state=FAILURE"
    html = page(PANEL + "{% instance_tasks other %}", reader, query, obj=order, other=other_order)
    assert states(html) == ["FAILURE", "FAILURE", "SUCCESS"]


def test_a_hosts_own_parameter_of_that_name_filters_nothing(order, reader):
    plant(order, state="SUCCESS")
    assert states(page(PANEL, reader, "?state=FAILURE", obj=order)) == ["SUCCESS"]


def test_the_hosts_parameters_survive_the_way_to_the_next_page(order, reader):
    for _ in range(3):
        plant(order)
    html = page("{% instance_tasks obj limit=2 %}", reader, "?q=a%26b&tab=2", obj=order)
    assert link(html, rel="next", data_page="") == f"?q=a%26b&tab=2&{prefix_of(order, reader)}page=2"


def test_the_filters_survive_the_way_to_the_next_page(order, reader):
    for _ in range(3):
        plant(order)
    prefix = prefix_of(order, reader)
    html = page("{% instance_tasks obj limit=2 %}", reader, f"?{prefix}state=SUCCESS", obj=order)
    assert f"{prefix}state=SUCCESS&{prefix}page=2" in link(html, rel="next", data_page="")


def test_the_hosts_parameters_survive_a_filter_without_script(order, reader):
    plant(order)
    assert '<input type="hidden" name="tab" value="&lt;2&gt;">' in page(PANEL, reader, "?tab=<2>", obj=order)


def test_a_filter_without_script_goes_to_the_first_page(order, reader):
    plant(order)
    name = f"{prefix_of(order, reader)}page"
    assert f'name="{name}"' not in page(PANEL, reader, f"?{name}=3", obj=order)


def test_a_form_without_script_returns_to_this_page(order, staff):
    html = page(PANEL, staff, "?tab=2", obj=order)
    assert '<input type="hidden" name="next" value="/orders/?tab=2">' in html


# -- badges


@pytest.mark.parametrize(("state", "word"), [("SUCCESS", "Success"), ("FAILURE", "Failure"), ("PENDING", "Pending")])
def test_a_badge_says_a_state(state, word, order, reader):
    plant(order, state=state)
    assert words(page(BADGE, reader, obj=order)) == word


def test_a_badge_says_the_newest_tasks_state(order, reader):
    plant(order, state="SUCCESS", ago=100)
    plant(order, state="FAILURE", ago=50)
    assert words(page(BADGE, reader, obj=order)) == "Failure"


def test_a_badge_says_which_task(order, reader):
    plant(order, "tests.shop.tasks.process_payment")
    assert attribute(page(BADGE, reader, obj=order), "title") == ["Charge the card"]


def test_a_badge_of_an_object_without_tasks_says_so(order, reader):
    assert words(page(BADGE, reader, obj=order)) == "no tasks"


def test_a_badge_does_not_say_no_tasks_of_what_it_could_not_read(order, reader, memory_store):
    with away(memory_store):
        assert words(page(BADGE, reader, obj=order)) == ""


def test_a_badge_asks_the_policy_for_its_object(order, other_order, django_user_model, grant_objects):
    user = django_user_model.objects.create_user("clerk")
    grant_objects(user, "shop.view_order", order)
    for obj in (order, other_order):
        plant(obj)
    assert words(page(BADGE + "|{% instance_tasks_badge other %}", user, obj=order, other=other_order)) == "Success |"


LIST = "{% prefetch_instance_tasks objs %}{% for obj in objs %}{% instance_tasks_badge obj %};{% endfor %}"


def round_trips(call) -> int:
    exchange = Server._exchange
    with mock.patch.object(Server, "_exchange", autospec=True, side_effect=exchange) as spy:
        call()
    return spy.call_count


def test_a_hundred_badges_cost_two_round_trips_at_most(redis_store, reader):
    objs = [Order.objects.create() for _ in range(100)]
    for obj in objs:
        plant(obj, state="FAILURE", error="ValueError: " + "too long to lie with the others " * 3)
    assert round_trips(lambda: page(LIST, reader, objs=objs)) <= 2


def test_a_hundred_badges_show_what_single_ones_do(redis_store, reader):
    objs = [Order.objects.create() for _ in range(100)]
    plant(objs[3], state="FAILURE")
    assert words(page(LIST, reader, objs=objs)).split(";")[2:5] == [" no tasks ", " Failure ", " no tasks "]


def test_a_badge_without_prefetch_costs_one_object_once(redis_store, reader, order):
    plant(order)
    assert round_trips(lambda: page(BADGE * 3, reader, obj=order)) <= 2


def test_a_panel_costs_two_round_trips_at_most(redis_store, superuser, order):
    for _ in range(20):
        plant(order, state="FAILURE", error="ValueError: " + "long " * 100, traceback="long " * 100)
    assert round_trips(lambda: page(PANEL, superuser, obj=order)) <= 2


def test_a_queryset_can_be_prefetched(order, other_order, reader):
    plant(order)
    assert words(page(LIST, reader, objs=Order.objects.order_by("pk"))) == "Success ; no tasks ;"


def test_objects_of_several_models_can_be_prefetched(order, reader):
    item = Item.objects.create()
    plant(item)
    assert words(page(LIST, reader, objs=[order, None, item])) == "no tasks ;; Success ;"


def test_a_list_whose_store_is_away_asks_it_once(order, other_order, reader, memory_store):
    with away(memory_store):
        page(LIST, reader, objs=[order, other_order])
        assert memory_store.read.call_count == 1


# -- sites of other kinds


@pytest.fixture
def elsewhere(settings):
    settings.ROOT_URLCONF = __name__


def test_a_site_without_our_urls_still_has_the_list(order, reader, elsewhere):
    plant(order)
    assert states(page(PANEL, reader, obj=order)) == ["SUCCESS"]


def test_a_site_without_our_urls_offers_nothing_that_would_need_them(order, staff, elsewhere):
    plant(order, "tests.shop.tasks.long", "STARTED", ago=10)
    html = page(PANEL, staff, obj=order)
    assert ('method="post"' in html, "data-detail" in html, "noscript" in html) == (False, False, False)


def test_a_site_without_our_urls_still_filters(order, reader, elsewhere):
    plant(order, state="SUCCESS")
    assert states(page(PANEL, reader, f"?{prefix_of(order, reader)}state=FAILURE", obj=order)) == []


@pytest.fixture
def german(settings):
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override("de"):
        yield


def test_a_refresh_is_a_number_that_a_script_reads_in_german(order, staff, german):
    html = page("{% instance_tasks obj refresh=12345 %}", staff, obj=order)
    assert attribute(html, "data-refresh") == ["12345"]


def test_a_progress_bar_is_a_number_that_a_browser_reads_in_german(order, staff, german):
    plant(order, state="STARTED", ago=10, progress="12.5 50 x")
    assert '<progress value="25" max="100"' in page(PANEL, staff, obj=order)


def test_a_progress_in_words_is_written_the_german_way(order, staff, german):
    plant(order, state="STARTED", ago=10, progress="1234.5 99999 x")
    assert "1.234,5" in words(page(PANEL, staff, obj=order))


def test_a_time_is_one_that_a_browser_reads_in_german(order, staff, german):
    plant(order)
    times = attribute(page(PANEL, staff, obj=order), "datetime")
    assert [bool(re.fullmatch(r"[\d-]{10}T[\d:]{8}[+-]\d{4}", time)) for time in times] == [True] * 3


def test_a_page_number_beyond_a_thousand_is_a_number_in_german(order, staff, german):
    for _ in range(1200):
        plant(order, state="PENDING")
    prefix = prefix_of(order, staff)
    html = page("{% instance_tasks obj limit=1 %}", staff, f"?{prefix}page=1100", obj=order)
    assert f"{prefix}page=1101" in html


# -- the host's pages


def test_the_staffs_page_has_the_panel(order, staff):
    plant(order)
    assert states(browser(staff).get(f"/orders/{order.pk}/").text) == ["SUCCESS"]


def test_the_customers_page_has_labels_and_no_id(order):
    task_id = plant(order, "tests.shop.tasks.process_payment")
    text = browser().get(f"/your-order/{order.pk}/").text
    assert ("Charge the card" in text, task_id in text) == (True, False)


def test_the_list_page_has_a_badge_for_each(order, other_order, staff):
    plant(order)
    text = words(browser(staff).get("/orders/").text)
    assert (text.count("Success"), text.count("no tasks")) == (1, 1)
