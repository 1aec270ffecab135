"""What stands for all that a panel shows: who has seen the same needs no answer."""

import hashlib
from typing import Any

from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

from .page import PanelPage


def etag(panel: PanelPage) -> str:
    """Return the panel's entity tag: the same for as long as a viewer would see the same."""
    listed = panel.rows, panel.total, panel.number, panel.pages, panel.states, panel.names, panel.available
    around = str(panel.object_label), panel.launchable, panel.next_url
    return f'"{digest(listed, around, get_language(), get_current_timezone_name())}"'


def digest(*values: Any) -> str:
    """Return what stands for values that have a telling ``repr()``."""
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()[:32]
