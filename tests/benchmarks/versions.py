"""What took part in a measurement: versions, and the machine's cores; no names of hosts, no paths."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import celery_ops

from .setup import client

PACKAGES = (
    "Django",
    "celery",
    "kombu",
    "redis",
    "django-celery-results",
    "django-tables2",
    "psycopg",
    "dj-celery-panel",
    "vcelery-task-runner",
    "flower",
)


def versions() -> dict[str, str]:
    found = {
        "cores": str(os.cpu_count()),
        "django-celery-ops": celery_ops.__version__,
        "Python": platform.python_version(),
        "Redis": client().info("server")["redis_version"],
        "SQLite": sqlite3.sqlite_version,
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit() -> str:
    """Return the newest commit of this clone that main has, abbreviated; nothing where there is none."""
    command = ["git", "merge-base", "HEAD", "main"]
    try:
        return subprocess.check_output(command, cwd=Path(__file__).parent, text=True, stderr=subprocess.DEVNULL)[:8]
    except (OSError, subprocess.CalledProcessError):
        return ""
