"""The site with its scripts and styles, for a browser."""

from django.contrib.staticfiles.handlers import StaticFilesHandler

from .wsgi import application as pages

application = StaticFilesHandler(pages)
