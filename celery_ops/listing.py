"""The former name of ``celery_ops.task_query``, for backends that were written against it."""

from .task_query import *  # noqa: F403 - whatever it has, under both names
