"""All benchmarks by name. To add one: a generator of figures under ``@benchmark``, in any module of this package."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .figures import Figure

Run = Callable[[], Iterator[Figure]]
#: The parts of the page, in its order.
TRACKING, PANEL, LISTS, WORKERS, ACTIONS, INSIGHT, COMMANDS, GROWTH, SCALING = PARTS = (
    "Tracking",
    "The panel",
    "Lists",
    "Workers and queues",
    "Actions",
    "Insight",
    "Commands and processes",
    "Growth",
    "Scaling",
)


@dataclass(frozen=True)
class Benchmark:
    name: str
    part: str
    about: str
    run: Run


_benchmarks: dict[str, Benchmark] = {}


def benchmark(name: str, part: str) -> Callable[[Run], Run]:
    """Register a generator of figures under its name; its docstring's first line is printed above them."""

    def register(run: Run) -> Run:
        assert name not in _benchmarks, f"two benchmarks are called {name}"
        assert part in PARTS, f"{part} is no part of the page"
        about = (run.__doc__ or "").strip().split("\n")[0]
        assert about.endswith("."), f"{name} does not say in one line what it measures"
        _benchmarks[name] = Benchmark(name, part, about, run)
        return run

    return register


def named(names: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks of these names, which may be those of parts; without any, all. Raises KeyError."""
    known = benchmarks()
    found: list[Benchmark] = []
    for name in names:
        part = [each for each in known.values() if each.part.lower() == name.lower()]
        found += part if part and name not in known else [known[name]]
    return found or list(known.values())


def benchmarks() -> dict[str, Benchmark]:
    """Import every module of this package, Django set up, and return what they registered, in the page's order."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "__main__":
            importlib.import_module(f"{__package__}.{module.name}")
    return {each.name: each for each in sorted(_benchmarks.values(), key=lambda each: PARTS.index(each.part))}
