"""Sphinx: Markdown pages, nothing fetched, nothing imported but the version."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from celery_ops import __version__  # noqa: E402 - found once the path is set

project = "django-celery-ops"
author = "The django-celery-ops developers"
copyright = author
version = release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # the names of Django, Celery and Python: nothing is fetched to resolve them

html_theme = "furo"
html_title = f"django-celery-ops {release}"
html_show_sphinx = False
