"""The page of one task: what it shows, to whom, and where its links lead."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest
from django.urls import reverse

from celery_ops.exceptions import BackendUnavailable, StoreUnavailable
from celery_ops.models import TaskRunRecord
from celery_ops.task_detail import sources
from tests.conftest import browser_of, make_user
from tests.pages import elements, html_of, link, text_of, words
from tests.planting import plant
from tests.shop.models import Order

from .task_backends import HOSTILE, LIST, NOON, Away, Held, a_task, use

pytestmark = pytest.mark.django_db
ID = a_task().id


@pytest.fixture(autouse=True)
def _in_memory(held, no_live_task):
    """No source but the list in memory."""


@pytest.fixture
def browser(superuser):
    return browser_of(superuser)


def address(task_id=ID):
    return reverse("celery_ops:task-detail", args=[task_id])


def page(browser, task_id=ID, **data):
    return html_of(browser.get(address(task_id), data))


def fact(html, name):
    names = [text_of(term.html) for term in elements(html, "dt")]
    return text_of(elements(html, "dd")[names.index(name)].html) if name in names else None


def text(html, name):
    """Return what one of the page's foldable texts says."""
    found = [pre for part in elements(html, data_key=name) for pre in elements(part.html, "pre")]
    return unescape(found[0].html) if found else None


def journal(**fields):
    return TaskRunRecord.objects.create(**{"task_id": ID, "task_name": "shop.tasks.charge", **fields})


def break_store(monkeypatch):
    def read_account(task_id):
        raise StoreUnavailable

    monkeypatch.setattr("celery_ops.tracking.accounts.read_account", read_account)


# -- what it shows ----------------------------------------------------------------------------------------------------


def test_the_facts_are_shown(browser, settings):
    use(settings, Held, a_task(state="FAILURE", attempts=3, eta=NOON + timedelta(hours=1)))
    html = page(browser)
    assert fact(html, "Id") == ID
    assert fact(html, "Task") == "shop.tasks.charge"
    assert fact(html, "Worker") == "celery@web-1"
    assert fact(html, "Queue") == "celery"
    assert fact(html, "Attempts") == "3"
    assert fact(html, "Error") == "ValueError: the card was refused"
    assert "celery-ops-state--failure" in html
    assert '<h1 class="celery-ops-title">Charge</h1>' in html


def test_times_are_relative_with_the_exact_one_beside(browser, settings):
    use(settings, Held, a_task(eta=NOON + timedelta(days=36500)))
    html = page(browser)
    for name in ("Created", "Scheduled for", "Started", "Finished"):
        assert re.search(
            rf'<dt>{name}</dt>\s*<dd>\s*<time datetime="[^"]+" title="\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \w+">', html
        ), name


def test_what_is_not_known_has_no_line(browser, settings):
    use(settings, Held, a_task(worker=None, queue=None, started_at=None, finished_at=None))
    html = page(browser)
    assert [name for name in ("Worker", "Queue", "Attempts", "Started", "Finished", "Error") if fact(html, name)] == []


def test_waiting_and_running_are_drawn_apart_without_inline_style(browser, settings):
    use(settings, Held, a_task())
    html = " ".join(page(browser).split())
    assert '<rect class="celery-ops-waiting" width="40" height="4"/>' in html
    assert '<rect class="celery-ops-running" x="40" width="60" height="4"/>' in html
    assert "waited 2.0 s ran 3.0 s" in words(html)
    assert "style=" not in html


def test_progress_is_shown(browser, order):
    html = page(browser, plant(order, state="STARTED", progress="3 10 thinking"))
    assert '<progress value="30" max="100"' in html
    assert "thinking" in html


def test_arguments_and_result_are_laid_out_and_redacted(browser, settings):
    use(settings, Held, a_task(args=[1], kwargs={"password": "hunter2"}, result={"a": [1]}))
    html = page(browser)
    assert text(html, "Arguments") == (
        '{\n  "args": [\n    1\n  ],\n  "kwargs": {\n    "password": "[redacted]"\n  }\n}'
    )
    assert text(html, "Result") == '{\n  "a": [\n    1\n  ]\n}'
    assert "hunter2" not in html


def test_a_traceback_is_shown_with_a_button_that_copies_it(browser, settings):
    use(settings, Held, a_task(state="FAILURE", traceback="Traceback\n  File x\nValueError: no"))
    html = page(browser)
    assert text(html, "Traceback") == "Traceback\n  File x\nValueError: no"
    assert re.search(r"ValueError: no</pre>\s*<button [^>]*data-copy>", html)


def test_without_view_payload_an_error_is_its_class_and_the_rest_is_not_there(poor_browser, settings):
    use(settings, Held, a_task(state="FAILURE", args=["secret1"], result="secret2", traceback="secret3"))
    html = page(poor_browser)
    assert fact(html, "Error") == "ValueError"
    assert [name for name in ("Arguments", "Result", "Traceback") if text(html, name)] == []
    assert "secret" not in html
    assert "refused" not in html
    assert "view_payload" in html


def test_relatives_are_linked(browser, settings):
    use(settings, Held, a_task(parent_id="a/parent", root_id="the root", children=("one", "two")))
    html = page(browser)
    for other in ("a/parent", "the root", "one", "two"):
        assert f'<a href="{address(other)}">{other}</a>' in html


def test_a_task_is_not_its_own_root(browser, settings):
    use(settings, Held, a_task(root_id=ID))
    assert "Related tasks" not in page(browser)


def test_many_children_are_counted(browser, settings):
    use(settings, Held, a_task(children=tuple(f"child-{number}" for number in range(60))))
    html = page(browser)
    assert len(re.findall(r"<li>\s*<code", html)) == 50
    assert "and 10 more" in words(html)


# -- objects ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_page(monkeypatch):
    monkeypatch.setattr(Order, "get_absolute_url", lambda self: f"/orders/{self.pk}/", raising=False)


def test_the_object_is_described_and_linked(browser, order, with_page):
    html = page(browser, plant(order))
    assert fact(html, "Belongs to") == f"Order {order.pk}"
    assert f'<a href="/orders/{order.pk}/">Order {order.pk}</a>' in html


def test_an_object_without_a_page_is_described(browser, order):
    html = page(browser, plant(order))
    assert fact(html, "Belongs to") == f"Order {order.pk}"
    assert f">Order {order.pk}</a>" not in html


def test_an_object_whose_page_cannot_be_worked_out_is_described(browser, order, monkeypatch):
    monkeypatch.setattr(Order, "get_absolute_url", lambda self: 1 / 0, raising=False)
    assert fact(page(browser, plant(order)), "Belongs to") == f"Order {order.pk}"


def test_an_object_that_one_may_not_see_is_not_named(browser, order, settings, with_page):
    use(settings, Held, POLICY="tests.ops.test_task_detail.NoObjects")
    html = page(browser, plant(order))
    assert fact(html, "Belongs to") is None
    assert f"order {order.pk}" not in html.lower()


def test_an_object_that_is_gone_keeps_its_model_and_key(browser, order):
    task_id, key = plant(order), order.pk
    order.delete()
    assert fact(page(browser, task_id), "Belongs to") == f"order {key}"


@pytest.mark.database
@pytest.mark.parametrize(
    "ref", [("shop.nothing", "1"), ("shop.order", "x"), ("shop.order", "9" * 30), ("nonsense", "")]
)
def test_an_object_that_cannot_be_is_not_named(browser, ref):
    journal(object_type=ref[0], object_id=ref[1])
    assert fact(page(browser), "Belongs to") is None


# -- the journal ------------------------------------------------------------------------------------------------------


def test_who_ran_it_is_shown(browser):
    journal(username="ada", send_state="FAILED", error="OperationalError: password=hunter2")
    html = page(browser)
    assert "ada" in words(html.partition("Who ran it")[2])
    assert "Not sent" in words(html.partition("Who ran it")[2])
    assert "hunter2" not in html


def test_other_peoples_runs_need_a_permission(poor_browser):
    journal(username="ada")
    html = page(poor_browser)
    assert "Who ran it" not in html
    assert "ada" not in words(html)


def test_ones_own_runs_do_not(client):
    viewer = make_user("viewer", is_staff=True)
    client.force_login(viewer)
    journal(username="viewer", user=viewer)
    journal(username="ada")
    html = page(client)
    assert words(html.partition("Who ran it")[2]).count("viewer") == 1
    assert "ada" not in words(html)


# -- the way back -----------------------------------------------------------------------------------------------------


def back(html):
    (navigation,) = elements(html, "nav", class_="celery-ops-back")
    return link(navigation.html)


def test_back_leads_to_the_list(browser, settings):
    use(settings, Held, a_task())
    assert back(page(browser)) == LIST


def test_back_leads_to_the_filtered_list(browser, settings):
    use(settings, Held, a_task())
    query = "state=FAILURE&state=RETRY&name=ch%26arge&cursor=abc&since=2026-01-02"
    assert back(page(browser, back=query)) == f"{LIST}?{query}"


def test_relatives_keep_the_way_back(browser, settings):
    use(settings, Held, a_task(children=("one",)))
    html = page(browser, back="state=FAILURE")
    assert f'href="{address("one")}?back=state%3DFAILURE"' in html


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/",
        "//evil.example",
        "/elsewhere/",
        "javascript:alert(1)",
        "next=https://evil.example/&other=1",
        "?state=FAILURE",
        "x" * 100_000,
        "q=" + "x" * 1500,
        "&".join(["q=x"] * 500),
        "\x00\r\nLocation: /",
        "<script>alert(1)</script>",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_back_leads_nowhere_else(browser, settings, text):
    use(settings, Held, a_task())
    html = page(browser, back=text)
    assert back(html) == LIST
    assert "evil" not in html
    assert "alert" not in html


# -- not found, not now -----------------------------------------------------------------------------------------------


def test_a_task_that_no_source_knows_is_404_and_may_have_been_too_old(browser):
    response = browser.get(address("nobody-knows"))
    assert (response.status_code, "too old to be kept" in response.text) == (404, True)


@pytest.mark.parametrize("known_to", ["store", "workers", "journal"])
def test_a_task_that_any_source_knows_has_a_page(browser, known_to, order, monkeypatch):
    if known_to == "store":
        plant(order, task_id=ID)
    elif known_to == "workers":
        monkeypatch.setattr(sources, "live_task", lambda task_id: a_task(state="STARTED"))
    else:
        journal()
    assert fact(page(browser), "Id") == ID


def test_a_task_that_a_source_that_is_away_may_know_cannot_be_found_now(browser, settings):
    use(settings, Away)
    html = page(browser, "perhaps")
    assert "This task cannot be found now." in html
    assert "The distant place does not answer." in html


def test_what_the_other_sources_know_is_shown_with_a_sentence(browser, settings, monkeypatch):
    use(settings, Held, a_task())
    break_store(monkeypatch)
    html = page(browser)
    assert fact(html, "Id") == ID
    assert "The tracking store does not answer." in html


def test_a_trouble_shows_without_secrets(browser, settings, monkeypatch):
    def live_task(task_id):
        raise BackendUnavailable("redis://:hunter2@host is away <b>")

    monkeypatch.setattr(sources, "live_task", live_task)
    html = browser.get(address()).text
    assert "hunter2" not in html
    assert "&lt;b&gt;" in html


def test_what_its_list_does_not_know_is_404_whatever_else_is_away(browser, monkeypatch):
    def live_task(task_id):
        raise BackendUnavailable("The broker does not answer.")

    monkeypatch.setattr(sources, "live_task", live_task)
    response = browser.get(address())
    assert response.status_code == 404
    assert "The broker does not answer." in response.text


def test_while_its_list_is_away_nobody_can_say_that_there_is_no_such_task(browser, settings):
    use(settings, Away)
    assert "The distant place does not answer." in page(browser)


def test_it_is_refused_before_anything_is_looked_up(client, settings):
    use(settings, Away)
    client.force_login(make_user("nobody"))
    assert client.get(address("anything")).status_code == 403


def test_anonymous_visitors_are_sent_to_log_in(client):
    assert client.get(address()).status_code == 302


# -- strange tasks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800", "\udfff/%2F"], ids=lambda text: ascii(text)[:20])
def test_no_id_breaks_the_page(browser, settings, text):
    known = text if len(text) <= 1000 else ID
    use(settings, Held, a_task(id=known))
    response = browser.get(address(known))
    assert response.status_code == 200
    assert browser.get(LIST + quote(quote(f"{text}2", errors="surrogatepass"), safe="") + "/").status_code == 404


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"], ids=lambda text: ascii(text)[:20])
def test_no_content_breaks_the_page(browser, settings, text):
    names = ("name", "worker", "queue", "state", "error", "traceback", "result", "parent_id", "root_id")
    strange = dict.fromkeys(names, text)
    use(settings, Held, a_task(**strange, args=[text], kwargs={text: text}, children=(text, None, 5, "")))
    html = page(browser)
    assert len(html) < 120_000
    assert re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", html) is None
    assert "<script>alert" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    "value",
    ["x" * 2_000_000, "<b>" * 700_000, "password=hunter2 " * 120_000, "[" * 2_000_000, {"a" * 60: ["y" * 1000] * 2000}],
    ids=["plain", "markup", "secrets", "brackets", "nested"],
)
def test_two_megabytes_are_bounded(browser, settings, value):
    text = value if isinstance(value, str) else str(value)
    use(settings, Held, a_task(state="FAILURE", args=value, kwargs=value, result=value, traceback=text, error=text))
    html = page(browser)
    assert len(html) < 60_000
    assert "hunter2" not in html


class NoObjects:
    """A policy that shows everything but objects."""

    def allows(self, user, action, obj=None):
        return action != "view_instance"
