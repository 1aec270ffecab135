"""Tasks of Django 6's own framework, for Celery to run."""

from django.tasks import task

from celery_ops import track

from .models import Warehouse


@track(Warehouse, hidden=True, sensitive=("code",))
@task(backend="anything")
def lock(warehouse_id: int, code: str = ""):
    return warehouse_id


@track(Warehouse, hidden=True, sensitive=("code",))
@task(backend="wrapping")
def unlock(warehouse_id: int, code: str = ""):
    return warehouse_id


@track(Warehouse, hidden=True, sensitive=("code",))
@task(backend="anything", takes_context=True)
def count(context, warehouse_id: int, code: str = ""):
    return context


@track(Warehouse, hidden=True, sensitive=("code",))
@task(backend="wrapping", takes_context=True)
def recount(context, warehouse_id: int, code: str = ""):
    return context


@track(Warehouse, hidden=True)
@task(backend="numbering")
def recall(warehouse_id: int):
    return warehouse_id
