"""``{% load celery_ops %}``: an object's tasks on any page."""

from . import LateLibrary

register = LateLibrary("celery_ops.tags.panel")
