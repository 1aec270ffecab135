"""Where entries are kept: in the settings, by django-celery-beat, by celery-redbeat. Each is used where it is there."""

from .base import ScheduleSource as ScheduleSource
