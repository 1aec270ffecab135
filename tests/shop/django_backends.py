"""The two ways in which backends of ``django.tasks`` make Celery tasks, each as small as it can be."""

from functools import wraps

from celery import current_app, shared_task
from django.tasks.backends.base import BaseTaskBackend


class TakesAnything(BaseTaskBackend):
    """As django-tasks-celery: a function that takes anything, under the task's own path."""

    prefix = ""

    def function(self, task):
        def run(*args, **kwargs):
            return task.call(*(["context"] if task.takes_context else []), *args, **kwargs)

        return shared_task(name=self.prefix + task.module_path)(run)

    def validate_task(self, task):
        super().validate_task(task)
        if self.prefix + task.module_path not in current_app.tasks:
            self.function(task)

    def enqueue(self, task, args, kwargs):
        return current_app.tasks[self.prefix + task.module_path].apply_async(list(args), dict(kwargs))


class Wraps(TakesAnything):
    """As django-tasks-fennel: a bound task that wraps the function, under a name with a prefix."""

    prefix = "django_tasks:"

    def function(self, task):
        @wraps(task.func)
        def run(self, *args, **kwargs):
            return task.call(*(["context"] if task.takes_context else []), *args, **kwargs)

        return shared_task(name=self.prefix + task.module_path, bind=True)(run)
