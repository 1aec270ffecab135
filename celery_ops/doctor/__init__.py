"""What ails a site's Celery: every part tried for real, and a remedy for each that does not do."""

from .diagnose import diagnose
from .finding import ERROR, OK, WARNING, Finding

__all__ = ["ERROR", "OK", "WARNING", "Finding", "diagnose"]
