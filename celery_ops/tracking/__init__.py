"""Tracking: which tasks belong to which object, and what became of them.

``celery_ops.tracking`` is this package and also the context manager of that name: importing any module in here makes
the package an attribute of ``celery_ops``, so the package itself is what answers ``with tracking(obj):``.
"""

import sys
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    def __call__(self, *objects: Any) -> AbstractContextManager[None]:
        from .context import tracking

        return tracking(*objects)


sys.modules[__name__].__class__ = _CallableModule
