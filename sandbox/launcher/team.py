"""The processes of the sandbox together: one ends, all end."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .console import Problem, last_lines, say, shown
from .interrupt import Interrupt
from .process import Process


class Team:
    """Starts processes, watches them, and stops them last first."""

    def __init__(self, logs: Path, interrupt: Interrupt) -> None:
        self.logs = logs
        self.interrupt = interrupt
        self.processes: list[Process] = []

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *exc_info) -> None:
        if self.processes:
            names = ", ".join(each.name for each in reversed(self.processes))
            say(f"Stopping {names}. Ctrl-C again does not wait for running tasks.")
        while self.processes:
            self.dismiss(self.processes[-1])

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], **options) -> Process:
        process = Process(name, command, self.logs / f"{name}.log", env, **options)
        self.processes.append(process)
        return process

    def dismiss(self, process: Process) -> None:
        process.stop(lambda: self.interrupt.is_urgent)
        self.processes.remove(process)

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Run a command to its end. Raises Problem when it fails."""
        process = self.start(name, command, env)
        while process.exit_code is None:
            self.interrupt.pause()
        self.processes.remove(process)
        if process.exit_code:
            raise ended(process)

    def watch(self) -> None:
        """Raise Problem when one has ended, Interrupted when asked to stop."""
        self.interrupt.pause()
        for process in list(self.processes):
            if process.exit_code == 0 and process.may_end:
                say(f"{process.name} was shut down. It comes back with the next start of the sandbox.")
                self.dismiss(process)
            elif process.exit_code is not None:
                raise ended(process)

    def wait_until(self, ready: Callable[[], bool], process: Process, seconds: float) -> None:
        """Watch until ``ready`` says so. Raises Problem when that takes too long."""
        for _ in range(int(seconds * 10)):
            self.watch()
            if ready():
                return
        say(f"{process.name} was not ready after {seconds:.0f} seconds.")
        raise Problem(log_of(process))


def ended(process: Process) -> Problem:
    """Say at once which one it was; the end of its log is for after the others have stopped."""
    code = process.exit_code
    say(f"{process.name} was ended by signal {-code}." if code < 0 else f"{process.name} ended with exit code {code}.")
    return Problem(log_of(process))


def log_of(process: Process) -> str:
    return f"The end of {shown(process.log)}:\n{last_lines(process.log)}"
