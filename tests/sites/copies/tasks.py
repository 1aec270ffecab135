from celery import shared_task

from celery_ops import track

from .models import Parcel


@track(Parcel)
@shared_task
def send(parcel: Parcel):
    return parcel


@track(Parcel, id_query={"label": "label"})
@shared_task
def weigh(label: str):
    return label
