"""What a site's own page loads for a panel or a badge, how much that is, and that it is found under hashed names."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template import RequestContext, Template
from django.test import RequestFactory

pytestmark = pytest.mark.django_db

PANEL = "{% instance_tasks obj %}"
BADGE = "{% instance_tasks_badge obj %}"
APP = Path(finders.find("celery_ops/panel.css")).parents[2]
CSS = sorted(APP.glob("static/celery_ops/*.css"))
ADDRESS = re.compile(r'(?:href|src|data-actions)="(/static/[^"]+)"')


def loaded(source, obj, user=None):
    """The addresses of the static files that a page with ``source`` names."""
    request = RequestFactory().get("/orders/")
    request.user = user or AnonymousUser()
    context = RequestContext(request, {"obj": obj})
    return ADDRESS.findall(Template("{% load celery_ops %}" + source).render(context))


def size(addresses, kind):
    names = [address.removeprefix("/static/") for address in addresses if address.endswith(kind)]
    return sum(Path(finders.find(name)).stat().st_size for name in names if "actions" not in name)


def test_a_page_with_a_panel_loads_at_most_22_kb_of_style_and_14_kb_of_script(order, staff):
    addresses = loaded(PANEL, order, staff)
    assert 0 < size(addresses, ".css") <= 22_000
    assert 0 < size(addresses, ".js") <= 14_000


def test_what_acts_is_less_than_4_kb_and_named_without_being_loaded(order, staff):
    name = "celery_ops/actions.js"
    assert f"/static/{name}" in loaded(PANEL, order, staff)
    assert Path(finders.find(name)).stat().st_size < 4_000


def test_a_page_with_a_badge_loads_the_same_style_and_no_script(order, staff):
    assert loaded(BADGE, order, staff) == ["/static/celery_ops/panel.css"]


def test_files_have_hashed_names_where_the_storage_gives_them(order, staff, settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    call_command("collectstatic", interactive=False, verbosity=0)
    addresses = loaded(PANEL, order, staff)
    assert len(addresses) == 4
    for address in addresses:
        assert re.search(r"\.[0-9a-f]{12}\.(css|js)$", address)
        assert (tmp_path / address.removeprefix("/static/")).exists()


@pytest.mark.parametrize("path", sorted(APP.glob("static/celery_ops/*")), ids=lambda path: path.name)
def test_no_file_names_another(path):
    """A storage that hashes names rewrites them in templates; in scripts it does not."""
    assert not re.search(r"^\s*import\b|\bimport\(|@import|url\(|\.(js|css)[\"'`]", path.read_text(), re.M)


def test_each_class_that_is_styled_is_on_some_page():
    written = [path for kind in ("*.html", "*.py", "*.js") for path in APP.rglob(kind)]
    used = set(re.findall(r"celery-ops[\w-]*", " ".join(path.read_text() for path in written)))
    stems = {name for name in used if name.endswith("--")}  # what comes after is a variable
    named = {name for path in CSS for name in re.findall(r"\.(celery-ops[\w-]*)", path.read_text())}
    assert [name for name in sorted(named - used) if not any(name.startswith(stem) for stem in stems)] == []
