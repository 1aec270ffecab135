"""Views, tags and checks that are imported late are the same to everybody who meets them early."""

from functools import wraps
from inspect import iscoroutinefunction

import pytest
from django.http import HttpResponse
from django.template import Context, Engine
from django.test import RequestFactory
from django.urls import path, resolve, reverse
from django.utils.module_loading import import_string
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import urls
from celery_ops.checks import all_settings, check_settings, values
from celery_ops.conf import DEFAULTS, conf
from celery_ops.connections.redis import pool_of_url
from celery_ops.templatetags import celery_ops as panel_library
from celery_ops.templatetags import celery_ops_pages
from celery_ops.views.lazy_path import LazyPath
from celery_ops.views.tasks.list import TaskListView

PATTERNS = {pattern.name: pattern for pattern in urls.urlpatterns}
#: What Django, its middleware and its documentation pages read off a view before they call it.
READ = ("_non_atomic_requests", "csrf_exempt", "login_required", "login_url", "redirect_field_name")


def early(name):
    """A page's pattern as it is before anybody has asked for it, and the view that it leads to."""
    pattern = PATTERNS[name]
    fresh = LazyPath(str(pattern.pattern), pattern.lookup_str, name)
    return fresh, import_string(pattern.lookup_str).as_view()


@pytest.mark.parametrize("name", PATTERNS)
def test_what_stands_in_for_a_view_is_told_from_it_by_nothing_that_is_read_before_a_call(name):
    pattern, view = early(name)
    stand_in, real = pattern.callback, path("", view).lookup_str
    assert pattern.lookup_str == real
    assert {key: getattr(stand_in, key, None) for key in READ} == {key: getattr(view, key, None) for key in READ}
    assert iscoroutinefunction(stand_in) == iscoroutinefunction(view)
    assert pattern.check() == []


def test_who_resolves_an_address_gets_the_view_itself():
    match = resolve(reverse("celery_ops:task-list"))
    assert match.func.view_class is TaskListView
    assert match.view_name == "celery_ops:task-list"
    assert match._func_path == "celery_ops.views.tasks.list.TaskListView"
    assert resolve(reverse("celery_ops:task-list")).func is match.func


@pytest.mark.django_db
def test_who_calls_what_stands_in_is_answered_by_the_view():
    pattern, _ = early("api-tasks")
    assert pattern.callback(RequestFactory().get("/")).status_code == 401


def test_a_decorator_that_a_site_has_put_around_a_page_stays():
    pattern, _ = early("api-tasks")

    def closed(view):
        @wraps(view)
        def wrapper(request, *args, **kwargs):
            return HttpResponse(status=418)

        return wrapper

    pattern.callback = closed(pattern.callback)
    match = pattern.resolve("api/tasks/")
    assert match.func(RequestFactory().get("/")).status_code == 418
    assert match.func._non_atomic_requests == {"default"}


@pytest.mark.parametrize(("library", "name"), [(panel_library, "instance_tasks"), (celery_ops_pages, "moment")])
def test_a_library_has_its_tags_as_soon_as_somebody_looks(library, name):
    register = library.LateLibrary(library.register._module)
    assert name in {**register.tags, **register.filters}
    with pytest.raises(AttributeError):
        _ = register.nothing


def test_single_tags_can_be_loaded_from_a_library():
    engine = Engine(libraries={"celery_ops": panel_library.__name__})
    template = engine.from_string("{% load instance_tasks from celery_ops %}[{% instance_tasks 5 %}]")
    assert template.render(Context()) == "[]"


@pytest.mark.parametrize(
    "options",
    [{}, {"result_extended": False}, {"result_backend": "rpc://"}, {"result_backend": "nothing://"}],
    ids=["all is well", "not extended", "elsewhere", "wrong"],
)
def test_the_checks_say_of_the_default_backends_what_these_say_themselves(options, monkeypatch):
    for name, value in options.items():
        monkeypatch.setitem(conf.celery_app.conf, name, value)
    said = [message for key in values.BACKENDS for message in import_string(DEFAULTS[key])().check()]
    assert list(all_settings._backends({})) == said


@given(st.from_regex(all_settings.PLAIN_URL, fullmatch=True))
def test_the_store_takes_every_url_that_is_not_shown_to_it(url):
    pool_of_url(url, 1).disconnect()


def test_a_broken_template_over_our_own_is_told(settings, tmp_path):
    place = tmp_path / "celery_ops" / "base.html"
    place.parent.mkdir()
    place.write_text("{% if %}")
    assert "celery_ops.E011" not in {message.id for message in check_settings()}
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert "celery_ops.E011" in {message.id for message in check_settings()}


def test_our_own_template_out_of_reach_is_told(settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "APP_DIRS": False}]
    assert "celery_ops.E011" in {message.id for message in check_settings()}
