"""What our pages are on sites with middleware of their own, and what refusing somebody leaves behind."""

import logging
from pathlib import Path

import pytest
from django.template import engines
from django.test import Client

from celery_ops import logs, permissions
from celery_ops.tracking import counters, decorators
from tests.conftest import browser_of, make_user
from tests.planting import panel_of, plant

from .conftest import OPS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
FRAMES = "django.middleware.clickjacking.XFrameOptionsMiddleware"
EVERYTHING = "{% prefetch_instance_tasks o %}{% instance_tasks_badge o %}{% instance_tasks o %}"
FORGED = "ping\n2026-01-01 CRITICAL all is lost\r\x1b[31mred\u2028more"


class NoAnswer(permissions.Policy):
    """A policy that reads what this site's users do not have."""

    def allows(self, user, action, obj=None):
        return user.department.is_operating


@pytest.fixture
def own_page(rf, order):
    """A page of the site's with everything of ours on it, as ``user`` sees it."""

    def own_page(user, tags=EVERYTHING):
        request = rf.get("/")
        request.user = user
        return engines["django"].from_string("{% load celery_ops %}" + tags).render({"o": order}, request)

    return own_page


# -- policies and tags that fail --------------------------------------------------------------------------------------


@pytest.fixture
def _no_answer(pages, settings, monkeypatch):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "POLICY": f"{__name__}.NoAnswer"}
    monkeypatch.setattr(logs, "said", set())


@pytest.mark.usefixtures("_no_answer")
def test_a_policy_that_cannot_answer_refuses_and_the_panel_is_empty(own_page, staff, order, browser):
    plant(order)
    assert (own_page(staff).strip(), browser.get(OPS).status_code) == ("", 403)
    assert browser.get(panel_of(order, staff)).status_code == 404


@pytest.mark.usefixtures("_no_answer")
def test_a_policy_that_cannot_answer_is_logged_once(staff, caplog):
    for _ in range(3):
        permissions.allows(staff, "view_ops")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "who may view_ops, so nobody may" in caplog.text


@pytest.mark.parametrize("broken", ["Draft", "PanelOptions", "read_tasks", "viewer", "get_template", "_limit", "tone"])
def test_whatever_fails_the_page_is_shown_without_it(broken, own_page, staff, order, monkeypatch, caplog):
    def fails(*_args, **_kwargs):
        raise RuntimeError("no")

    plant(order)
    monkeypatch.setattr(logs, "said", set())
    monkeypatch.setattr(f"celery_ops.tags.panel.{broken}", fails)
    counters.reset()
    for _ in range(2):
        assert own_page(staff, f"before {EVERYTHING} after").startswith("before ")
    failed = counters.counts()["errors"]
    assert failed >= 2
    assert len(caplog.records) == failed // 2


# -- middleware of the site's -----------------------------------------------------------------------------------------


def test_where_every_page_needs_a_login_a_public_panel_does_not(order, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN_REQUIRED]
    assert Client().get(panel_of(order, public=True)).status_code == 200


def test_where_every_page_needs_a_login_json_is_still_told_so(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN_REQUIRED]
    for path in ("history", "workers", "tasks", "runs/x"):
        assert Client().get(f"{OPS}api/{path}/").status_code == 401


def test_no_other_site_frames_a_page_of_ours(browser, order, staff, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != FRAMES]
    addresses = [OPS, f"{OPS}tasks/", f"{OPS}api/tasks/", f"{OPS}tasks/nobody/", panel_of(order, staff)]
    assert {browser.get(address)["X-Frame-Options"] for address in addresses} == {"DENY"}


@pytest.mark.parametrize("middleware", [[], [FRAMES]], ids=["without", "with"])
def test_a_site_that_frames_itself_may_frame_us(middleware, browser, settings):
    settings.X_FRAME_OPTIONS = "sameorigin"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]
    assert browser.get(OPS)["X-Frame-Options"] == "SAMEORIGIN"


# -- log lines --------------------------------------------------------------------------------------------------------

#: Each address that does something, and where in it somebody's text may come.
ASKED = {
    "control/workers/": {"action": FORGED, "destination": FORGED},
    "control/queues/": {"action": FORGED, "queue": FORGED},
    "revoke/": {"task_id": FORGED},
    "revoke/stamped/": {"header": FORGED, "stamps": FORGED},
    "retry/": {"task_id": FORGED},
    "retry/all/": {"task_id": FORGED},
    "run/forged%0Aline/": {"arg-x": FORGED},
    "api/runs/": {"task": FORGED},
}


class Lines(logging.Handler):
    """What a log file would have."""

    def __init__(self):
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        self.text = ""

    def emit(self, record):
        self.text += self.format(record) + "\n"


@pytest.fixture
def lines():
    handler = Lines()
    logging.getLogger("celery_ops").addHandler(handler)
    yield handler
    logging.getLogger("celery_ops").removeHandler(handler)


@pytest.mark.parametrize(("path", "sent"), ASKED.items(), ids=ASKED)
@pytest.mark.parametrize("known", [False, True], ids=["anonymous", "known"])
def test_no_log_line_can_be_forged(path, sent, known, lines):
    client = Client()
    if known:
        client.force_login(make_user("mallory"))
    client.post(f"{OPS}{path}", sent)
    (line,) = lines.text.splitlines()
    assert line.isprintable()
    assert line.endswith("for mallory" if known else "for anonymous")


def test_a_refusal_on_a_panel_is_logged_with_who_asked(lines, order):
    user = make_user("ada", "shop.view_order")
    client = browser_of(user)
    client.post(panel_of(order, user), {"action": "launch", "task": "tests.shop.tasks.noop"})
    assert lines.text == "WARNING Refused (403): launch to tests.shop.tasks.noop for ada\n"


def test_an_exception_in_the_log_begins_no_line_of_its_own(lines):
    try:
        raise ValueError(FORGED)
    except ValueError:
        decorators.logger.warning("%s is broken", FORGED, exc_info=True)
    first, *others = lines.text.rstrip("\n").split("\n")
    assert first.startswith("WARNING ping\\n2026")
    assert all(line.startswith("  ") and line.isprintable() for line in others)


class Unreadable:
    def __str__(self):
        raise RuntimeError("no")


def test_what_cannot_be_read_is_logged_by_its_class(lines):
    decorators.logger.warning("%s of %d", Unreadable(), 3)
    assert lines.text == "WARNING <Unreadable> of 3\n"


def test_every_logger_of_ours_writes_whole_lines():
    package = Path(permissions.__file__).parent
    own = [path.name for path in package.rglob("*.py") if "logging.getLogger" in path.read_text()]
    assert own == ["logs.py"]
