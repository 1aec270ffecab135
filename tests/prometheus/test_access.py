"""Who may scrape: the bearer of the token, and viewers."""

import builtins
import logging

import pytest

from tests.conftest import browser_of, make_user

from .conftest import METRICS, TOKEN

pytestmark = pytest.mark.usefixtures("stubs")


def bearing(authorization):
    return {"Authorization": authorization, "Accept": "text/plain"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_bearer_of_the_token_is_let_in(client, scheme):
    assert client.get(METRICS, headers=bearing(f"{scheme} {TOKEN}")).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ünï世界", "Bearer None"],
)
def test_a_wrong_token_is_refused_without_the_login(client, authorization):
    answer = client.get(METRICS, headers=bearing(authorization))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f" {TOKEN} "])
def test_a_token_that_was_read_from_a_file_with_its_line_end_is_right(client, settings, token):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_TOKEN": token}
    assert client.get(METRICS, headers=bearing(f"Bearer {TOKEN}")).status_code == 200


@pytest.mark.parametrize("token", [None, "", " \n", 7])
def test_without_a_token_in_the_settings_none_is_right(client, settings, token):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_TOKEN": token}
    for brought in ("", " ", "None", "7", TOKEN):
        assert client.get(METRICS, headers=bearing(f"Bearer {brought}")).status_code == 401


def test_a_scraper_without_a_token_is_told_so_and_a_browser_is_sent_to_the_login(client):
    assert client.get(METRICS, headers={"Accept": "application/openmetrics-text"}).status_code == 401
    assert client.get(METRICS, headers={"Accept": "text/html,*/*"}).status_code == 302


@pytest.mark.parametrize(("token", "status"), [(TOKEN, 401), (None, 302)])
def test_what_does_not_say_what_it_takes_is_a_scraper_where_there_is_a_token(client, settings, token, status):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_TOKEN": token}
    assert client.get(METRICS).status_code == status


@pytest.mark.parametrize("token", [None, TOKEN])
def test_viewers_are_let_in(settings, token):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_TOKEN": token}
    assert browser_of(make_user("viewer", "celery_ops.view_ops")).get(METRICS).status_code == 200
    assert browser_of(make_user("other")).get(METRICS).status_code == 403


def test_the_token_opens_nothing_else(client):
    for page in ("workers/", "api/workers/", "tasks/"):
        assert client.get(f"/behind/a/prefix/{page}", headers=bearing(f"Bearer {TOKEN}")).status_code in (302, 401)
    assert client.post(METRICS, headers=bearing(f"Bearer {TOKEN}")).status_code == 405


def test_an_answer_is_for_who_asked_alone(scrape):
    answer = scrape()
    assert answer["Cache-Control"] == "private, no-store"
    assert {"Cookie", "Accept", "Authorization"} <= set(answer["Vary"].split(", "))


def test_no_token_is_logged(client, caplog):
    caplog.set_level(logging.DEBUG)
    client.get(METRICS, headers=bearing(f"Bearer {TOKEN}"))
    client.get(METRICS, headers=bearing("Bearer almost-the-token"))
    assert TOKEN not in caplog.text
    assert "almost-the-token" not in caplog.text


def test_without_the_library_the_page_names_the_extra(scrape, monkeypatch):
    really = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return really(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    answer = scrape()
    assert answer.status_code == 501
    assert b"django-celery-ops[metrics]" in answer.content


def test_it_is_no_entry_of_the_navigation(staff):
    assert METRICS not in browser_of(staff).get("/behind/a/prefix/workers/").content.decode()
