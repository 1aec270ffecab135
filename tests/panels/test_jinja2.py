"""The tags in templates of Jinja2, in the environment that docs/panel.md shows."""

import sys
import types

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import engines
from django.test import RequestFactory

from tests.docs.blocks import blocks
from tests.pages import states, words
from tests.planting import plant

pytest.importorskip("jinja2")
pytestmark = pytest.mark.django_db


@pytest.fixture
def jinja2(settings, monkeypatch):
    """The engine, which comes before Django's own."""
    (code,) = [block.code for block in blocks("python") if "jinja2" in block.code]
    module = types.ModuleType("shop_jinja2")
    exec(code, vars(module))
    monkeypatch.setitem(sys.modules, "shop_jinja2", module)
    settings.TEMPLATES = [
        {
            "NAME": "jinja2",
            "BACKEND": "django.template.backends.jinja2.Jinja2",
            "APP_DIRS": True,
            "OPTIONS": {"environment": "shop_jinja2.environment"},
        },
        *settings.TEMPLATES,
    ]
    return engines["jinja2"]


def page(engine, source, user, **values):
    request = RequestFactory().get("/orders/")
    request.user = user
    return engine.from_string(source).render(values, request)


def test_a_panel_and_a_badge_show_an_objects_tasks(jinja2, memory_store, order, superuser):
    plant(order, "one", state="FAILURE")
    panel = page(jinja2, "{{ instance_tasks(obj, title='<Work>') }}", superuser, obj=order)
    assert states(panel) == ["FAILURE"]
    assert "&lt;Work&gt;" in panel
    badge = "{{ prefetch_instance_tasks([obj]) }}{{ instance_tasks_badge(obj) }}"
    assert words(page(jinja2, badge, superuser, obj=order)).strip() == "Failure"


@pytest.mark.parametrize("tag", ["instance_tasks(obj)", "instance_tasks_badge(obj)", "user_tasks(obj)"])
def test_who_may_not_see_an_object_is_shown_nothing(jinja2, memory_store, order, tag):
    plant(order, "one")
    assert page(jinja2, f"{{{{ {tag} }}}}", AnonymousUser(), obj=order) == ""
