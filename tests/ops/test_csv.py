"""The filtered list as a file: all of it, in order, inert, and honest about its end."""

import csv
import io
import re
import tracemalloc

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from celery_ops.task_query import TaskQuery
from celery_ops.tracking import prefix
from celery_ops.views.tasks.csv import COLUMNS, csv_response, inert
from tests.conftest import browser_of, make_user
from tests.planting import plant
from tests.shop.models import Order

from .task_backends import HOSTILE, LIST, Away, Bare, Dying, Held, a_task, use

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


def exported(browser, **data):
    response = browser.get(LIST, {**data, "format": "csv"})
    assert (response.status_code, response.streaming) == (200, True)
    return list(csv.reader(io.StringIO(b"".join(response).decode())))


def test_every_task_is_in_it_in_order(browser, settings):
    use(settings, Held, *(a_task(number) for number in range(450)))
    head, *rows = exported(browser, page_size=2)
    assert head == list(COLUMNS)
    assert [row[0] for row in rows] == [a_task(number).id for number in range(450)]


def test_the_file_is_the_viewers_tenants_also_when_the_request_has_left_it(browser, settings, memory_store):
    tenants = ["north"]
    backend = "celery_ops.backends.tracked.TrackedTaskBackend"
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": backend, "STORE_PREFIX": lambda: tenants[-1]}
    order = Order.objects.create()
    ids = {}
    for tenant in ("north", "south"):
        with prefix.using(tenant):
            ids[tenant] = plant(order)
    response = browser.get(LIST, {"format": "csv"})
    tenants.append("south")  # as middleware does that had entered the first for the request alone
    text = b"".join(response).decode()
    assert (ids["north"] in text, ids["south"] in text) == (True, False)


def test_the_filters_hold(browser, settings):
    use(settings, Held, a_task(0), a_task(1, "FAILURE"), a_task(2, "FAILURE", name="shop.tasks.mail"))
    _head, *rows = exported(browser, state="FAILURE", name="charge")
    assert [row[0] for row in rows] == [a_task(1).id]


def test_the_order_holds(browser, settings):
    use(settings, Held, a_task(0), a_task(1))
    _head, *rows = exported(browser, sort="created")
    assert [row[0] for row in rows] == [a_task(1).id, a_task(0).id]


def test_a_row_says_what_is_known(browser, settings):
    use(settings, Held, a_task(state="FAILURE"))
    with timezone.override("Asia/Tokyo"):
        row = exported(browser)[1]
    assert row[1:] == [
        "shop.tasks.charge",
        "FAILURE",
        "celery@web-1",
        "celery",
        "2026-03-14T21:00:00+09:00",
        "2026-03-14T21:00:02+09:00",
        "2026-03-14T21:00:05+09:00",
        "2.000",
        "3.000",
        "",
        "ValueError: the card was refused",
    ]


def test_what_is_not_known_is_empty(browser, settings):
    use(settings, Bare, a_task(worker=None, queue=None, created_at=None, started_at=None, finished_at=None))
    assert exported(browser)[1][3:] == [""] * 9


def test_an_error_is_its_class_for_those_who_may_not_see_payloads(settings):
    use(settings, Held, a_task(state="FAILURE"))
    browser = browser_of(make_user("viewer", is_staff=True))
    assert exported(browser)[1][-1] == "ValueError"


def test_an_error_is_redacted_and_on_one_line(browser, settings):
    use(settings, Held, a_task(state="FAILURE", error="ValueError: password=hunter2\nwas wrong"))
    assert exported(browser)[1][-1] == "ValueError: password=[redacted] was wrong"


def test_no_payload_is_in_it(browser, settings):
    use(
        settings,
        Held,
        a_task(args=["argument"], kwargs={"a": "keyword"}, result="the result", traceback="the traceback"),
    )
    text = str(exported(browser))
    assert [word for word in ("argument", "keyword", "result", "traceback") if word in text] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a=b", "a=b"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'=1+1"),
        ("\x00=1+1", "\ufffd=1+1"),
        ("\t=1+1", "'=1+1"),
        ("\uff1dHYPERLINK(A1)", "'\uff1dHYPERLINK(A1)"),
        ("\uff0b1", "'\uff0b1"),
        ("\u200b=1+1", "'\u200b=1+1"),
        ("\ufeff \u2060@SUM(A1)", "'\ufeff \u2060@SUM(A1)"),
        ("\u200bplain", "\u200bplain"),
        ("\tplain", "'plain"),
        ("\rplain", "'plain"),
        ("two\r\nlines", "two lines"),
        ("\x1b[31mred\x07", "\ufffd[31mred\ufffd"),
        (None, ""),
    ],
)
def test_no_cell_is_a_formula_or_a_second_line(text, expected):
    assert inert(text) == expected


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"], ids=lambda text: ascii(text)[:20])
def test_no_task_breaks_the_file(browser, settings, text):
    strange = {"name": text, "worker": text, "queue": text, "error": f"={text}", "state": text}
    use(settings, Held, a_task(0, id=text, **strange), a_task(1))
    rows = exported(browser)
    assert [len(row) for row in rows] == [12, 12, 12]
    assert not any(re.search(r"[\x00-\x1f\x7f]", cell) or cell[:1] in ("=", "+", "-", "@") for cell in rows[1])


def test_a_source_that_dies_ends_the_file_with_a_clear_line(browser, settings):
    use(settings, Dying, *(a_task(number) for number in range(10)))
    rows = exported(browser)
    assert [row[0] for row in rows[1:4]] == [a_task(number).id for number in range(3)]
    assert rows[4:] == [["This list is not complete: its source stopped answering."]]


def test_a_source_that_is_away_from_the_start_says_so_in_the_file(browser, settings, caplog):
    use(settings, Away)
    assert exported(browser)[1:] == [["This list is not complete: its source stopped answering."]]
    ((level, message),) = [(one.levelname, one.getMessage()) for one in caplog.records]
    assert (level, message) == ("WARNING", "An export of tasks ended early: The distant place does not answer.")


class Broken(Held):
    """Its code has an error."""

    def page(self, query, *, cursor="", size=25):
        raise LookupError("nothing of that kind")


def test_a_source_that_breaks_is_an_error_in_the_log(browser, settings, caplog):
    use(settings, Broken)
    exported(browser)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_list_that_was_not_understood_is_not_exported_as_another_one(browser, settings):
    use(settings, Held, a_task())
    response = browser.get(LIST, {"format": "csv", "since": "yesterday"})
    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"Enter a date such as" in response.content


def test_the_file_is_named_for_the_day_and_kept_by_no_cache(browser):
    response = browser.get(LIST, {"format": "csv"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="tasks-\d{4}-\d\d-\d\d\.csv"', response["Content-Disposition"])
    assert response["Cache-Control"] == "private, no-store"
    response.close()


def test_asking_for_the_head_alone_reads_no_task(browser):
    head = csv_response(Dying(), TaskQuery(), lambda name: True, "HEAD")
    assert b"".join(head) == b""
    assert browser.head(LIST, {"format": "csv"}).status_code == 200


def test_the_page_links_to_its_file_and_keeps_the_filters(browser, settings):
    use(settings, Held, a_task())
    html = browser.get(LIST, {"name": "charge", "cursor": "x"}).text
    assert 'href="?name=charge&amp;format=csv">CSV</a>' in html


def test_it_is_refused_like_the_page(client):
    client.force_login(make_user("nobody"))
    assert client.get(LIST, {"format": "csv"}).status_code == 403


def test_an_asgi_server_sends_the_file_as_it_comes(staff, settings):
    class Counted(Held):
        read = 0

        def iterate(self, query):
            for number in range(2000):
                Counted.read += 1
                yield a_task(number)

    async def first_part():
        client = AsyncClient()
        await client.aforce_login(staff)
        response = await client.get(LIST, {"format": "csv"})
        assert (response.status_code, response.is_async) == (200, True)
        parts = aiter(response)
        part = await anext(parts, b"")
        read = Counted.read
        rest = [part async for part in parts]
        return part, read, len(rest)

    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": Counted}
    part, read, rest = async_to_sync(first_part)()
    assert part.startswith(b"id,name,state")
    assert (read < 300, rest > 5, Counted.read) == (True, True, 2000)


def test_memory_does_not_grow_with_the_list(browser, settings):
    now = timezone.now()

    class Many(Held):
        number = 0

        def iterate(self, query):
            return (a_task(number, worker=f"{number:0500}", created_at=now) for number in range(self.number))

    def written(number):
        """Bytes of the file, and the most that was held to write it."""
        Many.number = number
        response = browser.get(LIST, {"format": "csv"})
        tracemalloc.start()
        size = sum(len(chunk) for chunk in response)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, peak

    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": Many}
    (few, least), (many, most) = written(1_000), written(6_000)
    assert many - few > 2_500_000
    assert most - least < 100_000
