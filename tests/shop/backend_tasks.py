"""Tasks of Django's own framework on the backends of PyPI, those of them that are installed."""

from importlib.util import find_spec

from celery_ops import track

from .models import Warehouse

if find_spec("django.tasks"):
    from django.tasks import task
else:
    from django_tasks import task

TASKS = {}

if find_spec("django_tasks_fennel"):

    @track(Warehouse, hidden=True, sensitive=("code",))
    @task(backend="fennel", priority=10)
    def count_by_fennel(warehouse_id: int, code: str = ""):
        return warehouse_id

    TASKS["fennel"] = count_by_fennel

if find_spec("django_tasks_celery") and find_spec("django.tasks"):

    @track(Warehouse, hidden=True, sensitive=("code",))
    @task(backend="celery", priority=10)
    def count_by_celery(warehouse_id: int, code: str = ""):
        return warehouse_id

    TASKS["celery"] = count_by_celery
