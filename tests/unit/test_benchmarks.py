"""Benchmarks are not run here. What they are made of has to hold all the same: registry, figures, and the page."""

import pytest
from django_celery_results.models import TaskResult

from tests.benchmarks import report, results
from tests.benchmarks.figures import Figure, at_least, at_most, exactly
from tests.benchmarks.registry import SCALING, TRACKING, benchmark, benchmarks, named

SLOWER = Figure.of("a | page", [40.0, 20.0, 30.0], "ms", peer="Flower", theirs=[10.0, 20.0], ratio_target=at_most(1))
COUNT = Figure.of("round trips <3>", 3, target=at_most(3))


def record(*figures: Figure, name: str = "lists", commit: str = "cc093e6") -> report.Record:
    return report.Record(name, "Lists", "The list.", "2026-11-29", commit, 0.5, {"Django": "5.2.19"}, figures)


def benchmarks_page(*records: report.Record) -> str:
    return report.pages(records)[report.PAGE]


def test_every_module_of_benchmarks_can_be_imported_and_registers_under_names_of_its_own():
    found = benchmarks()

    assert {"lists", "publish", "memory", "panel", "workers", "prune"} <= set(found)
    assert [name for name, each in found.items() if each.name != name or not each.about.endswith(".")] == []


def measure():
    """Measure nothing."""
    return iter(())


@pytest.mark.parametrize(
    ("name", "part", "run", "refused"),
    [
        ("lists", TRACKING, measure, "two benchmarks are called lists"),
        ("new", "Elsewhere", measure, "Elsewhere is no part"),
        ("new", TRACKING, lambda: iter(()), "new does not say"),
    ],
)
def test_a_benchmark_has_a_name_of_its_own_a_part_and_says_what_it_measures(name, part, run, refused):
    benchmarks()

    with pytest.raises(AssertionError, match=refused):
        benchmark(name, part)(run)


def test_benchmarks_are_asked_for_by_their_names_or_by_that_of_a_part():
    assert [each.name for each in named(["publish", "lists"])] == ["publish", "lists"]
    assert {each.part for each in named(["scaling"])} == {SCALING}
    assert named([]) == list(benchmarks().values())
    with pytest.raises(KeyError, match="nothing"):
        named(["nothing"])


def test_a_figure_of_samples_has_their_median_and_spread():
    figure = Figure.of("page", [float(number) for number in range(1, 21)], "ms")

    assert (figure.ours, figure.spread) == (10.5, (3.0, 18.0))


@pytest.mark.parametrize(
    ("target", "ours", "is_reached"),
    [
        (at_most(3), 3, True),
        (at_most(3), 3.1, False),
        (at_least(500), 499, False),
        (exactly(304), 304, True),
        (None, 1, None),
    ],
)
def test_a_target_is_reached_or_missed(target, ours, is_reached):
    figure = Figure.of("page", ours, target=target)

    assert figure.is_reached is is_reached
    assert figure.is_behind is (is_reached is False)


def test_a_target_beside_a_peer_that_was_not_there_is_neither_reached_nor_missed():
    assert Figure.of("page", 1, peer="Flower", ratio_target=at_most(1)).is_reached is None


def test_a_peer_that_is_better_is_behind_where_nothing_else_was_to_be_reached():
    assert Figure.of("page", 2, peer="Flower", theirs=1).is_behind
    assert not Figure.of("page", 1, peer="Flower", theirs=2).is_behind
    assert not Figure.of("page", 2, peer="Flower", theirs=1, ratio_target=at_most(3)).is_behind


def test_the_page_has_a_table_for_each_benchmark_without_its_empty_columns():
    page = benchmarks_page(record(COUNT))

    assert "### lists\n\nThe list.\n\n| figure | ours | to reach |\n| --- | ---: | ---: |\n" in page
    assert (
        "| round trips &lt;3> | 3 | <= 3 |\n\nMeasured 2026-11-29 at cc093e6, the machine's load before was 0.5.\n"
        in page.replace("&lt;=", "<=")
    )


def test_the_page_begins_with_what_is_behind():
    behind, rest = benchmarks_page(record(SLOWER, COUNT)).split("## What took part")

    assert "| lists | a \\| page | 30 ms | 20-40 | 15 ms | Flower | 2 | &lt;= 1 of theirs (missed) |" in behind
    assert "round trips" not in behind
    assert "a \\| page" in rest
    after_dots = benchmarks_page(record(COUNT, Figure.of("… of it memory", 2, "MB", target=at_most(1))))
    assert "| lists | round trips &lt;3> … of it memory | 2 MB |" in after_dots
    assert "Nowhere" in benchmarks_page(record(COUNT))


def test_the_page_names_each_version_that_took_part():
    later = report.Record("panel", "The panel", "A poll.", "2026-11-30", "", 0.5, {"Django": "6.1"}, (COUNT,))

    page = benchmarks_page(record(COUNT), later)

    assert "| Django | 5.2.19, 6.1 |" in page
    assert "Measured 2026-11-30, the machine's load before was 0.5.\n" in page


def test_what_was_measured_again_takes_the_place_of_what_was_measured_before(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "KEPT", tmp_path / "kept.json")
    for name in ("PAGE", "SCALING_PAGE"):
        monkeypatch.setattr(report, name, tmp_path / name)
        getattr(report, name).write_text("# By hand\n" + report.MARK + "old")
    report.keep([record(SLOWER, name="lists"), record(COUNT, name="publish")])
    report.keep([record(COUNT, name="lists")])

    assert report.kept() == {"lists": record(COUNT, name="lists"), "publish": record(COUNT, name="publish")}
    for page, written in report.pages(report.kept().values()).items():
        assert page.read_text() == "# By hand\n" + report.MARK + "\n" + written


def test_scaling_has_a_page_of_its_own_and_what_is_behind_there_is_said_on_the_first():
    scaled = report.Record("sites", "Scaling", "Sites.", "2026-11-29", "", 0.5, {}, (SLOWER,))
    written = report.pages([record(COUNT), scaled])

    assert "### sites" in written[report.SCALING_PAGE]
    assert "### sites" not in written[report.PAGE]
    assert "| sites | a" in written[report.PAGE]
    assert "### lists" not in written[report.SCALING_PAGE]


@pytest.mark.parametrize("page", ["PAGE", "SCALING_PAGE"])
def test_the_pages_are_what_was_measured(page):
    page, kept = getattr(report, page), report.kept()
    text = page.read_text()

    assert text == report.by_hand(text) + report.MARK + "\n" + report.pages(kept.values())[page]
    assert set(kept) <= set(benchmarks())


def test_the_results_that_lists_are_measured_with_are_in_a_database_of_their_own(django_db_blocker):
    with django_db_blocker.unblock(), results.table("sqlite", 40):
        states = [*TaskResult.objects.order_by("pk").values_list("status", flat=True)]
        assert (TaskResult.objects.db, len(states), states[-4:]) == (results.ALIAS, 40, ["STARTED"] * 4)
