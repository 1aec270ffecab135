"""Faults at random: which part, what happens to it, and for how long, all from one seed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from .parts import Part, Postgres, Worker, is_there
from .truth import tell

#: Seconds that something stands still, that it is away after it was killed, and between two faults.
FROZEN = (1.0, 8.0)
AWAY = (1.0, 5.0)
APART = (0.5, 3.0)
#: Seconds between two looks at which processes there are.
WATCHED_EVERY = 0.1


class Chance(random.Random):
    """What is random about one fault."""

    def __init__(self, seed: float, longest: float) -> None:
        super().__init__(seed)
        self.longest = longest

    def seconds(self, least: float, most: float) -> float:
        return self.uniform(least, least + (most - least) * self.longest)


def frozen(part: Part, chance: Chance) -> None:
    part.freeze()
    try:
        time.sleep(chance.seconds(*FROZEN))
    finally:
        part.thaw()


def killed(part: Part, chance: Chance) -> None:
    part.kill()
    time.sleep(chance.seconds(*AWAY))
    part.start()


def ended(part: Part, chance: Chance) -> None:
    part.end()
    time.sleep(chance.seconds(*AWAY))
    part.start()


def locked(part: Part, chance: Chance) -> None:
    part.lock(chance.seconds(*FROZEN))  # type: ignore[attr-defined] # of a database alone


def child_killed(part: Part, chance: Chance) -> None:
    part.kill_child(chance.randrange(8))  # type: ignore[attr-defined] # of workers alone


def revived(part: Part, chance: Chance) -> None:
    """It has ended by itself: Celery does at times, when it loses its broker."""
    part.bury()
    part.start()


def main_killed(part: Part, chance: Chance) -> None:
    """The main process alone is killed, as the kernel does when memory is short: its children find out."""
    pids = part.pids
    part.kill_those(pids[:1])
    part.process.wait(10)
    time.sleep(chance.seconds(*AWAY))
    part.kill_those(pids[1:])
    part.start()


FAULTS: dict[str, Callable[[Part, Chance], None]] = {
    "frozen": frozen,
    "killed": killed,
    "ended": ended,
    "locked": locked,
    "child killed": child_killed,
    "main process killed": main_killed,
    "ended by itself": revived,
}
ANY = ("frozen", "killed", "ended")
#: What can happen to a worker and to a database: the first ones as to any part.
TO_WORKERS = (*ANY, "child killed", "child killed", "main process killed")
TO_DATABASES = (*ANY, "locked")


def to(part: Part) -> Sequence[str]:
    """Return what can happen to a part."""
    if isinstance(part, Worker):
        return TO_WORKERS
    return TO_DATABASES if isinstance(part, Postgres) else ANY


class Weather:
    """Faults of some parts, several at a time, none of a part that has one already."""

    def __init__(self, parts: Sequence[Part], exposed: Sequence[Part], seed: int, longest: float) -> None:
        """Faults come to those that are ``exposed``; ``longest`` is the part of their usual time that they last."""
        self.parts, self.exposed, self.chance = parts, exposed, random.Random(seed)
        self.longest = longest
        self.count: Counter[tuple[str, str]] = Counter()
        self.troubles: list[str] = []
        self._under_way: dict[str, threading.Thread] = {}
        self._is_over = threading.Event()
        self._looking = threading.Lock()
        self._left_alone: Part | None = None

    def supervise(self) -> None:
        """Start again what ends by itself, as an init system does, until the weather is over."""
        while not self._is_over.wait(0.3):
            for part in self.parts:
                with self._looking:
                    if part is self._left_alone or self._is_struck(part):
                        continue
                    if part.is_running:
                        part.family = part.pids
                    else:
                        self._begin(part, "ended by itself", self.chance.random())

    def watch(self) -> None:
        """Tell of each process that is gone when it was there last, whoever ended it, until the weather is over."""
        seen: dict[int, float] = {}
        while not self._is_over.wait(WATCHED_EVERY):
            for part in self.parts:
                if part.process is not None:
                    seen.update(dict.fromkeys(filter(is_there, part.pids), time.time()))
            for pid in [pid for pid in seen if not is_there(pid)]:
                tell("ended", text=str(pid), until=seen.pop(pid))
            seen = dict.fromkeys(seen, time.time())

    def leave_alone(self, part: Part) -> None:
        """It may end from now on."""
        with self._looking:
            self._left_alone = part

    @contextmanager
    def sparing(self, part: Part) -> Iterator[None]:
        """Have nothing happen to a part meanwhile; what is under way ends before."""
        while True:
            with self._looking:
                if not self._is_struck(part) and part.is_running:
                    yield
                    return
            time.sleep(0.05)

    def over(self) -> None:
        self._is_over.set()

    def _is_struck(self, part: Part) -> bool:
        thread = self._under_way.get(part.name)
        return thread is not None and thread.is_alive()

    def _begin(self, part: Part, kind: str, seed: float) -> None:
        chance = Chance(seed, self.longest)
        self._under_way[part.name] = threading.Thread(target=self._strike, args=(part, kind, chance))
        self._under_way[part.name].start()

    def blow(self, seconds: float) -> None:
        """Have faults happen for so long, and return when all parts are back."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(self.chance.uniform(*APART))
            part = self.chance.choice(self.exposed)
            kind, seed = self.chance.choice(to(part)), self.chance.random()
            with self._looking:
                if not self._is_struck(part) and part.is_running:
                    self._begin(part, kind, seed)
        for thread in [*self._under_way.values()]:
            thread.join()

    def _strike(self, part: Part, kind: str, chance: Chance) -> None:
        self.count[part.name, kind] += 1
        begun = time.time()
        try:
            FAULTS[kind](part, chance)
        except Exception as error:  # a part that does not come back is a fault of the soak, which says so
            self.troubles.append(f"{part.name}, {kind}: {error!r}")
            with suppress(Exception):
                part.kill()
            with suppress(Exception):
                part.start()
        tell("fault", name=part.name, text=kind, until=begun)
