from celery import shared_task

from celery_ops import track

from .models import Parcel


@track(Parcel)
@shared_task
def send(parcel_id: int):
    return parcel_id
