"""``{% load celery_ops_pages %}``: what our own templates write many times."""

from . import LateLibrary

register = LateLibrary("celery_ops.tags.pages")
