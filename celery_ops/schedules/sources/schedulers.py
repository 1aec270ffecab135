"""Which scheduler a dotted path names, as far as that says where its entries are."""

import sys
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from celery.utils.imports import load_extension_class_names

#: The packages of the schedulers that keep entries elsewhere than in the settings.
DJANGO_CELERY_BEAT: Final = "django_celery_beat"
REDBEAT: Final = "redbeat"


def configured(app: Any) -> str:
    """Return the dotted path that ``beat_scheduler`` names, an alias looked up; ``celery beat -S`` may say another."""
    return _path(str(app.conf.beat_scheduler or ""))


@lru_cache(maxsize=32)
def _path(name: str) -> str:
    try:
        aliases = dict(load_extension_class_names("celery.beat_schedulers"))
    except Exception:  # of a package whose metadata is broken
        aliases = {}
    return aliases.get(name, name).replace(":", ".")


def is_of(package: str, scheduler: str) -> bool:
    """Return whether a scheduler's class is one of a package's. A class of the site's own is not recognised by name."""
    return scheduler.split(".", 1)[0] == package or issubclass_of(package, scheduler)


def issubclass_of(package: str, scheduler: str) -> bool:
    """Return whether a class of the site's own, where it is loaded here by now, inherits from one of a package's."""
    module, _dot, name = scheduler.rpartition(".")
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and any(base.__module__.split(".", 1)[0] == package for base in kind.__mro__)


def any_of(package: str, schedulers: Collection[str]) -> bool:
    return any(is_of(package, scheduler) for scheduler in schedulers)
