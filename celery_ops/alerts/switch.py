"""Whether the site wants anything to hold, or to be told of what happens."""

from .. import signals
from ..conf import conf


def is_on() -> bool:
    """Return whether there is an objective, or somebody to tell."""
    return bool(conf.OBJECTIVES or conf.ALERTS or signals.alert.receivers)
