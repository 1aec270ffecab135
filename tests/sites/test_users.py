"""A site with users of its own kind: whatever they lack, they are refused and no page of theirs breaks."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("sites")  # else each process starts both sites

ROOT = Path(__file__).parents[2]

#: What somebody who may nothing is answered.
REFUSED = {"pages": [403], "own page": 200, "panel": False, "sends": 403, "pauses": 403, "revokes": 403}


@cache
def visit(user, database):
    """What such a site answers; it is started once."""
    command = [sys.executable, "-m", "tests.sites.visit", user, database]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120).stdout)


@pytest.fixture(params=[("Person", "default"), ("Member", "main")], ids=["no permissions", "no staff"])
def site(request):
    return visit(*request.param)


@pytest.fixture
def members():
    return visit("Member", "main")


@pytest.fixture
def people():
    return visit("Person", "default")


def test_who_may_nothing_is_refused_and_sees_pages_without_panels(site):
    assert site["nobody"] == REFUSED


def test_users_without_permissions_may_nothing_whoever_they_are(people):
    assert (people["root"], people["command"]) == (REFUSED, 1)


def test_who_has_the_permissions_sees_and_does_everything(members):
    assert members["root"] == {
        "pages": [200],
        "own page": 200,
        "panel": True,
        "sends": 302,
        "pauses": 302,
        "revokes": 404,
    }


def test_actions_work_where_another_database_than_default_has_atomic_requests(members):
    assert members["root"]["sends"] == members["root"]["pauses"] == 302


def test_the_journal_knows_a_long_name_and_whose_it_is(members):
    assert members["journal"] == [[True, True], [True, True]]


def test_a_command_finds_users_by_the_field_that_names_them(members):
    assert members["command"] == 0


@pytest.mark.parametrize(("user", "told"), [("Person", "celery_ops.W005"), ("Member", "celery_ops.I004")])
def test_a_check_says_what_such_users_need(user, told, people, members):
    site = people if user == "Person" else members
    assert told in site["checks"]
