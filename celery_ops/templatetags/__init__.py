"""Tags for a site's own templates, and tags for ours.

Django imports every library of every app whenever it checks a site's templates, in commands and workers, too. So these
only name the modules in ``celery_ops.tags``.
"""

from importlib import import_module
from typing import Any

from django.template import Library


class LateLibrary(Library):
    """The library ``register`` of a module, which is imported when a template first loads the library."""

    def __init__(self, module: str) -> None:
        self._module = module  # no super: a Library begins with its tags and filters

    def __getattr__(self, name: str) -> Any:
        if name not in ("filters", "tags"):
            raise AttributeError(name)
        library = import_module(self._module).register
        self.filters, self.tags = library.filters, library.tags
        return getattr(library, name)
