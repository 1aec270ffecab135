"""What workers and brokers say of themselves, as a page may show it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from celery.app.defaults import SETTING_KEYS

from .. import redaction
from ..formatting import clean
from ..tracking import capture
from ..tracking.registry import registry

#: Entries of a mapping that are shown; Celery has some 170 settings.
MOST_ENTRIES: Final = 500
LONGEST_NAME: Final = 200
#: How the settings that schedule tasks end, in each of Celery's spellings.
SCHEDULES: Final = ("beat_schedule", "beatschedule", "celerybeat_schedule")
#: What is said of a scheduled task to those who may not see what it is given.
PLAIN: Final = ("task", "schedule", "relative")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a mapping: text that a page can carry, without secrets."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values under one heading; ``key`` is what the page's script knows them by."""

    key: str
    label: str
    entries: tuple[Entry, ...]


def entries(mapping: Mapping[Any, Any]) -> tuple[Entry, ...]:
    """Return the entries of a mapping by name, each redacted by its name and by what it looks like."""
    items = islice(mapping.items(), MOST_ENTRIES) if isinstance(mapping, Mapping) else ()
    return tuple(sorted((_entry(name, value) for name, value in items), key=lambda entry: entry.name))


def _entry(name: Any, value: Any) -> Entry:
    label = name if isinstance(name, str) else str(redaction.redact(name))
    shown = redaction.redact(value, name=label)
    return Entry(clean(label, LONGEST_NAME), shown if isinstance(shown, str) else redaction.encode(shown))


def celery_settings(
    conf: Mapping[Any, Any], shows_payload: Callable[[str | None], bool] = lambda _name: True
) -> dict[str, Any]:
    """Return the settings that are Celery's: a worker configured from Django's settings sends all of those as well.

    The arguments of scheduled tasks go by their tasks' parameters, and are there where ``shows_payload`` of the task.
    """
    settings = {name: value for name, value in conf.items() if isinstance(name, str) and _is_celerys(name.lower())}
    return {
        name: _schedule(value, shows_payload) if name.lower().endswith(SCHEDULES) else value
        for name, value in settings.items()
    }


def _schedule(value: Any, shows_payload: Callable[[str | None], bool]) -> Any:
    if isinstance(value, Mapping):
        return {name: _scheduled(entry, shows_payload) for name, entry in value.items()}
    return value if shows_payload(None) else None


def _scheduled(entry: Any, shows_payload: Callable[[str | None], bool]) -> Any:
    """Of an entry that is no mapping, as the text of one that the site has made, nobody knows where arguments stand."""
    if not isinstance(entry, Mapping):
        return entry if shows_payload(None) else None
    name = entry.get("task")
    name = name if isinstance(name, str) else ""
    if not shows_payload(name or None):
        return {key: entry[key] for key in PLAIN if key in entry}
    shown = redaction.capture_arguments(
        entry.get("args"), entry.get("kwargs"), parameters=capture.parameters(name), sensitive=registry.sensitive(name)
    ).text
    try:
        return {**entry, **json.loads(shown)}
    except ValueError:
        return {**entry, "args": shown, "kwargs": {}}


def _is_celerys(name: str) -> bool:
    return name.startswith("celery") or name in SETTING_KEYS


def text(value: Any) -> str:
    """Return a sentence of a backend, which may repeat what its source said, without secrets."""
    return redaction.capture_text(str(value)).text
