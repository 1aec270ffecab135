"""The parts in a real browser on a site whose policy lets in nothing but what has the page's own nonce."""

import secrets
from copy import deepcopy

import django
import pytest
from django.urls import reverse

from tests.conftest import browser_of, make_user
from tests.planting import plant, plant_log

from .screen import ORIGIN

pytestmark = pytest.mark.browser

DIRECTIVES = {"default-src": "'none'", "connect-src": "'self'", "img-src": "'self'"}


def policy(get_response):
    """What Django 6 has itself."""

    def respond(request):
        request.nonce = secrets.token_urlsafe(16)
        response = get_response(request)
        nonces = dict.fromkeys(("script-src", "style-src"), f"'nonce-{request.nonce}'")
        response["Content-Security-Policy"] = "; ".join(map(" ".join, (DIRECTIVES | nonces).items()))
        return response

    return respond


def nonce(request):
    return {"csp_nonce": request.nonce}


@pytest.fixture
def client(memory_store, settings, no_live_task, db):
    """Who may see everything, on a site that has the policy and tells its templates the nonce."""
    middleware, processor = f"{__name__}.policy", f"{__name__}.nonce"
    if django.VERSION >= (6,):
        from django.utils.csp import CSP

        settings.SECURE_CSP = DIRECTIVES | {"script-src": [CSP.NONCE], "style-src": [CSP.NONCE]}
        middleware = "django.middleware.csp.ContentSecurityPolicyMiddleware"
        processor = "django.template.context_processors.csp"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:-1], middleware]
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["context_processors"].append(processor)
    settings.TEMPLATES = templates
    return browser_of(make_user("operator", "celery_ops.view_payload", is_staff=True))


@pytest.fixture
def failed(client, order):
    """A task that has failed, and logged a line."""
    task_id = plant(order, "tests.shop.tasks.logs", "FAILURE", error="ValueError: no")
    plant_log(task_id, "the bank is asked")
    return task_id


def let_in(page, count):
    """Wait for as many style sheets and scripts, and return what they are called."""
    page.wait_for_function(
        """(count) => {
          const loaded = performance.getEntriesByType("resource").map(({ name }) => name.split("/").at(-1));
          window.letIn = loaded.filter((name) => /[.](css|js)$/.test(name)).sort();
          return window.letIn.length >= count;
        }""",
        arg=count,
    )
    return page.evaluate("window.letIn")


def test_a_panel_is_styled_and_live_and_shows_its_details_and_their_log(screen, client, order, failed, expect):
    page = screen.show(client, f"/orders/{order.pk}/")
    details = page.get_by_role("link", name="Details")
    path = details.evaluate("(link) => link.href").removeprefix(ORIGIN)
    screen.answers[ORIGIN + path] = client.get(path, headers={"X-Celery-Ops": "fragment"})
    details.click()
    expect(page.get_by_role("dialog").locator("celery-ops-log li code")).to_have_text("the bank is asked")
    assert let_in(page, 6) == ["actions.js", "live.js", "logs.css", "logs.js", "panel.css", "panel.js"]
    page.wait_for_function("() => [...document.styleSheets].some((sheet) => sheet.href.endsWith('/logs.css'))")
    assert screen.troubles == []


@pytest.mark.parametrize(
    ("name", "own"), [("insight", ["charts.css"]), ("task-detail", ["charts.css", "logs.css", "logs.js"])]
)
def test_the_pages_are_styled_and_live(name, own, screen, client, failed):
    page = screen.show(client, reverse(f"celery_ops:{name}", args=[failed] if name == "task-detail" else []))
    page.locator("celery-ops-page").hover()
    everywhere = ["actions.js", "live.js", "pages.css", "pages.js", "panel.css"]
    assert let_in(page, len(everywhere) + len(own)) == sorted(everywhere + own)
    assert screen.troubles == []
