from django.urls import include, path

urlpatterns = [path("ops/", include("celery_ops.urls"))]
