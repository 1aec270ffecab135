"""The two ways in which backends of ``django.tasks`` make Celery tasks, each as small as it can be."""

import sys
from functools import wraps

import celery
from celery import current_app, shared_task
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import TaskResult, TaskResultStatus
from django.tasks.signals import task_enqueued

#: Celery 5.6 on Python 3.14 takes the parameters of the wrapped function for those of the wrapper, and refuses calls.
IS_MISREAD = sys.version_info >= (3, 14) and celery.__version__.startswith("5.6.")


def a_result(task, result_id):
    unknown = dict.fromkeys(("enqueued_at", "started_at", "finished_at", "last_attempted_at"))
    lists = {name: [] for name in ("args", "errors", "worker_ids")}
    return TaskResult(
        task=task, id=result_id, status=TaskResultStatus.READY, kwargs={}, backend=task.backend, **unknown, **lists
    )


class TakesAnything(BaseTaskBackend):
    """As django-tasks-celery: a function that takes anything, under the task's own path."""

    prefix = ""
    supports_priority = supports_defer = True

    def function(self, task):
        def run(*args, **kwargs):
            return task.call(*(["context"] if task.takes_context else []), *args, **kwargs)

        return shared_task(name=self.prefix + task.module_path)(run)

    def validate_task(self, task):
        super().validate_task(task)
        if self.prefix + task.module_path not in current_app.tasks:
            self.function(task)

    def enqueue(self, task, args, kwargs):
        celery_task = current_app.tasks[self.prefix + task.module_path]
        return self.enqueued(task, celery_task.apply_async(list(args), dict(kwargs), **self.options_of(task)).id)

    def options_of(self, task):
        return {"eta": task.run_after, **({"priority": round((task.priority + 100) * 1.275)} if task.priority else {})}

    def enqueued(self, task, result_id):
        result = a_result(task, result_id)
        task_enqueued.send(type(self), task_result=result)
        return result


class Wraps(TakesAnything):
    """As django-tasks-fennel: a bound task that wraps the function, under a name with a prefix."""

    prefix = "django_tasks:"

    def function(self, task):
        @wraps(task.func)
        def run(self, *args, **kwargs):
            return task.call(*(["context"] if task.takes_context else []), *args, **kwargs)

        return shared_task(name=self.prefix + task.module_path, bind=True, typing=not IS_MISREAD)(run)

    def options_of(self, task):
        headers = {"django_tasks_priority": task.priority}
        return {"eta": task.run_after, "priority": (task.priority + 100) * 9 // 200, "headers": headers}


class Numbers(Wraps):
    """One whose results have ids of their own."""

    def enqueued(self, task, result_id):
        return super().enqueued(task, f"result-{result_id[:8]}")
