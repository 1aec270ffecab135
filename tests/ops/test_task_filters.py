"""What a task list's parameters mean, and what becomes of those that mean nothing."""

from datetime import datetime, timezone
from urllib.parse import parse_qs

import pytest
from django.http import QueryDict
from django.utils import timezone as django_timezone

from celery_ops.backends.live import LiveTaskBackend
from celery_ops.filters.task_links import state_tabs, time_ranges
from celery_ops.filters.tasks import TaskFilterSet
from celery_ops.task_query import Count, Counts, TaskQuery

from .task_backends import HOSTILE, Away, Bare, Held, Uncounted, a_task

PARAMETERS = (*TaskFilterSet.base_filters, "cursor")


@pytest.fixture(autouse=True)
def _utc():
    Held.hold()
    with django_timezone.override("UTC"):
        yield
    Held.hold()


def asked(query="", backend=Held, **options):
    return TaskFilterSet(QueryDict(query), backend=backend(), **options)


def to_all(task_name):
    return True


def moment(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def test_nothing_is_filtered_out_by_default():
    assert not asked().query.is_filtered


def test_the_newest_come_first_by_default():
    assert asked().query.sort == "-created"


def test_a_backend_may_begin_with_another_order():
    assert asked(backend=LiveTaskBackend).query.sort == "-started"


def test_every_parameter_is_read():
    query = asked(
        "q=abc&state=FAILURE&state=RETRY&name=charge&worker=a%40b&queue=mail&since=2026-01-02&until=2026-01-03&sort=created"
    ).query
    assert query == TaskQuery(
        text="abc",
        states=("FAILURE", "RETRY"),
        name="charge",
        worker="a@b",
        queue="mail",
        since=moment(2026, 1, 2),
        until=moment(2026, 1, 3, 23, 59, 59, 999999),
        sort="created",
    )


def test_unknown_parameters_are_ignored():
    filters = asked("colour=red&limit=5")
    assert (filters.query, filters.errors, filters.link()) == (TaskQuery(), {}, "?")


def test_empty_parameters_filter_nothing():
    filters = asked("&".join(f"{name}=" for name in PARAMETERS))
    assert (filters.query, filters.errors) == (TaskQuery(), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", moment(2026, 1, 2)),
        ("2026-01-02T10:30", moment(2026, 1, 2, 10, 30)),
        ("2026-01-02 10:30:15", moment(2026, 1, 2, 10, 30, 15)),
        ("2026-01-02T10:30:15.25", moment(2026, 1, 2, 10, 30, 15, 250000)),
        ("2026-01-02T10:30Z", moment(2026, 1, 2, 10, 30)),
        ("2026-01-02T10:30%2B02:00", moment(2026, 1, 2, 8, 30)),
        ("2026-01-02T10:30+02:00", moment(2026, 1, 2, 8, 30)),
        ("2026-01-02T10:30-0500", moment(2026, 1, 2, 15, 30)),
    ],
)
def test_moments_are_iso(text, expected):
    assert asked(f"since={text}").query.since == expected


def test_a_moment_without_an_offset_is_in_the_current_time_zone():
    with django_timezone.override("Asia/Tokyo"):
        assert asked("since=2026-01-02").query.since == moment(2026, 1, 1, 15)


def test_a_bare_date_means_the_end_of_that_day_in_until():
    with django_timezone.override("Asia/Tokyo"):
        assert asked("until=2026-01-02").query.until == moment(2026, 1, 2, 14, 59, 59, 999999)


@pytest.mark.parametrize("text", ["2026-03-29T02:30", "2026-10-25T02:30"])  # it does not exist, and comes twice
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_at_which_the_clocks_change_needs_its_offset(name, text):
    with django_timezone.override("Europe/Berlin"):
        filters = asked(f"{name}={text}")
        assert [*filters.errors[name]] == ["The clocks change then. Add the offset, such as +01:00."]
        assert 'type="text"' in str(filters.form[name])  # a browser's own picker takes none
        assert getattr(asked(f"{name}={text}%2B01:00").query, name) == datetime.fromisoformat(f"{text}+01:00")


def test_all_of_a_day_is_meant_where_the_clocks_change_at_midnight():
    with django_timezone.override(
        "America/Havana"
    ):  # 00:00 does not exist on the first day, and comes twice on the other
        assert asked("since=2026-03-08").query.since == moment(2026, 3, 8, 4)
        assert asked("since=2026-11-01").query.since == moment(2026, 11, 1, 4)


def test_a_range_begins_within_the_hour_that_comes_twice(monkeypatch):
    for hour, text in ((1, "2026-10-25T02:30+02:00"), (2, "2026-10-25T02:30+01:00"), (3, "2026-10-25T03:30")):
        monkeypatch.setattr("django.utils.timezone.now", lambda hour=hour: moment(2026, 10, 25, hour, 30))
        with django_timezone.override("Europe/Berlin"):
            (link,) = [link for link in time_ranges(asked()) if link.text == "Last hour"]
            assert parse_qs(link.url[1:]) == {"since": [text]}
            assert asked(link.url[1:]).query.since == moment(2026, 10, 25, hour - 1, 30)


def test_a_time_in_until_is_that_time():
    assert asked("until=2026-01-02T10:00").query.until == moment(2026, 1, 2, 10)


@pytest.mark.parametrize("text", ["1", "0", "-5", "-" + "9" * 5000])
def test_few_rows_are_at_least_one(text):
    assert asked(f"page_size={text}").size == 1


@pytest.mark.parametrize("text", ["200", "201", str(10**20), "9" * 5000])
def test_many_rows_are_at_most_the_maximum(text):
    filters = asked(f"page_size={text}")
    assert (filters.size, filters.errors) == (200, {})


def test_the_sites_own_page_size_is_the_default(settings):
    settings.CELERY_OPS = {"PAGE_SIZE": 7, "MAX_PAGE_SIZE": 9}
    assert asked().size == 7
    assert asked("page_size=100").size == 9


def test_states_are_known_in_any_case_and_once():
    assert asked("state=failure&state=FAILURE").query.states == ("FAILURE",)


def test_a_state_of_the_sites_own_is_known_when_a_task_has_it():
    Held.hold(a_task(state="PROGRESS"))
    assert asked("state=PROGRESS").query.states == ("PROGRESS",)


@pytest.mark.parametrize("backend", [Held, Uncounted])
def test_a_state_that_no_task_has_is_an_error(backend):
    filters = asked("state=FAILURE&state=BOGUS", backend)
    assert (filters.query.states, list(filters.errors)) == ((), ["state"])


def test_a_state_of_the_sites_own_is_an_error_while_nobody_can_say():
    class Gone(Away):
        def counts(self, query):
            return self.page(query)

    assert list(asked("state=PROGRESS", Gone).errors) == ["state"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q", "x" * 301),
        ("q", "a%00b"),
        ("name", "x" * 100_000),
        ("worker", "%00"),
        ("queue", "x" * 301),
        ("since", "yesterday"),
        ("since", "2026-13-01"),
        ("since", "2026-02-30"),
        ("since", "0001-01-01"),
        ("until", "9999-12-31"),
        ("until", "2026-01-01T25:00"),
        ("until", "9" * 5000),
        ("state", "x" * 100_000),
        ("sort", "name"),
        ("sort", "-created,id"),
        ("page_size", "abc"),
        ("page_size", "1.5"),
        ("page_size", "1e3"),
    ],
)
def test_a_value_that_cannot_be_read_is_an_error_and_left_out_and_the_others_hold(name, text):
    filters = asked(f"{name}={text}&name=charge" if name != "name" else f"name={text}&q=charge")
    assert list(filters.errors) == [name]
    assert filters.query == (
        TaskQuery(name="charge")
        if name != "name"
        else TaskQuery(text="charge", names=("tests.shop.tasks.process_payment",))
    )


@pytest.mark.parametrize("name", ["worker", "queue", "since", "until"])
def test_what_a_backend_does_not_support_is_no_parameter(name):
    filters = asked(f"{name}=nonsense", Bare)
    assert (filters.query, filters.errors, filters.link()) == (TaskQuery(), {}, "?")


def test_an_order_that_the_backend_does_not_have_is_an_error():
    assert list(asked("sort=finished", Bare).errors) == ["sort"]


def test_arguments_are_searched_for_viewers_who_may_see_them():
    assert asked("q=x", shows_payload=to_all).query.searches_arguments
    assert not asked("q=x").query.searches_arguments


def test_arguments_are_not_searched_where_the_backend_does_not_have_them():
    assert not asked("q=x", Bare, shows_payload=to_all).query.searches_arguments


def test_a_backend_is_told_for_which_tasks_a_viewer_may_see_the_payload():
    query = asked("q=x", shows_payload=lambda name: name == "tests.shop.tasks.process_payment").query
    assert query.searches_arguments
    assert query.searches_payload("tests.shop.tasks.process_payment")
    assert not query.searches_payload("tests.shop.tasks.generate_qr_code")


def test_a_backend_that_cannot_tell_tasks_apart_searches_arguments_for_whoever_sees_all_of_them():
    class Older(Held):
        asks_for_each_name = False

    assert asked("q=x", Older, shows_payload=to_all).query.searches_arguments
    refused = "tests.shop.tasks.process_payment"
    assert not asked("q=x", Older, shows_payload=lambda name: name != refused).query.searches_arguments


def test_a_link_keeps_the_filters():
    text = "q=abc&name=charge&worker=a%40b&since=2026-01-02&state=FAILURE&state=RETRY&sort=created&page_size=10"
    assert parse_qs(asked(text).link()[1:]) == parse_qs(text)


def test_a_link_changes_what_it_is_told():
    assert parse_qs(asked("name=charge&state=RETRY").link(state=["FAILURE"], cursor="abc")[1:]) == {
        "name": ["charge"],
        "state": ["FAILURE"],
        "cursor": ["abc"],
    }


def test_one_list_has_one_address():
    one = asked("state=RETRY&name=x").link(since="2026-01-02")
    assert one == asked("name=x&since=2026-01-02").link(state=["RETRY"])


def test_a_link_leaves_the_page_behind():
    assert asked("cursor=abc&q=x").link() == "?q=x"


def test_a_link_does_not_carry_what_could_not_be_read():
    assert asked(f"q={'x' * 100_000}&since=nonsense&name=charge").link() == "?name=charge"


@pytest.mark.django_db
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_no_value_is_too_strange(name, text):
    given = QueryDict(mutable=True)
    given.setlist(name, [text, text])
    filters = TaskFilterSet(given, backend=Held(), shows_payload=to_all)
    assert isinstance(filters.query, TaskQuery)
    assert 1 <= filters.size <= 200
    assert len(filters.link()) < 4000
    assert TaskFilterSet(QueryDict(filters.link()[1:]), backend=Held()).errors == {}
    filters.form.as_div()


# -- links ------------------------------------------------------------------------------------------------------------

COUNTS = Counts(Count(11_240), {"SUCCESS": Count(10_000, capped=True), "FAILURE": Count(1_234), "PROGRESS": Count(6)})


def test_there_is_a_tab_for_all_and_for_each_state_that_there_is():
    tabs = state_tabs(asked(), COUNTS)
    assert [(tab.text, tab.count) for tab in tabs] == [
        ("", "11,240"),
        ("SUCCESS", "10,000+"),
        ("FAILURE", "1,234"),
        ("PROGRESS", "6"),
    ]


def test_the_tab_of_a_state_without_tasks_stays_while_it_is_asked_for():
    tabs = state_tabs(asked("state=RETRY"), COUNTS)
    assert [(tab.text, tab.count) for tab in tabs if tab.is_current] == [("RETRY", "0")]


def test_several_tabs_are_current_when_several_states_are_asked_for():
    tabs = state_tabs(asked("state=FAILURE&state=SUCCESS"), COUNTS)
    assert [tab.text for tab in tabs if tab.is_current] == ["SUCCESS", "FAILURE"]


def test_tabs_keep_the_other_filters():
    tabs = state_tabs(asked("name=charge&state=SUCCESS&cursor=abc"), COUNTS)
    assert [tab.url for tab in tabs[:3]] == ["?name=charge", "?name=charge&state=SUCCESS", "?name=charge&state=FAILURE"]


def test_uncounted_tabs_are_those_of_all_states():
    tabs = state_tabs(asked(), None)
    assert (len(tabs), {tab.count for tab in tabs}) == (11, {""})


def test_ranges_lead_to_their_stretch_of_time(monkeypatch):
    monkeypatch.setattr("celery_ops.filters.task_links.timezone.now", lambda: moment(2026, 3, 14, 12, 30))
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment(2026, 3, 14, 12, 30))
    assert [parse_qs(link.url[1:]) for link in time_ranges(asked("name=x"))] == [
        {"name": ["x"], "since": ["2026-03-14T11:30"]},
        {"name": ["x"], "since": ["2026-03-14"]},
        {"name": ["x"], "since": ["2026-03-13"], "until": ["2026-03-13"]},
        {"name": ["x"], "since": ["2026-03-08"]},
    ]


def test_the_range_that_is_on_is_current_and_leads_out_of_it():
    (today,) = [link for link in time_ranges(asked(time_ranges(asked())[1].url[1:])) if link.is_current]
    assert (today.text, today.url) == ("Today", "?")


def test_there_are_no_ranges_where_the_creation_is_not_known():
    assert time_ranges(asked(backend=Bare)) == []
