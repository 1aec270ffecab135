"""The list of tasks: what it shows, to whom, and how one moves in it."""

import re
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.filters.tasks import TaskFilterSet
from celery_ops.payload.payload import shown
from tests.conftest import make_user
from tests.pages import heads, html_of, ids, link, words

from .task_backends import HOSTILE, LIST, Away, Bare, Capped, Held, Live, Noting, Uncounted, Unstarted, a_task, use

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


def page(browser, query="", **data):
    return html_of(browser.get(LIST + query, data))


def tabs(html):
    return words(html.partition('class="celery-ops-tabs"')[2].partition("</nav>")[0].partition(">")[2])


# -- rows -------------------------------------------------------------------------------------------------------------


def test_the_newest_tasks_come_first_a_page_of_them(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(30)))
    assert ids(page(browser)) == [a_task(number).id for number in range(25)]


def test_whole_ids_and_hostnames_are_in_the_page(browser, settings):
    use(settings, Held, a_task(worker="celery@a-very-long-host.example.com"))
    html = page(browser)
    assert f'<code title="{a_task().id}">' in html
    assert "celery@a-very-long-host.example.com" in words(html)


def test_an_id_is_cut_to_eight_characters_and_leads_to_its_task(browser, settings):
    use(settings, Held, a_task())
    assert re.search(rf'<a\s+href="{LIST}{a_task().id}/">00000000</a>', page(browser))


def test_a_row_says_when_it_waited_and_ran(browser, settings):
    use(settings, Held, a_task())
    html = page(browser)
    assert " ".join(heads(html)) == "Id Task State Worker Queue Created Finished Wait Run time Error"
    assert '<td class="celery-ops-number" data-label="Wait">2.0 s</td>' in html
    assert '<td class="celery-ops-number" data-label="Run time">3.0 s</td>' in html


def test_what_the_backend_does_not_support_is_absent(browser, settings):
    use(settings, Bare, a_task())
    html = page(browser)
    assert " ".join(heads(html)) == "Id Task State Error"
    assert [name for name in ("worker", "queue", "since", "until") if f'name="{name}"' in html] == []
    assert "celery-ops-ranges" not in html


def test_a_length_of_time_needs_both_its_ends(browser, settings):
    use(settings, Unstarted, a_task())
    assert " ".join(heads(page(browser))) == "Id Task State Worker Queue Created Finished Error"


def test_an_error_shows_redacted_to_those_who_may_see_payloads(browser, settings):
    use(settings, Held, a_task(state="FAILURE", error="ValueError: password=hunter2\nis wrong"))
    assert "ValueError: password=[redacted] is wrong" in page(browser)


def test_an_error_is_its_class_for_those_who_may_not(poor_browser, settings):
    use(settings, Held, a_task(state="FAILURE", error="ValueError: the card 42 was refused"))
    html = page(poor_browser)
    assert ">ValueError</span></td>" in html
    assert "refused" not in html


def test_the_policy_is_asked_about_each_task_name(browser, settings):
    refused = "tests.ops.test_task_list.OnlyCharges"
    tasks = [a_task(0, "FAILURE"), a_task(1, "FAILURE", name="shop.tasks.secret", error="KeyError: 'xyzzy-1'")]
    use(settings, Held, *tasks, POLICY=refused)
    html = page(browser)
    assert "ValueError: the card was refused" in html
    assert "KeyError" in html
    assert "xyzzy-1" not in html


def test_the_page_names_its_source(browser, settings):
    use(settings, Held)
    text = words(page(browser))
    assert all(str(each) in text for each in (Held.label, Held.description, Held.data_source))


# -- moving -----------------------------------------------------------------------------------------------------------


def walk(browser, query=""):
    found, url = [], LIST + query
    while url:
        html = page(browser, url.removeprefix(LIST))
        found.append(ids(html))
        url = link(html, rel="next")
        url = url and LIST + url
    return found, html


def test_the_next_links_lead_through_all_of_them_and_keep_the_filters(browser, settings):
    tasks = [a_task(number, "FAILURE" if number % 2 else "SUCCESS") for number in range(20)]
    use(settings, Held, *tasks)
    pages, _last = walk(browser, "?state=FAILURE&page_size=4")
    assert [len(each) for each in pages] == [4, 4, 2]
    assert [id for each in pages for id in each] == [task.id for task in tasks if task.state == "FAILURE"]


def test_the_previous_and_the_first_page_are_linked(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(10)))
    pages, last = walk(browser, "?page_size=4")
    assert ids(page(browser, link(last, rel="prev"))) == pages[1]
    (first,) = re.findall(r'href="([^"]*)">First<', last)
    assert ids(page(browser, unescape(first))) == pages[0]


def test_the_only_page_has_no_page_links(browser, settings):
    use(settings, Held, a_task())
    assert "page-link" not in page(browser)


def test_heads_lead_to_the_orders_that_the_backend_has(browser, settings):
    use(settings, Held, a_task(0), a_task(1))
    html = page(browser)
    assert re.search(r'aria-sort="descending">\s*<a href="\?sort=created">Created<', html)
    assert '<a href="?sort=-finished">Finished<' in html


def test_the_head_of_the_order_leads_to_the_other_direction(browser, settings):
    use(settings, Held, a_task(0), a_task(1))
    html = page(browser, "?sort=created")
    assert ids(html) == [a_task(1).id, a_task(0).id]
    assert re.search(r'aria-sort="ascending">\s*<a href="\?sort=-created">Created<', html)


def test_no_head_leads_to_an_order_that_the_backend_does_not_have(browser, settings):
    use(settings, Bare, a_task())
    assert "aria-sort" not in page(browser)


def test_tabs_count_the_states_and_respect_the_other_filters(browser, settings):
    tasks = [a_task(0), a_task(1, "FAILURE"), a_task(2, "FAILURE"), a_task(3, "FAILURE", name="shop.tasks.mail")]
    use(settings, Held, *tasks)
    assert tabs(page(browser, "?name=charge&state=SUCCESS")) == "All 3 Success 1 Failure 2"


def test_capped_counts_say_so(browser, settings):
    use(settings, Capped, a_task())
    assert tabs(page(browser)) == "All 10,000+ Success 10,000+ Failure 1,234"


def test_a_backend_that_does_not_count_has_tabs_without_numbers(browser, settings):
    use(settings, Uncounted, a_task())
    assert tabs(page(browser)).startswith("All Pending Received Started")


def test_a_tab_of_a_state_of_the_sites_own_leads_to_its_tasks(browser, settings):
    use(settings, Held, a_task(0), a_task(1, "PROGRESS"))
    html = page(browser)
    assert tabs(html) == "All 2 Success 1 PROGRESS 1"
    assert ids(page(browser, "?state=PROGRESS")) == [a_task(1).id]


def test_the_whole_id_finds_its_task(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(5)))
    assert ids(page(browser, q=a_task(3).id)) == [a_task(3).id]


def test_arguments_are_searched_for_those_who_may_see_them(browser, poor_browser, settings):
    use(settings, Held, a_task(0, args=["Lovelace"]), a_task(1))
    assert ids(page(browser, q="lovelace")) == [a_task(0).id]
    assert ids(page(poor_browser, q="lovelace")) == []


def test_the_form_has_what_was_asked_for_in_it(browser, settings):
    use(settings, Held, a_task())
    html = page(
        browser, "?q=abc&name=charge&since=2026-01-02&until=2026-01-03T10:00&state=FAILURE&page_size=7&cursor=x"
    )
    for name, value in {"q": "abc", "name": "charge", "since": "2026-01-02", "until": "2026-01-03T10:00"}.items():
        assert re.search(rf'<input [^>]*name="{name}" value="{value}"', html), name
    for name, value in {"state": "FAILURE", "page_size": "7"}.items():
        assert re.search(rf'<input type="hidden" name="{name}" value="{value}"', html), name
    assert 'name="cursor"' not in html


def test_the_search_is_where_the_key_leads(browser):
    assert re.search(r'<input type="search" name="q" data-search', page(browser))


def test_names_and_workers_are_suggested(browser, settings):
    use(settings, Held, a_task(name="elsewhere.tasks.only_here", worker="celery@shown"))
    known_workers().note((), (), {"celery@heard": {}})
    html = page(browser)
    known_workers().forget()
    names = html.partition('<datalist id="celery-ops-names">')[2].partition("</datalist>")[0]
    assert 'value="tests.shop.tasks.process_payment"' in names
    assert 'value="elsewhere.tasks.only_here"' in names
    assert "celery.backend_cleanup" not in names
    workers = html.partition('<datalist id="celery-ops-workers">')[2].partition("</datalist>")[0]
    assert workers.count("<option") == 2


def test_a_tasks_link_takes_the_list_along(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(3)))
    html = page(browser, "?name=charge&page_size=1")
    second = page(browser, link(html, rel="next"))
    (task,) = re.findall(rf'href="({LIST}[^"]+)"', second)
    kept = parse_qs(parse_qs(urlsplit(unescape(task)).query)["back"][0])
    assert ids(page(browser, **kept)) == ids(second)


# -- nothing to show --------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_look_at(browser):
    text = words(page(browser))
    assert "No tasks yet." in text
    assert "result_backend" in text


def test_an_empty_live_list_says_that_nothing_runs(browser, settings):
    use(settings, Live)
    assert "No worker holds a task just now." in words(page(browser))


def test_filters_that_nothing_matches_lead_back_to_all(browser, settings):
    use(settings, Held, a_task())
    html = page(browser, "?name=nothing")
    assert "No task matches these filters." in html
    assert '<a href="?">Show all tasks</a>' in html


def test_a_page_after_the_last_leads_back_to_the_first(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(3)))
    beyond = link(page(browser, "?page_size=2"), rel="next")
    use(settings, Held, a_task(0))
    html = page(browser, beyond)
    assert "There are no more tasks." in html
    assert '<a href="?page_size=2">' in html


def test_notes_of_a_page_are_shown_and_are_text(browser, settings):
    use(settings, Noting, a_task())
    assert "Only the newest &lt;b&gt;tasks&lt;/b&gt; were searched." in page(browser)


def test_a_source_that_is_away_is_said_and_the_form_stays(browser, settings):
    use(settings, Away)
    html = page(browser, "?name=charge")
    assert "The distant place does not answer." in html
    assert re.search(r'name="name" value="charge"', html)
    assert "No task" not in html


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "Enter a date such as 2026-01-31"),
        ("page_size=abc", "Rows a page: Enter a whole number."),
        ("sort=name", "Order: This list has no such order."),
        ("state=BOGUS", "State: There is no state “BOGUS”."),
        ("cursor=nonsense", "There is no such page; this is the first one."),
        ("q=" + "x" * 301, "at most 300 characters"),
        ("name=%00", "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_read_is_said_and_the_rest_is_shown(browser, settings, query, said):
    use(settings, Held, a_task())
    html = page(browser, f"?{query}")
    assert said in words(html)
    assert ids(html) == [a_task().id]


def test_too_many_rows_are_the_most_there_may_be(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(6)), MAX_PAGE_SIZE=5)
    assert len(ids(page(browser, f"?page_size={10**20}"))) == 5


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
@pytest.mark.parametrize(
    "names", [("q",), (*TaskFilterSet.base_filters, "cursor", "format", "other")], ids=["q", "all"]
)
def test_no_parameter_breaks_the_page(browser, settings, names, text):
    use(settings, Held, a_task())
    response = browser.get(LIST, dict.fromkeys(names, text))
    assert response.status_code == 200
    assert len(response.content) < 1_000_000
    assert b"<script>alert" not in response.content
    assert b"<img" not in response.content


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"], ids=lambda text: ascii(text)[:20])
def test_no_task_breaks_the_page(browser, settings, text):
    strange = {"name": text, "worker": text, "queue": text, "error": text, "state": text}
    use(settings, Held, a_task(0, id=text, **strange), a_task(1))
    html = page(browser)
    assert len(ids(html)) == 2
    assert len(html) < 100_000
    assert re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", html) is None
    assert "<script>alert" not in html
    assert "<img" not in html


def test_a_task_of_an_empty_id_has_a_row_without_a_link(browser, settings):
    use(settings, Held, a_task(id=""))
    assert ids(page(browser)) == [""]


# -- who --------------------------------------------------------------------------------------------------------------


def test_the_whole_page_is_refused_to_people_who_may_not_see_it(client):
    client.force_login(make_user("nobody"))
    assert client.get(LIST).status_code == 403


def test_anonymous_visitors_are_sent_to_log_in_and_come_back_to_the_same_list(client):
    response = client.get(f"{LIST}?state=FAILURE")
    assert response.status_code == 302
    assert quote(f"{LIST}?state=FAILURE") in response["Location"]


def test_secrets_in_arguments_are_not_found_by_searching(browser, settings):
    task = a_task(kwargs={"password": "hunter2"})
    use(settings, Held, task)
    assert "hunter2" not in shown(task).args
    assert ids(page(browser, q="hunter2")) == []


class OnlyCharges:
    """A policy that lets payloads of one task be seen."""

    def allows(self, user, action, obj=None):
        return action != "view_payload" or obj in (None, "shop.tasks.charge")
