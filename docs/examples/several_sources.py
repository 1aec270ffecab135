"""Tasks of several sources in one list: waiting and running ones from tracking, the rest from the database."""

from celery_ops.backends.base import ListedTaskBackend
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.tracked import TrackedTaskBackend
from celery_ops.task_query import TaskQuery


class SeveralSourcesTaskBackend(ListedTaskBackend):
    label = "Results and tracked tasks"
    description = "The newest thousand tasks of each source."
    data_source = "tracking store, then django-celery-results"

    sources = (TrackedTaskBackend, ResultsTaskBackend)  # the first that knows a task is believed

    def tasks(self):
        found = {}
        for source in self.sources:
            for task in source().page(TaskQuery(), size=1000).tasks:
                found.setdefault(task.id, task)
        return found.values()

    def get(self, task_id):
        known = (source().get(task_id) for source in self.sources)
        return next((task for task in known if task is not None), None)
