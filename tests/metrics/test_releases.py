"""When the running code changed: what a worker says of its release, and what is kept of that."""

import time

import pytest

from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.insight import picture
from celery_ops.metrics.releases import (
    LONGEST,
    MOST_RELEASES,
    RELEASES_ROW,
    VARIABLE,
    Releases,
    commit_of,
    note_release,
    running_release,
)
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.tallies import Added, Row

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba98" * 5
DAY = 86_400


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def run(settings):
    """``run(name)``: a worker of this release starts, and its numbers go to the store."""

    def start(name):
        settings.CELERY_OPS = {**settings.CELERY_OPS, "RELEASE": name}
        note_release()
        while len(flusher().source(Releases)):
            flusher().flush()

    return start


def plant(**releases):
    """Write when releases began, in seconds before now."""
    texts = {str(place): f"{time.time() - ago:.0f} {name}" for place, (name, ago) in enumerate(releases.items())}
    recorder().ask(lambda store: store.add([Row(RELEASES_ROW, DAY, texts=texts)], "planted"))


def names():
    return [release.name for release in picture(WINDOWS["30d"]).releases]


def test_a_release_is_noted_once_by_all_workers(store, run):
    for name in ("v1", "v1", "v2", "v2"):
        run(name)
    assert names() == ["v1", "v2"]
    assert all(time.time() - release.moment < 60 for release in picture(WINDOWS["1h"]).releases)


def test_old_workers_that_start_again_meanwhile_are_no_change(store, run):
    plant(v1=600, v2=60)
    run("v1")
    assert names() == ["v1", "v2"]


def test_going_back_to_the_release_of_yesterday_is_a_change(store, run):
    plant(v1=DAY, v2=7200)
    run("v1")
    assert names() == ["v1", "v2", "v1"]


def test_the_oldest_makes_room_for_the_newest(store, run):
    plant(**{f"v{number}": DAY * (MOST_RELEASES - number) for number in range(MOST_RELEASES)})
    run("new")
    assert len(names()) == MOST_RELEASES
    assert names()[0] == "v1"
    assert names()[-1] == "new"


def test_releases_are_kept_for_as_long_as_numbers(store, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_RETENTION": 7 * DAY}
    releases = Releases()
    releases.begin("v1")
    ((row,),) = releases.take().values()
    releases.learn("", row, Added(before={}))
    ((written,),) = releases.take().values()
    assert row.seconds == written.seconds == 7 * DAY


def test_noting_a_release_takes_no_round_trip_of_its_own(redis_store, run, round_trips):
    before = round_trips()
    run("v1")
    assert round_trips() - before == 2  # two flushes: to ask, and to say


def test_whoever_says_nothing_has_no_release(store, monkeypatch, tmp_path, settings):
    settings.BASE_DIR = tmp_path
    note_release()
    flusher().flush()
    assert names() == []


@pytest.mark.parametrize("text", ["", "now v1", "12345678901234 v1", "5", " ", "\x00"])
def test_a_row_that_is_nonsense_has_no_release(store, text):
    recorder().ask(lambda store: store.add([Row(RELEASES_ROW, DAY, texts={"0": text})], "planted"))
    assert names() == []


def test_the_setting_comes_before_the_environment_and_that_before_git(settings, monkeypatch, tmp_path):
    settings.BASE_DIR = repository(tmp_path)
    assert running_release() == COMMIT[:10]
    monkeypatch.setenv(VARIABLE, "sentry-7")
    assert running_release() == "sentry-7"
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RELEASE": "v" * 500}
    assert running_release() == "v" * LONGEST


def repository(folder, head="ref: refs/heads/main", **files):
    """Write git's own files in a folder: a path as ``refs__heads__main``."""
    files = files or {"refs__heads__main": COMMIT}
    for name, text in {"HEAD": head, **files}.items():
        path = folder / ".git" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return folder


@pytest.mark.parametrize(
    ("head", "files", "expected"),
    [
        ("ref: refs/heads/main", {"refs__heads__main": COMMIT}, COMMIT[:10]),
        ("ref: refs/heads/a/b-c", {"refs__heads__a__b-c": COMMIT}, COMMIT[:10]),
        (COMMIT, {}, COMMIT[:10]),
        (
            "ref: refs/heads/main",
            {"packed-refs": f"# pack-refs\n{OTHER} refs/heads/x\n{COMMIT} refs/heads/main"},
            COMMIT[:10],
        ),
        ("ref: refs/heads/main", {"packed-refs": f"{OTHER} refs/heads/x"}, ""),
        ("ref: refs/heads/main", {"refs__heads__main": "no commit"}, ""),
        ("ref: refs/../../secret", {"secret": COMMIT}, ""),
        ("nonsense", {"config": ""}, ""),
    ],
)
def test_a_commit_is_read_of_gits_files(tmp_path, head, files, expected):
    inside = repository(tmp_path, head, **files) / "site"
    inside.mkdir()
    assert commit_of(inside) == expected


def test_a_worktree_has_its_own_commit(tmp_path):
    main = repository(tmp_path / "main", refs__heads__main=OTHER, refs__heads__work=COMMIT)
    own = main / ".git/worktrees/work"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/work\n")
    (own / "commondir").write_text("../..\n")
    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(work) == COMMIT[:10]


def test_a_folder_without_git_has_no_commit(tmp_path):
    assert commit_of(tmp_path) == ""
    assert commit_of(tmp_path / "not there") == ""
