"""A small site with an admin and one task; GUEST says which apps it has."""

from .celery import app as celery_app

__all__ = ["celery_app"]
