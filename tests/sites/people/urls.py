from django.http import HttpResponse
from django.template import engines
from django.urls import include, path

from .models import Parcel

PAGE = """{% load celery_ops %}<h1>Parcel</h1>
{% prefetch_instance_tasks parcels %}{% instance_tasks_badge parcel %}{% instance_tasks parcel %}"""


def parcel(request, pk):
    context = {"parcel": Parcel.objects.get(pk=pk), "parcels": Parcel.objects.all()}
    return HttpResponse(engines["django"].from_string(PAGE).render(context, request))


urlpatterns = [path("parcels/<int:pk>/", parcel), path("ops/", include("celery_ops.urls"))]
