from celery import shared_task
from django.apps import apps
from django.contrib.auth.models import Group


@shared_task
def greet(group_id):
    return f"hello {group_id}"


if apps.is_installed("celery_ops"):
    from celery_ops import track

    greet = track(Group)(greet)
