"""A site that reads from copies of its databases, results apart: stale copies, in which every write fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("copies")  # else each process starts the site
JOURNAL, RESULTS = "celery_ops_taskrunrecord", "django_celery_results_taskresult"


@pytest.fixture(scope="module")
def site():
    command = [sys.executable, "-m", "tests.sites.copies"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_who_only_looks_is_answered_from_the_copies(site):
    looked = site["looking"]
    assert (looked["pages"], looked["tasks"]) == ([200], True)
    assert (looked["asked"][JOURNAL], looked["asked"][RESULTS]) == (["default_copy"], ["results_copy"])


def test_objects_have_their_names_where_what_they_refer_to_is_in_another_database(site):
    assert site["looking"]["parcel"]


def test_what_acts_asks_no_copy_of_anything(site):
    acted = site["acting"]
    assert acted["statuses"] == [302, 302, 302, 302, 302]
    assert {alias for aliases in acted["asked"].values() for alias in aliases} == {"default", "results"}


def test_what_no_copy_has_yet_is_run_once_and_run_again_and_found_by_a_bulk(site):
    acted = site["acting"]
    assert acted["runs once"]
    assert acted["bulk"] == ["done", 2]


def test_whoever_has_just_run_a_task_sees_it_although_the_copies_are_behind(site):
    acted = site["acting"]
    assert (acted["shown after it"], acted["listed after it"]) == (200, True)


def test_the_page_of_what_was_done_is_there_for_everybody_and_the_list_is_as_old_as_the_copy(site):
    acted = site["acting"]
    assert (acted["to others"], acted["shown bulk"], acted["api"]) == (200, 200, 200)
    assert not acted["listed to others"]


def test_a_task_is_bound_to_an_object_that_no_copy_has_yet(site):
    assert site["publishing"] == 1


def test_a_panel_is_of_the_object_that_its_page_has_read_wherever_that_is(site):
    assert site["elsewhere"] == {"1": [200, "archived 1"], "1000": [200, "archived 1000"]}


def test_commands_act_on_the_writers(site):
    assert site["commands"] == {"doctor": ["ok"], "again": 1, "results": 0, "records": 1}
