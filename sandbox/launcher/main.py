"""From nothing to an open shop, and back."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import NoReturn
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from .broker import private_directory, start_broker, without_password
from .checks import check_installed, check_port, only_one
from .console import ROOT, Problem, say, shown
from .interrupt import Interrupt, Interrupted
from .options import Options
from .team import Team

VAR = ROOT / "var"
WELCOME = VAR / "welcome.txt"
PYTHON = sys.executable
MANAGE = (PYTHON, "manage.py")
CELERY = (PYTHON, "-m", "celery", "-A", "config")
#: Seconds before a tour: the first tasks have ended, and the first numbers are counted.
WARM_UP = 25
#: Each worker's name and the queue that it consumes.
WORKERS = {"w1": "sandbox", "w2": "sandbox-documents"}


def main() -> int:
    interrupt = Interrupt()
    interrupt.listen()
    try:
        run(Options.from_environment(os.environ), interrupt)
    except Interrupted:
        say("Stopped; nothing is left running.")
    except Problem as problem:
        say(str(problem))
        return 1
    return 0


def run(options: Options, interrupt: Interrupt) -> None:
    check_installed()
    with only_one(VAR), private_directory() as directory, Team(VAR / "log", interrupt) as team:
        check_port(options.port)
        env = environment(options.port, start_broker(team, options.redis_url, directory))
        open_shop(team, options.port, env)
        if options.tour:
            take_tour(team, Path(options.tour).resolve(), env)
        elif options.exit_after is None:
            keep_open(team)
        else:
            try_out(team, options.exit_after, env)


def environment(port: int, redis_url: str) -> dict[str, str]:
    """What every process of the site sees; a Celery or Django variable of the shell's would mislead it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CELERY_", "DJANGO_"))}
    unproxied = kept.get("no_proxy") or kept.get("NO_PROXY")
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "REDIS_URL": redis_url,
        "SANDBOX_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "no_proxy": f"{unproxied},127.0.0.1" if unproxied else "127.0.0.1",
    }


def open_shop(team: Team, port: int, env: Mapping[str, str]) -> None:
    team.run("migrate", [*MANAGE, "migrate", "--no-input"], env)
    team.run("seed", [*MANAGE, "seed", "--welcome", str(WELCOME)], env)
    start_site(team, port, env)
    start_workers(team, env)
    schedule = str(VAR / "beat-schedule")
    team.start("beat", [*CELERY, "beat", "--loglevel=info", "--pidfile=", f"--schedule={schedule}"], env)
    team.start("trickle", [*MANAGE, "trickle"], env)
    welcome(env)


def start_site(team: Team, port: int, env: Mapping[str, str]) -> None:
    address = f"127.0.0.1:{port}"
    site = team.start("site", [*MANAGE, "runserver", "--noreload", address], env)
    team.wait_until(lambda: is_up(f"http://{address}/"), site, seconds=30)


def start_workers(team: Team, env: Mapping[str, str]) -> None:
    """Start all, then wait for each. One that is shut down from its page stays away until the next start."""
    command = [*CELERY, "worker", "--loglevel=info", "--pool=prefork", "--concurrency=2"]
    workers = [
        team.start(name, [*command, f"--hostname={name}@%h", f"--queues={queue}"], env, grace=8.0, may_end=True)
        for name, queue in WORKERS.items()
    ]
    for worker in workers:
        team.wait_until(lambda worker=worker: " ready." in worker.log.read_text(errors="replace"), worker, seconds=30)


def is_up(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=2) as response:
            return response.status == 200
    except (URLError, OSError):
        return False


def welcome(env: Mapping[str, str]) -> None:
    say(f"\n{WELCOME.read_text()}\n")
    say(f"Logs: {shown(VAR / 'log')}/*.log")
    command = f"{shown(Path(PYTHON))} {shown(ROOT / 'manage.py')} shell"
    variables = f"SANDBOX_PORT={env['SANDBOX_PORT']} REDIS_URL={quote(without_password(env['REDIS_URL']))}"
    say(f"In another shell: {variables} {command}")
    say("Ctrl-C stops everything.")


def keep_open(team: Team) -> NoReturn:
    """Until one of them ends, or somebody asks."""
    while True:
        team.watch()


def take_tour(team: Team, folder: Path, env: Mapping[str, str]) -> None:
    """Have a browser go through the pages once something has happened in the shop."""
    opening = time.monotonic() + WARM_UP
    while time.monotonic() < opening:
        team.watch()
    team.run("tour", [PYTHON, "-m", "tour", str(folder)], env)
    say(f"The pictures are in {shown(folder)}.")


def try_out(team: Team, seconds: float, env: Mapping[str, str]) -> None:
    """For a trial by a machine: stay open a while, then fail unless a page shows what was done."""
    closing = time.monotonic() + seconds
    while time.monotonic() < closing:
        team.watch()
    team.run("trial", [*MANAGE, "trial"], env)
    say((VAR / "log" / "trial.log").read_text().rstrip())
