from django.urls import include, path

from tests.chaos import tasks  # noqa: F401 - a site loads its tasks

urlpatterns = [path("ops/", include("celery_ops.urls"))]
