"""What ails a site's Celery: every part tried for real, and a remedy for each that does not do."""

from .finding import ERROR, OK, WARNING, Finding
from .report import diagnose

__all__ = ["ERROR", "OK", "WARNING", "Finding", "diagnose"]
